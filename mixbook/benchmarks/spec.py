"""What an experiment is: the printed values that it answers, its protocol, and how much of it a profile runs."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from typing import Any, Literal

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.printed import PrintedValue, not_measured, parse_params, printed_values

ProfileName = Literal["smoke", "laptop", "gpu", "paper"]


@dataclass(frozen=True)
class Setting:
    """One number or name of a protocol.

    Args:
        name: how the code asks for it.
        value: what it is.
        why: where it is stated, or why we chose it.
        stated: whether a source states it. What no source states is our choice, made before anything was run.
        released: what the released code does instead, where it is known to do something else and we can run it; see
            :meth:`Experiment.as_released`.
        released_cells: the cells that do it, as :meth:`Cell.fits` names them, where it is run in cells of its own.

    Example:
        >>> from mixbook.benchmarks.spec import Setting
        >>> Setting("batch", 16, "TMLR, section 5", stated=True).value
        16
    """

    name: str
    value: Any
    why: str
    stated: bool = False
    released: Any = None
    released_cells: str = ""


def changed(settings: tuple[Setting, ...], *changes: Setting) -> tuple[Setting, ...]:
    """The settings with those of the same name replaced, and new ones at the end.

    Example:
        >>> from mixbook.benchmarks.spec import Setting, changed
        >>> settings = Setting("lr", 0.1, ""), Setting("k", 4, "")
        >>> found = changed(settings, Setting("seed", 0, ""), Setting("lr", 1.0, ""))
        >>> [(setting.name, setting.value) for setting in found]
        [('lr', 1.0), ('k', 4), ('seed', 0)]
    """
    by_name = {setting.name: setting for setting in changes}
    return (*(by_name.pop(setting.name, setting) for setting in settings), *by_name.values())


@dataclass(frozen=True)
class Profile:
    """How much of an experiment is run.

    Args:
        trials: repetitions of each cell, each with its own seed.
        epochs: passes through the training part.
        every: 1 runs all cells, 5 every fifth.
        note: what differs from the paper, in words.
        stand_in: whether data that would have to be downloaded are replaced by small ones that are generated or come with a
            dependency. For ``smoke``, which must run anywhere; such a run shows nothing but that the code works.

    Example:
        >>> from mixbook.benchmarks.spec import Profile
        >>> Profile(trials=20, epochs=40, note="as printed").every
        1
    """

    trials: int
    epochs: int
    every: int = 1
    note: str = ""
    stand_in: bool = False


@dataclass(frozen=True)
class Cell:
    """One cell of a table: a method with its parameters, as printed. ``params`` is the printed spelling.

    Example:
        >>> from mixbook.benchmarks.spec import Cell
        >>> cell = Cell("k-mixup", "k=16;alpha=1")
        >>> cell.answers(), cell.value("alpha")
        ({'k': '16', 'alpha': '1'}, 1.0)
    """

    method: str
    params: str

    def __str__(self) -> str:
        return f"{self.method} {self.params}".strip()

    def answers(self) -> dict[str, str]:
        """The parameters by name, as spelled."""
        return parse_params(self.params)

    def value(self, name: str) -> float:
        """A parameter, such as ``alpha``, as a number."""
        return float(self.answers()[name])

    def fits(self, pattern: str) -> bool:
        """Whether this is a cell of the method, or with the parameters, or both, that a pattern names.

        Example:
            >>> from mixbook.benchmarks.spec import Cell
            >>> cell = Cell("kmixup", "k=16;alpha=1")
            >>> patterns = "kmixup", "alpha=1", "kmixup alpha=1, k=16", "mixup alpha=1"
            >>> [cell.fits(pattern) for pattern in patterns]
            [True, True, True, False]
        """
        first, *others = re.split(r"[;,\s]+", pattern.strip())
        method, pairs = ("", [first, *others]) if "=" in first else (first, others)
        if any("=" not in pair for pair in pairs if pair):
            return False
        return method in ("", self.method) and parse_params(";".join(pairs)).items() <= self.answers().items()


RELEASED = "-released"  # ends the names of experiments that do what released code does


Task = tuple[Cell, int]  # a cell and the number of one of its trials
Piece = tuple[Task, ...]  # what one process does without a break
Metrics = dict[str, float]


@dataclass(frozen=True)
class Experiment:
    """A table of a paper (or the part of it for one data set and network), and how it is run again; or a table of our own.

    The cells of a paper's table are not listed: they are those that the paper prints for this table, data set and network.
    So a printed value is never typed into code, and none can be forgotten. A table of our own lists its cells.

    Args:
        name: what the command line calls it.
        title: what it is, in words.
        dataset, model: what is trained on what; with ``paper`` and ``table`` the printed values that it answers.
        settings: the protocol, everything that a trial asks for.
        decided: the day on which the choices among ``settings`` were frozen, as YYYY-MM-DD.
        profiles: how much is run under which name. ``smoke`` never counts as a result.
        paper, table: where they are printed. What no paper prints as a table keeps the defaults, or has a paper alone.
        trial: ``"module:function"`` that runs one trial: (experiment, cell, trial, profile) to metrics.
        trials: instead of it, ``"module:function"`` that runs many at once, such as networks that are trained side by side:
            (experiment, tasks, profile) to metrics for each task, a cell and the number of a trial.
        together: cells, with all their missing trials, that ``trials`` is given at once; fewer trials under a budget.
        band: percentage points by which our ERM may differ from the printed one for the rest to be comparable.
        surrogate: whether it stands in for a data set or network that we cannot run. Such results are not counted.
        figures: figures without numbers that it redraws.
        also: further places of the same paper, data set and network whose values it answers, such as a caption.
        own_cells: the cells of a table of our own, which no paper prints.
        released_profiles: profiles of :meth:`as_released` instead, where the released code trains for another time.
        sources: experiments that measure what this one shows: nothing is run or stored for it. Its profiles are theirs.
        derive: ``"module:function"`` that finds a cell in them: (experiment, cell, results) to its trials, none if it
            cannot be found yet. The results are the cells with their trials of each source, by its name.

    Example:
        >>> from mixbook.benchmarks.experiments import get_experiment
        >>> experiment = get_experiment("kmixup-tmlr-table5-iris")
        >>> selected = experiment.selected("smoke")
        >>> experiment.table, experiment.dataset, str(experiment.cells[1]), len(selected)
        ('Table 5', 'iris', 'mixup k=1;alpha=0.05;xi=0.07', 4)
    """

    name: str
    title: str
    dataset: str
    model: str
    settings: tuple[Setting, ...]
    decided: str
    profiles: dict[ProfileName, Profile]
    paper: str = "mixbook"
    table: str = ""
    trial: str = ""
    trials: str = ""
    together: int = 1
    band: float = 0.0
    surrogate: bool = False
    figures: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    own_cells: tuple[Cell, ...] = ()
    released_profiles: dict[ProfileName, Profile] = field(default_factory=dict)
    sources: tuple["Experiment", ...] = ()
    derive: str = ""

    def __getitem__(self, setting: str) -> Any:
        """The value of a setting.

        Raises:
            KeyError: if the protocol has none of that name.
        """
        return self.values[setting]

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """The settings' values by name, for those that not every protocol has."""
        return {setting.name: setting.value for setting in self.settings}

    @cached_property
    def printed(self) -> tuple[PrintedValue, ...]:
        """The printed values that this experiment answers: those of its table that the paper measured itself."""
        homes = {(self.paper, table, self.dataset, self.model) for table in (self.table, *self.also)}
        of_table = (row for row in printed_values() if (row.paper, row.table, row.dataset, row.model) in homes)
        return tuple(row for row in of_table if row not in not_measured())

    @property
    def notebook(self) -> str:
        """The notebook in ``book/benchmarks`` that runs it: beside printed values, or its methods beside one another."""
        return "table.ipynb" if self.printed else "methods.ipynb"

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The printed cells, each once, in printed order; or our own."""
        return self.own_cells or tuple(dict.fromkeys(Cell(row.method, row.params) for row in self.printed))

    @cached_property
    def trained(self) -> tuple["Experiment", ...]:
        """The experiments whose trials this one shows: itself, or those that it is read from, through other tables too."""
        if not self.sources:
            return (self,)
        return tuple({each.name: each for source in self.sources for each in source.trained}.values())

    def with_values(self, **values: Any) -> "Experiment":
        """The same with these values of settings that it has: no setting is added.

        Example:
            >>> from mixbook.benchmarks.experiments import get_experiment
            >>> changed = get_experiment("kmixup-tmlr-table5-iris").with_values(batch_size=8, shift=0)
            >>> changed["batch_size"], "shift" in changed.values
            (8, False)
        """
        settings = (replace(each, value=values.get(each.name, each.value)) for each in self.settings)
        return replace(self, settings=tuple(settings))

    def read_by(self, derive: str, **changes: Any) -> "Experiment":
        """A table that is read from the results of this experiment, by the same protocol.

        Nothing is trained for it, so that ``smoke`` has each of its cells.

        Args:
            derive: how a cell is found, as for the class.
            changes: what differs besides: ``name``, ``title``, ``table`` ..., and ``sources`` where there are others.
        """
        blank: dict[str, Any] = dict(trial="", trials="", together=1, band=0.0, figures=(), own_cells=(), also=())
        profiles = self.profiles | {"smoke": replace(self.profiles["smoke"], every=1)}
        read: dict[str, Any] = dict(profiles=profiles, sources=(self,), derive=derive)
        return replace(self, **(blank | read | changes))

    @property
    def to_show(self) -> list[ProfileName]:
        """The names of the profiles whose results count: all but ``smoke``, the smallest first."""
        return [name for name in self.profiles if name != "smoke"]

    def profile(self, name: str) -> Profile:
        """The profile of that name.

        Raises:
            BenchmarkError: if there is none; the message says which exist.
        """
        for existing, profile in self.profiles.items():
            if existing == name:
                return profile
        known = "; ".join(f"{key} ({profile.note})" for key, profile in self.profiles.items())
        raise BenchmarkError(f"{self.name} has no profile {name!r}. It has: {known}")

    def needs_gpu(self, profile: str) -> bool:
        """Whether a profile takes days or weeks without a GPU: any but ``smoke`` where there is none for a laptop.

        Example:
            >>> from mixbook.benchmarks.experiments import get_experiment
            >>> [get_experiment(name).needs_gpu("gpu") for name in ("cifar10-full", "cifar10-small")]
            [True, False]
        """
        return profile != "smoke" and "laptop" not in self.profiles

    def as_released(self) -> "Experiment":
        """The same under another name, with what the released code does where a setting or profile knows of a difference.

        It answers printed values as a comparison, and is not counted: print says what it says.

        Raises:
            BenchmarkError: if nothing, of it or of what it is read from, knows of one; the message names cells that do.
        """
        if not self.has_released:
            cells = " ".join(setting.released_cells for setting in self.settings if setting.released_cells)
            but, alone = (f" but its cells {cells}", f", and --only {cells} runs those") if cells else ("", "")
            raise BenchmarkError(f"{self.name} has no released variant here{but}: leave --protocol out{alone}")

        def released(setting: Setting) -> Setting:
            if setting.released is None:
                return setting
            why = f"released code; the printed protocol has {setting.value}"
            return replace(setting, value=setting.released, why=why, released=None)

        return replace(
            self,
            name=f"{self.name}{RELEASED}",
            title=f"{self.title}, as the released code does it",
            settings=tuple(map(released, self.settings)),
            profiles=self.profiles | self.released_profiles,
            released_profiles={},
            sources=tuple(source.as_released() if source.has_released else source for source in self.sources),
            surrogate=True,
        )

    @cached_property
    def has_released(self) -> bool:
        """Whether :meth:`as_released` knows of a difference between print and released code."""
        own = any(setting.released is not None for setting in self.settings)
        return own or bool(self.released_profiles) or any(source.has_released for source in self.sources)

    def selected(self, profile: str, only: Sequence[str] = ()) -> tuple[Cell, ...]:
        """The cells that a profile runs; of these those that fit one of the patterns ``only``, if there are any."""
        cells = self.cells[:: self.profile(profile).every]
        return tuple(cell for cell in cells if any(map(cell.fits, only))) if only else cells

    def pieces(self, tasks: Sequence[Task]) -> list[Piece]:
        """Tasks cut into what one process does without a break: one, or those of a few cells where they run together."""
        if not self.trials:
            return [(task,) for task in tasks]
        by_cell: dict[Cell, list[Task]] = {}
        for task in tasks:
            by_cell.setdefault(task[0], []).append(task)
        cells = list(by_cell.values())
        groups = (cells[start : start + self.together] for start in range(0, len(cells), self.together))
        return [tuple(task for of_cell in group for task in of_cell) for group in groups]

    def run(self, piece: Sequence[Task], profile: str) -> list[Metrics]:
        """Run the tasks of a piece: the metrics of each. A trial counts from 0 and seeds everything random in it."""
        function = _function(self.trials or self.trial)
        if self.trials:
            return function(self, piece, self.profile(profile))
        return [function(self, cell, number, self.profile(profile)) for cell, number in piece]

    def derived(self, cell: Cell, results: Mapping[str, Any]) -> list[Any]:
        """The trials of a cell, found in the results of the sources; none where those are not there yet."""
        return _function(self.derive)(self, cell, results)


def _function(path: str) -> Callable[..., Any]:
    module, name = path.split(":")
    return getattr(import_module(module), name)
