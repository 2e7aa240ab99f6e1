"""The book in a real browser, on a telephone and on a desk, without a network."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import contents
import numpy as np
import pytest
import torch

playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright: it drives the browser")

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTHS = [375, 1280]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium found: `apt-get install chromium`, then run this again"),
]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(built_book: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(built_book)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield browser
        browser.close()


class Visit:
    """A page that keeps a record of everything that goes wrong on it."""

    def __init__(self, browser, home: str, width: int = 1280, **settings: object) -> None:
        self.page = browser.new_context(viewport={"width": width, "height": 900}, **settings).new_page()
        self.home = home
        self.wrong: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("request", self._request)
        self.page.on("requestfailed", self._failed)
        self.page.on("response", lambda answer: answer.status < 400 or self.wrong.append(f"{answer.status}: {answer.url}"))

    def _console(self, message) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"console: {message.text}")

    def _failed(self, request) -> None:
        if request.failure != "net::ERR_ABORTED":  # cut off because the page was left: nothing is missing
            self.wrong.append(f"failed: {request.url} ({request.failure})")

    def _request(self, request) -> None:
        if not request.url.startswith((self.home, "data:", "blob:")):
            self.wrong.append(f"left the book: {request.url}")

    def open(self, name: str) -> None:
        self.page.goto(self.home + name, wait_until="load")
        if self.page.locator(".math").count():
            self.page.wait_for_function("window.MathJax && MathJax.startup && MathJax.startup.promise")
            self.page.evaluate("MathJax.startup.promise")

    def close(self) -> None:
        self.page.wait_for_load_state("networkidle")  # a request that is cut off would count as failed
        self.page.context.close()


def names(book: Path) -> list[str]:
    """Every page but the way in, which leads on to the front page at once."""
    found = {page.relative_to(book).as_posix() for page in book.rglob("*.html") if "_static" not in page.parts}
    return sorted(found - {"index.html"})


def test_the_way_in_leads_to_the_front_page(chromium, site):
    visit = Visit(chromium, site)
    visit.page.goto(site)
    visit.page.wait_for_url(f"{site}{contents.pages()[0].removesuffix('.ipynb')}.html")
    visit.close()
    assert not visit.wrong


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_opens_cleanly_typesets_its_mathematics_and_fits(chromium, site, built_book, width, theme):
    visit = Visit(chromium, site, width, color_scheme=theme)
    for name in names(built_book):
        visit.open(name)
        assert visit.page.evaluate("document.documentElement.dataset.theme ?? 'light'") in ("light", theme), name
        formulas, typeset = (visit.page.locator(kind).count() for kind in (".math", ".math mjx-container"))
        assert typeset >= formulas, f"{name}: {typeset} of {formulas} formulas are typeset"
        assert visit.page.locator("mjx-merror").count() == 0, f"{name}: TeX that MathJax does not understand"
        across = visit.page.evaluate("document.scrollingElement.scrollWidth")
        assert across <= width, f"{name} is {across} pixels wide at {width}"
    visit.close()
    assert not visit.wrong


def test_search_finds_what_the_book_is_about(chromium, site):
    visit = Visit(chromium, site)
    visit.open("search.html?q=interpolation")
    visit.page.locator("#search-results li a").first.wait_for(timeout=10_000)
    assert visit.page.locator("#search-results li a").count() >= 1
    visit.page.wait_for_load_state("networkidle")  # it fetches a summary of each page found, and leaving would cut that off
    visit.open("search.html?q=zyzzyva")
    visit.page.get_by_text("did not match any documents").wait_for(timeout=10_000)
    visit.close()
    assert not visit.wrong


def test_the_search_button_leads_to_results(chromium, site):
    visit = Visit(chromium, site)
    visit.open(f"{contents.pages()[0].removesuffix('.ipynb')}.html")
    visit.page.keyboard.press("Control+k")
    visit.page.keyboard.type("mixup")
    visit.page.keyboard.press("Enter")
    visit.page.locator("#search-results li a").first.wait_for(timeout=10_000)
    visit.close()
    assert not visit.wrong


def test_figures_are_opaque_on_white_in_the_dark(chromium, site):
    visit = Visit(chromium, site, color_scheme="dark")
    seen = 0
    for page in contents.pages():
        visit.open(f"{page.removesuffix('.ipynb')}.html")
        for image in visit.page.locator(".cell_output img").all():
            look = image.evaluate("image => [getComputedStyle(image).backgroundColor, getComputedStyle(image).filter]")
            assert look == ["rgb(255, 255, 255)", "none"], page
            seen += 1
    visit.close()
    assert seen


def test_the_book_opens_from_a_folder_without_a_server(chromium, built_book):
    visit = Visit(chromium, "file://", offline=True)
    for page in contents.pages():
        visit.open(f"{built_book}/{page.removesuffix('.ipynb')}.html")
        assert visit.page.locator(".math").count() == visit.page.locator(".math:has(mjx-container)").count(), page
    visit.close()
    assert not visit.wrong


CHAPTER = "book/who/kmixup.html"
READ = """() => {
  const numbers = (each) => [Number(each.dataset.x), Number(each.dataset.y)];
  const all = (selector) => [...document.querySelectorAll("#explore-kmixup " + selector)];
  return {
    first: all(".point[data-batch='0']").map(numbers),
    second: all(".point[data-batch='1']").map(numbers),
    partner: all("line").map((line) => Number(line.dataset.partner)),
    dashed: all("line").map((line) => line.getAttribute("stroke-dasharray") !== "none"),
    mixtures: all(".mixture").map(numbers),
    table: all(".sizes tbody tr").map((row) => [...row.cells].map((cell) => cell.textContent.trim())),
  };
}"""


def matched(first, second, k):
    """Partners and mean squared distance of two batches (n, 2), by the package."""
    from mixbook.mixing.transport import assignment, squared_cost

    cost = squared_cost(first.reshape(-1, k, 2), second.reshape(-1, k, 2))
    best = assignment(cost)
    mean = cost.gather(2, best[..., None]).mean().item()
    return (best + k * torch.arange(len(best))[:, None]).flatten().tolist(), mean


def check_against_the_package(visit, k, lam):
    seen = visit.page.evaluate(READ)
    first, second = (torch.tensor(seen[batch], dtype=torch.float64) for batch in ("first", "second"))
    partner, _ = matched(first, second, k)
    assert seen["partner"] == partner
    assert np.allclose(seen["mixtures"], lam * first + (1 - lam) * second[partner])
    for name, mean, crossing, least in seen["table"]:
        size = int(name.removeprefix("k = "))
        assert float(mean) == pytest.approx(matched(first, second, size)[1], abs=6e-4), name
        assert int(crossing.split()[0]) >= int(least)
    assert sum(seen["dashed"]) == int(seen["table"][[1, 2, 4, 8].index(k)][2].split()[0])
    return seen


def test_who_mixes_with_whom_computes_what_the_package_computes(chromium, site):
    visit = Visit(chromium, site, reduced_motion="reduce")
    visit.open(CHAPTER)
    start = check_against_the_package(visit, k=8, lam=0.5)
    point = visit.page.locator("#explore-kmixup .point").nth(4)
    point.focus()
    for key in ["ArrowLeft"] * 20 + ["Shift+ArrowUp"] * 5:  # 0.02 to the left each, 0.08 up each
        visit.page.keyboard.press(key)
    moved = check_against_the_package(visit, k=8, lam=0.5)
    assert np.allclose(moved["first"][4], np.add(start["first"][4], [-0.4, 0.4]))
    assert moved["partner"] != start["partner"], "a move this far changes who is matched with whom"
    visit.page.get_by_label("k = 2", exact=True).check()
    visit.page.locator("#explore-kmixup input[type=range]").fill("0.75")
    check_against_the_package(visit, k=2, lam=0.75)
    assert visit.page.url.endswith(CHAPTER), "arrow keys belong to the point, not to the pages"
    visit.page.get_by_role("button", name="Put the points back").click()
    assert check_against_the_package(visit, k=2, lam=0.75)["first"] == start["first"]
    visit.close()
    assert not visit.wrong


def test_a_finger_moves_a_point(chromium, site):
    visit = Visit(chromium, site, 375, has_touch=True)
    visit.open(CHAPTER)
    point = visit.page.locator("#explore-kmixup .point").first
    point.scroll_into_view_if_needed()
    before, box = visit.page.evaluate(READ)["first"][0], point.bounding_box()
    across, up = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    finger = visit.page.context.new_cdp_session(visit.page)
    for kind, to in [("touchStart", (across, up)), ("touchMove", (across + 30, up)), ("touchMove", (across + 60, up))]:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": to[0], "y": to[1]}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    visit.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    seen = check_against_the_package(visit, k=8, lam=0.5)
    width = visit.page.locator("#explore-kmixup svg").bounding_box()["width"]
    assert seen["first"][0][0] - before[0] == pytest.approx(60 * 1.3 / width, abs=0.01)
    visit.close()
    assert not visit.wrong


def test_explorables_leave_the_static_figures_alone_without_scripts_and_on_paper(chromium, site):
    visit = Visit(chromium, site, java_script_enabled=False)
    visit.page.goto(site + CHAPTER)
    assert not visit.page.locator("#explore-kmixup").is_visible()
    assert visit.page.locator("#fig-kmixup-couplings img").is_visible()
    visit.close()
    visit = Visit(chromium, site)
    visit.open(CHAPTER)
    assert visit.page.locator("#explore-kmixup").is_visible()
    visit.page.emulate_media(media="print")
    assert not visit.page.locator("#explore-kmixup").is_visible()
    visit.close()
