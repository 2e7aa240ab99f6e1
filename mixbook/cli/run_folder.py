"""The folder of a run of ``mixbook train``: ``job.json`` says what is trained, ``result.json`` what came of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from mixbook.benchmarks import BenchmarkError
from mixbook.cli.valid_json import dumps
from mixbook.training.trained import FILES, file_digest, job_of
from mixbook.whole_file import write_whole

if TYPE_CHECKING:
    from mixbook.training.job import Job

LOCK = ".lock"


def write(folder: Path, name: str, content: dict[str, Any]) -> None:
    """Write one of the two files, whole or not at all.

    Raises:
        OSError: if it cannot be written.
    """
    write_whole(folder / name, dumps(content) + "\n")


def describe(folder: Path, job: "Job", *, fresh: bool = False) -> None:
    """Write ``job.json`` as a run begins.

    The checkpoint that a fresh run will replace is there until it does, so the file says of it too what it is of: whatever
    ends the run before, also a kill, the earlier one can go on and be evaluated.

    Raises:
        OSError: if it cannot be written.
    """
    content, checkpoint = job.as_dict(), folder / "checkpoint.pt"
    if fresh and checkpoint.is_file():
        content["replaces"] = {"checkpoint": file_digest(checkpoint), "job": None}
        with suppress(ValueError):  # nothing says it
            content["replaces"]["job"] = job_of(folder).as_dict()
    write(folder, "job.json", content)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Within it no other run can be in the folder; of several processes one asks for it.

    If there is no folder, it is made, and is gone again if nothing was written there.

    Raises:
        BenchmarkError: if another run is at work there.
        OSError: if nothing can be written there.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BenchmarkError(
            f"another run is at work in {folder}: give another folder with --out, or wait until it is done"
        ) from None
    try:
        yield
    finally:
        with suppress(OSError):  # somebody else may have come
            if made and set(os.listdir(folder)) <= {LOCK}:
                (folder / LOCK).unlink(missing_ok=True)
                for each in made:
                    each.rmdir()
        lock.release()


@contextmanager
def put_back(folder: Path, *, fresh: bool = False) -> Iterator[None]:
    """If this ends early and no checkpoint was written, ``job.json`` is as it was: it describes the old checkpoint.

    If one was, and the run is a fresh one, ``result.json`` is of the one before: it becomes ``result.json.old``. For one
    process; of several the one that writes.
    """
    job, checkpoint = folder / "job.json", folder / "checkpoint.pt"
    before, age = job.read_bytes() if job.is_file() else None, _age(checkpoint)
    try:
        yield
    except BaseException:  # a Ctrl-C too
        if _age(checkpoint) == age and before is not None:
            write_whole(job, before.decode())
        elif _age(checkpoint) == age:
            job.unlink(missing_ok=True)
        elif fresh and (result := folder / "result.json").exists():
            result.replace(folder / "result.json.old")
        raise


def _age(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None


def says_job(folder: Path) -> bool:
    """Whether there is a file that says what was trained."""
    return any((folder / name).is_file() for name in FILES)


def check_same_job(folder: Path, job: "Job") -> None:
    """Refuse to go on with another job than the one that was begun in a folder; it may have more epochs.

    Raises:
        BenchmarkError: if anything else differs.
        ValueError: if what was begun cannot be read.
    """
    from mixbook.training.checkpoint import differences

    before, now = ({**each.pop("mixing"), **each} for each in (job_of(folder).as_dict(), job.as_dict()))
    if changed := differences(before, now):
        raise BenchmarkError(
            f"{folder} holds another run ({'; '.join(changed)}): give another folder with --out, or --fresh to start again "
            "and replace it"
        )
