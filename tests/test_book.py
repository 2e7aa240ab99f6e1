"""What every chapter promises, read from its two files: in sync, executed in order, fresh, small, captioned, cited."""

import re
from itertools import pairwise
from pathlib import Path
from statistics import median

import chapters
import contents
import nbformat
import pytest
from contents import ROOT
from stamp import modules_used, stamp

from mixbook.benchmarks import executed_copy

CHAPTERS = contents.chapters()
SOURCES = sorted(path for path in (ROOT / "book").rglob("*.md") if ".ipynb_checkpoints" not in path.parts)
RESULTS = sorted((ROOT / "book" / "results").glob("*/*.csv"))
FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
LARGEST = 300_000  # bytes of one notebook, outputs included
WIDEST = 88  # characters of a line of code that a page 1280 pixels wide shows without scrolling sideways

each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
each_source = pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "book")))


def executed(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path.with_suffix(".ipynb"), as_version=4)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in executed(path).cells if cell.cell_type == "code"]


def test_the_table_of_contents_lists_every_page_once():
    listed = [contents.source(page) for page in contents.pages()]
    pairs = [path.with_suffix(".ipynb") for path in SOURCES if "kernelspec:" in path.read_text()]
    plain = [path for path in SOURCES if path.with_suffix(".ipynb") not in pairs]
    templates = [path.with_suffix(".ipynb") for path in contents.templates()]
    assert sorted(listed) == sorted(set(listed))
    assert sorted(listed + templates) == sorted(pairs + plain)


@pytest.mark.parametrize("path", CHAPTERS + contents.templates(), ids=lambda path: path.stem)
def test_a_pair_is_in_sync(path):
    def content(notebook):
        return [(cell.cell_type, cell.source, cell.metadata, cell.id) for cell in notebook.cells]

    assert content(executed(path)) == content(chapters.read(path)), "run `make notebooks`"


@each_chapter
def test_outputs_are_fresh(path):
    mark = stamp(chapters.code(chapters.read(path)))
    assert chapters.stamp_of(path.with_suffix(".ipynb")) == mark, "stale: run `make notebooks`"


@each_chapter
def test_a_chapter_was_executed_from_top_to_bottom_without_an_error(path):
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output.text for output in outputs if output.get("name") == "stderr"], "a warning on the page"


@each_chapter
def test_a_notebook_is_small_and_says_nothing_about_the_machine_it_ran_on(path):
    text = path.with_suffix(".ipynb").read_text()
    assert len(text.encode()) <= LARGEST
    assert not re.findall(r"/(?:home|root|Users|tmp|work)/[\w.-]+", text)
    assert not {"papermill", "execution", "ExecuteTime"} & {key for cell in executed(path).cells for key in cell.metadata}


@each_chapter
def test_every_figure_has_a_caption_and_alternative_text(path):
    for cell in code_cells(path):
        figures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        assert len(figures) <= 1, f"one figure a cell, or one caption serves two:\n{cell.source}"
        assert not [output for output in cell.outputs if "image/svg+xml" in output.get("data", {})]
        if figures:
            settings = cell.metadata.get("mystnb", {})
            assert len(settings.get("image", {}).get("alt", "")) >= 20, f"alt text missing:\n{cell.source}"
            assert settings.get("figure", {}).get("caption"), f"caption missing:\n{cell.source}"


@each_chapter
def test_the_cells_that_a_reader_sees_are_short(path):
    lengths = [
        len([line for line in cell.source.splitlines() if line.strip() and not line.lstrip().startswith("#")])
        for cell in code_cells(path)
        if not FOLDED & set(cell.metadata.get("tags", []))
    ] or [0]
    assert median(lengths) <= 6
    assert max(lengths) <= 25


def shown_lines(path: Path) -> list[str]:
    """Lines of code on a page: of its cells that are not folded, and of code that is shown and not executed."""
    text = path.read_text()
    cells = chapters.read(path).cells if "kernelspec:" in text else []
    code = [cell.source for cell in cells if cell.cell_type == "code" and not FOLDED & set(cell.metadata.get("tags", []))]
    fences = re.findall(r"^(```+)(.*)\n((?:.*\n)*?)\1 *$", text, re.MULTILINE)
    code += [block for _, kind, block in fences if kind.startswith("{code-block}") or not kind.startswith("{")]
    return [line for block in code for line in block.splitlines()]


@each_source
def test_no_line_of_code_on_a_page_has_to_be_scrolled(path):
    assert not [line for line in shown_lines(path) if len(line) > WIDEST]


@each_chapter
def test_every_exercise_has_a_solution(path):
    text = path.read_text()
    exercises = re.findall(r"\{exercise(?:-start)?\}.*\n:label: (\S+)", text)
    solved = re.findall(r"\{solution(?:-start)?\} (\S+)", text)
    assert sorted(exercises) == sorted(solved)


def cited(path: Path) -> set[str]:
    return {key.strip() for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", path.read_text()) for key in keys.split(",")}


def bibliography() -> set[str]:
    return set(re.findall(r"^@\w+\{([^,]+),", (ROOT / "book" / "references.bib").read_text(), re.MULTILINE))


@each_source
def test_every_citation_is_in_the_bibliography(path):
    assert cited(path) <= bibliography(), f"not in references.bib: {sorted(cited(path) - bibliography())}"


def test_everything_in_the_bibliography_is_cited_on_a_page():
    unused = bibliography() - set().union(*map(cited, SOURCES))
    assert not unused, f"cited nowhere: {sorted(unused)}"


@each_source
def test_nothing_is_left_to_write(path):
    assert not re.findall(r"\b(?:TODO|FIXME|XXX|TBD|[Ll]orem ipsum)\b", path.read_text())


@each_source
def test_headings_descend_one_step_at_a_time(path):
    prose = re.sub(r"^(```+|:::+).*?^\1", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    levels = [len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)]
    assert levels[:1] == [1] and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("path", contents.templates(), ids=lambda path: path.stem)
def test_a_benchmark_notebook_has_one_cell_of_parameters_and_no_outputs(path):
    notebook = executed(path)
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in notebook.cells) == 1
    assert not [cell for cell in notebook.cells if cell.get("outputs")]


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_results_have_the_executed_notebook_of_their_run_beside_them(path):
    text = path.with_suffix(".ipynb").read_text()
    assert len(text.encode()) <= executed_copy.LIMIT
    assert not re.findall(r"/(?:home|root|Users|tmp|work)/[\w.-]+", text)
    given = [cell.source for cell in executed(path).cells if "injected-parameters" in cell.metadata.get("tags", [])]
    assert len(given) == 1 and f'"{path.parent.name}"' in given[0] and f'"{path.stem}"' in given[0]


def test_a_chapter_counts_only_the_modules_that_it_uses():
    used = modules_used(["import mixbook as mb\nmb.RandomPairing()"])
    assert "mixbook.mixing.pairing" in used
    assert not [
        name for name in used if name.startswith(("mixbook.training", "mixbook.benchmarks", "mixbook.mixing.place"))
    ]
