// What search shows of a page it found: its sentences, with formulas as one would write them without TeX. Sphinx would show
// their source, and buttons, contents and code among the text.
"use strict";

{
  const LENGTH = 240;
  const BEFORE = 120; // of what was looked for
  const AROUND = ".page-facts, .cite-this, .before-after, .glossary-note, .headerlink, script, style";
  const GREEK =
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho varsigma sigma tau upsilon phi chi psi omega";
  const SIGNS = {
    sim: "∼", le: "≤", leq: "≤", ge: "≥", geq: "≥", ne: "≠", neq: "≠", approx: "≈", times: "×", cdot: "·", pm: "±", in: "∈",
    to: "→", mapsto: "↦", infty: "∞", sum: "∑", int: "∫", partial: "∂", nabla: "∇", ell: "ℓ", top: "ᵀ", circ: "∘", mid: "|",
    ldots: "…", dots: "…", cdots: "…", langle: "⟨", rangle: "⟩", varepsilon: "ε", min: "min", max: "max", log: "log", exp: "exp",
  };
  GREEK.split(" ").forEach((name, place) => {
    SIGNS[name] = String.fromCharCode(0x3b1 + place);
    SIGNS[name[0].toUpperCase() + name.slice(1)] = String.fromCharCode(0x391 + place);
  });

  const fraction = (_, a, b) => [a, b].map((part) => (/^\\?\w+$/.test(part) ? part : `(${part})`)).join("/");
  const readable = (tex) =>
    tex
      .replace(/\\[()[\]]/g, "")
      .replace(/\\(begin|end|label|tag)\{[^}]*\}/g, "")
      .replace(/\\[dt]?frac\s*(\d)\s*(\w)/g, "\\frac{$1}{$2}")
      .replace(/\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}/g, fraction)
      .replace(/\\([A-Za-z]+)/g, (_, name) => SIGNS[name] ?? "")
      .replace(/\\\\|~/g, " ")
      .replace(/\\[^A-Za-z]|[{}&\\]/g, "");

  const sentences = (html, anchor) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    const part = page.getElementById(anchor?.slice(1)) ?? page.querySelector(".bd-article") ?? page.body;
    const code = asksForCode ? "" : ", .cell_input"; // from scorer.js
    part.querySelectorAll(AROUND + code).forEach((element) => element.remove());
    part.querySelector("h1, h2, h3, h4")?.remove(); // it stands above the excerpt
    part.querySelectorAll(".math").forEach((formula) => (formula.textContent = readable(formula.textContent)));
    part.querySelectorAll("li, th, td").forEach((entry) => entry.append(" "));
    return part.textContent.replace(/\s+/g, " ").trim();
  };

  Search.makeSearchSummary = (html, keywords, anchor) => {
    const text = sentences(html, anchor);
    if (!text) return null;
    const words = [...keywords].flatMap((word) => [word.toLowerCase(), SIGNS[word.toLowerCase()] ?? []].flat());
    const found = words.map((word) => text.toLowerCase().indexOf(word)).filter((place) => place >= 0);
    const near = Math.max(0, (found.at(-1) ?? 0) - BEFORE);
    const start = near && text.indexOf(" ", near) + 1;
    const end = start + LENGTH < text.length ? text.lastIndexOf(" ", start + LENGTH) : text.length;
    const summary = Object.assign(document.createElement("p"), { className: "context" });
    summary.textContent = `${start ? "… " : ""}${text.slice(start, end)}${end < text.length ? " …" : ""}`;
    return summary;
  };
}
