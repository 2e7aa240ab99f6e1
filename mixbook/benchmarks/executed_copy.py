"""The executed notebook of a run, kept with its results: small, and with nothing in it of the machine's own."""

import json
from pathlib import Path

from mixbook.benchmarks import BenchmarkError
from mixbook.whole_file import write_whole

LIMIT = 200_000  # bytes; more than that is figures, which the page of the table has


def keep(executed: Path, target: Path) -> None:
    """Copy an executed notebook, without paths and times of this machine and without outputs that make it too large.

    Args:
        executed: what papermill wrote.
        target: where the copy goes, whole or not at all. Above ``LIMIT`` bytes the largest outputs become a remark.

    Raises:
        BenchmarkError: if it cannot be written, as on a full disk.
    """
    notebook = json.loads(executed.read_text(encoding="utf-8"))
    notebook["metadata"].pop("papermill", None)
    for cell in notebook["cells"]:
        for name in ("papermill", "execution"):
            cell["metadata"].pop(name, None)
    text = _text(notebook)
    outputs = [cell for cell in notebook["cells"] if cell.get("outputs")]
    for cell in sorted(outputs, key=lambda cell: len(json.dumps(cell["outputs"])), reverse=True):
        if len(text.encode()) <= LIMIT:
            break
        cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": ["left out: too large to keep\n"]}]
        text = _text(notebook)
    try:
        write_whole(target, text)
    except OSError as error:
        message = f"the executed notebook could not be kept as {target} ({error})"
        raise BenchmarkError(f"{message}. The results are saved, and the notebook is {executed}") from error


def _text(notebook: dict) -> str:
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
