"""Which benchmark results a page reads: noted while it executes, by a hook in its kernel.

The file is also what the kernel runs before the first cell: it stands on its own there, and leaves no name behind.
"""

import json
import os
import sys
from pathlib import Path

RESULTS = os.sep + os.path.join("book", "results") + os.sep
NOTES = "MIXBOOK_READS"  # the environment variable that names the file for the notes


def watch() -> None:
    """Append the path of each file in book/results that this process opens to the file that NOTES names."""
    notes = os.environ[NOTES]

    def hook(event: str, arguments: tuple) -> None:
        if event == "open" and isinstance(arguments[0], str | os.PathLike) and RESULTS in str(arguments[0]):
            with open(notes, "a", encoding="utf-8") as file:
                file.write(f"{arguments[0]}\n")

    sys.addaudithook(hook)


def summary(notes: Path) -> dict:
    """The experiments among the noted files, the processors and GPUs they ran on, and how many seconds they took in all."""
    read = {Path(line) for line in notes.read_text(encoding="utf-8").splitlines()} if notes.is_file() else set()
    runs = [run for path in sorted({p.with_suffix(".json") for p in read}) for run in _runs(path)]
    if not read:
        return {}
    machines = [machine for run in runs for machine in run.get("machines") or [run]]  # of a cluster, those that worked
    gpus = sorted({str(machine["device"]) for machine in machines if machine.get("device", "cpu") != "cpu"})
    return {
        "experiments": sorted({path.parent.name for path in read}),
        "processors": sorted({str(machine.get("processor") or machine.get("device")) for machine in machines}),
        **({"gpus": gpus} if gpus else {}),
        "seconds": round(sum(float(run.get("seconds", 0)) for run in runs)),
    }


def _runs(path: Path) -> list[dict]:
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("runs", [])
    except (OSError, ValueError, AttributeError):  # not the record of a run
        return []


if __name__ == "__mixbook_reads__":
    watch()
