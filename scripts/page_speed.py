"""How long the chapters of the rendered book take to open here: a table of medians, in milliseconds.

Each load is a first visit, with nothing cached, served from this machine and timed by the browser from the navigation on:

* painted: the first text shows;
* interactive: the page is read, and answers;
* explorable: its first control was moved, and the figure has changed;
* formulas: all are typeset, which goes on behind the page;
* pause: the longest stretch of all this in which the page answered nothing.
"""

import argparse
import os
import sys
from statistics import median
from typing import Any

import contents
import viewing

TIMES = ("painted", "interactive", "explorable", "formulas", "pause")
# What notes the times runs before the page's own scripts.
WATCH = """
const times = (window.times = { pause: 0 });
const watch = (type, seen) =>
  new PerformanceObserver((list) => list.getEntries().forEach(seen)).observe({ type, buffered: true });
watch("longtask", ({ duration }) => { times.pause = Math.max(times.pause, duration); });
watch("paint", ({ name, startTime }) => { if (name === "first-contentful-paint") times.painted = startTime; });
function move() {
  const figure = document.querySelector("figure.explorable");
  const control = figure?.querySelector("input[type=range], [tabindex]");
  if (!figure && document.readyState !== "loading") return; // this page has none
  if (!control || figure.hidden) { requestAnimationFrame(move); return; } // it comes
  const before = figure.innerHTML;
  if (control.max) {
    control.value = control.value === control.max ? control.min : control.max;
    control.dispatchEvent(new Event("input"));
  } else control.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
  requestAnimationFrame(() => { if (figure.innerHTML !== before) times.explorable = performance.now(); });
}
function typeset() {
  if (!window.MathJax?.startup?.promise) setTimeout(typeset, 1);
  else MathJax.startup.promise.then(() => { times.formulas = performance.now(); });
}
document.addEventListener("readystatechange", () => { times[document.readyState] = performance.now(); });
move();
typeset();
"""
DONE = """() => {
  const waits = { ".math": "formulas", "figure.explorable": "explorable" };
  return Object.entries(waits).every(([selector, name]) => !document.querySelector(selector) || times[name]);
}"""


def load(browser: Any, address: str) -> dict[str, float]:
    """One first visit: the times of the page that are known, in milliseconds."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(address, wait_until="load")
    page.wait_for_function(DONE)
    page.wait_for_timeout(300)  # for what the browser reports late
    times = page.evaluate("times")
    context.close()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", help="parts of the names of pages; all chapters without")
    parser.add_argument("--loads", type=int, default=5, help="of each page, of which the median is shown")
    arguments = parser.parse_args()
    html = viewing.built(viewing.HTML)
    chapters = [page.removesuffix(".ipynb") for page in contents.pages() if page.endswith(".ipynb")]
    chosen = [page for page in chapters if any(part in page for part in arguments.pages or [""])]
    print(f"{arguments.loads} loads each; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    print(f"{'':32}" + "".join(f"{name:>13}" for name in TIMES))
    with viewing.serve(html) as address, viewing.launch() as browser:
        for page in chosen:
            loads = [load(browser, f"{address}{page}.html") for _ in range(arguments.loads)]
            known = {name: [times[name] for times in loads if name in times] for name in TIMES}
            cells = (f"{median(known[name]):.0f}" if known[name] else "" for name in TIMES)
            print(f"{page.removeprefix('book/'):32}" + "".join(f"{cell:>13}" for cell in cells), flush=True)
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    try:
        main()
    except FileNotFoundError as error:
        sys.exit(str(error))
