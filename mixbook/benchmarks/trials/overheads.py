"""One trial of what mixing costs: time of a step beside one without, and epochs until a small network has learned."""

from collections.abc import Callable
from time import process_time

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mixbook.benchmarks.spec import Cell, Experiment, Profile
from mixbook.benchmarks.speed.stopwatch import by_turns
from mixbook.benchmarks.trials.answers import answers_of
from mixbook.benchmarks.trials.recipes import recipe_of
from mixbook.data import Arrays, digits
from mixbook.evaluation import evaluate
from mixbook.models import MLP, LeNet, seeded
from mixbook.training import fit
from mixbook.training.streams import derive

Step = Callable[[], None]


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> dict[str, float]:
    """Train one network on digits, watching it after each epoch; and time its steps, and those of LeNet on MNIST's shape.

    Returns:
        ``nll_epochs`` and ``error_epochs``: how many epochs it took until the clean NLL on the training part, and the error
        on the test part, first came down to ``nll_goal`` and ``error_goal``, as ``History.epochs_until`` counts.
        ``train_nll@e`` (nats) and ``test_error@e`` (%) after epoch e. ``mlp_ms`` and ``lenet_ms``: milliseconds of a step;
        ``mlp_overhead`` and ``lenet_overhead``: by how many percent it is longer than a step without mixing that was timed
        in turn with it, median over rounds. Time is that of the processor, so that other work on the machine counts little.
    """
    data = digits()
    train, test = data.split(experiment["n_test"], torch.Generator().manual_seed(derive(number, "split")))
    model = seeded(derive(number, "weights"), lambda: MLP(64, experiment["hidden"], 10))
    recipe = recipe_of(experiment, number, profile, drop_last=True)

    def watch(network: nn.Module) -> dict[str, float]:
        seen, unseen = evaluate(network, train), evaluate(network, test)
        return {"train_nll": seen["nll"], "test_error": 100 * (1 - unseen["accuracy"])}

    history = fit(model, train, recipe, mixer=answers_of(cell).mixer_for(model, 10), validate=watch, progress=False)
    curves = {name: history[name] for name in ("train_nll", "test_error")}
    found = {
        "nll_epochs": history.epochs_until("train_nll", experiment["nll_goal"]),
        "error_epochs": history.epochs_until("test_error", experiment["error_goal"]),
    }
    found |= {f"{name}@{epoch}": value for name, values in curves.items() for epoch, value in enumerate(values, start=1)}
    for name, network, batch in _timed_networks(experiment["batch_size"], number):
        found |= {
            f"{name}_{what}": value for what, value in _compare(cell, network, batch, experiment[f"{name}_steps"]).items()
        }
    return found


def _timed_networks(batch_size: int, seed: int) -> list[tuple[str, nn.Module, Arrays]]:
    g = torch.Generator().manual_seed(derive(seed, "timing"))
    labels = torch.randint(10, (batch_size,), generator=g)
    shapes: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
        "mlp": (seeded(seed, lambda: MLP(64, (256, 256), 10)), (1, 8, 8)),
        "lenet": (seeded(seed, lambda: LeNet(10)), (1, 28, 28)),
    }
    return [
        (name, model, Arrays(torch.rand(batch_size, *shape, generator=g), labels, 10))
        for name, (model, shape) in shapes.items()
    ]


def _compare(cell: Cell, model: nn.Module, batch: Arrays, steps: int, rounds: int = 9) -> dict[str, float]:
    """Time steps without and with mixing by turns."""
    sides = [_repeated(_step(each, model, batch), steps) for each in (None, cell)]
    plain, mixed = (np.array(seconds) / steps for seconds in by_turns(sides, rounds, clock=process_time))
    return {"ms": 1000 * float(np.median(mixed)), "overhead": 100 * float(np.median(mixed / plain) - 1)}


def _step(cell: Cell | None, model: nn.Module, batch: Arrays) -> Step:
    mixer = answers_of(cell).mixer_for(model, 10) if cell else None
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(0)

    def outputs() -> tuple[Tensor, Tensor]:
        if mixer is None:
            return model(batch.x), batch.y
        return mixer.outputs(model, batch.x, batch.y, generator=generator)

    def step() -> None:
        loss = F.cross_entropy(*outputs())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def _repeated(step: Step, times: int) -> Step:
    def steps() -> None:
        for _ in range(times):
            step()

    return steps
