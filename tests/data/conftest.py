"""A web server of the tests' own, and an empty data folder."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


class Site:
    """What the server serves (path -> bytes), what it was asked for, and when it breaks off."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.ranges: list[str | None] = []
        self.breaks_after: int | None = None
        self.resumes = True
        self.url = ""


@pytest.fixture
def site() -> Iterator[Site]:
    served = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            served.ranges.append(asked)
            page = served.pages.get(self.path)
            if page is None:
                self.send_error(404)
                return
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and served.resumes else 0
            if start and start >= len(page):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(page) - start))
            self.end_headers()
            self.wfile.write(page[start:][: served.breaks_after])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder."""
    folder = tmp_path / "data"
    monkeypatch.setenv("MIXBOOK_DATA", str(folder))
    monkeypatch.delenv("MIXBOOK_OFFLINE", raising=False)
    return folder
