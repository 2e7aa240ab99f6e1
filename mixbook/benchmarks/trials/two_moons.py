"""Networks on two separated moons: the trials behind Figures 3 and 10-14 of the data-dependency paper."""

from collections.abc import Sequence

import numpy as np
import torch

from mixbook.benchmarks.maps import pack
from mixbook.benchmarks.spec import Experiment, Metrics, Profile, Task
from mixbook.benchmarks.trials.whole_set import prepare, train
from mixbook.theory.full_batch import logits
from mixbook.theory.moons import answers_on_square, bend, separated_moons

CODE_STEPS = 1000  # the released code stops here, the paper says 1500


def boundaries(experiment: Experiment, tasks: Sequence[Task], profile: Profile) -> list[Metrics]:
    """Train the networks of some cells for ``profile.epochs`` steps, each on its own draw of the moons.

    Returns:
        for each task ``bend``, the share (%) of the square from -2 to 2 that is answered otherwise than by the vertical
        line, ``bend@1000`` the same where the released code stops, ``error``, the training error (%), and ``map@0``,
        ``map@1`` ..., the answers on a coarser grid, as :func:`mixbook.benchmarks.maps.pack` has them.
    """
    separation = float(experiment["separation"])
    moons = [separated_moons(experiment["n"], separation, number, experiment["noise"]) for _, number in tasks]
    points, labels = (np.stack(parts) for parts in zip(*moons, strict=True))
    networks, early = prepare(tasks, points, labels, experiment["hidden"]), None
    for step in train(networks, tasks, profile.epochs, experiment["lr"]):
        if step == CODE_STEPS:
            early = bend(answers_on_square(networks.weights, experiment["bend_side"]))
    bends = bend(answers_on_square(networks.weights, experiment["bend_side"]))
    maps = answers_on_square(networks.weights, experiment["map_side"])
    with torch.no_grad():
        wrong = logits(networks.samples, networks.weights).argmax(2) != networks.labels
    at_code = {} if early is None else {"bend@1000": early}
    return [
        {
            **{name: 100 * float(values[each]) for name, values in {**at_code, "bend": bends}.items()},
            "error": 100 * float(wrong[each].double().mean()),
            **pack(maps[each]),
        }
        for each in range(len(tasks))
    ]
