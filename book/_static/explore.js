/* What the explorables share: elements, sliders, axes, and points that are moved by mouse, finger or arrow keys.

   An explorable is a <figure class="explorable" hidden> with its caption, in the page, and a script of its own that draws
   into it and shows it. Without JavaScript and on paper the page's static figures stand alone. */
"use strict";

const explore = {
  colours: ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"], // as in mixbook.plots

  make(name, attributes = {}, parent = null) {
    const inSvg = ["svg", "g", "line", "circle", "rect", "path", "text"].includes(name);
    const element = inSvg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    explore.set(element, attributes);
    if (parent) parent.append(element);
    return element;
  },

  set(element, attributes) {
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "text") element.textContent = value;
      else element.setAttribute(key, value);
    }
  },

  /* In the page's figure an empty drawing, `width` by `height` of its own units, and room for controls below it. */
  begin(id, width, height, label, role = "group") {
    const figure = document.getElementById(id);
    const drawing = explore.make("svg", { viewBox: `0 0 ${width} ${height}`, role, "aria-label": label });
    const controls = explore.make("div", { class: "controls" });
    figure.querySelector("figcaption").after(drawing, controls); // first what to do, then what to do it with
    return { figure, drawing, controls };
  },

  /* A labelled slider. Its positions run from `min` to `max`, its values are `of(position)`, shown as `say(value)`. */
  slider(controls, { text, min, max, step = 1, at, of = Number, say = String }, changed) {
    const label = explore.make("label", { class: "slider" }, controls);
    explore.make("span", { text }, label);
    const input = explore.make("input", { type: "range", min, max, step }, label);
    const shown = explore.make("span", { "aria-hidden": true }, label); // the slider itself says its value
    const slider = {
      input,
      get value() { return of(Number(input.value)); },
      put(position) {
        input.value = position;
        shown.textContent = say(slider.value);
        input.setAttribute("aria-valuetext", shown.textContent);
      },
    };
    input.addEventListener("input", () => { slider.put(input.value); changed(); });
    slider.put(at);
    return slider;
  },

  /* A slider over a list of values. */
  choice(controls, text, values, value, changed, say = String) {
    const settings = { text, min: 0, max: values.length - 1, at: values.indexOf(value), of: (i) => values[i], say };
    return explore.slider(controls, settings, changed);
  },

  button(controls, text, pressed) {
    explore.make("button", { type: "button", text }, controls).addEventListener("click", pressed);
  },

  /* A table with a head; `rows` are the first cells of its rows. Returns the other cells, row by row. */
  table(controls, heads, rows) {
    const table = explore.make("table", { class: "numbers" }, controls);
    const head = explore.make("tr", {}, explore.make("thead", {}, table));
    for (const text of heads) explore.make("th", { scope: "col", text }, head);
    const body = explore.make("tbody", {}, table);
    return rows.map((text) => {
      const row = explore.make("tr", {}, body);
      explore.make("th", { scope: "row", text }, row);
      return heads.slice(1).map(() => explore.make("td", {}, row));
    });
  },

  /* The line that says the result in words, to eyes and to screen readers. */
  said(controls) {
    return explore.make("p", { class: "said", role: "status" }, controls);
  },

  /* Axes within a drawing. An axis has from, to, ticks, label, and log: true if it is logarithmic. Returns x and y, from
     values to places in the drawing, and line, from a list of values [x, y] to the d of a path. */
  axes(drawing, { left, right, top, bottom, x, y }) {
    const scale = (axis, start, end) => {
      const of = axis.log ? Math.log : Number;
      return (value) => start + ((end - start) * (of(value) - of(axis.from))) / (of(axis.to) - of(axis.from));
    };
    const place = { x: scale(x, left, right), y: scale(y, bottom, top) };
    explore.make("path", { d: `M${left} ${top}V${bottom}H${right}`, fill: "none", stroke: "#333" }, drawing);
    for (const tick of x.ticks) {
      explore.make("line", { x1: place.x(tick), x2: place.x(tick), y1: bottom, y2: bottom + 4, stroke: "#333" }, drawing);
      explore.make("text", { x: place.x(tick), y: bottom + 17, "text-anchor": "middle", text: tick }, drawing);
    }
    for (const tick of y.ticks) {
      explore.make("line", { x1: left - 4, x2: left, y1: place.y(tick), y2: place.y(tick), stroke: "#333" }, drawing);
      explore.make("text", { x: left - 7, y: place.y(tick) + 4.5, "text-anchor": "end", text: tick }, drawing);
    }
    explore.make("text", { x: (left + right) / 2, y: bottom + 34, "text-anchor": "middle", text: x.label }, drawing);
    explore.make("text", { x: Math.max(4, left - 28), y: top - 9, text: y.label }, drawing); // above the axis: nobody turns a phone
    place.line = (points) => "M" + points.map(([a, b]) => `${place.x(a).toFixed(2)} ${place.y(b).toFixed(2)}`).join("L");
    return place;
  },

  /* A number to three digits that count. */
  round(value) {
    return String(Number(value.toPrecision(3)));
  },

  percent(share) {
    return `${(100 * share).toFixed(0)}%`;
  },

  /* A colour on the way from that of class 0 (share 0) over grey to that of class 1 (share 1). */
  between(share) {
    const grey = [217, 217, 217];
    const end = explore.colours[share < 0.5 ? 0 : 1].match(/\w\w/g).map((digits) => parseInt(digits, 16));
    const strength = Math.abs(2 * share - 1);
    return `rgb(${end.map((value, i) => Math.round(strength * value + (1 - strength) * grey[i])).join(" ")})`;
  },

  /* A sample around the origin: a disc for class 0, a triangle for class 1, so that colour does not carry it alone. */
  sample(label, look, parent) {
    if (label === 0) return explore.make("circle", { r: 6, ...look }, parent);
    return explore.make("path", { d: "M0 -7.5 L7 5.5 L-7 5.5 Z", ...look }, parent);
  },

  /* Something in the drawing that can be reached by Tab and moved; `reach` is the radius of what a finger can catch. */
  handle(drawing, kind, reach, by, step) {
    // As an "application", a screen reader passes arrow keys on to it; with a "button" they would move its own cursor.
    const attributes = { tabindex: 0, role: "application", "aria-roledescription": `movable ${kind}`, class: "point" };
    const handle = explore.make("g", attributes, drawing);
    explore.make("circle", { r: reach, fill: "transparent", class: "halo" }, handle);
    explore.movable(drawing, handle, by, step);
    return handle;
  },

  /* Let `handle` be moved within the drawing: `by(dx, dy)` is called with steps in the drawing's own units. */
  movable(drawing, handle, by, step) {
    let last = null;
    const position = (event) => {
      const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse());
      return [x, y];
    };
    handle.addEventListener("pointerdown", (event) => {
      last = position(event);
      handle.setPointerCapture(event.pointerId);
      handle.focus({ preventScroll: true });
      event.preventDefault();
    });
    // Or the browser scrolls the page under the finger and takes the pointer away; touch-action alone is not heeded in SVG.
    handle.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    handle.addEventListener("pointermove", (event) => {
      if (!last) return;
      const now = position(event);
      by(now[0] - last[0], now[1] - last[1]);
      last = now;
    });
    for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, () => (last = null));
    const steps = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    handle.addEventListener("keydown", (event) => {
      if (event.key === " ") event.preventDefault(); // nothing to press here, and the page would scroll away
      if (!steps[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
      const size = event.shiftKey ? 4 : 1;
      by(size * steps[event.key][0], size * steps[event.key][1]);
      event.preventDefault(); // or the page scrolls, or the theme turns to the next page
      event.stopPropagation();
    });
  },
};
