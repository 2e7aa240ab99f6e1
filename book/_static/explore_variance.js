/* Many interpolations or a bigger batch? The variance of three ways to spend K B gradients, at weights of the page's run. */
"use strict";

(() => {
  const BATCHES = [1, 2, 4, 8, 16, 32, 64, 100, 128, 200, 256, 400, 512, 1000, 2000, 4000];
  const DRAWS = [2, 3, 5, 10, 20];
  const FLOOR = 1e-5, CEILING = 20; // of the axis of the variance
  const WAYS = ["K ratios for B pairs", "one ratio for K B pairs", "a ratio for each of K B pairs"];
  const { make, set, round, colours } = explore;

  // Measured in the chapter: [{ epochs, V1, V2, VI }, ...].
  const run = JSON.parse(document.getElementById("explore-variance-data").textContent);

  /* P and Q of a batch: what K interpolations leave, and what they divide by K. */
  const split = (V, B) => ({ P: V.V1 / B, Q: V.V2 + V.VI / B });
  const variances = (V, B, K) => {
    const { P, Q } = split(V, B), large = split(V, K * B);
    return [P + Q / K, large.P + large.Q, (V.V1 + V.V2 + V.VI) / (K * B)];
  };

  const { figure, drawing, controls } = explore.begin(
    "explore-variance", 400, 300, "Variance against batch size for three ways to spend the same gradients, both axes logarithmic", "img",
  );
  const plot = explore.axes(drawing, {
    left: 56, right: 390, top: 26, bottom: 256,
    x: { from: 1, to: 4000, ticks: [1, 10, 100, 1000], label: "B, pairs of multi-mix", log: true },
    y: { from: FLOOR, to: CEILING, ticks: [0.0001, 0.001, 0.01, 0.1, 1, 10], label: "variance of the gradient", log: true },
  });
  const threshold = make("line", { y1: 26, y2: 256, stroke: "#777", "stroke-dasharray": "5 4" }, drawing);
  const now = make("line", { y1: 26, y2: 256, stroke: "#bbb" }, drawing);
  const name = make("text", { y: 40, class: "over" }, drawing);
  const DASHES = ["none", "9 3", "2 3"];
  const curves = WAYS.map((_, way) =>
    make("path", { fill: "none", stroke: colours[way], "stroke-width": 2.5, "stroke-dasharray": DASHES[way] }, drawing));
  const dots = WAYS.map((_, way) => make("circle", { r: 6, fill: colours[way], stroke: "#fff" }, drawing));

  const batch = explore.choice(controls, "B, pairs", BATCHES, 32, show);
  const draws = explore.choice(controls, "K, interpolations", DRAWS, 5, show);
  const epochs = explore.choice(controls, "epochs trained", run.map((each) => each.epochs), 8, show);
  const rows = explore.table(controls, ["at the same cost", "P, of the pairs", "the rest", "variance"], WAYS);
  rows.forEach((cells, way) => { // the key of the drawing
    const key = make("svg", { viewBox: "0 0 24 8", width: 24, height: 8, "aria-hidden": "true", class: "key" });
    make("line", { x1: 0, x2: 24, y1: 4, y2: 4, stroke: colours[way], "stroke-width": 3, "stroke-dasharray": DASHES[way] }, key);
    cells[0].parentElement.cells[0].prepend(key);
  });
  const said = explore.said(controls);

  function show() {
    const V = run.find((each) => each.epochs === epochs.value), B = batch.value, K = draws.value;
    const B0 = V.V1 / V.V2, found = variances(V, B, K);
    const sizes = [...Array(61).keys()].map((i) => 4000 ** (i / 60));
    WAYS.forEach((_, way) => {
      const high = sizes.map((size) => [size, Math.max(variances(V, size, K)[way], FLOOR)]);
      set(curves[way], { d: plot.line(high.map(([size, value]) => [size, Math.min(value, CEILING)])) });
      set(dots[way], { cx: plot.x(B), cy: plot.y(Math.min(Math.max(found[way], FLOOR), CEILING)) });
    });
    const seen = B0 <= 4000;
    const at = plot.x(Math.min(B0, 4000));
    set(threshold, { x1: at, x2: at, visibility: seen ? "visible" : "hidden" });
    set(name, { x: at - 6, "text-anchor": "end", text: seen ? `B₀ = ${Math.round(B0)}` : `B₀ = ${Math.round(B0)} →` });
    set(now, { x1: plot.x(B), x2: plot.x(B) });
    const parts = [[split(V, B), K], [split(V, K * B), 1]].map(([{ P, Q }, each]) => [P, Q / each]);
    parts.push([V.V1 / (K * B), (V.V2 + V.VI) / (K * B)]);
    rows.forEach((cells, way) => {
      [...parts[way], found[way]].forEach((value, i) => { cells[i].textContent = round(value); });
      cells[0].parentElement.classList.toggle("chosen", found[way] === Math.min(...found));
    });
    const fewer = found[0] < found[1];
    said.textContent = `B = ${B}, K = ${K}, after ${V.epochs} ${V.epochs === 1 ? "epoch" : "epochs"}: ${K} ratios for ${B === 1 ? "one pair" : `${B} pairs`} vary ${fewer ? "less" : "more"} than `
      + `one ratio for ${K * B} pairs (${round(found[0])} against ${round(found[1])}), since B is ${fewer ? "above" : "not above"} `
      + `B₀ = ${Math.round(B0)}. A ratio for each pair: ${round(found[2])}.`;
  }

  show();
  figure.hidden = false;
})();
