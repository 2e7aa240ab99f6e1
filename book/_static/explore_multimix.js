/* How much of each, and how often? The Beta law of the ratio, K draws from it, and where they put the mixtures of a batch. */
"use strict";

(() => {
  // Two half-moons of ten points each, [across, up, class].
  const MOONS = [0, 1].flatMap((label) => [...Array(10).keys()].map((i) => {
    const angle = (Math.PI * (i + 0.5)) / 10;
    return label === 0 ? [Math.cos(angle), Math.sin(angle), 0] : [1 - Math.cos(angle), 0.5 - Math.sin(angle), 1];
  }));
  const ALPHAS = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32];
  const MOST = 20; // draws
  const NEAR = 0.1; // of an end
  const TOP = 4; // of the axis of the density
  const { make, set, beta, round, percent } = explore;

  const { figure, drawing, controls } = explore.begin(
    "explore-multimix", 400, 412,
    "Above, the density of the ratio with the draws as ticks; below, two half-moons, lines between partners, and mixtures",
    "img",
  );
  const law = explore.axes(drawing, {
    left: 34, right: 390, top: 26, bottom: 150,
    x: { from: 0, to: 1, ticks: [0, 0.25, 0.5, 0.75, 1], label: "ratio λ, the share of the original" },
    y: { from: 0, to: TOP, ticks: [0, 2, 4], label: "density of λ" },
  });
  const curve = make("path", { fill: "none", stroke: "#333", "stroke-width": 2 }, drawing);
  const ticks = [...Array(MOST)].map(() =>
    make("line", { y1: 150, y2: 128, stroke: explore.colours[2], "stroke-width": 3, class: "draw" }, drawing));
  const across = (x) => 200 + 122 * (x - 0.5);
  const up = (y) => 304 - 122 * (y - 0.25);
  const lines = MOONS.map(() => make("line", { stroke: "#bbb" }, drawing));
  const mixtures = MOONS.map(() => [...Array(MOST)].map(() =>
    make("circle", { r: 3.4, stroke: "#333", "stroke-width": 0.6, class: "mixture" }, drawing)));
  for (const [x, y, label] of MOONS) {
    const place = make("g", { transform: `translate(${across(x)} ${up(y)})` }, drawing);
    explore.sample(label, { fill: "#fff", stroke: explore.colours[label], "stroke-width": 2.5 }, place);
  }

  const alpha = explore.choice(controls, "shape α", ALPHAS, 1, show);
  const draws = explore.slider(controls, { text: "interpolations K", min: 1, max: MOST, at: 5 }, show);
  explore.button(controls, "Draw another batch", () => { another(); show(); });
  const [near, step, mean] = explore.table(controls, ["of the ratios", "by the law", "this batch"], [
    `λ within ${NEAR} of 0 or 1`,
    "root mean square step, in lengths of the pair",
    "mean of the K ratios, ± its standard deviation",
  ]);
  const said = explore.said(controls);

  /* Whole pseudo-random numbers below 2^32, by a linear congruence; their high bits make uniform numbers. */
  let state = 2024;
  const uniform = () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return (state + 0.5) / 2 ** 32;
  };

  /* Draw partners, and a uniform number for each ratio: the ratio is its quantile, so that it moves steadily with alpha. */
  const batch = {};
  function another() {
    batch.partner = [...MOONS.keys()];
    for (let i = MOONS.length - 1; i > 0; i--) {
      const j = Math.floor(uniform() * (i + 1));
      [batch.partner[i], batch.partner[j]] = [batch.partner[j], batch.partner[i]];
    }
    batch.shares = [...Array(MOST)].map(uniform);
  }

  /* The root mean square of min(lambda, 1 - lambda) under Beta(a, a): its closed form in the chapter on alpha. */
  function lawStep(a) {
    const middle = Math.exp(-a * Math.log(4) - beta.lnBeta(a, a)) / a;
    return Math.sqrt(1 / 4 - middle + 1 / (8 * a + 4));
  }

  function show() {
    const a = alpha.value, K = draws.value;
    const points = [...Array(201).keys()].map((i) => Math.min(Math.max(i / 200, 1e-4), 1 - 1e-4));
    curve.setAttribute("d", law.line(points.map((x) => [x, Math.min(beta.density(a, x), TOP)])));
    const lam = batch.shares.map((share) => beta.quantile(a, share));
    ticks.forEach((tick, k) => {
      set(tick, { x1: law.x(lam[k]), x2: law.x(lam[k]), visibility: k < K ? "visible" : "hidden" });
      Object.assign(tick.dataset, { lam: lam[k], share: batch.shares[k] });
    });
    MOONS.forEach((p, i) => {
      const q = MOONS[batch.partner[i]];
      set(lines[i], { x1: across(p[0]), y1: up(p[1]), x2: across(q[0]), y2: up(q[1]) });
      mixtures[i].forEach((dot, k) => {
        const [x, y, label] = [0, 1, 2].map((c) => lam[k] * p[c] + (1 - lam[k]) * q[c]);
        set(dot, { cx: across(x), cy: up(y), fill: explore.between(label), visibility: k < K ? "visible" : "hidden" });
      });
    });
    const drawn = lam.slice(0, K);
    const average = (values) => values.reduce((sum, value) => sum + value, 0) / K;
    const share = 2 * beta.below(a, a, NEAR);
    const deviation = 1 / Math.sqrt(4 * (2 * a + 1) * K);
    near[0].textContent = percent(share);
    near[1].textContent = `${drawn.filter((value) => Math.min(value, 1 - value) < NEAR).length} of ${K}`;
    step[0].textContent = lawStep(a).toFixed(3);
    step[1].textContent = Math.sqrt(average(drawn.map((value) => Math.min(value, 1 - value) ** 2))).toFixed(3);
    mean[0].textContent = `0.5 ± ${deviation.toFixed(3)}`;
    mean[1].textContent = average(drawn).toFixed(3);
    said.textContent = `α = ${a}, K = ${K}: ${percent(share)} of all ratios lie within ${NEAR} of an end, and the mean of `
      + `${K === 1 ? "one ratio" : `${K} ratios`} varies around 0.5 by ${round(deviation)} (standard deviation).`;
  }

  another();
  show();
  figure.hidden = false;
})();
