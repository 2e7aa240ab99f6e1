"""Render the book: stage what it consists of in a folder of its own, then let Jupyter Book make HTML of it."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import contents
import yaml
from contents import ROOT

NOT_STAGED = {"benchmarks", "results", "__pycache__", ".ipynb_checkpoints", ".pytest_cache"}


JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"  # it has no __main__; its script may not be on PATH


class RenderError(Exception):
    """The book could not be rendered, or only with warnings."""


def render(notebooks: Path, stage: Path, output: Path, leave_out_missing: bool = False) -> Path:
    """Make `output/_build/html` from the tree's pages and the executed notebooks below `notebooks`.

    Only what changed is staged again, and when nothing did, nothing is rendered. Warnings are errors.

    Returns:
        The folder of the HTML pages.
    """
    html = output / "_build" / "html"
    wanted = _files(notebooks, leave_out_missing)
    changed = _stage(wanted, stage)
    digest = _digest(wanted)
    record = html / ".inputs"
    if record.is_file() and record.read_text() == digest:
        print(f"nothing changed since the last build: {html / 'index.html'}")
        return html
    # Sphinx notices a changed page, but not what lies around pages; and it repeats no warning of a page that it does not
    # read again, so that after a failed build it must read them all.
    all_pages = not record.is_file() or any(not name.endswith((".md", ".ipynb")) for name in changed)
    command = [sys.executable, "-c", JUPYTER_BOOK, "build", str(stage), "--path-output", str(output)]
    command += ["-W", "--keep-going", *(["--all"] if all_pages else [])]
    record.unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, text=True, capture_output=True)
    if done.returncode:
        said = re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr)
        warnings = [line for line in said.splitlines() if "WARNING" in line or "ERROR" in line]
        raise RenderError("the book was not rendered without warnings:\n" + ("\n".join(warnings) or said))
    _way_in(html)
    record.write_text(digest)
    print(f"the book is ready: {html / 'index.html'}")
    return html


def _way_in(html: Path) -> None:
    """Give Jupyter Book's bare redirect a name and an empty icon; a browser would ask for one that is not there."""
    front = f"{contents.pages()[0].removesuffix('.ipynb')}.html"
    (html / "index.html").write_text(
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>mixbook</title>'
        f'<link rel="icon" href="data:,"><meta http-equiv="refresh" content="0; url={front}"></head>'
        f'<body><a href="{front}">mixbook</a></body></html>\n',
        encoding="utf-8",
    )


def _files(notebooks: Path, leave_out_missing: bool) -> dict[str, bytes]:
    """Path in the stage -> content: configuration, pages, and all that lies in `book/` and is not a chapter's source."""
    toc = contents.read()
    missing = {page for page in contents.pages(toc) if not _page(page, notebooks).is_file()}
    if missing and not leave_out_missing:
        raise RenderError(f"_toc.yml lists pages that do not exist: {', '.join(sorted(missing))}")
    for page in sorted(missing):
        print(f"left out, not there yet: {page}")
    toc = contents.without(toc, missing)
    sources = {path for chapter in contents.chapters() for path in (chapter, chapter.with_suffix(".ipynb"))}
    files = {name: (ROOT / name).read_bytes() for name in ("_config.yml", "CITATION.cff", "LICENSE")}
    files["_toc.yml"] = yaml.safe_dump(toc, sort_keys=False).encode()
    for path in sorted((ROOT / "book").rglob("*")):
        inside = path.relative_to(ROOT)
        if path.is_file() and path not in sources and not NOT_STAGED.intersection(inside.parts):
            files[inside.as_posix()] = path.read_bytes()
    for page in contents.pages(toc):
        if page.endswith(".ipynb"):
            files[page] = _page(page, notebooks).read_bytes()
    return files


def _page(page: str, notebooks: Path) -> Path:
    return notebooks / page if page.endswith(".ipynb") else contents.source(page)


def _stage(files: dict[str, bytes], stage: Path) -> set[str]:
    """Make `stage` hold exactly these files, and say which ones changed; the others keep their time, as Sphinx needs."""
    stage.mkdir(parents=True, exist_ok=True)
    present = {path.relative_to(stage).as_posix(): path for path in stage.rglob("*") if path.is_file()}
    extra = present.keys() - files.keys()
    changed = {name for name, content in files.items() if name not in present or present[name].read_bytes() != content}
    for name in extra:
        present[name].unlink()
    for name in changed:
        (stage / name).parent.mkdir(parents=True, exist_ok=True)
        (stage / name).write_bytes(files[name])
    return changed | extra


def _digest(files: dict[str, bytes]) -> str:
    total = hashlib.sha256((ROOT / "requirements.txt").read_bytes() + Path(__file__).read_bytes())
    for module in sorted((ROOT / "mixbook").rglob("*.py")):  # the reference is made from its docstrings
        total.update(module.read_bytes())
    for name in sorted(files):
        total.update(f"{name} {hashlib.sha256(files[name]).hexdigest()}\n".encode())
    return total.hexdigest()
