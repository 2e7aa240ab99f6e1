/* What the explorables share: SVG elements, numbers as text, and points that are moved by mouse, finger or arrow keys.

   An explorable is a <figure class="explorable" hidden> with its caption, in the page, and a script of its own that draws
   into it and shows it. Without JavaScript and on paper the page's static figures stand alone. */
"use strict";

const explore = {
  colours: ["#0072B2", "#D55E00"], // of the classes, as in mixbook.plots

  make(name, attributes = {}, parent = null) {
    const inSvg = ["svg", "g", "line", "circle", "rect", "path"].includes(name);
    const element = inSvg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "text") element.textContent = value;
      else element.setAttribute(key, value);
    }
    if (parent) parent.append(element);
    return element;
  },

  /* A colour on the way from that of class 0 (share 0) over grey to that of class 1 (share 1). */
  between(share) {
    const grey = [217, 217, 217];
    const end = explore.colours[share < 0.5 ? 0 : 1].match(/\w\w/g).map((digits) => parseInt(digits, 16));
    const strength = Math.abs(2 * share - 1);
    return `rgb(${end.map((value, i) => Math.round(strength * value + (1 - strength) * grey[i])).join(" ")})`;
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
      if (!steps[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
      const size = event.shiftKey ? 4 : 1;
      by(size * steps[event.key][0], size * steps[event.key][1]);
      event.preventDefault(); // or the page scrolls, or the theme turns to the next page
      event.stopPropagation();
    });
  },
};
