"""Trials as tidy text: one line for each metric of each trial, in a CSV that any tool reads."""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from mixbook.benchmarks.spec import Cell, Experiment

COLUMNS = ("experiment", "dataset", "model", "method", "params", "trial", "seed", "metric", "value", "seconds")


@dataclass(frozen=True)
class Trial:
    """One trial of a cell: what was measured, and how long it took.

    Example:
        >>> from mixbook.benchmarks.tidy import Trial
        >>> Trial(0, {"error": 4.0}, seconds=1.5).metrics["error"]
        4.0
    """

    number: int
    metrics: dict[str, float]
    seconds: float


Trials = dict[Cell, list[Trial]]
_Found = defaultdict[Cell, dict[int, tuple[dict[str, float], float]]]


def pairs(ours: Sequence[Trial], theirs: Sequence[Trial]) -> list[tuple[Trial, Trial]]:
    """Trials of two cells that share a number, and so data and initial weights; either may lack one that the other has."""
    others = {trial.number: trial for trial in theirs}
    return [(trial, others[trial.number]) for trial in ours if trial.number in others]


def by_number(trials: Sequence[Trial], metric: str) -> dict[int, float]:
    """A metric of those trials that have it, by the number of the trial."""
    return {trial.number: trial.metrics[metric] for trial in trials if metric in trial.metrics}


def learned(trials: Sequence[Trial]) -> list[Trial]:
    """Trials whose network left guessing (``stuck`` in their metrics is not 1).

    Where none did, trials without a number: the cell has been run, and says nothing.
    """
    found = [trial for trial in trials if trial.metrics.get("stuck") != 1]
    return found or [replace(trial, metrics=dict.fromkeys(trial.metrics, math.nan)) for trial in trials]


def as_text(experiment: Experiment, cells: Sequence[Cell], trials: Mapping[Cell, Sequence[Trial]]) -> str:
    """The trials of ``cells``, in this order, as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    home = (experiment.name, experiment.dataset, experiment.model)
    for cell in cells:
        for trial in trials.get(cell, []):
            for metric, value in trial.metrics.items():
                times = (trial.number, trial.number, metric, repr(float(value)), repr(trial.seconds))
                writer.writerow([*home, cell.method, cell.params, *times])
    return text.getvalue()


def parse(text: str, experiment: Experiment, cells: Sequence[Cell], trials: int, *, whole: bool) -> Trials:
    """The trials in a CSV.

    Args:
        text: what :func:`as_text` made.
        experiment: whose trials they must be.
        cells: the cells that they may belong to.
        trials: how many a cell has when it is whole.
        whole: whether every cell must be.

    Raises:
        ValueError: if the text is cut short or holds anything else; the message names the line or the cell.
        KeyError, TypeError: if it is damaged in other ways.
    """
    if not text.endswith("\n"):
        raise ValueError("the last line does not end")
    known = set(cells)
    found: _Found = defaultdict(dict)
    for line, row in _rows(text):
        _add(line, row, experiment, known, found)
    parsed = {cell: _trials_of(by_trial) for cell, by_trial in found.items()}
    for cell, of_cell in parsed.items():
        _check(cell, of_cell, trials, whole)
    return parsed


def salvage(
    text: str, experiment: Experiment, cells: Sequence[Cell], trials: int, *, whole: bool
) -> tuple[Trials, list[Cell]]:
    """The sound cells of a CSV that :func:`parse` refuses, and those that it holds but that are not.

    A line that cannot be read may have been one of the cell before it, or of the one after it: neither is sound. For the
    arguments see :func:`parse`. Without its first line nothing says what the columns are, and nothing is sound.
    """
    head, *lines = text.split("\n")
    if tuple(head.split(",")) != COLUMNS:
        return {}, []
    known, found, suspect, before, broken = set(cells), _Found(dict), set[Cell](), None, False
    # Even if the last one can be read, its number may have had more digits where it was cut.
    for line in [*lines[:-1], *([""] if lines and lines[-1] else [])]:
        row = None
        try:
            row = _row(line)
            cell = _add("a line", row, experiment, known, found)
        except (ValueError, KeyError, TypeError):
            broken = True
            suspect |= {before} if before else set()
            suspect |= {Cell(row["method"], row["params"])} if row else set()  # whose line may be there twice
            continue
        suspect |= {cell} if broken else set()
        before, broken = cell, False
    sound = {}
    for cell, by_trial in found.items():
        of_cell = _trials_of(by_trial)
        with suppress(ValueError):
            _check(cell, of_cell, trials, whole)
            sound.update({} if cell in suspect else {cell: of_cell})
    return sound, [cell for cell in found if cell not in sound]


def _row(line: str) -> dict[str, str]:
    """A line by the names of its columns.

    Raises:
        ValueError: if it is none of a CSV, or bytes in it were no text.
    """
    try:
        row = next(csv.DictReader([line], COLUMNS, strict=True), None)
    except csv.Error as error:
        raise ValueError(error) from error
    if row is None or not line.isprintable() or "\ufffd" in line:
        raise ValueError("no row")
    return row


def _add(line: str, row: dict[str, str], experiment: Experiment, known: Collection[Cell], found: _Found) -> Cell:
    """Put a row where it belongs, and return the cell.

    Raises:
        ValueError: if it is not of the experiment, or holds what cannot be; the message names the ``line``.
    """
    if None in row or None in row.values():
        raise ValueError(f"{line} must have {len(COLUMNS)} columns")
    cell = Cell(row["method"], row["params"])
    if cell not in known or row["experiment"] != experiment.name:
        raise ValueError(f"{line} belongs to no cell of {experiment.name}: {row['experiment']} {cell}")
    if (row["dataset"], row["model"]) != (experiment.dataset, experiment.model):
        where = f"{experiment.dataset} and {experiment.model}"
        raise ValueError(f"{line} must be of {where}, got {row['dataset']} and {row['model']}")
    if row["seed"] != row["trial"]:
        raise ValueError(f"{line} must have the number of its trial as its seed, got {row['trial']} and {row['seed']}")
    number, value, seconds = int(row["trial"]), float(row["value"]), float(row["seconds"])
    # NaN is what a network that diverged scores.
    if math.isinf(value) or not math.isfinite(seconds):
        raise ValueError(f"{line} holds {value} and {seconds}, which must be finite")
    metrics, _ = found[cell].setdefault(number, ({}, seconds))
    if row["metric"] in metrics:
        raise ValueError(f"{line} repeats {row['metric']} of trial {row['trial']} of {cell}")
    metrics[row["metric"]] = value
    return cell


def _trials_of(by_trial: dict[int, tuple[dict[str, float], float]]) -> list[Trial]:
    return [Trial(number, metrics, seconds) for number, (metrics, seconds) in sorted(by_trial.items())]


def _rows(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows by the names of their columns, each with the words for its line, from 1."""
    reader, number = csv.DictReader(io.StringIO(text), strict=True), 0
    try:
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(f"the first line must name the columns {','.join(COLUMNS)}")
        number = reader.line_num
        for row in reader:
            yield f"line {reader.line_num}", row
            number = reader.line_num
    except csv.Error as error:  # a quote that is left open takes all lines after it
        raise ValueError(f"line {number + 1} is no row of a CSV file ({error})") from None


def _check(cell: Cell, trials: Sequence[Trial], expected: int, whole: bool) -> None:
    numbers = [trial.number for trial in trials]
    if whole and numbers != list(range(expected)):
        raise ValueError(f"{cell} must have the trials 0 to {expected - 1}, got {len(trials)}")
    if not set(numbers) <= set(range(expected)):
        raise ValueError(f"{cell} may have the trials 0 to {expected - 1}, got {numbers}")
    if any(trial.metrics.keys() != trials[0].metrics.keys() for trial in trials):
        raise ValueError(f"{cell} must have the same metrics in every trial")
