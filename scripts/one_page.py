"""The rendered book as one long HTML page, so that a browser can print it: links between pages become links inside it."""

import posixpath
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import contents
from bs4 import BeautifulSoup

DROPPED = ".headerlink, .explorable, .glossary-note, .page-facts, .copybtn, script, iframe"
# Marks of code in the colour of the text: on paper each piece of text is an object, and these are most of them.
PLAIN = re.compile(r'<span class="(?:n|nn|nf|p|w|o)">([^<]*)</span>')
REFERS = ("for", "aria-describedby", "aria-labelledby")


def join(html: Path) -> str:
    """One page out of the rendered pages in `html`, in reading order; it belongs into that folder."""
    pages = [f"{page.removesuffix('.ipynb')}.html" for page in contents.pages()]
    articles = {page: _article(html, page, set(pages)) for page in pages}
    first = _read(html / pages[0])
    folder = posixpath.dirname(pages[0])
    kept = [tag for tag in first.select("head link, head script, head style") if _is_needed(tag)]
    for tag in kept:
        for name in ("href", "src"):
            if name in tag.attrs:
                tag[name] = posixpath.normpath(posixpath.join(folder, tag[name]))
    head = "\n".join(map(str, kept))
    listed = "\n".join(_contents(articles))
    return (
        '<!DOCTYPE html><html lang="en" data-theme="light" data-mode="light"><head><meta charset="utf-8">'
        f'<title>mixbook</title>{head}</head><body class="one-page bd-content">'
        f'<nav class="print-contents" aria-label="Contents"><h1>Contents</h1>{listed}</nav>'
        f"{''.join(map(str, articles.values()))}</body></html>"
    )


def anchor(page: str, name: str = "") -> str:
    """The id, in the one page, of a page or of an id on it."""
    return page.removesuffix(".html").replace("/", "-") + (f"--{name}" if name else "")


def _read(path: Path) -> Any:
    return BeautifulSoup(PLAIN.sub(r"\1", path.read_text(encoding="utf-8")), "html.parser")


def _is_needed(tag: Any) -> bool:
    if tag.name == "link":
        return "stylesheet" in tag.get("rel", [])
    return "mathjax" in str(tag).lower() and "searchindex" not in str(tag)


def _article(html: Path, page: str, pages: set[str]) -> Any:
    article = _read(html / page).find("article")
    for tag in article.select(DROPPED):
        tag.decompose()
    for tag in article.find_all(True):
        if "id" in tag.attrs:
            tag["id"] = anchor(page, tag["id"])
        for name in REFERS:
            tag.attrs.pop(name, None)
        for name in ("href", "src"):
            if name in tag.attrs:
                tag[name] = _moved(tag[name], page, pages)
    for link in article.select('a[href$=".html"], a[href*=".html#"]'):
        if not urlsplit(link["href"]).scheme:  # an index, which needs no paper
            del link["href"]
    article["id"] = anchor(page)
    return article


def _moved(address: str, page: str, pages: set[str]) -> str:
    """An address on a page as it reads from the one page."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return address
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(parts.path))) if parts.path else page
    if target in pages:
        return "#" + anchor(target, unquote(parts.fragment))
    return target + (f"#{parts.fragment}" if parts.fragment else "")


def _contents(articles: dict[str, Any]) -> list[str]:
    """Parts and pages with their titles, as the table of contents lists them."""
    toc = contents.read()
    lines = []
    for caption, pages in [
        ("", [toc["root"]]),
        *((p["caption"], [c["file"] for c in p["chapters"]]) for p in toc["parts"]),
    ]:
        items = ""
        for page in (f"{page.removesuffix('.ipynb')}.html" for page in pages):
            items += f'<li><a href="#{anchor(page)}"><span>{articles[page].h1.decode_contents()}</span></a></li>'
        lines.append(f"<p>{caption}</p><ul>{items}</ul>" if caption else f"<ul>{items}</ul>")
    return lines
