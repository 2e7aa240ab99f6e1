"""Where results live: one tidy CSV per experiment and profile, and beside it a JSON file that says where they come from.

Both are written whole or not at all (beside the target, forced to the disk, renamed), the JSON first, so that no result is
ever without its provenance. What cannot be trusted is refused, and never overwritten.
"""

import csv
import io
import json
import math
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mixbook
from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.spec import Cell, Experiment

FORMAT = 1
COLUMNS = ("experiment", "dataset", "model", "method", "params", "trial", "seed", "metric", "value", "seconds")


class ResultsError(BenchmarkError):
    """A results file cannot be used: damaged, or made by another version, protocol or grid."""


@dataclass(frozen=True)
class Trial:
    """One trial of a cell: what was measured, and how long it took."""

    number: int
    metrics: dict[str, float]
    seconds: float


class Results:
    """The results of one experiment at one profile.

    An experiment that has sources has no files of its own: its cells are found in those of its sources whenever they are
    asked for, so the two can never disagree.

    Args:
        experiment: what was run.
        profile: how much of it.
        folder: the folder of all results, ``book/results``; smoke results go elsewhere.
    """

    def __init__(self, experiment: Experiment, profile: str, folder: Path) -> None:
        experiment.profile(profile)
        self.experiment, self.profile = experiment, profile
        self.csv = folder / experiment.name / f"{profile}.csv"
        self.json = self.csv.with_suffix(".json")
        self.sources = tuple(Results(source, profile, folder) for source in experiment.sources)

    @property
    def files(self) -> list[Path]:
        """The CSV and JSON files that hold these results, whether they exist or not."""
        return [path for source in self.sources for path in source.files] or [self.csv, self.json]

    def exists(self) -> bool:
        """Whether anything was ever written here."""
        return any(path.exists() for path in self.files)

    def identity(self) -> dict[str, Any]:
        """What results must share to stand in one file: format, version, protocol, profile and grid."""
        profile = asdict(self.experiment.profile(self.profile))
        del profile["note"], profile["stand_in"]  # words, and something that only smoke runs have
        identity = {
            "format": FORMAT,
            "mixbook": mixbook.__version__,
            "protocol": {setting.name: setting.value for setting in self.experiment.settings},
            "profile": profile,
            "cells": [str(cell) for cell in self.experiment.selected(self.profile)],
        }
        return json.loads(json.dumps(identity))  # tuples as the lists that JSON will give back

    def provenance(self) -> dict[str, Any]:
        """What the JSON file says; checked against what would be run now, except for the version of mixbook.

        Raises:
            ResultsError: if it is missing, damaged, or of another format, protocol, profile or grid.
        """
        if self.sources:
            there = [source.provenance() for source in self.sources if source.exists()]
            return {**self.identity(), "runs": [run for found in there for run in found["runs"]]}
        try:
            found = json.loads(self.json.read_text(encoding="utf-8"))
            if not isinstance(found["runs"], list):
                raise TypeError("runs must be a list")
        except FileNotFoundError:
            message = f"{self.json} is missing, and without it nobody knows where {self.csv.name} comes from"
            raise ResultsError(f"{message}. {_way_out(self)}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise ResultsError(f"{self.json} is damaged ({error}). {_way_out(self)}") from error
        now = self.identity()
        changed = _differences({k: v for k, v in found.items() if k in now}, now)
        if changed:
            raise ResultsError(f"{self.json} belongs to other results: {'; '.join(changed)}. {_way_out(self)}")
        return found

    def origin(self) -> str:
        """When, with what and on what these results were made, in a line.

        Raises:
            ResultsError: as :meth:`provenance`.
        """
        runs = self.provenance()["runs"]
        if not runs:
            return "no run yet"
        last, minutes = runs[-1], sum(run["seconds"] for run in runs) / 60
        commit = f"commit {str(last['commit'])[:8]}{' with changes' if last['dirty'] else ''}"
        machine = f"{last['processor']}, {last['jobs']} processes of {last['threads_per_trial']} thread"
        return f"{last['started'][:10]}, {commit}, torch {last['torch']}, {machine}, {minutes:.0f} min"

    def check_resumable(self) -> None:
        """Whether a run may add to what is here.

        Raises:
            ResultsError: as :meth:`load`, or if another version of mixbook made it.
        """
        for source in self.sources:
            source.check_resumable()
        self.load()
        version = self.provenance()["mixbook"] if self.exists() else mixbook.__version__
        if version != mixbook.__version__:
            message = f"{self.json} was made by mixbook {version}, and this is {mixbook.__version__}"
            raise ResultsError(f"{message}. {_way_out(self)}")

    def load(self) -> dict[Cell, list[Trial]]:
        """The finished cells with their trials; empty if there are none yet.

        Raises:
            ResultsError: as :meth:`provenance`, or if the CSV is damaged or half-written.
        """
        if not self.exists():
            return {}
        if self.sources:
            return self._derive()
        self.provenance()
        if not self.csv.exists():
            return {}
        try:
            return self._parse(self.csv.read_text(encoding="utf-8"))
        except (ValueError, KeyError, TypeError) as error:
            raise ResultsError(f"{self.csv} is damaged or cut short ({error}). {_way_out(self)}") from error

    def save(self, cells: dict[Cell, list[Trial]], runs: list[dict[str, Any]]) -> None:
        """Replace both files by these cells and runs. Every cell must be whole.

        Raises:
            ValueError: if the experiment has sources, which hold its results.
        """
        if self.sources:
            raise ValueError(f"{self.experiment.name} is read from {self._names()}: save their results instead")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        home = (self.experiment.name, self.experiment.dataset, self.experiment.model)
        for cell in self.experiment.selected(self.profile):
            for trial in cells.get(cell, []):
                for metric, value in trial.metrics.items():
                    times = (trial.number, trial.number, metric, repr(float(value)), repr(trial.seconds))
                    writer.writerow([*home, cell.method, cell.params, *times])
        _write(self.json, json.dumps({**self.identity(), "runs": runs}, indent=1) + "\n")
        _write(self.csv, text.getvalue())

    def set_aside(self) -> list[Path]:
        """Rename the files to ``*.old``, so that a run can start afresh and nothing is lost. Returns the new names."""
        return [path.replace(_free_name(path)) for path in self.files if path.exists()]

    def _derive(self) -> dict[Cell, list[Trial]]:
        found = {source.experiment.name: source.load() for source in self.sources}
        cells = {cell: self.experiment.derived(cell, found) for cell in self.experiment.selected(self.profile)}
        return {cell: trials for cell, trials in cells.items() if trials}

    def _names(self) -> str:
        return " and ".join(source.experiment.name for source in self.sources)

    def _parse(self, text: str) -> dict[Cell, list[Trial]]:
        if not text.endswith("\n"):
            raise ValueError("the last line does not end")
        reader = csv.DictReader(io.StringIO(text), strict=True)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(f"the first line must name the columns {','.join(COLUMNS)}")
        known = set(self.experiment.selected(self.profile))
        found: dict[Cell, dict[int, tuple[dict[str, float], float]]] = defaultdict(dict)
        for row in reader:
            line = f"line {reader.line_num}"
            if None in row or None in row.values():
                raise ValueError(f"{line} must have {len(COLUMNS)} columns")
            cell = Cell(row["method"], row["params"])
            if cell not in known or row["experiment"] != self.experiment.name:
                raise ValueError(f"{line} belongs to no cell of {self.experiment.name}: {row['experiment']} {cell}")
            value, seconds = float(row["value"]), float(row["seconds"])
            # NaN is what a network that diverged scores.
            if math.isinf(value) or not math.isfinite(seconds):
                raise ValueError(f"{line} holds {value} and {seconds}, which must be finite")
            metrics, _ = found[cell].setdefault(int(row["trial"]), ({}, seconds))
            if row["metric"] in metrics:
                raise ValueError(f"{line} repeats {row['metric']} of trial {row['trial']} of {cell}")
            metrics[row["metric"]] = value
        trials = {cell: [Trial(n, m, s) for n, (m, s) in sorted(by_trial.items())] for cell, by_trial in found.items()}
        for cell, runs in trials.items():
            self._check_whole(cell, runs)
        return trials

    def _check_whole(self, cell: Cell, trials: list[Trial]) -> None:
        expected = self.experiment.profile(self.profile).trials
        if [trial.number for trial in trials] != list(range(expected)):
            raise ValueError(f"{cell} must have the trials 0 to {expected - 1}, got {len(trials)}")
        if any(trial.metrics.keys() != trials[0].metrics.keys() for trial in trials):
            raise ValueError(f"{cell} must have the same metrics in every trial")


def _differences(found: Any, wanted: Any, path: str = "") -> list[str]:
    """Where two JSON values differ, in words."""
    if path == "mixbook":
        return []
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = list(dict.fromkeys([*found, *wanted]))
        return [d for key in keys for d in _differences(found.get(key), wanted.get(key), f"{path} {key}".strip())]
    return [] if found == wanted else [f"{path} is {found!r} there, {wanted!r} now"]


def _way_out(results: Results) -> str:
    return (
        f"Restore it from version control, or run `mixbook bench run {results.experiment.name} --profile {results.profile} "
        "--fresh`, which keeps the old files under another name"
    )


def _free_name(path: Path) -> Path:
    numbers: Iterable[int] = range(1, 10_000)
    names = (path.with_name(f"{path.name}.old{number}") for number in numbers)
    return next(name for name in names if not name.exists())


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise BenchmarkError(f"cannot write results to {path}: {error}. What was there before is unchanged") from error
