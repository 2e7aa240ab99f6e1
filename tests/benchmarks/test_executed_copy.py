"""The executed notebook that stays with the results: what it found, nothing of the machine, and never large."""

import json

import nbformat
import pytest

from mixbook.benchmarks import BenchmarkError, executed_copy


@pytest.fixture
def executed(tmp_path):
    """A notebook as papermill leaves it, with a small and a large output."""
    cells = [nbformat.v4.new_code_cell(f"cell {n}", outputs=[output(n * "x")]) for n in (10, 50_000)]
    for cell in cells:
        cell.metadata |= {"tags": ["kept"], "papermill": {"duration": 1.5}, "execution": {"iopub.execute_input": "now"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"papermill": {"input_path": "/home/somebody/table.ipynb"}})
    path = tmp_path / "executed.ipynb"
    nbformat.write(notebook, path)
    return path


def output(text):
    return nbformat.v4.new_output("stream", text=text)


def test_the_copy_is_a_notebook_with_its_outputs_and_without_the_machine(executed, tmp_path):
    target = tmp_path / "results" / "laptop.ipynb"
    executed_copy.keep(executed, target)
    copy = nbformat.read(target, as_version=4)
    nbformat.validate(copy)
    assert [cell.outputs for cell in copy.cells] == [cell.outputs for cell in nbformat.read(executed, as_version=4).cells]
    assert "somebody" not in target.read_text() and "papermill" not in target.read_text()
    assert all(cell.metadata == {"tags": ["kept"]} for cell in copy.cells)


def test_the_largest_outputs_go_first_when_it_is_too_large(executed, tmp_path, monkeypatch):
    monkeypatch.setattr(executed_copy, "LIMIT", 5_000)
    target = tmp_path / "laptop.ipynb"
    executed_copy.keep(executed, target)
    small, large = json.loads(target.read_text())["cells"]
    assert "xxx" in str(small["outputs"]) and "left out" in str(large["outputs"])
    assert target.stat().st_size <= 5_000


def test_a_full_disk_is_said_with_where_the_notebook_is(executed, tmp_path, monkeypatch):
    def full(path, text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(executed_copy, "write_whole", full)
    with pytest.raises(BenchmarkError, match=r"laptop\.ipynb .*No space left.*results are saved.*executed\.ipynb"):
        executed_copy.keep(executed, tmp_path / "laptop.ipynb")
