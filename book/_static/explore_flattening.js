/* Flattening while a network learns: states of held-out digits and the singular values of their classes, along a real run. */
"use strict";

(() => {
  const HALF = 2.1; // the drawings of states show -HALF to HALF, in the spread of the class means
  const MOST = 12; // units of the layer, so singular values of a class
  const { make, set, colours } = explore;

  /* From the run in the chapter. steps; labels of the states shown; and for each method, step by step: states [across, up]
     in hundredths, and for each class the singular values of its centred states. Both are in the units in which class means
     spread by one: the sum of their squared distances from the middle, over all samples, is one for the singular values,
     and over each sample for the states. */
  const run = JSON.parse(document.getElementById("explore-flattening-data").textContent);
  const METHODS = Object.keys(run.methods);

  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const mean = (values) => sum(values) / values.length;
  const squares = (values) => sum(values.map((value) => value ** 2));
  const directions = (values) => squares(values) ** 2 / sum(values.map((value) => value ** 4));
  const measures = (classes) => ({
    directions: mean(classes.map(directions)),
    ratio: sum(classes.map(squares)),
    others: mean(classes.map((values) => sum(values.slice(1)) / values[0])),
  });

  const { figure, drawing, controls } = explore.begin(
    "explore-flattening", 400, 390,
    "Two panels of states of held-out digits, without and with mixing, and below each the singular values of their classes",
    "img",
  );
  const panels = [0, 1].map((side) => {
    const left = 8 + 198 * side;
    const title = make("text", { x: left + 93, y: 16, "text-anchor": "middle" }, drawing);
    make("rect", { x: left, y: 24, width: 186, height: 186, fill: "none", stroke: "#999" }, drawing);
    const dots = run.labels.map((label) => make("text", { class: "state", style: `fill: ${colours[label % colours.length]}`, text: label }, drawing));
    const bars = explore.axes(drawing, {
      left: left + 22, right: left + 186, top: 252, bottom: 350,
      x: { from: 0.4, to: 12.6, ticks: [1, 4, 8, 12], label: "direction" },
      y: { from: 0, to: 1, ticks: [0, 1], label: "singular value / first" },
    });
    const rects = [...Array(MOST)].map(() => make("rect", { width: 9, fill: colours[side] }, drawing));
    return { title, dots, bars, rects, across: (x) => left + 93 + (93 * x) / HALF, up: (y) => 117 - (93 * y) / HALF };
  });

  const step = explore.choice(controls, "steps of training", run.steps, run.steps.at(-1), show);
  const label = make("label", { class: "slider" }, controls);
  make("span", { text: "left panel" }, label);
  const other = make("select", {}, label);
  for (const name of METHODS.slice(0, -1)) make("option", { value: name, text: name }, other);
  other.addEventListener("change", () => show());
  const rows = explore.table(controls, ["mean over classes", "directions", "others / first", "within / between"], ["", ""]);
  const said = explore.said(controls);

  function show() {
    const at = run.steps.indexOf(step.value);
    const found = [other.value, METHODS.at(-1)].map((name, side) => {
      const { title, dots, bars, rects, across, up } = panels[side];
      const { states, values } = run.methods[name];
      title.textContent = name;
      dots.forEach((dot, i) => {
        const [x, y] = states[at][i].map((hundredths) => Math.max(-HALF, Math.min(HALF, hundredths / 100)));
        dot.style.transform = `translate(${across(x)}px, ${up(y)}px)`;
      });
      const heights = [...Array(MOST).keys()].map((r) => mean(values[at].map((each) => each[r] / each[0])));
      rects.forEach((rect, r) => set(rect, { x: bars.x(r + 1) - 4.5, y: bars.y(heights[r]), height: 350 - bars.y(heights[r]) }));
      const all = measures(values[at]);
      rows[side][0].parentElement.cells[0].textContent = name;
      rows[side][0].textContent = all.directions.toFixed(2);
      rows[side][1].textContent = all.others.toFixed(2);
      rows[side][2].textContent = all.ratio.toFixed(2);
      return all;
    });
    const [left, right] = found;
    said.textContent = `After ${step.value} steps classes vary in ${right.directions.toFixed(1)} directions with ${METHODS.at(-1)} and `
      + `in ${left.directions.toFixed(1)} with ${other.value}: ${right.directions < left.directions ? "flatter" : "less flat"}. Their variance within is `
      + `${right.ratio.toFixed(2)} and ${left.ratio.toFixed(2)} of that between class means: ${right.ratio < left.ratio ? "smaller" : "not smaller"}.`;
  }

  show();
  figure.classList.add("glide"); // from now on states glide from step to step
  figure.hidden = false;
})();
