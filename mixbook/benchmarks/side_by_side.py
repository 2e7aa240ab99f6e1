"""How many networks train side by side on this machine, unless ``--jobs`` says it."""

import os
from collections.abc import Iterable

from mixbook.benchmarks.spec import Experiment

# How the names begin of networks of which as many share a GPU as there are processors.
SMALL = ("lenet", "fc", "mlp", "slim_")
# Of larger networks up to so many share a GPU, if each has so many bytes of its memory: on images of 32 pixels one alone
# leaves a large GPU idle most of the time. On one H100 an epoch of CIFAR took each of four PreActResNet-34s 12 to 15 s, and
# each of seven networks under CUDA's server for several processes (MPS) about 8 s.
AT_MOST, MEMORY = 8, 10e9


def processors() -> int:
    """How many processors this process may use: a container or a scheduler may grant fewer than the machine has.

    Example:
        >>> from mixbook.benchmarks.side_by_side import processors
        >>> processors() >= 1
        True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def side_by_side(experiments: Iterable[Experiment]) -> int:
    """Processes that train these experiments' networks: one for each processor, or as many as the GPU has room for.

    Example:
        >>> from mixbook.benchmarks.experiments import get_experiment
        >>> from mixbook.benchmarks.side_by_side import processors, side_by_side
        >>> side_by_side([get_experiment("kmixup-tmlr-table5-iris")]) == processors()
        True
    """
    import torch

    trained = [each for experiment in experiments for each in experiment.trained]
    if not torch.cuda.is_available() or all(each.model.startswith(SMALL) for each in trained):
        return processors()
    room = int(torch.cuda.get_device_properties(0).total_memory / MEMORY)
    return max(1, min(processors(), AT_MOST, room))
