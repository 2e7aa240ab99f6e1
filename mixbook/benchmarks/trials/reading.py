"""Printed cells that are measurements of networks which other experiments train: which network, and which measurement."""

from collections.abc import Mapping, Sequence

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.results import Trial
from mixbook.benchmarks.spec import Cell, Experiment, Metrics

Found = Mapping[str, Mapping[Cell, Sequence[Trial]]]

# Parameters that name how a network is measured, and not how it was trained. Their values follow an @ in a metric's name.
MEASURED = ("deformation", "corruption", "step", "classifier")
# Parameters that only describe the measurement, of which there is one.
DESCRIBED = ("task", "bins", "attack", "pgd_steps", "step_size", "epochs")
_NO_MIXING = {"layers": "none"}
_AT_THE_INPUT = {"layers": "0"}


def read(experiment: Experiment, cell: Cell, found: Found) -> list[Trial]:
    """The trials of a printed cell, from the networks of the sources; none until there are any.

    ``mixup deformation=rotation_20;alpha=1`` is the metric ``accuracy@rotation_20`` of the network ``mixup alpha=1``, and
    ``erm layers=none`` is the network ``erm``. A metric without such a measurement is that of the same name. What was not
    measured has no trials.

    Raises:
        BenchmarkError: if no network, or more than one, fits the cell.
    """
    rows = [row for row in experiment.printed if (row.method, row.params) == (cell.method, cell.params)]
    network = network_of(cell, [each for source in experiment.sources for each in source.cells], experiment.name)
    trials = next((found[s.name][network] for s in experiment.sources if network in found[s.name]), ())
    how = [value for name, value in cell.answers().items() if name in MEASURED]
    renamed = [Trial(t.number, _renamed(t.metrics, how), t.seconds) for t in trials]
    return [t for t in renamed if all(row.metric in t.metrics for row in rows)]


def network_of(cell: Cell, networks: Sequence[Cell], name: str) -> Cell:
    """The network that a printed cell is about: of its method, with the parameters that it names.

    A parameter that the printed cell leaves out may be anything, if that leaves one network.

    Raises:
        BenchmarkError: if none fits, or more than one; ``name`` says whose cell it is.
    """
    asked = trained(cell)
    fits = [each for each in networks if each.method == cell.method and asked.items() <= trained(each).items()]
    exact = [each for each in fits if trained(each) == asked] or fits
    if len(set(exact)) != 1:
        raise BenchmarkError(
            f"{name}: {str(cell)!r} must be one of the networks, and fits {[str(each) for each in exact]}. There are "
            f"{', '.join(map(str, networks))}"
        )
    return exact[0]


def trained(cell: Cell) -> dict[str, str]:
    """The parameters of a cell that say how its network was trained, without those that say nothing (``layers=none``)."""
    answers = {name: value for name, value in cell.answers().items() if name not in (*MEASURED, *DESCRIBED)}
    trivial = {"erm": _NO_MIXING, "mixup": _AT_THE_INPUT}.get(cell.method, {})
    return {name: value for name, value in answers.items() if trivial.get(name) != value}


def _renamed(metrics: Metrics, how: Sequence[str]) -> Metrics:
    """The metrics under the names that print has for them, where a cell measures in one of several ways."""
    if not how:
        return dict(metrics)
    suffix = f"@{'@'.join(how)}"
    return {name.removesuffix(suffix): value for name, value in metrics.items() if name.endswith(suffix)}
