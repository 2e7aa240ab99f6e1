"""What the book consists of, read from its table of contents."""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent


def pages(toc: dict | None = None) -> list[str]:
    """Every page of the book in reading order, as `_toc.yml` writes it (notebooks with their suffix)."""
    toc = read() if toc is None else toc
    return [toc["root"], *(entry["file"] for entry in _entries(toc))]


def chapters() -> list[Path]:
    """The authored `.md` of every notebook in the book, in reading order."""
    return [(ROOT / page).with_suffix(".md") for page in pages() if page.endswith(".ipynb")]


def templates() -> list[Path]:
    """The authored `.md` of the benchmark notebooks: pairs too, but run by `mixbook bench`, not by the book."""
    return sorted((ROOT / "book" / "benchmarks").glob("*.md"))


def source(page: str) -> Path:
    """The file that a page of `_toc.yml` is made from."""
    return ROOT / (page if page.endswith(".ipynb") else f"{page}.md")


def read() -> dict:
    return yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))


def without(toc: dict, missing: set[str]) -> dict:
    """The table of contents less some pages, and less the parts that this leaves empty."""
    parts = [
        {**part, "chapters": kept}
        for part in toc.get("parts", [])
        if (kept := [chapter for chapter in part["chapters"] if chapter["file"] not in missing])
    ]
    return {**toc, "parts": parts}


def _entries(node: dict) -> list[dict]:
    found = []
    for key in ("parts", "chapters", "sections"):
        for child in node.get(key, []):
            found += ([child] if "file" in child else []) + _entries(child)
    return found
