/* MathJax runs when the page has been drawn once: typesetting is work, and what a reader can already move comes first. */
"use strict";

(() => {
  const address = new URL("mathjax/tex-chtml.js", document.currentScript.src).href;
  const hint = Object.assign(document.createElement("link"), { rel: "preload", as: "script", href: address });
  const script = Object.assign(document.createElement("script"), { src: address });
  document.head.append(hint); // fetched meanwhile
  requestAnimationFrame(() => setTimeout(() => document.head.append(script)));
})();
