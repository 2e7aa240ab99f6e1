/* When is the middle sample lost? The mixup-optimal classifier on balls around points of the line A, B, A. */
"use strict";

(() => {
  const LINE = [[0, 0], [1, 1], [2, 0]]; // place and class of the samples
  const ALPHAS = [...Array(65).keys()].map((i) => 0.5 * 2 ** (i / 8)); // 0.5 to 128
  const { make, set, beta, round, colours } = explore;

  /* How much label of A and of B the mixtures in the ball of radius eps around z carry, per ordered pair, summed over all. */
  function masses(z, eps, alpha) {
    const label = [0, 0];
    for (const [s, ofS] of LINE) for (const [t, ofT] of LINE) {
      if (s === t) {
        if (Math.abs(z - s) < eps) label[ofS] += 1;
        continue;
      }
      // The mixture is lambda s + (1 - lambda) t: which lambdas put it into the ball?
      const [low, high] = [(z - eps - t) / (s - t), (z + eps - t) / (s - t)].sort((a, b) => a - b);
      label[ofS] += beta.mass(alpha + 1, alpha, low, high) / 2; // E[lambda; in the ball]
      label[ofT] += beta.mass(alpha, alpha + 1, low, high) / 2; // E[1 - lambda; in the ball]
    }
    return label;
  }

  function shareOfA(z, eps, alpha) {
    const [a, b] = masses(z, eps, alpha);
    return a / (a + b);
  }

  /* The exact threshold of Theorem 2.7: the alpha at which A begins to win around 1. */
  function critical(eps) {
    const excess = (alpha) => {
      const across = 1 - 2 * beta.below(alpha, alpha, (1 - eps) / 2);
      const beside = Math.exp(alpha * Math.log(eps * (1 - eps)) - beta.lnBeta(alpha, alpha)) / alpha;
      return 2 * across - 1 - 4 * beside;
    };
    let low = Math.log(1e-3), high = Math.log(1 / eps ** 2 + 10);
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (excess(Math.exp(middle)) < 0) low = middle;
      else high = middle;
    }
    return Math.exp((low + high) / 2);
  }

  const { figure, drawing, controls } = explore.begin(
    "explore-mixup", 400, 500,
    "Above, the best share of A along the line; below, radius and alpha as a point that can be moved, and the threshold",
  );
  const answer = explore.axes(drawing, {
    left: 40, right: 385, top: 28, bottom: 190,
    x: { from: 0, to: 2, ticks: [0, 0.5, 1, 1.5, 2], label: "z" },
    y: { from: 0, to: 1, ticks: [0, 0.5, 1], label: "best share of A on the ball around z" },
  });
  const ball = make("rect", { y: 28, height: 162, fill: "#ececec" }, drawing);
  make("line", { x1: 40, x2: 385, y1: answer.y(0.5), y2: answer.y(0.5), stroke: "#888", "stroke-dasharray": "3 3" }, drawing);
  const curve = make("path", { fill: "none", stroke: "#333", "stroke-width": 2 }, drawing);
  for (const [x, label] of LINE) {
    const place = make("g", { transform: `translate(${answer.x(x)} ${answer.y(1 - label)})` }, drawing);
    explore.sample(label, { fill: colours[label] }, place);
  }
  const here = make("circle", { cx: answer.x(1), r: 6, fill: "#fff", stroke: "#000", "stroke-width": 2.5 }, drawing);

  const map = explore.axes(drawing, {
    left: 40, right: 385, top: 268, bottom: 450,
    x: { from: 0, to: 1, ticks: [0, 0.25, 0.5, 0.75, 1], label: "radius ε of the ball" },
    y: { from: 0.5, to: 128, ticks: [0.5, 2, 8, 32, 128], label: "α", log: true },
  });
  const radii = [...Array(97).keys()].map((i) => 0.02 + i / 100);
  const edge = radii.map((eps) => [eps, Math.min(Math.max(critical(eps), 0.5), 128)]);
  const lost = `${map.line(edge)}L385 450L385 268Z`;
  make("path", { d: lost, fill: "#cfe3f1" }, drawing);
  make("path", { d: map.line(edge), fill: "none", stroke: colours[0], "stroke-width": 2 }, drawing);
  make("text", { x: 378, y: 290, "text-anchor": "end", text: "A wins at 1: the sample is lost" }, drawing);
  make("text", { x: 50, y: 440, text: "B keeps it" }, drawing);
  make("path", { d: "M40 268V450H385", fill: "none", stroke: "#333" }, drawing); // over the shade
  const STEP = 345 / 50; // of the handle across: one position of the slider
  const rise = 182 / 64; // and up
  const rest = { eps: 0, alpha: 0 }; // what a finger moved beyond the last position
  const handle = explore.handle(drawing, "point", 17, (dx, dy) => {
    move(radius, "eps", dx / STEP);
    move(shape, "alpha", -dy / rise);
    show();
  }, STEP);
  make("circle", { r: 7, fill: colours[5], stroke: "#000", "stroke-width": 2 }, handle);

  const shape = explore.choice(controls, "shape α", ALPHAS, 8, show, round);
  const radius = explore.slider(
    controls, { text: "radius ε", min: 1, max: 49, at: 6, of: (i) => i / 50, say: (eps) => eps.toFixed(2) }, show,
  );
  const [[atOne], [exact], [printed]] = explore.table(controls, ["on the line A, B, A", "for this α and ε"], [
    "best share of A at point 1",
    "α* above which it is lost, exactly",
    "α that the paper's proof asks for",
  ]);
  const said = explore.said(controls);

  function move(slider, key, positions) {
    const wanted = Number(slider.input.value) + rest[key] + positions;
    const position = Math.min(Math.max(Math.round(wanted), Number(slider.input.min)), Number(slider.input.max));
    rest[key] = Math.min(Math.max(wanted - position, -1), 1);
    slider.put(position);
  }

  function show() {
    const alpha = shape.value, eps = radius.value;
    const share = shareOfA(1, eps, alpha), threshold = critical(eps);
    const points = [...Array(201).keys()].map((i) => i / 100).map((z) => [z, shareOfA(z, eps, alpha)]);
    set(curve, { d: answer.line(points) });
    set(ball, { x: answer.x(1 - eps), width: answer.x(1 + eps) - answer.x(1 - eps) });
    set(here, { cy: answer.y(share) });
    curve.dataset.shares = points.map(([, value]) => value).join(" ");
    set(handle, {
      transform: `translate(${map.x(eps)} ${map.y(alpha)})`,
      "aria-label": `radius ${eps.toFixed(2)}, alpha ${round(alpha)}`,
    });
    Object.assign(figure.dataset, { alpha, eps });
    atOne.textContent = share.toFixed(4);
    exact.textContent = threshold.toFixed(3);
    printed.textContent = ((Math.log(4) / eps ** 2 - 1) / 2).toFixed(3);
    const verdict = share > 0.5 ? "A wins: point 1, of class B, is lost" : "B keeps point 1";
    said.textContent = `α = ${round(alpha)}, ε = ${eps.toFixed(2)}: the best share of A on the ball around 1 is `
      + `${share.toFixed(2)}. ${verdict}; the threshold for this ε is α* = ${round(threshold)}.`;
  }

  show();
  figure.hidden = false;
})();
