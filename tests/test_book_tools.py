"""The tools that make the book: what makes a chapter stale, what an execution leaves behind, and what a failure says."""

import base64
import io
import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import chapters
import contents
import nbformat
import pytest
import reads
import stamp
from contents import ROOT
from PIL import Image

HEADER = """---
jupytext:
  formats: ipynb,md:myst
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A tiny package with a lazy front door; `edit` changes a file as an editor would, between two builds."""
    files = {
        "requirements.txt": "numpy==2.4.6  # arrays\n",
        "mixbook/__init__.py": '_HOME = {"mix": "mixbook.mixing.mixer", "train": "mixbook.training"}\n',
        "mixbook/mixing/__init__.py": "",
        "mixbook/mixing/mixer.py": "from mixbook.mixing.plan import Plan\n\n\ndef mix():\n    return Plan()\n",
        "mixbook/mixing/plan.py": '"""A plan."""\n\n\nclass Plan:\n    """What is mixed."""\n\n    rows = 2  # rows\n',
        "mixbook/training/__init__.py": "from .loop import train\n",
        "mixbook/training/loop.py": "def train():\n    return 1\n",
        "mixbook/benchmarks/__init__.py": "",
        "mixbook/benchmarks/printed.csv": "1\n",
        "book/results/table.csv": "1\n",
    }
    monkeypatch.setattr(stamp, "ROOT", tmp_path)

    def edit(name: str, text: str | None = None) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[name] if text is None else text)
        for cached in vars(stamp).values():
            if hasattr(cached, "cache_clear"):
                cached.cache_clear()

    for name in files:
        edit(name)
    yield edit
    monkeypatch.undo()
    for cached in vars(stamp).values():
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()


USES_MIX = ["import mixbook as mb", "mb.mix()"]


def test_the_front_door_leads_to_the_modules_that_are_used(project):
    assert stamp.modules_used(USES_MIX) == ["mixbook.mixing", "mixbook.mixing.mixer", "mixbook.mixing.plan"]
    assert stamp.modules_used(["from mixbook import train"]) == ["mixbook.training", "mixbook.training.loop"]
    assert stamp.modules_used(["from mixbook.mixing import plan", "plan.Plan"]) == ["mixbook.mixing", "mixbook.mixing.plan"]
    assert stamp.modules_used(["import mixbook\nmixbook.mixing.plan.Plan()"]) == ["mixbook.mixing", "mixbook.mixing.plan"]
    assert stamp.modules_used(["import numpy"]) == []


@pytest.mark.parametrize(
    "name, text",
    [
        ("mixbook/mixing/plan.py", '"""Another docstring."""\nclass Plan:\n    """And here."""\n    rows = 2\n'),
        ("mixbook/training/loop.py", "def train():\n    return 2\n"),
        ("mixbook/__init__.py", '"""Docs."""\n_HOME = {"mix": "mixbook.mixing.mixer", "new": "mixbook.training.loop"}\n'),
        ("requirements.txt", "# a comment\nnumpy==2.4.6\n"),
        ("requirements.txt", "numpy==2.4.6\ncodespell==2.4.3  # lint: no output depends on it\n"),
        ("book/results/table.csv", "2\n"),
    ],
)
def test_a_stamp_does_not_change_with_what_outputs_cannot_depend_on(project, name, text):
    before = stamp.stamp(USES_MIX)
    project(name, text)
    assert stamp.stamp(USES_MIX) == before


@pytest.mark.parametrize(
    "name, text",
    [
        ("mixbook/mixing/plan.py", "class Plan:\n    rows = 3\n"),
        ("mixbook/mixing/mixer.py", "def mix():\n    return None\n"),
        ("requirements.txt", "numpy==2.4.7\n"),
    ],
)
def test_a_stamp_changes_with_the_code_and_the_pins_that_outputs_depend_on(project, name, text):
    before = stamp.stamp(USES_MIX)
    project(name, text)
    assert stamp.stamp(USES_MIX) != before


def test_a_stamp_is_of_the_code_not_of_its_text(project):
    assert stamp.stamp(["x = 1  # one", "y=2"]) == stamp.stamp(["x = 1", "y = 2"])
    assert stamp.stamp(["x = 1", "y = 2"]) != stamp.stamp(["x = 1", "y = 3"])
    assert stamp.stamp(["x = 1", "y = 2"]) != stamp.stamp(["y = 2", "x = 1"])
    assert stamp.stamp(["x = None"]) != stamp.stamp(["x = 0"])
    assert stamp.stamp(["%matplotlib inline\nx = 1"]) != stamp.stamp(["x = 1"])


def test_a_stamp_knows_which_cell_has_which_code(project):
    assert stamp.stamp(["x = 1\nprint(x)", "y = 2"]) != stamp.stamp(["x = 1", "print(x)\ny = 2"])
    assert stamp.stamp(["x = 1", "y = 2"]) != stamp.stamp(["x = 1\ny = 2"])
    assert stamp.stamp(["x = 1", "# a remark"]) != stamp.stamp(["x = 1"])
    assert stamp.stamp(["x = 1", "# a remark"]) == stamp.stamp(["x = 1", "# another"])


def test_a_page_follows_what_reads_stored_results_and_not_what_trained_for_them(project):
    table = """
TRIAL = "mixbook.benchmarks.learned:trial"
networks = Experiment(trial=TRIAL)
others = Experiment(trials="mixbook.benchmarks.learned:trials")
table = networks.read_by("mixbook.benchmarks.reading:read", derive="mixbook.benchmarks.gains:gain")
"""
    project("mixbook/benchmarks/table.py", table)
    for name in ("learned", "reading", "gains"):
        project(f"mixbook/benchmarks/{name}.py", "def read():\n    return 1\n")
    page = ["from mixbook.benchmarks import table"]
    used = stamp.modules_used(page)
    assert used == ["mixbook.benchmarks", *(f"mixbook.benchmarks.{name}" for name in ("gains", "reading", "table"))]
    before = stamp.stamp(page)
    project("mixbook/benchmarks/learned.py", "def read():\n    return 2\n")
    assert stamp.stamp(page) == before
    project("mixbook/benchmarks/reading.py", "def read():\n    return 2\n")
    assert stamp.stamp(page) != before


@pytest.mark.parametrize("name", ["book/results/table.csv", "mixbook/benchmarks/printed.csv"])
def test_a_page_that_reads_results_is_stale_when_they_change(project, name):
    page = ["from mixbook import benchmarks"]
    before = stamp.stamp(page)
    project(name, "2\n")
    assert stamp.stamp(page) != before


def test_a_new_text_keeps_the_outputs(tmp_path):
    path, target = tmp_path / "page.md", tmp_path / "page.ipynb"
    path.write_text(HEADER + "\n# One\n\n```{code-cell} ipython3\nprint(6 * 7)\n```\n")
    assert chapters.refresh(path, target)
    path.write_text(
        HEADER + "\n# Two\n\nMore.\n\n```{code-cell} ipython3\n:tags: [hide-input]\n\nprint(6 * 7)  # again\n```\n"
    )
    assert not chapters.refresh(path, target)
    notebook = nbformat.read(target, as_version=4)
    assert notebook.cells[0].source == "# Two\n\nMore."
    assert notebook.cells[1].outputs[0].text == "42\n"
    assert notebook.cells[1].metadata.tags == ["hide-input"]


def page_of(*cells: str) -> str:
    return f"{HEADER}\n# One\n" + "".join(f"\n```{{code-cell}} ipython3\n{cell}\n```\n" for cell in cells)


def test_code_that_moves_to_another_cell_takes_its_outputs_along(tmp_path):
    path, target = tmp_path / "page.md", tmp_path / "page.ipynb"
    for cells in (["x = 1\nprint(x)", "y = 2"], ["x = 1", "print(x)\ny = 2"], ["x = 1", "# next", "print(x)\ny = 2"]):
        path.write_text(page_of(*cells))
        assert chapters.refresh(path, target)
        notebook = nbformat.read(target, as_version=4)
        printed = [bool(cell.outputs) for cell in notebook.cells if cell.cell_type == "code"]
        assert printed == ["print" in cell for cell in cells]


def test_outputs_are_not_handed_out_to_another_number_of_cells(tmp_path):
    path, target = tmp_path / "page.md", tmp_path / "page.ipynb"
    path.write_text(page_of("x = 1", "print(x)"))
    chapters.refresh(path, target)
    notebook = nbformat.read(target, as_version=4)
    del notebook.cells[1]
    nbformat.write(notebook, target)
    with pytest.raises(chapters.ChapterError, match=r"page\.md: it has 2 code cells, and its executed notebook 1: remove"):
        chapters.refresh(path, target)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (page_of("x = 1", "x ="), r"page\.md: SyntaxError: invalid syntax \(code cell 2, line 1\)"),
        (HEADER.replace("ipynb,md:myst", "[ipynb"), r"page\.md: ParserError: (.|\n)*line 4"),
    ],
)
def test_a_chapter_that_cannot_be_read_is_named(tmp_path, text, said):
    path = tmp_path / "page.md"
    path.write_text(text)
    with pytest.raises(chapters.ChapterError, match=said):
        chapters.refresh(path, tmp_path / "page.ipynb")


def test_two_executions_leave_the_same_file(tmp_path):
    path, target = tmp_path / "page.md", tmp_path / "page.ipynb"
    path.write_text(HEADER + "\n# One\n\n```{code-cell} ipython3\nfor i in range(100):\n    print(i, flush=True)\n```\n")
    chapters.refresh(path, target)
    first = target.read_bytes()
    assert chapters.refresh(path, target, force=True)
    assert target.read_bytes() == first


def test_figures_are_small_and_opaque_and_glued_numbers_are_numbers(tmp_path):
    path, target = tmp_path / "page.md", tmp_path / "page.ipynb"
    plot = "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nfig.patch.set_alpha(0)\nax.plot([0, 1])"
    glue = "import numpy as np\nfrom myst_nb import glue\nglue('half', np.float64(0.5), display=False)"
    cells = "".join(f"\n```{{code-cell}} ipython3\n{cell}\n```\n" for cell in (plot, glue))
    path.write_text(f"{HEADER}\n# One\n{cells}")
    chapters.refresh(path, target)
    notebook = nbformat.read(target, as_version=4)
    assert len(notebook.cells[1].outputs) == 1, "the value of the last call is no part of a figure"
    figure = Image.open(io.BytesIO(base64.b64decode(notebook.cells[1].outputs[0].data["image/png"])))
    assert figure.mode == "P" and "transparency" not in figure.info
    assert min(figure.convert("RGB").getpixel((0, 0))) >= 253
    assert notebook.cells[2].outputs[0].data == {"application/papermill.record/text/plain": "0.5"}


def test_an_execution_notes_how_long_it_took_and_which_results_it_read(tmp_path):
    run = tmp_path / "book" / "results" / "toy" / "laptop.csv"
    run.parent.mkdir(parents=True)
    run.write_text("error\n1\n")
    run.with_suffix(".json").write_text(
        '{"runs": [{"processor": "One", "seconds": 2.4}, {"processor": "Two", "seconds": 4}]}'
    )
    path, target = tmp_path / "page.md", tmp_path / "page.ipynb"
    cell = f"from pathlib import Path\nprint(Path({str(run)!r}).read_text())\nprint('runpy' in globals())"
    path.write_text(f"{HEADER}\n# One\n\n```{{code-cell}} ipython3\n{cell}\n```\n")
    chapters.refresh(path, target)
    facts = chapters.facts_of(target)
    assert facts["loaded"] == {"experiments": ["toy"], "processors": ["One", "Two"], "seconds": 6}
    assert facts["seconds"] in chapters.STEPS[:4]
    assert nbformat.read(target, as_version=4).cells[1].outputs[0].text.endswith("False\n"), (
        "the watch leaves no name behind"
    )
    path.write_text(HEADER + "\n# One\n\n```{code-cell} ipython3\n6 * 7\n```\n")
    chapters.refresh(path, target)
    assert "loaded" not in chapters.facts_of(target)


def test_the_machines_of_what_was_read_are_those_that_worked_with_their_gpus(tmp_path):
    runs = [
        {"processor": "Head", "device": "cpu", "machines": [{"processor": "Node", "device": "Large"}], "seconds": 2},
        {"processor": "Old", "device": "Small", "seconds": 1},
        {"processor": "Old", "device": "cpu", "seconds": 1},
    ]
    (tmp_path / "laptop.json").write_text(json.dumps({"runs": runs}))
    (tmp_path / "notes").write_text(f"{tmp_path / 'laptop.csv'}\n")
    found = reads.summary(tmp_path / "notes")
    assert (found["processors"], found["gpus"], found["seconds"]) == (["Node", "Old"], ["Large", "Small"], 4)


def test_a_recorded_time_stays_while_it_is_about_right():
    assert chapters.STEPS[0] in chapters._around(chapters.STEPS[1])
    assert chapters._around(20) == (10, 20, 30)
    assert chapters._step(1e6) == chapters.STEPS[-1]


def test_a_chapter_without_a_header_is_refused(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# A page\n")
    with pytest.raises(chapters.ChapterError, match="header that names its kernel"):
        chapters.read(path)
    with pytest.raises(chapters.ChapterError, match="no such chapter"):
        chapters.read(tmp_path / "absent.md")


def test_a_part_without_pages_is_left_out():
    toc = {
        "root": "a",
        "parts": [{"caption": "1", "chapters": [{"file": "b"}]}, {"caption": "2", "chapters": [{"file": "c"}]}],
    }
    assert contents.pages(toc) == ["a", "b", "c"]
    assert contents.pages(contents.without(toc, {"b"})) == ["a", "c"]
    assert [part["caption"] for part in contents.without(toc, {"b"})["parts"]] == ["2"]


@pytest.mark.slow
def test_make_book_builds_fails_and_builds_again_without_touching_a_source(tmp_path):
    book = tmp_path / "book"
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("_ext", "_static", "_templates"):
        shutil.copytree(ROOT / "book" / folder, book / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("_config.yml", "CITATION.cff", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copy(ROOT / "book" / "references.bib", book)
    (tmp_path / "requirements.txt").write_text("numpy==2.4.6\n")
    (tmp_path / "mixbook").mkdir()
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nparts:\n- caption: Why\n  chapters:\n  - file: book/why/one.ipynb\n"
    )
    (book / "index.md").write_text("# Front\n")
    chapter = book / "why" / "one.md"
    chapter.parent.mkdir()

    def sources() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in book.rglob("*") if path.is_file()}

    def make() -> subprocess.CompletedProcess:
        before = sources()
        command = [sys.executable, str(tmp_path / "scripts" / "make_book.py"), "book"]
        done = subprocess.run(command, capture_output=True, text=True, env=None, timeout=120)
        assert {path: text for path, text in sources().items() if "__pycache__" not in path.parts} == before
        return done

    def write(line: str) -> None:
        chapter.write_text(HEADER + textwrap.dedent(f"\n# One\n\n```{{code-cell}} ipython3\n{line}\n```\n"))

    write("raise RuntimeError('out of luck')")
    failed = make()
    assert failed.returncode != 0
    assert "FAILED" in failed.stdout and "out of luck" in failed.stderr and "raise RuntimeError" in failed.stderr
    assert not (tmp_path / "_build" / "html" / "index.html").exists()

    write("print('the answer is', 6 * 7)")
    done = make()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[1/1] book/why/one" in done.stdout
    assert "the answer is 42" in (tmp_path / "_build" / "html" / "book" / "why" / "one.html").read_text()

    again = make()
    assert again.returncode == 0
    assert "up to date" in again.stdout and "nothing changed" in again.stdout


@pytest.mark.parametrize("target", ["zip", "pdf", "serve"])
def test_where_there_is_no_book_yet_make_says_how_to_make_one(tmp_path, target):
    shutil.copy(ROOT / "Makefile", tmp_path)  # a fresh clone: neither a book nor what makes it
    # Within `make test` it would also say which folder it is in.
    make = ["make", "--no-print-directory", target]
    ran = subprocess.run(make, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode != 0
    assert ran.stdout == "there is no book yet: run `make book` or `make preview` first\n"
