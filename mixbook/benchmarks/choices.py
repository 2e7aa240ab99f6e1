"""What the results of our grid and of tuning say: what each answer changes, and what each way to tune chooses and costs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.results import Results
from mixbook.benchmarks.spec import Cell
from mixbook.benchmarks.tidy import by_number

Scores = dict[Cell, np.ndarray]

QUESTIONS = {"k": "near partners", "K": "five interpolations", "layers": "hidden layers too", "blend": "CutMix"}


def scores(results: Results, metric: str) -> Scores:
    """Every finished cell's values of a metric, (trials,), in the order of the experiment. Trials are paired over cells.

    A trial that one cell lacks, as its network did not learn, is left out of all: else there would be no pairs.
    """
    found = results.load()
    there = {cell: by_number(found[cell], metric) for cell in results.experiment.cells if cell in found}
    there = {cell: values for cell, values in there.items() if values}
    shared = sorted(set.intersection(*map(set, there.values()))) if there else []
    return {cell: np.array([values[n] for n in shared]) for cell, values in there.items()}


def effect(cells: Scores, question: str) -> np.ndarray | None:
    """What the second answer to a question changes, trial by trial, (trials,): mean over all answers to the other three.

    Args:
        cells: of a grid, see :func:`scores`. Cells that differ in nothing but the question are compared; those without a
            counterpart are left out.
        question: a key of :data:`QUESTIONS`.

    Returns:
        The second answer minus the first, None if no cell has a counterpart.
    """
    spelled = {tuple(cell.answers().items()): values for cell, values in cells.items() if cell.method == "grid"}
    first = _first(question)
    differences = []
    for answers, values in spelled.items():
        base = tuple((name, first if name == question else answer) for name, answer in answers)
        if base != answers and base in spelled:
            differences.append(values - spelled[base])
    return np.mean(differences, axis=0) if differences else None


def _first(question: str) -> str:
    if question not in QUESTIONS:
        raise KeyError(f"question must be one of {', '.join(QUESTIONS)}, got {question!r}")
    return {"k": "1", "K": "1", "layers": "input", "blend": "linear"}[question]


@dataclass(frozen=True)
class Tuned:
    """A way to choose k and alpha.

    Args:
        name: in words.
        networks: how many it trains to choose, the final one not counted.
        errors: test error of what it chose, %, (trials,).
        chosen: the cell of each trial.
    """

    name: str
    networks: int
    errors: np.ndarray
    chosen: tuple[Cell, ...]


def tuned(results: Results) -> list[Tuned]:
    """What mixup as it is, no mixing, tuned mixup, and the three ways of k-mixup's Appendix A choose on validation parts.

    Test errors are read of the chosen cells alone. The first one is mixup as it is, the second no mixing.

    Raises:
        BenchmarkError: if not all cells were run.
    """
    validation = _validation(results)
    ks, alphas = results.experiment["block_sizes"], results.experiment["alphas"]

    def at(k: int, alpha: float) -> Cell:
        return Cell("kmixup", f"k={k};xi_of={alpha:g}")

    plain = Cell("erm", "")
    mixup = [at(1, alpha) for alpha in alphas]
    as_it_is = [at(1, 1.0), *(Cell("kmixup", f"k={k};alpha=1") for k in ks[1:])]
    by_trial = _best(validation, mixup)
    then_k = [[at(k, cell.value("xi_of")) for k in ks] for cell in by_trial]
    ways: list[tuple[str, int, Sequence[Cell]]] = [
        ("mixup, α = 1", 0, [at(1, 1.0)] * len(by_trial)),
        ("no mixing", 0, [plain] * len(by_trial)),
        ("k = 16, α = 1", 0, [as_it_is[ks.index(16)]] * len(by_trial)),
        ("mixup, search α", len(mixup), by_trial),
        ("α = 1, search k", len(as_it_is), _best(validation, as_it_is)),
        ("α = 1, search k, or none", len(as_it_is) + 1, _best(validation, [plain, *as_it_is])),
        ("ξ of α = 1, search k", len(ks), _best(validation, [at(k, 1.0) for k in ks])),
        (
            "best ξ at k = 1, then k",
            len(mixup) + len(ks) - 1,
            [_best(validation, cells, trial)[0] for trial, cells in enumerate(then_k)],
        ),
        ("all k and ξ", len(mixup) * len(ks), _best(validation, [at(k, alpha) for alpha in alphas for k in ks])),
    ]
    errors = scores(results, "error")
    return [
        Tuned(name, networks, np.array([errors[cell][trial] for trial, cell in enumerate(chosen)]), tuple(chosen))
        for name, networks, chosen in ways
    ]


def _validation(results: Results) -> dict[Cell, np.ndarray]:
    """Validation error and NLL of every cell, (trials, 2)."""
    error, nll = (scores(results, f"validation_{name}") for name in ("error", "nll"))
    missing = [cell for cell in results.experiment.cells if cell not in error]
    if missing:
        raise BenchmarkError(
            f"{results.experiment.name} is not finished: {len(missing)} cells are missing, such as {missing[0]}"
        )
    return {cell: np.stack([error[cell], nll[cell]], axis=1) for cell in error}


def _best(validation: dict[Cell, np.ndarray], cells: Sequence[Cell], trial: int | None = None) -> list[Cell]:
    """The cell of least validation error in each trial (or in one), ties by NLL, then the first; NaN never wins."""
    trials = range(len(validation[cells[0]])) if trial is None else [trial]

    def key(cell: Cell, number: int) -> tuple[float, float]:
        error, nll = validation[cell][number]
        return (error, nll) if np.isfinite(nll) else (np.inf, np.inf)

    return [min(cells, key=lambda cell: key(cell, number)) for number in trials]
