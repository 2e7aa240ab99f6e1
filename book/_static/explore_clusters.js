/* Why do three clusters break the lemma? Two ways to match two blocks of two points, and when the longer chain is cheaper. */
"use strict";

(() => {
  const START = [[2.5, 1.7], [7, 9.5], [11.5, 1.7]]; // centres, in radii
  const ACROSS = 14, UP = 11.2; // what the drawing shows, in radii
  const UNIT = 30; // of the drawing, for a radius
  const LEAST = 4; // between centres: gaps of 2 radii, as the lemma asks
  const NAMES = ["left", "upper", "right"];
  const { make, set, colours } = explore;

  const minus = (a, b) => [a[0] - b[0], a[1] - b[1]];
  const along = (start, angle, length) => [start[0] + length * Math.cos(angle), start[1] + length * Math.sin(angle)];
  const distance = (a, b) => Math.hypot(...minus(a, b));
  const degrees = (angle) => (angle * 180) / Math.PI;

  /* How the ways from disc j to discs i and l lie: their directions, the angle between them, and how far points of the
     discs can tilt each way. `side` is 1 if i lies to the left of l as seen from j. */
  function corner(centres, j) {
    const [i, l] = [0, 1, 2].filter((other) => other !== j);
    const [toI, toL] = [i, l].map((other) => minus(centres[other], centres[j]));
    const tilts = [toI, toL].map((way) => Math.asin(2 / Math.hypot(...way)));
    const cross = toL[0] * toI[1] - toL[1] * toI[0], dot = toL[0] * toI[0] + toL[1] * toI[1];
    const angle = Math.atan2(Math.abs(cross), dot);
    const sum = Math.min(angle + tilts[0] + tilts[1], Math.PI);
    return { i, j, l, angle, tilts, sum, side: cross < 0 ? -1 : 1, ways: [toI, toL] };
  }

  /* Points of the discs that open the angle at j as far as it goes: p in i, p' in j; q in j, q' in l. */
  function worst(centres, at) {
    const open = Math.min(1, (Math.PI - at.angle) / (at.tilts[0] + at.tilts[1])); // no farther than a straight line
    const [u, v] = at.ways.map((way, n) => {
      const tilt = open * at.tilts[n], turn = (n === 0 ? 1 : -1) * at.side;
      const length = (Math.hypot(...way) / 2) * Math.sin(tilt);
      return along([0, 0], Math.atan2(way[1], way[0]) + turn * (Math.PI / 2 + tilt), length);
    });
    const plus = (a, b) => [a[0] + b[0], a[1] + b[1]];
    return {
      P: [plus(centres[at.i], u), minus(centres[at.j], u)],
      Q: [minus(centres[at.j], v), plus(centres[at.l], v)],
    };
  }

  const { figure, drawing, controls } = explore.begin(
    "explore-clusters", ACROSS * UNIT, UP * UNIT,
    "Three discs that can be moved, with two points of each block, and the two ways to match them",
  );
  const place = ([x, y]) => ({ x: x * UNIT, y: (UP - y) * UNIT });
  const ways = { direct: [], path: [] };
  const handles = START.map((_, c) => {
    const handle = explore.handle(drawing, "disc", UNIT, (dx, dy) => move(c, dx / UNIT, -dy / UNIT), UNIT / 10);
    make("circle", { r: UNIT, fill: "#e3e3e3", "fill-opacity": 0.8, class: "disc" }, handle);
    handle.prepend(handle.lastChild); // the halo above it, or its outline would not be seen
    return handle;
  });
  for (const way of ["direct", "path"]) for (const pair of [0, 1]) ways[way][pair] = make("line", { class: way, "pointer-events": "none" }, drawing);
  const dots = [0, 1, 2, 3].map((n) => (n < 2
    ? make("circle", { r: 6, fill: colours[0], "pointer-events": "none" }, drawing)
    : make("rect", { width: 11, height: 11, fill: colours[1], "pointer-events": "none" }, drawing)));

  const [direct, path] = explore.table(controls, ["way", "pairs that cross", "cost, in Δ²"], [
    "one long pair",
    "two, through the middle",
  ]);
  const [[sum], [gap]] = explore.table(controls, ["of the discs", "now"], [
    "largest sum of the theorem (angle and tilts)",
    "smallest gap (the lemma asks for 2\u00a0Δ)",
  ]);
  explore.button(controls, "Put the discs back", () => { reset(); show(); });
  const said = explore.said(controls);

  let centres = [];
  function reset() {
    centres = START.map((centre) => [...centre]);
  }

  /* Move disc c, but not out of the drawing, nor nearer to another than the lemma allows: there it slides along. */
  function move(c, dx, dy) {
    const within = ([x, y]) => [Math.min(Math.max(x, 1), ACROSS - 1), Math.min(Math.max(y, 1), UP - 1)];
    let to = within([centres[c][0] + dx, centres[c][1] + dy]);
    const others = centres.filter((_, other) => other !== c);
    for (const other of others) {
      if (distance(to, other) >= LEAST) continue;
      const way = minus(to, other);
      to = within(along(other, Math.atan2(way[1], way[0]), LEAST + 1e-9));
    }
    if (others.some((other) => distance(to, other) < LEAST)) return;
    centres[c] = to;
    show();
  }

  function show() {
    const corners = [0, 1, 2].map((j) => corner(centres, j));
    const at = corners.reduce((best, each) => (each.sum > best.sum ? each : best));
    const { P, Q } = worst(centres, at);
    const cost = (pairs) => pairs.reduce((total, [a, b]) => total + distance(P[a], Q[b]) ** 2, 0);
    const pairs = { path: [[0, 0], [1, 1]], direct: [[0, 1], [1, 0]] };
    const costs = { path: cost(pairs.path), direct: cost(pairs.direct) };
    const cheaper = costs.path < costs.direct ? "path" : "direct";
    for (const [way, both] of Object.entries(pairs)) both.forEach(([a, b], n) => {
      const [from, to] = [place(P[a]), place(Q[b])];
      const look = way === cheaper ? { stroke: "#000", "stroke-width": 2.5, "stroke-dasharray": "none" } : { stroke: "#777", "stroke-width": 1.3, "stroke-dasharray": "5 4" };
      set(ways[way][n], { x1: from.x, y1: from.y, x2: to.x, y2: to.y, ...look });
    });
    [...P, ...Q].forEach((point, n) => {
      const { x, y } = place(point);
      set(dots[n], n < 2 ? { cx: x, cy: y } : { x: x - 5.5, y: y - 5.5 });
      Object.assign(dots[n].dataset, { x: point[0], y: point[1] });
    });
    centres.forEach((centre, c) => {
      const { x, y } = place(centre);
      set(handles[c], {
        transform: `translate(${x} ${y})`,
        "aria-label": `The ${NAMES[c]} disc, at ${centre[0].toFixed(1)}, ${centre[1].toFixed(1)}${c === at.j ? ", the middle one" : ""}`,
      });
      Object.assign(handles[c].dataset, { x: centre[0], y: centre[1] });
    });
    const gaps = [[0, 1], [0, 2], [1, 2]].map(([a, b]) => distance(centres[a], centres[b]) - 2);
    [direct[0].textContent, path[0].textContent] = ["1", "2"];
    direct[1].textContent = costs.direct.toFixed(2);
    path[1].textContent = costs.path.toFixed(2);
    for (const [way, cells] of [["direct", direct], ["path", path]]) cells[0].parentElement.classList.toggle("chosen", way === cheaper);
    sum.textContent = `${degrees(at.sum).toFixed(1)}°`;
    gap.textContent = `${Math.min(...gaps).toFixed(2)}\u00a0Δ`;
    said.textContent = cheaper === "path"
      ? `The path through the middle wins: two pairs cross where one would do. The sum at the middle disc is ${degrees(at.sum).toFixed(1)}°, above 90°.`
      : `The long pair wins, and the count of the lemma is right: all sums are at most ${degrees(at.sum).toFixed(1)}°, below 90°.`;
  }

  reset();
  show();
  figure.hidden = false;
})();
