/* Who mixes with whom? Two batches of eight points, cut into blocks of k; partners are matched at the least squared distance. */
"use strict";

(() => {
  // One Ring (mixbook.data.toys): across, up, class. Drawn once; the classes lie 4 : 4 in the first batch, 3 : 5 in the second.
  const START = [
    [[-0.16, -0.15, 0], [0.11, -0.02, 0], [-0.21, 0.45, 1], [0.11, 0.49, 1], [0.45, -0.22, 1], [-0.14, 0.02, 0], [-0.41, -0.28, 1], [0.05, -0.17, 0]],
    [[-0.06, 0.19, 0], [0.08, -0.22, 0], [0.49, -0.12, 1], [0.02, 0.1, 0], [-0.17, 0.47, 1], [0.27, -0.42, 1], [0.41, -0.29, 1], [-0.34, -0.37, 1]],
  ];
  const SIZES = [1, 2, 4, 8];
  const HALF = 0.65; // the drawing shows -HALF to HALF both ways
  const WIDTH = 400; // units of the drawing across
  const { make, between, colours } = explore;

  const squared = (p, q) => (p.x - q.x) ** 2 + (p.y - q.y) ** 2;

  /* The matching of least summed cost, row -> column, by shortest augmenting paths (Kuhn, Munkres; as in SciPy).
     Prices u and v keep every reduced cost at zero or more, and at zero along the matching. */
  function assignment(cost) {
    const n = cost.length;
    const u = Array(n).fill(0), v = Array(n).fill(0), rowOf = Array(n).fill(-1);
    for (let start = 0; start < n; start++) {
      const reach = Array(n).fill(Infinity), before = Array(n).fill(-1), done = Array(n).fill(false);
      let row = start, column = -1, length = 0;
      do {
        for (let j = 0; j < n; j++) {
          const through = length + cost[row][j] - u[row] - v[j];
          if (!done[j] && through < reach[j]) [reach[j], before[j]] = [through, column];
        }
        column = -1;
        for (let j = 0; j < n; j++) if (!done[j] && (column < 0 || reach[j] < reach[column])) column = j;
        done[column] = true;
        length = reach[column];
        row = rowOf[column];
      } while (row >= 0);
      u[start] += length;
      for (let j = 0; j < n; j++) {
        if (!done[j]) continue;
        if (rowOf[j] >= 0) u[rowOf[j]] += length - reach[j];
        v[j] -= length - reach[j];
      }
      for (let j = column; j >= 0; j = before[j]) rowOf[j] = before[j] >= 0 ? rowOf[before[j]] : start;
    }
    const columnOf = Array(n);
    rowOf.forEach((i, j) => (columnOf[i] = j));
    return columnOf;
  }

  /* Partners of the first batch's points in the second's, what they cost, and how many pairs join two classes. */
  function match(first, second, k) {
    const partner = [];
    let least = 0;
    for (let start = 0; start < first.length; start += k) {
      const [a, b] = [first, second].map((batch) => batch.slice(start, start + k));
      partner.push(...assignment(a.map((p) => b.map((q) => squared(p, q)))).map((j) => start + j));
      const ones = (block) => block.reduce((sum, point) => sum + point.label, 0);
      least += Math.abs(ones(a) - ones(b));
    }
    const mean = first.reduce((sum, p, i) => sum + squared(p, second[partner[i]]), 0) / first.length;
    const crossing = first.filter((p, i) => p.label !== second[partner[i]].label).length;
    return { partner, mean, crossing, least };
  }

  const { figure, drawing, controls } = explore.begin(
    "explore-kmixup", WIDTH, WIDTH,
    "Two batches of eight points that can be moved, lines between partners, and their mixtures",
  );
  const across = (x) => ((x + HALF) / (2 * HALF)) * WIDTH;
  const up = (y) => across(-y);
  const state = { k: 8, batches: [] };

  // What is seen: from the back, lines between partners, mixtures, points.
  const lines = START[0].map(() => make("line", { stroke: "#555", "stroke-width": 1.6 }, drawing));
  const mixtures = START[0].map(() => make("rect", { x: -5, y: -5, width: 10, height: 10, stroke: "#333", class: "mixture" }, drawing));

  const heads = ["block size", "mean squared distance", "pairs of two classes", "at least"];
  const rows = explore.table(controls, heads, SIZES.map(() => "")).map((cells, i) => {
    const k = SIZES[i];
    const row = cells[0].parentElement;
    const label = make("label", {}, row.cells[0]);
    const radio = make("input", { type: "radio", name: "explore-kmixup-k", value: k }, label);
    label.append(` k = ${k}`);
    radio.checked = k === state.k;
    radio.addEventListener("change", () => { state.k = k; show(true); });
    return { k, row, cells };
  });
  const lam = explore.slider(
    controls,
    { text: "weight λ of the first batch", min: 0, max: 1, step: 0.05, at: 0.5, say: (value) => value.toFixed(2) },
    () => show(false),
  );
  explore.button(controls, "Put the points back", () => { reset(); show(true); });
  const said = explore.said(controls);

  const handles = START.map((batch, b) => batch.map(([, , label], i) => {
    const move = (dx, dy) => {
      const point = state.batches[b][i];
      const within = (value) => Math.max(-HALF + 0.03, Math.min(HALF - 0.03, value));
      point.x = within(point.x + (dx / WIDTH) * 2 * HALF);
      point.y = within(point.y - (dy / WIDTH) * 2 * HALF);
      show(false);
    };
    const handle = explore.handle(drawing, "point", 17, move, WIDTH / 65); // a press of an arrow key: 0.02
    explore.sample(label, { fill: b === 0 ? colours[label] : "#fff", stroke: colours[label], "stroke-width": 2.5 }, handle);
    return handle;
  }));

  function reset() {
    state.batches = START.map((batch) => batch.map(([x, y, label]) => ({ x, y, label })));
  }

  function show(glide) {
    const [first, second] = state.batches;
    const found = new Map(SIZES.map((k) => [k, match(first, second, k)]));
    const { partner, mean, crossing } = found.get(state.k);
    figure.classList.toggle("glide", glide); // mixtures glide to new partners, but stay under a finger that moves a point
    const partnerOf = [partner, second.map((_, j) => partner.indexOf(j))];
    state.batches.forEach((batch, b) => batch.forEach((point, i) => {
      const name = `${b ? "Second" : "First"} batch, point ${i + 1}, class ${point.label}, at ${point.x.toFixed(2)}, ${point.y.toFixed(2)}`;
      handles[b][i].setAttribute("aria-label", `${name}; partner: point ${partnerOf[b][i] + 1}`);
      handles[b][i].setAttribute("transform", `translate(${across(point.x)} ${up(point.y)})`);
      Object.assign(handles[b][i].dataset, { batch: b, x: point.x, y: point.y });
    }));
    first.forEach((p, i) => {
      const q = second[partner[i]];
      const ends = { x1: across(p.x), y1: up(p.y), x2: across(q.x), y2: up(q.y) };
      for (const [key, value] of Object.entries(ends)) lines[i].setAttribute(key, value);
      lines[i].setAttribute("stroke-dasharray", p.label === q.label ? "none" : "5 4");
      lines[i].dataset.partner = partner[i];
      const mix = (key) => lam.value * p[key] + (1 - lam.value) * q[key];
      mixtures[i].style.transform = `translate(${across(mix("x"))}px, ${up(mix("y"))}px) rotate(45deg)`;
      mixtures[i].setAttribute("fill", between(mix("label")));
      Object.assign(mixtures[i].dataset, { x: mix("x"), y: mix("y") });
    });
    for (const { k, row, cells } of rows) {
      const of = found.get(k);
      row.classList.toggle("chosen", k === state.k);
      cells[0].textContent = of.mean.toFixed(3);
      cells[1].textContent = `${of.crossing} of ${first.length}`;
      cells[2].textContent = of.least;
    }
    said.textContent = `k = ${state.k}: partners lie ${mean.toFixed(3)} apart (mean squared distance); ${crossing} of ${first.length} pairs join two classes.`;
  }

  reset();
  show(false);
  figure.hidden = false;
})();
