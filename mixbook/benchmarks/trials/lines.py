"""Networks on alternating lines: the trials of Table 1, Figure 1 and Figure 8 of the data-dependency paper."""

from collections.abc import Sequence

import numpy as np
import torch

from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Profile, Task
from mixbook.benchmarks.trials.whole_set import Networks, prepare, train
from mixbook.theory.full_batch import logits
from mixbook.theory.lines import alternating_line

# Steps at which training errors are kept: every 50th at first, where they move, then fewer.
WATCHED = (*range(50, 301, 50), 400, 500, 600, 800, *range(1000, 5001, 250))


def curves(experiment: Experiment, tasks: Sequence[Task], profile: Profile) -> list[Metrics]:
    """Train networks on the line of an experiment's settings ``m`` and ``k``, for ``profile.epochs`` steps.

    Returns:
        for each task ``error@50``, ``error@100`` ..., the training error (%) after so many steps, ``error`` at the end, and
        ``nll``, the mean negative log-likelihood (nats) of the labels there.
    """
    networks, found = _untrained(experiment, tasks), [Metrics() for _ in tasks]
    for step in train(networks, tasks, profile.epochs, experiment["lr"]):
        if step in WATCHED:
            for metrics, error in zip(found, _errors(networks), strict=True):
                metrics[f"error@{step}"] = error
    losses = -_probabilities(networks).gather(2, networks.labels[..., None]).double().log().mean((1, 2))
    for metrics, error, loss in zip(found, _errors(networks), losses, strict=True):
        metrics |= {"error": error, "nll": float(loss)}
    return found


def probabilities(experiment: Experiment, tasks: Sequence[Task], profile: Profile) -> list[Metrics]:
    """Train the networks of Table 1. Cells that differ in the place ``x`` alone are answered by the same network.

    Returns:
        for each task ``prob_class1``, the probability of class 1, that of the sample 0, at ``x``, and ``error``, the
        training error (%) of the network.
    """
    of = [(Cell(cell.method, f"alpha={cell.answers()['alpha']}"), number) for cell, number in tasks]
    different = list(dict.fromkeys(of))
    networks = _untrained(experiment, different)
    for _ in train(networks, different, profile.epochs, experiment["lr"]):
        pass
    answers, errors = _probabilities(networks)[:, :, 0], _errors(networks)
    at = [(different.index(network), int(cell.value("x"))) for network, (cell, _) in zip(of, tasks, strict=True)]
    return [{"prob_class1": float(answers[network, x]), "error": errors[network]} for network, x in at]


def _untrained(experiment: Experiment, tasks: Sequence[Task]) -> Networks:
    points, labels = alternating_line(experiment["m"], experiment["k"])
    same = (len(tasks), 1, 1)
    return prepare(tasks, np.tile(points[:, None], same), np.tile(labels, same[:2]), experiment["hidden"])


def _probabilities(networks: Networks) -> torch.Tensor:
    with torch.no_grad():
        return logits(networks.samples, networks.weights).softmax(2)


def _errors(networks: Networks) -> list[float]:
    wrong = _probabilities(networks).argmax(2) != networks.labels
    return [100 * float(share) for share in wrong.double().mean(1)]
