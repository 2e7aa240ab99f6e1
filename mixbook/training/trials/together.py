"""The loop of :func:`mixbook.training.fit`, for N networks at once: the same draws, the same steps."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from mixbook.data import Arrays, shuffled_batches
from mixbook.mixing.losses import mixed_cross_entropy
from mixbook.training.extras import one_device
from mixbook.training.history import History
from mixbook.training.loop import Loss, Validate, scores_of
from mixbook.training.recipe import Recipe
from mixbook.training.stop import in_bounds
from mixbook.training.streams import Streams
from mixbook.training.trials.mixing import Batch, Part, StackedMixer
from mixbook.training.trials.network import Networks
from mixbook.training.trials.optimizer import StackedOptimizer
from mixbook.training.trials.trial import AnyMixer, Fitted, Trial


def train_together(
    network: Networks,
    data: Sequence[Arrays],
    trials: Sequence[Trial],
    loss: Loss,
    validate: Validate | None,
    validate_every: int,
    after_epoch: Callable[[], object],
) -> list[Fitted]:
    """Train the networks side by side. Trials must share all that decides the shape of a step, see ``groups``."""
    _keep_freed_memory()
    recipes = [trial.recipe for trial in trials]
    mixers = [trial.mixer_for(model) for trial, model in zip(trials, network.models, strict=True)]
    mixer = StackedMixer(cast("list[AnyMixer]", mixers)) if mixers[0] is not None else None
    optimizer = StackedOptimizer(network.parameters(), recipes)
    fabric = one_device()
    streams = [Streams(recipe.seed, fabric) for recipe in recipes]
    rows, epochs = _Rows(data, optimizer.parameters[0].device), recipes[0].epochs
    records: list[list[dict[str, float]]] = [[] for _ in trials]
    diverged = [False] * len(trials)
    moving = any(recipe.schedule != "step" for recipe in recipes)  # within an epoch
    steps = recipes[0].steps(rows.n)

    for epoch in range(epochs):
        total, seen, now = torch.zeros(len(trials), device=rows.device), 0, float(epoch)
        optimizer.at(now)
        for number, (batch, partner) in enumerate(_batches(rows, recipes, streams)):
            if moving:
                now = epoch + number / steps
                optimizer.at(now)
            for which, logits, targets in _outputs(network, mixer, batch, partner, streams):
                _check(logits, data[0])
                values = _losses(loss, logits, targets)
                values.sum().backward()
                values = values.detach() * batch[1].shape[1]
                total = total + values if which is None else total.index_add(0, which, values)
            optimizer.step()
            seen += batch[1].shape[1]
        means = (total / seen).tolist()
        diverged = [before or not math.isfinite(mean) for before, mean in zip(diverged, means, strict=True)]
        if (epoch + 1) % validate_every == 0 or epoch + 1 == epochs:
            models = network.write_back() if validate or epoch + 1 == epochs else network.models
            for n, model in enumerate(models):
                record = {"epoch": epoch + 1, "loss": means[n], "lr": recipes[n].lr_at(now)}
                records[n].append(record | scores_of(model, validate))
        after_epoch()
    ended = zip(network.models, records, diverged, strict=True)
    return [Fitted(m, History(tuple(r)), bad or not in_bounds(m)) for m, r, bad in ended]


def _keep_freed_memory() -> None:
    """Have the C library keep freed memory for the next step instead of handing it back to the system.

    glibc does so with blocks up to the largest that was ever freed (32 MiB at most). Fetching pages anew in each step takes
    a tenth of it.
    """
    torch.empty(31 << 20, dtype=torch.uint8)


class _Rows:
    """The samples of all trials on the device: one set for all, or one after the other."""

    def __init__(self, data: Sequence[Arrays], device: torch.device) -> None:
        self.n, self.device = len(data[0]), device
        sets = data[:1] if all(each is data[0] for each in data) else data
        self._x = torch.cat([each.x for each in sets]).to(device)
        self._y = torch.cat([each.y for each in sets]).to(device)
        self._start = torch.arange(len(data))[:, None] * (0 if len(sets) == 1 else self.n)

    def __getitem__(self, rows: Tensor) -> Batch:
        """Samples and labels at ``rows`` (N, B) of each trial's set."""
        flat = (rows + self._start).flatten().to(self.device)
        return self._x.index_select(0, flat).unflatten(0, rows.shape), self._y.index_select(0, flat).view(rows.shape)


def _batches(rows: _Rows, recipes: Sequence[Recipe], streams: Sequence[Streams]) -> Iterator[tuple[Batch, Batch | None]]:
    """The batches of one epoch, one for each network, and with pairs across as many independent ones."""

    def shuffled(name: str) -> Iterator[Batch]:
        recipe = recipes[0]
        orders = [
            shuffled_batches(rows.n, recipe.batch_size, getattr(each, name), drop_last=recipe.drop_last) for each in streams
        ]
        return (rows[torch.stack(chosen)] for chosen in zip(*orders, strict=True))

    if recipes[0].pairs == "across":
        return zip(shuffled("order"), shuffled("partner"), strict=True)
    return ((batch, None) for batch in shuffled("order"))


def _outputs(
    network: Networks, mixer: StackedMixer | None, batch: Batch, partner: Batch | None, streams: Sequence[Streams]
) -> Iterator[Part]:
    if mixer is None:
        return iter([(None, network.run(batch[0]), batch[1])])
    return mixer.outputs(network, batch, partner, [each.mixing for each in streams])


def _losses(loss: Loss, logits: Tensor, targets: Tensor) -> Tensor:
    """The loss of each network, (n,)."""
    if loss in (F.cross_entropy, mixed_cross_entropy):  # the same for rows that sum to 1
        each = F.cross_entropy(logits.flatten(0, 1), targets.flatten(0, 1), reduction="none")
        return each.view(logits.shape[:2]).mean(1)
    return torch.stack([loss(one, target) for one, target in zip(logits, targets, strict=True)])


def _check(logits: Tensor, data: Arrays) -> None:
    if logits.ndim != 3 or logits.shape[2] < data.num_classes:
        raise ValueError(f"model must give {data.num_classes} logits for {data.name}, got {tuple(logits.shape[1:])}")
