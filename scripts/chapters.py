"""One chapter: from the authored `.md` to the executed `.ipynb`, without a trace of when or where it ran."""

import hashlib
import os
import re
import resource
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jupytext
import nbformat
import reads
from figures import tidy
from nbformat import NotebookNode
from stamp import stamp

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
CELL_METADATA = ("tags", "mystnb")  # everything else in a cell's metadata is a tool's, and noise in a diff
# One thread, so that two chapters at a time do not fight for two cores; and the kernel of this environment, whatever
# kernels the reader's home directory offers.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "JUPYTER_PREFER_ENV_PATH": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
GLUED = "application/papermill.record/text/plain"
WATCH = f"import runpy; runpy.run_path({reads.__file__!r}, run_name='__mixbook_reads__'); del runpy"
STEPS = (5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900)  # seconds: what a page says about its running time
CELL_TIMEOUT = 900  # seconds, against a cell that never ends; a whole chapter should take 60 at most on an idle machine


class ChapterError(Exception):
    """A chapter that cannot be read or whose execution failed; the message shows the cell and the error."""


def read(path: Path) -> NotebookNode:
    """The notebook that a `.md` describes: no outputs, cell ids that depend on its content alone.

    Raises:
        ChapterError: if it is not there, or its header is missing or cannot be read.
    """
    if not path.is_file():
        raise ChapterError(f"{path}: no such chapter; _toc.yml lists it")
    with _named(path):
        notebook = jupytext.read(path, fmt="md:myst")
    if "kernelspec" not in notebook.metadata:
        raise ChapterError(f"{path}: a chapter starts with a header that names its kernel; copy another chapter's")
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        cell.id = digest if not seen[digest] else f"{digest}-{seen[digest]}"
        seen[digest] += 1
    return clean(notebook)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """An error within it, whatever it is, becomes one that names the chapter."""
    try:
        yield
    except ChapterError as error:
        raise ChapterError(f"{path}: {error}") from error
    except Exception as error:
        raise ChapterError(f"{path}: {type(error).__name__}: {error}") from error


def clean(notebook: NotebookNode) -> NotebookNode:
    """Drop what execution and editors leave behind, in place."""
    notebook.metadata = NotebookNode(
        jupytext={"formats": "ipynb,md:myst"},
        kernelspec=KERNEL,
        language_info={"name": "python", "pygments_lexer": "ipython3"},
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        cell.metadata = NotebookNode({key: cell.metadata[key] for key in CELL_METADATA if cell.metadata.get(key)})
    return notebook


def code(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def stamp_of(path: Path) -> str | None:
    """The stamp an executed notebook carries, or None: no file, no stamp, or not a notebook."""
    return facts_of(path).get("stamp")


def execute(path: Path) -> NotebookNode:
    """Run a chapter from top to bottom in its own folder, as Jupyter and nbval do, and return it with its outputs.

    Raises:
        ChapterError: with the failing cell's source and traceback.
    """
    import papermill

    chapter = read(path)
    mark = stamp(code(chapter))
    before = _seconds_of_children()
    try:
        with tempfile.TemporaryDirectory() as folder:
            notes = Path(folder) / "reads.txt"
            os.environ.update(ENVIRONMENT | {reads.NOTES: str(notes)})
            executed = papermill.execute_notebook(
                chapter,
                None,
                cwd=str(path.parent),
                kernel_name=KERNEL["name"],
                progress_bar=False,
                execution_timeout=CELL_TIMEOUT,
                # What goes wrong in a cell comes back as an output, not in the log.
                extra_arguments=["--IPKernelApp.log_level=50", f"--IPKernelApp.exec_lines={WATCH}"],
            )
            loaded = reads.summary(notes)
    except papermill.exceptions.PapermillExecutionError as error:
        trace = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(error.traceback))
        raise ChapterError(f"{path}: cell [{error.exec_count}] failed\n\n{error.source}\n\n{trace}") from None
    except Exception as error:  # a dead kernel, a timeout: also a failed chapter
        raise ChapterError(f"{path}: {type(error).__name__}: {error}") from None
    executed = clean(tidy(_plain_numbers(_merge_streams(executed))))
    seconds = _seconds_of_children() - before
    executed.metadata["mixbook"] = {"stamp": mark, "seconds": _step(seconds)} | ({"loaded": loaded} if loaded else {})
    return executed


def _seconds_of_children() -> float:
    """Processor time of the kernels that have ended: on one thread, what a page takes on a machine that is not busy."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _step(seconds: float) -> int:
    return next((step for step in STEPS if seconds <= step), STEPS[-1])


def _around(step: int) -> tuple[int, ...]:
    at = STEPS.index(step) if step in STEPS else 0
    return STEPS[max(at - 1, 0) : at + 2]


def facts_of(path: Path) -> dict:
    """What an executed notebook says of its execution: stamp, seconds, loaded. Empty if there is none."""
    try:
        return dict(nbformat.read(path, as_version=4).metadata.get("mixbook", {}))
    except (OSError, ValueError, AttributeError, nbformat.reader.NotJSONError, nbformat.ValidationError):
        return {}


def _merge_streams(notebook: NotebookNode) -> NotebookNode:
    # How a kernel cuts its text into messages depends on timing; what it wrote does not.
    for cell in notebook.cells:
        merged: list[NotebookNode] = []
        for output in cell.get("outputs", []):
            if merged and output.output_type == "stream" == merged[-1].output_type and output.name == merged[-1].name:
                merged[-1].text += output.text
            else:
                merged.append(output)
        if "outputs" in cell:
            cell.outputs = merged
    return notebook


def _plain_numbers(notebook: NotebookNode) -> NotebookNode:
    # A glued NumPy scalar arrives as "np.float64(0.5)", which the page can neither format nor show to a reader.
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for kind, text in output.get("data", {}).items():
                if kind == GLUED:
                    output.data[kind] = re.sub(r"^np\.\w+\((.*)\)$", r"\1", text)
    return notebook


def with_outputs(chapter: NotebookNode, executed: NotebookNode) -> NotebookNode:
    """A chapter whose text changed and whose code did not, with the outputs of its last execution.

    Raises:
        ChapterError: if the two have not as many code cells, as when the notebook was edited by hand.
    """
    cells, done = ([cell for cell in each.cells if cell.cell_type == "code"] for each in (chapter, executed))
    if len(cells) != len(done):
        counts = f"it has {len(cells)} code cells, and its executed notebook {len(done)}"
        raise ChapterError(f"{counts}: remove that notebook, and it is executed again")
    for cell, last in zip(cells, done, strict=True):
        cell.outputs, cell.execution_count = last.outputs, last.execution_count
    chapter.metadata["mixbook"] = executed.metadata["mixbook"]
    return chapter


def write(notebook: NotebookNode, path: Path) -> bool:
    """Write a notebook unless the file says the same already; whether it did."""
    text = nbformat.writes(notebook, version=4) + "\n"
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
    return True


def refresh(path: Path, target: Path, force: bool = False) -> bool:
    """Make `target` the executed notebook of the chapter at `path`; whether that took an execution.

    Raises:
        ChapterError: if it cannot be read or its execution failed; the message names the chapter.
    """
    chapter = read(path)
    with _named(path):
        mark = stamp(code(chapter))
    if not force and stamp_of(target) == mark:
        with _named(path):
            chapter = with_outputs(chapter, nbformat.read(target, as_version=4))
        write(chapter, target)
        return False
    last = facts_of(target).get("seconds")
    executed = execute(path)
    facts = executed.metadata["mixbook"]
    # Two executions never take the same time: what was recorded stays while it is about right.
    if last and facts["seconds"] in _around(last):
        facts["seconds"] = last
    write(executed, target)
    return True
