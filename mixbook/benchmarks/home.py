"""Where the book is, and where in it results lie."""

from pathlib import Path

from mixbook.benchmarks import BenchmarkError

NOTEBOOKS = Path("book", "benchmarks")
RESULTS = Path("book", "results")


def find_book(given: Path | None = None) -> Path:
    """The folder that holds ``book/benchmarks``: ``given`` (or its parent), else the current one or the nearest above it.

    Raises:
        BenchmarkError: if there is none.

    Example:
        >>> from mixbook.benchmarks.home import NOTEBOOKS, find_book
        >>> (find_book() / NOTEBOOKS / "table.ipynb").is_file()
        True
    """
    start = (given or Path.cwd()).resolve()
    candidates = [start, start.parent] if given else [start, *start.parents]
    for candidate in candidates:
        if (candidate / NOTEBOOKS).is_dir():
            return candidate
    where = f"{given} holds no {NOTEBOOKS}" if given else f"neither this folder nor one above it holds {NOTEBOOKS}"
    raise BenchmarkError(f"the book is not here: {where}. Run this inside a clone of mixbook, or pass --book FOLDER")


def results_folder(book: Path, profile: str) -> Path:
    """Where results go: ``book/results``, which is kept; those of smoke runs to ``_build``, which is not.

    Example:
        >>> from pathlib import Path
        >>> from mixbook.benchmarks.home import results_folder
        >>> results_folder(Path("."), "laptop").as_posix()
        'book/results'
    """
    return book / "_build" / "benchmarks" / "smoke" if profile == "smoke" else book / RESULTS


def stored_results(given: Path | None = None) -> Path:
    """The folder of the results that are kept, in the book that :func:`find_book` finds.

    Raises:
        BenchmarkError: if there is no book.

    Example:
        >>> from mixbook.benchmarks.home import stored_results
        >>> stored_results().parts[-2:]
        ('book', 'results')
    """
    return find_book(given) / RESULTS
