"""All experiments, by name. A new table is a new file here, and a line below."""

from collections.abc import Iterator

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.experiments import (
    datadep_images,
    datadep_small,
    few_labels,
    grid,
    kmixup_distances,
    kmixup_tmlr_table5,
    manifold_costs,
    manifold_factors,
    manifold_mnist,
    manifold_spiral,
    matching_costs,
    mnist_lenet,
    multimix_figure7,
    multimix_figure8,
    tuning,
)
from mixbook.benchmarks.spec import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in [
        *kmixup_tmlr_table5.EXPERIMENTS,
        *kmixup_distances.EXPERIMENTS,
        *mnist_lenet.EXPERIMENTS,
        *matching_costs.EXPERIMENTS,
        *datadep_small.EXPERIMENTS,
        *datadep_images.EXPERIMENTS,
        *multimix_figure7.EXPERIMENTS,
        *multimix_figure8.EXPERIMENTS,
        *manifold_spiral.EXPERIMENTS,
        *manifold_mnist.EXPERIMENTS,
        *manifold_factors.EXPERIMENTS,
        *manifold_costs.EXPERIMENTS,
        *few_labels.EXPERIMENTS,
        *grid.EXPERIMENTS,
        *tuning.EXPERIMENTS,
    ]
}


def get_experiment(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        BenchmarkError: if there is none; the message says which exist.
    """
    if name not in EXPERIMENTS:
        raise BenchmarkError(f"there is no experiment {name!r}. There are: {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]


def all_experiments() -> Iterator[Experiment]:
    """Every experiment, in the order of the papers' tables."""
    return iter(EXPERIMENTS.values())
