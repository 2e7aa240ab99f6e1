"""Make the book: `python scripts/make_book.py notebooks|book|preview`. The Makefile is the way in.

* `notebooks` refreshes the committed pairs: each `.ipynb` whose stamp is stale is executed again.
* `book` executes every chapter here, into `_build/executed/`, and renders that. It touches no tracked file.
* `preview` renders the committed `.ipynb` as they are.
"""

import argparse
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import chapters
import contents
import render
from contents import ROOT

BUILD = ROOT / "_build"
AT_A_TIME = 2


def refresh_all(targets: dict[Path, Path], force: bool) -> None:
    """Execute the chapters (keys) whose notebook (value) is stale, two at a time; exit with 1 if any failed."""
    failed = []
    jobs = min(AT_A_TIME, os.cpu_count() or 1)
    _warm_up()
    with ProcessPoolExecutor(jobs) as pool:
        tasks = {pool.submit(_timed, path, target, force): path for path, target in targets.items()}
        for done, task in enumerate(as_completed(tasks), 1):
            name = tasks[task].relative_to(ROOT).with_suffix("")
            try:
                executed, seconds = task.result()
                note = f"{seconds:5.1f} s" if executed else "up to date"
            except chapters.ChapterError as error:
                note = "FAILED"
                failed.append(error)
            print(f"[{done}/{len(tasks)}] {name}  {note}", flush=True)
    if failed:
        sys.exit("\n\n".join(str(error) for error in failed))


def _timed(path: Path, target: Path, force: bool) -> tuple[bool, float]:
    start = time.perf_counter()
    return chapters.refresh(path, target, force), time.perf_counter() - start


def _warm_up() -> None:
    # The first import of matplotlib in a new home builds a cache of fonts and says so, which would end up in a chapter.
    import matplotlib.font_manager  # noqa: F401


def notebooks(force: bool) -> None:
    present = [path for path in contents.chapters() if path.is_file()]
    for path in set(contents.chapters()) - set(present):
        print(f"not written yet: {path.relative_to(ROOT)}")
    refresh_all({path: path.with_suffix(".ipynb") for path in present}, force)
    for path in contents.templates():
        chapters.write(chapters.read(path), path.with_suffix(".ipynb"))


def book(force: bool) -> None:
    executed = BUILD / "executed"
    targets = {path: executed / path.relative_to(ROOT).with_suffix(".ipynb") for path in contents.chapters()}
    refresh_all(targets, force)
    render.render(executed, BUILD / "source", ROOT)


def preview() -> None:
    render.render(ROOT, BUILD / "source", ROOT, leave_out_missing=True)


def preview_for_tests() -> Path:
    """The committed book, complete or an error, in a place where it does not replace the reader's."""
    with one_at_a_time():
        return render.render(ROOT, BUILD / "tests" / "source", BUILD / "tests")


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two builds in one folder would write over each other: the second waits."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another build is running here: waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["notebooks", "book", "preview"])
    parser.add_argument("--all", action="store_true", help="execute every chapter, also those that are up to date")
    arguments = parser.parse_args()
    with one_at_a_time():
        try:
            if arguments.what == "notebooks":
                notebooks(arguments.all)
            elif arguments.what == "book":
                book(arguments.all)
            else:
                preview()
        except (chapters.ChapterError, render.RenderError) as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
