"""All experiments, by name. A new table is a new file here, and a line below."""

from collections.abc import Iterator
from difflib import get_close_matches

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.experiments import (
    attacks,
    cifar_full,
    cifar_small,
    datadep_images,
    datadep_small,
    few_labels,
    grid,
    kmixup_cifar10,
    kmixup_distances,
    kmixup_sweeps,
    kmixup_tmlr_table5,
    kmixup_toys,
    kmixup_v1_figure4,
    manifold_costs,
    manifold_factors,
    manifold_gan,
    manifold_images,
    manifold_mnist,
    manifold_regularisers,
    manifold_sensitivity,
    manifold_spiral,
    matching_costs,
    mnist_lenet,
    multimix_figure4,
    multimix_figure7,
    multimix_figure8,
    multimix_imagenet,
    multimix_images,
    multimix_large_batch,
    multimix_speech,
    neighbours,
    small_networks,
    subsets,
    tuning,
)
from mixbook.benchmarks.spec import RELEASED, Experiment

# In the order of the papers.
_MODULES = (
    kmixup_toys,
    kmixup_tmlr_table5,
    kmixup_v1_figure4,
    kmixup_distances,
    mnist_lenet,
    kmixup_cifar10,
    kmixup_sweeps,
    matching_costs,
    datadep_small,
    datadep_images,
    multimix_figure4,
    multimix_figure7,
    multimix_figure8,
    multimix_images,
    multimix_imagenet,
    multimix_speech,
    manifold_spiral,
    manifold_mnist,
    manifold_factors,
    manifold_costs,
    manifold_images,
    manifold_sensitivity,
    manifold_regularisers,
    manifold_gan,
    few_labels,
    cifar_small,
    cifar_full,
    attacks,
    small_networks,
    subsets,
    multimix_large_batch,
    neighbours,
    grid,
    tuning,
)

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment for module in _MODULES for experiment in module.EXPERIMENTS
}


def get_experiment(name: str) -> Experiment:
    """The experiment of that name; with ``-released`` behind it, as :meth:`Experiment.as_released` does it.

    Raises:
        BenchmarkError: if there is none; the message names those that come closest. Or if there is nothing released that
            differs.

    Example:
        >>> from mixbook.benchmarks.experiments import get_experiment
        >>> get_experiment("kmixup-tmlr-table5-iris").table
        'Table 5'
    """
    if name not in EXPERIMENTS:
        if name.endswith(RELEASED) and name.removesuffix(RELEASED) in EXPERIMENTS:
            return EXPERIMENTS[name.removesuffix(RELEASED)].as_released()
        near = [each for each in EXPERIMENTS if name in each] + get_close_matches(name, EXPERIMENTS, cutoff=0.5)
        meant = f": did you mean {' or '.join(list(dict.fromkeys(near))[:3])}?" if near else "."
        raise BenchmarkError(f"there is no experiment {name!r}{meant} `mixbook bench list` shows which there are")
    return EXPERIMENTS[name]


def experiments_with(*texts: str) -> list[Experiment]:
    """The experiments that have each text in their name, paper, table, title, data set or network, in any case.

    Raises:
        BenchmarkError: if there is none.

    Example:
        >>> from mixbook.benchmarks.experiments import experiments_with
        >>> [experiment.name for experiment in experiments_with("kmixup-tmlr", "table 5", "iris")]
        ['kmixup-tmlr-table5-iris']
    """

    def about(e: Experiment) -> str:
        return "\n".join((e.name, e.paper, e.table, *e.also, e.title, e.dataset, e.model)).lower()

    found = [each for each in all_experiments() if all(text.lower() in about(each) for text in texts)]
    if not found:
        raise BenchmarkError(
            f"no experiment has {' and '.join(map(repr, texts))} in its name, table, title, data or network"
        )
    return found


def all_experiments() -> Iterator[Experiment]:
    """Every experiment, in the order of the papers' tables.

    Example:
        >>> from mixbook.benchmarks.experiments import all_experiments
        >>> "kmixup-tmlr-table5-iris" in [experiment.name for experiment in all_experiments()]
        True
    """
    return iter(EXPERIMENTS.values())
