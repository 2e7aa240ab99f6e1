"""Where results live: one tidy CSV per experiment and profile, and beside it a JSON file that says where they come from.

The CSV holds whole cells only, with all trials of the profile. Trials of cells that are not whole yet lie in a second CSV,
``*.begun.csv``, until they are. All files are written whole or not at all (:mod:`mixbook.whole_file`), the JSON first, so
that no result is ever without its provenance; and by one process at a time. What cannot be trusted is refused, and never
overwritten.

A run that is killed between two files leaves cells that the JSON names and no CSV has. A CSV that somebody cut looks the
same: it is no error, but said. The next run takes their names out; its ``trials`` may still count some that were lost so.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

import mixbook
from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.spec import Cell, Experiment
from mixbook.benchmarks.tidy import Trial, Trials, as_text, parse, salvage
from mixbook.whole_file import write_whole

FORMAT = 1
_OF_A_RUN = ("started", "commit", "dirty", "torch", "jobs", "threads_per_trial")
_OF_A_MACHINE = ("processor", "device")


__all__ = [
    "DamagedResults",
    "Results",
    "ResultsError",
    "ResultsInUse",
    "Trial",
    "Trials",
    "duration",
    "precisions",
    "skipping",
]


class ResultsError(BenchmarkError):
    """A results file cannot be used: damaged, or made by another version, protocol or grid."""


class DamagedResults(ResultsError):
    """A results file is damaged or missing: what it held has to be run again."""


class ResultsInUse(BenchmarkError):
    """Another process is writing these results."""


@dataclass(frozen=True)
class _Aside:
    """The new name of a damaged file, what there is to say of it, and the cells that this names."""

    path: Path
    said: str
    again: tuple[str, ...] = ()


_unusable: ContextVar[list[str] | None] = ContextVar("unusable", default=None)  # collects why, within `skipping`


@contextmanager
def skipping() -> Iterator[list[str]]:
    """Within it :class:`Results` that cannot be used count as not there. Gives a list that collects why.

    Example:
        >>> from mixbook.benchmarks.results import skipping
        >>> with skipping() as unusable:
        ...     pass  # read results of many experiments
        >>> unusable
        []
    """
    why: list[str] = []
    before = _unusable.set(why)
    try:
        yield why
    finally:
        _unusable.reset(before)


class Results:
    """The results of one experiment at one profile.

    An experiment that has sources has no files of its own: its cells are found in those of its sources whenever they are
    asked for, so the two can never disagree.

    Args:
        experiment: what was run.
        profile: how much of it.
        folder: the folder of all results, ``book/results``; smoke results go elsewhere.

    Example:
        >>> from pathlib import Path
        >>> from mixbook.benchmarks.experiments import get_experiment
        >>> from mixbook.benchmarks.results import Results
        >>> results = Results(get_experiment("kmixup-tmlr-table5-iris"), "laptop", Path("nowhere"))
        >>> results.exists(), results.load()
        (False, {})
    """

    def __init__(self, experiment: Experiment, profile: str, folder: Path) -> None:
        experiment.profile(profile)
        self.experiment, self.profile = experiment, profile
        self.csv = folder / experiment.name / f"{profile}.csv"
        self.json = self.csv.with_suffix(".json")
        self.begun_csv = self.csv.with_suffix(".begun.csv")
        self.sources = tuple(Results(source, profile, folder) for source in experiment.sources)

    @property
    def files(self) -> list[Path]:
        """The files that hold these results, whether they exist or not: CSV, JSON, and the CSV of cells that are begun."""
        return [path for source in self.sources for path in source.files] or [self.csv, self.json, self.begun_csv]

    def exists(self) -> bool:
        """Whether anything was ever written here."""
        return any(map(_is_there, self.files))

    def identity(self) -> dict[str, Any]:
        """What results must share to stand in one file: format, version, protocol, profile and grid."""
        profile = asdict(self.experiment.profile(self.profile))
        del profile["note"], profile["stand_in"]  # words, and something that only smoke runs have
        identity = {
            "format": FORMAT,
            "mixbook": mixbook.__version__,
            "protocol": dict(self.experiment.values),
            "profile": profile,
            "cells": [str(cell) for cell in self.experiment.selected(self.profile)],
        }
        return json.loads(json.dumps(identity))  # tuples as the lists that JSON will give back

    def provenance(self) -> dict[str, Any]:
        """What the JSON file says; checked against what would be run now, except for the version of mixbook.

        Fewer trials than the profile has by now are no contradiction: :meth:`extend` takes them up.

        Raises:
            DamagedResults: if it is missing or damaged.
            ResultsError: if it is of another format, protocol, profile or grid.
        """
        if self.sources:
            there = [source.provenance() for source in self.sources if source.exists()]
            return {**self.identity(), "runs": [run for found in there for run in found["runs"]]}
        try:
            found = json.loads(self.json.read_text(encoding="utf-8"))
            if not (isinstance(found["runs"], list) and isinstance(found["mixbook"], str)):
                raise TypeError("it must name the version of mixbook and list the runs")
            for each in found["runs"]:
                _check_run(each)
        except FileNotFoundError:
            message = f"{self.json} is missing, and without it nobody knows where {self.csv.name} comes from"
            raise DamagedResults(f"{message}. {_way_out(self)}") from None
        except OSError as error:
            raise _unreadable(self.json, error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedResults(f"{self.json} is damaged ({error}). {_way_out(self)}") from error
        now = self.identity()
        if 0 < _trials(found) < _trials(now):
            now["profile"]["trials"] = _trials(found)
        changed = _differences({k: v for k, v in found.items() if k in now}, now)
        if changed:
            raise ResultsError(f"{self.json} belongs to other results: {'; '.join(changed)}. {_anew(self)}")
        return found

    def origin(self) -> str:
        """When, with what and on what these results were made, in a line: devices and time of all runs.

        Raises:
            ResultsError: as :meth:`provenance`.
        """
        runs = self.provenance()["runs"]
        if not runs:
            return "no run yet"
        last, took = runs[-1], duration(sum(run["seconds"] for run in runs))
        commit = f"commit {str(last['commit'])[:8]}{' with changes' if last['dirty'] else ''}"
        processes = "1 process" if last["jobs"] == 1 else f"{last['jobs']} processes"
        machines = [machine for run in runs for machine in _machines(run)]
        devices = dict.fromkeys(each["processor"] if each["device"] == "cpu" else each["device"] for each in machines)
        machine = f"{' and '.join(devices)}, {processes} of {last['threads_per_trial']} thread"
        if last.get("on", "here") != "here":
            machine = f"by {last['on']} on {' and '.join(devices)}"
        used = precisions(runs)
        if len(used) > 1 or (used and all("precision" in each for each in machines)):
            machine += f", products in {' and '.join(used)}"
        return f"{last['started'][:10]}, {commit}, torch {last['torch']}, {machine}, {took}"

    def how_made(self) -> str:
        """For a page: the command that makes these results, how much of the paper's run it is, and their :meth:`origin`.

        Raises:
            ResultsError: as :meth:`provenance`.

        Example:
            >>> from pathlib import Path
            >>> from mixbook.benchmarks.experiments import get_experiment
            >>> from mixbook.benchmarks.results import Results
            >>> print(Results(get_experiment("kmixup-tmlr-table5-iris"), "laptop", Path("nowhere")).how_made())
            `mixbook bench run kmixup-tmlr-table5-iris --profile laptop`: the paper's 20 trials at full length. Not run yet
        """
        made = self.origin() if self.exists() else "Not run yet"
        return f"`{_command(self)}`: {self.experiment.profile(self.profile).note}. {made}"

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
            raise ResultsError(f"{message}. {_anew(self)}")

    def load(self) -> Trials:
        """The finished cells with all the trials of their run; empty if there are none yet.

        Raises:
            DamagedResults: if the JSON file is missing, or a file is damaged or half-written.
            ResultsError: as :meth:`provenance`.
        """
        if self.sources:
            return self._derive({s.experiment.name: s.load() for s in self.sources}) if self.exists() else {}
        return _or_skipped(lambda: self._read(self.csv, whole=True) if self.exists() else {})

    def begun(self) -> Trials:
        """The trials of cells that have some, but not all that they should.

        Raises:
            ResultsError: as :meth:`load`.
        """
        if not any(_is_there(path) for path in self.files if path.name.endswith(".begun.csv")):
            return {}
        finished = self.load()
        if self.sources:
            found = self._derive({s.experiment.name: {**s.load(), **s.begun()} for s in self.sources})
        else:
            found = _or_skipped(lambda: self._read(self.begun_csv, whole=False))
        # A run that was killed between writing the two files leaves trials of a finished cell here.
        return {cell: trials for cell, trials in found.items() if cell not in finished}

    def lost(self) -> list[str]:
        """Cells that runs say they have finished, and that neither CSV has.

        Raises:
            ResultsError: as :meth:`load`.
        """
        return [str(cell) for home in self._homes() for cell in home._lost()]

    def _lost(self) -> list[Cell]:
        if not self.exists():
            return []
        named, there = _named(self.provenance()["runs"]), {**self.load(), **self.begun()}
        return [c for c in self.experiment.selected(self.profile) if str(c) in named and c not in there]

    def save(self, cells: Trials, runs: list[dict[str, Any]], begun: Trials | None = None) -> None:
        """Replace all files by these cells, which must be whole, by these runs, and by the trials of cells that are begun.

        Raises:
            ValueError: if the experiment has sources, which hold its results.
        """
        if self.sources:
            raise ValueError(f"{self.experiment.name} is read from {self._names()}: save their results instead")
        selected = self.experiment.selected(self.profile)
        if not _is_there(self.csv):  # first without a cell: a JSON that names some and has no CSV is damage
            if not _is_there(self.json):
                _write(self.json, self._origins([]))
            _write(self.csv, as_text(self.experiment, selected, {}))
        _write(self.json, self._origins(runs))
        _write(self.csv, as_text(self.experiment, selected, cells))
        if begun:
            _write(self.begun_csv, as_text(self.experiment, selected, begun))
        else:
            self.begun_csv.unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Nobody else may write these results meanwhile. The system lets go of it if this process is killed.

        Where they are read from others, nobody may write these.

        Raises:
            ResultsInUse: if another process does.
        """
        with ExitStack() as locks:
            for home in sorted(self._homes(), key=lambda each: each.experiment.name):
                locks.enter_context(home._lock_files())
            yield

    def _homes(self) -> list["Results"]:
        """The results that have files, each once: these, or those that they are read from."""
        found = {home.csv: home for source in self.sources for home in source._homes()}
        return list(found.values()) or [self]

    @contextmanager
    def _lock_files(self) -> Iterator[None]:
        # Where the CSV is a link, what it leads to is written, and others may get there by links of theirs.
        path = (self.csv.resolve() if _is_there(self.csv) else self.csv).with_suffix(".lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path)
            lock.acquire(timeout=0)
        except Timeout:
            raise ResultsInUse(
                f"another process is running {self.experiment.name} --profile {self.profile} and writes its results, "
                f"{self.csv}. Wait until it is done, or stop it: what it has finished is kept"
            ) from None
        except OSError as error:
            raise BenchmarkError(f"cannot write results to {path.parent}: {error}") from error
        try:
            yield
        finally:
            lock.release()

    def recover(self) -> list[Path]:
        """Set damaged files aside as ``*.corrupt``, so that what they held is run again and nothing is lost.

        The sound cells of a damaged CSV are written anew. If it has none, or the JSON file is damaged, all files go, for
        none is of use without the others. A CSV that lacks only its JSON file becomes ``*.old``: it is whole, but nobody
        knows by which protocol it was made.

        Returns:
            The new names; none if all is well.

        Raises:
            ResultsError: if the files are whole but belong to other results.
        """
        return [aside.path for aside in self._recovered()]

    def _recovered(self) -> list[_Aside]:
        """As :meth:`recover`, each new name with what there is to say."""
        if self.sources:
            return [aside for source in self.sources for aside in source._recovered()]
        try:
            self.load()
        except DamagedResults:
            if not (said := self._mended(self.csv, whole=True)):
                orphans = self._orphans()
                there = [path for path in self.files if _is_there(path)]
                return [self._moved(path, orphan=path in orphans) for path in there]
        else:
            said = []
        try:
            self.begun()
        except DamagedResults:
            said += self._mended(self.begun_csv, whole=False) or [self._moved(self.begun_csv)]
        return said

    def _mended(self, path: Path, *, whole: bool) -> list[_Aside]:
        """Keep the sound cells of a damaged CSV; nothing is done if it has none, or if nothing says how it was made.

        It is copied aside, and the new one takes its place: whatever stops this, the JSON file is never without its CSV.
        """
        try:
            trials = _trials(self.provenance() if whole else self.identity())
        except DamagedResults:
            return []
        if not _is_there(path):
            return []
        selected = self.experiment.selected(self.profile)
        text = path.read_text(encoding="utf-8", errors="replace")
        sound, others = salvage(text, self.experiment, selected, trials, whole=whole)
        if not sound:
            return []
        aside = _free_name(path, "corrupt")
        try:
            aside.write_bytes(path.read_bytes())
        except OSError as error:
            raise ResultsError(f"cannot copy {path} to {aside.name} ({error.strerror or error}): it is damaged") from error
        _write(path, as_text(self.experiment, selected, sound))
        again = tuple(map(str, others))
        kept = f"damaged results were set aside as {aside}: {len(sound)} cells of it are sound and kept"
        return [_Aside(aside, f"{kept}, {', '.join(again) or 'what is missing'} run again", again)]

    def _moved(self, path: Path, *, orphan: bool = False) -> _Aside:
        """The new name of a file that is set aside as it is, and what there is to say."""
        aside = _rename(path, "old" if orphan else "corrupt")
        if not orphan:
            return _Aside(aside, f"damaged results were set aside as {aside}: what they held is run again")
        return _Aside(
            aside,
            f"{path.name} is whole, but {self.json.name}, which says how it was made, is missing or damaged: it was set "
            f"aside as {aside}, and what it holds is run again. To use it instead, restore {self.json.name} from version "
            f"control and rename {aside.name} to {path.name}",
        )

    def _orphans(self) -> list[Path]:
        """The CSV files that can be read, if the JSON file cannot."""
        try:
            self.provenance()
        except DamagedResults:
            found = []
            for path in (self.csv, self.begun_csv):
                with suppress(DamagedResults):
                    self._parse(path, _trials(self.identity()), whole=False)
                    found.append(path)
            return found
        return []

    def extend(self) -> int:
        """Call cells begun that have fewer trials than the profile asks for by now, so that a run adds what they lack.

        Trials depend on their own number alone, so those that are there are the first of the larger run. Nothing is lost if
        this is stopped between two files: the file of begun cells comes first, and what stands in both counts once.

        Returns:
            How many cells that were.

        Raises:
            ResultsError: as :meth:`load`.
        """
        if self.sources:
            return sum(source.extend() for source in self.sources)
        if not self.exists() or _trials(self.provenance()) == _trials(self.identity()):
            return 0
        runs, short, selected = self.provenance()["runs"], self.load(), self.experiment.selected(self.profile)
        _write(self.begun_csv, as_text(self.experiment, selected, {**self.begun(), **short}))
        _write(self.csv, as_text(self.experiment, selected, {}))
        _write(self.json, self._origins(runs))
        return len(short)

    def make_ready(self, report: Callable[[str], object]) -> None:
        """Before a run: :meth:`recover`, :meth:`check_resumable` and :meth:`extend`, a line for each thing that was found.

        Raises:
            ResultsError: if what is there cannot be continued.
        """
        for aside in (damaged := self._recovered()):
            report(aside.said)
        self.check_resumable()
        if short := self.extend():
            report(f"{short} cells get more trials: those that they have are kept")
        for home in self._homes():
            lost = home.lost()
            if new := [cell for cell in lost if not any(cell in aside.again for aside in damaged)]:
                report(
                    f"{home.json} names what {home.csv.name} does not hold: {_some(new)}. A run was killed as it saved, "
                    "or the file was cut; what is missing is run again"
                )
            if lost:
                home._forget(lost)

    def _forget(self, cells: list[str]) -> None:
        """Let no run say any more that it has finished these cells."""
        runs = self.provenance()["runs"]
        for run in (run for run in runs if "cells" in run):
            run["cells"] = [each for each in run["cells"] if each not in cells]
        _write(self.json, self._origins(runs))

    def set_aside(self) -> list[Path]:
        """Rename the files to ``*.old``, so that a run can start afresh and nothing is lost. Returns the new names."""
        return [_rename(path, "old") for path in self.files if _is_there(path)]

    def _origins(self, runs: list[dict[str, Any]]) -> str:
        return json.dumps({**self.identity(), "runs": runs}, indent=1) + "\n"

    def _derive(self, found: dict[str, Trials]) -> Trials:
        cells = {cell: self.experiment.derived(cell, found) for cell in self.experiment.selected(self.profile)}
        return {cell: trials for cell, trials in cells.items() if trials}

    def _names(self) -> str:
        return " and ".join(source.experiment.name for source in self.sources)

    def _read(self, path: Path, *, whole: bool) -> Trials:
        """The trials in one of the CSV files; none if it is not there, and no run says that it has finished a cell."""
        there = self.provenance()
        if whole and (named := _named(there["runs"])) and not _is_there(path):
            message = f"{path} is missing, and {self.json.name} says that it holds {_some(named)}"
            raise DamagedResults(f"{message}. {_way_out(self)}")
        return self._parse(path, _trials(there if whole else self.identity()), whole=whole)

    def _parse(self, path: Path, trials: int, *, whole: bool) -> Trials:
        if not _is_there(path):
            return {}
        try:
            text = path.read_text(encoding="utf-8")
            return parse(text, self.experiment, self.experiment.selected(self.profile), trials, whole=whole)
        except OSError as error:
            raise _unreadable(path, error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedResults(f"{path} is damaged or cut short ({error}). {_way_out(self)}") from error


def duration(seconds: float) -> str:
    """Seconds in words, short: minutes from two of them on, and tenths or less below one second.

    Example:
        >>> from mixbook.benchmarks.results import duration
        >>> duration(119), duration(120)
        ('119 s', '2 min')
    """
    if seconds >= 120:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1g} s"


def _or_skipped(read: Callable[[], Trials]) -> Trials:
    """What is read, or within :func:`skipping` nothing, where it cannot be."""
    try:
        return read()
    except ResultsError as error:
        if (why := _unusable.get()) is None:
            raise
        if str(error) not in why:
            why.append(str(error))
        return {}


def precisions(runs: Iterable[dict[str, Any]]) -> list[str]:
    """In which precisions products were computed, where that was the machine's choice: "bf16", "fp32", both, or none known.

    Args:
        runs: as :meth:`Results.provenance` has them. Older ones do not say it.

    Example:
        >>> from mixbook.benchmarks.results import precisions
        >>> precisions([{"machines": [{"precision": "bf16"}, {"precision": "fp32"}]}, {"machines": [{}]}])
        ['bf16', 'fp32']
    """
    return sorted({each["precision"] for run in runs for each in _machines(run) if "precision" in each})


def _machines(run: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that ran trials; of an older run the one that it was started on."""
    return run.get("machines") or [run]


def _check_run(run: dict[str, Any]) -> None:
    """Raise a KeyError or TypeError if a run does not say what :meth:`Results.origin` tells."""
    if not isinstance(run["seconds"], int | float):
        raise TypeError(f"seconds of a run must be a number, got {run['seconds']!r}")
    if not _are_names(run.get("cells", [])):
        raise TypeError(f"cells of a run must be a list of names, got {run['cells']!r}")
    for names, home in [(_OF_A_RUN, run), *((_OF_A_MACHINE, each) for each in _machines(run))]:
        if missing := [name for name in names if name not in home]:
            raise KeyError(f"a run must say its {', '.join(missing)}")


def _named(runs: Iterable[dict[str, Any]]) -> list[str]:
    """The cells that runs say they have finished; older runs may not say it."""
    return list(dict.fromkeys(cell for run in runs for cell in run.get("cells", [])))


def _trials(identity: dict[str, Any]) -> int:
    """Of each cell; 0 where a damaged file does not say it."""
    profile = identity.get("profile")
    trials = profile.get("trials") if isinstance(profile, dict) else None
    return trials if isinstance(trials, int) else 0


def _differences(found: Any, wanted: Any, path: str = "") -> list[str]:
    """Where two JSON values differ, in words."""
    if path == "mixbook":
        return []
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = list(dict.fromkeys([*found, *wanted]))
        return [d for key in keys for d in _differences(found.get(key), wanted.get(key), f"{path} {key}".strip())]
    if found != wanted and _are_names(found) and _are_names(wanted):
        sides = {"there": [name for name in found if name not in wanted], "now": [n for n in wanted if n not in found]}
        only = "; ".join(f"only {where}: {_some(names)}" for where, names in sides.items() if names)
        return [f"{path}: {only}" if only else f"{path} are the same in another order"]
    return [] if found == wanted else [f"{path} is {found!r} there, {wanted!r} now"]


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _some(names: list[str], most: int = 5) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _way_out(results: Results) -> str:
    """Of damaged results."""
    return (
        f"Restore it from version control, or run its cells again: `{_command(results)}` sets damaged files aside as "
        "*.corrupt and a CSV that lacks only its JSON as *.old, and keeps the sound cells of a damaged CSV. With `--fresh` "
        "all files are set aside as *.old"
    )


def _anew(results: Results) -> str:
    """The way out of results that are whole, but not what would be run now."""
    anew = f"`{_command(results)} --fresh` sets them aside as *.old and begins anew"
    return f"To go on with them, use the version of mixbook that made them; {anew}"


def _command(results: Results) -> str:
    return f"mixbook bench run {results.experiment.name} --profile {results.profile}"


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # in a folder that may not be looked into
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> ResultsError:
    """What is there may be whole, so it is not set aside as damaged."""
    return ResultsError(f"{path} cannot be read ({error.strerror or error}): make it a readable file, or move it away")


def _rename(path: Path, ending: str) -> Path:
    new = _free_name(path, ending)
    try:
        return path.replace(new)
    except OSError as error:
        raise ResultsError(f"cannot rename {path} to {new.name} ({error.strerror or error}): it is still there") from error


def _free_name(path: Path, ending: str) -> Path:
    numbers: Iterable[int] = range(1, 10_000)
    names = (path.with_name(f"{path.name}.{ending}{number}") for number in numbers)
    return next(name for name in names if not name.exists())


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text)
    except OSError as error:
        raise BenchmarkError(f"cannot write results to {path}: {error}. What was there before is unchanged") from error
