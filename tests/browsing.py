"""What the browser tests share: when they are skipped, and a visit that notices what goes wrong."""

import functools

import pytest
import viewing

pytest.importorskip("playwright.sync_api", reason="pip install playwright: it drives the browser")

MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(
        viewing.CHROMIUM is None, reason="no Chromium found: `apt-get install chromium`, then run this again"
    ),
]


@functools.cache  # what one visit has fetched and compiled serves the next
def context(browser, width: int, **settings: object):
    return browser.new_context(viewport={"width": width, "height": 900}, **settings)


class Visit:
    """A page that keeps a record of everything that goes wrong on it."""

    def __init__(self, browser, home: str, width: int = 1280, **settings: object) -> None:
        self.page = context(browser, width, **settings).new_page()
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
            viewing.typeset(self.page)

    def close(self) -> None:
        self.page.wait_for_load_state("networkidle")  # a request that is cut off would count as failed
        self.page.evaluate("localStorage.clear()")  # the next visit starts anew
        self.page.close()
