// Search: pages that explain come before pages that list. Sphinx puts this file into its own search (html_search_scorer).

// Results opened from a folder have no summaries: a browser lets no page read its neighbours there.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// A name with a dot or an underscore is code, which the reference describes; every other question goes to the chapters.
const asksForCode = /[._]/.test(new URLSearchParams(location.search).get("q") ?? "");

// A name, however it is written, leads to its chapter or page; so do words that the title does not have.
const asked = (new URLSearchParams(location.search).get("q") ?? "").toLowerCase().replace(/[^a-z]/g, "");
const about = {
  optimaltransport: "kmixup", wasserstein: "kmixup", matching: "kmixup", beta: "alpha", lambda: "mixup",
  pairing: "kmixup", ratio: "multimix", place: "manifoldmixup", blend: "cutmix", manifold: "manifoldmixup",
  install: "howtorun", installation: "howtorun",
};
const wanted = about[asked] ?? asked;

var Scorer = {
  score: ([page, , , , score]) => {
    if (asksForCode) return score;
    if (/^book\/(reference|bibliography)/.test(page)) return score;
    if (page.split("/").pop().replace(/_/g, "") === wanted) return score + 400;
    return score + (/^book\/(why|who|how_much|where|how|practice)\//.test(page) ? 200 : 100);
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
