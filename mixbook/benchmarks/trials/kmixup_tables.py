"""Which network a printed cell of k-mixup's image tables is, and which of its measurements."""

from collections.abc import Mapping, Sequence

from mixbook.benchmarks.results import Trial
from mixbook.benchmarks.spec import Cell, Experiment, Metrics
from mixbook.benchmarks.tidy import learned

Found = Mapping[str, Mapping[Cell, Sequence[Trial]]]


def read(experiment: Experiment, cell: Cell, found: Found) -> list[Trial]:
    """The trials of a printed cell, from the networks of the sources.

    The first source holds the networks of its paper, and those that both versions of the paper share. A second one holds
    those at a fixed alpha (v1) that the first, at constant xi (TMLR), lacks: at k = 1 the two are the same networks, and at
    the largest alpha too, because that is where alpha is capped. An attack is a cell of its own in print, and a metric of a
    network here; where print names no alpha, it is the experiment's ``fgsm_alpha``.
    """
    params = cell.answers()
    eps = params.pop("eps", None)
    if "k" in params and "alpha" not in params:
        params["alpha"] = f"{experiment['fgsm_alpha']:g}"
    constant, *fixed = (found[source.name] for source in experiment.sources)
    shared = not fixed or params.get("k", "1") == "1" or float(params["alpha"]) == experiment["alpha_cap"]
    trials = (constant if shared else fixed[0]).get(_network(params, cell.method), [])
    return [Trial(t.number, _as_printed(t.metrics, eps), t.seconds) for t in trials]


def read_learned(experiment: Experiment, cell: Cell, found: Found) -> list[Trial]:
    """The same of networks that learned.

    Networks that never left guessing are left out, as they say nothing about how partners were chosen. Of a cell of which
    no network learned nothing is a number.
    """
    return learned(read(experiment, cell, found))


def _network(params: Mapping[str, str], method: str) -> Cell:
    """The cell of a network: how it was mixed, and nothing else that print names."""
    return Cell(method, ";".join(f"{name}={params[name]}" for name in ("k", "alpha", "layers") if name in params))


def _as_printed(metrics: Metrics, eps: str | None) -> Metrics:
    if eps is None:
        return metrics
    error = metrics[f"fgsm_error@{float(eps.removesuffix('/255')):g}"]
    kept = {name: value for name, value in metrics.items() if name in ("stuck", "diverged")}
    return {"fgsm_error": error, "fgsm_accuracy": 100 - error, **kept}
