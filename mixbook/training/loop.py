"""The training loop, on Lightning Fabric: the same lines on a CPU, on a GPU and in several processes."""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import torch
from torch import Tensor, nn

from mixbook.data import Batched, shuffled_batches
from mixbook.training import checkpoint as checkpoints
from mixbook.training.extras import one_device, progress_bar
from mixbook.training.history import History
from mixbook.training.recipe import Recipe
from mixbook.training.streams import Streams

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Loss = Callable[[Tensor, Tensor], Tensor]
Batch = tuple[Tensor, Tensor]
Augments = Callable[[Tensor, Tensor, torch.Generator], Batch]


class Mixes(Protocol):
    """What the loop asks of a mixer: outputs (N, C) on mixtures of a batch, and their targets (N, C)."""

    def outputs(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        partner: tuple[Tensor, Tensor] | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]: ...


def fit(
    model: nn.Module,
    data: Batched,
    recipe: Recipe,
    *,
    mixer: Mixes | None = None,
    augment: Augments | None = None,
    loss: Loss = nn.functional.cross_entropy,
    validate: Callable[[nn.Module], Mapping[str, float]] | None = None,
    checkpoint: str | Path | None = None,
    save_every: int = 1,
    resume: bool = True,
    fabric: "Fabric | None" = None,
    progress: bool = True,
) -> History:
    """Train ``model`` in place and say how it went.

    A run depends on the model's weights, the data and ``recipe.seed`` alone; torch's global random state is neither used
    nor changed. The last batch of an epoch is short unless ``recipe.drop_last``; a mixer that needs more samples, such as
    k-mixup with a larger k, then raises: drop the batch, or make the mixer accept it. On a GPU the data move there whole.

    Args:
        model: the network, (B, ...) to logits (B, C).
        data: training data: ``Arrays``, or images as bytes that are shifted, mirrored and normalised on the device
            (``mixbook.data.Resident``), before ``augment``.
        recipe: the hyper-parameters.
        mixer: mixes each batch with the loop's own generator; None trains on the samples as they are.
        augment: changes each batch before it is mixed, e.g. ``mixbook.data.Augment(Shift(4), Flip())``: from samples, their
            labels and a generator to changed samples and labels, as many or (batch augmentation) more.
        loss: from logits (N, C) and targets, float (N, C) with a mixer and int64 (N,) without, to a mean.
        validate: called in every process with the model after each epoch, e.g. ``lambda m: evaluate(m, held_out)``;
            what it returns is recorded. It decides nothing: the model of the last epoch is the result.
        checkpoint: file to save to, whole or not at all.
        save_every: epochs between saves; the last one is always saved.
        resume: continue from ``checkpoint`` where it exists, else start again and replace it. On a CPU the result equals
            that of an uninterrupted run bit for bit. ``recipe.epochs`` may grow; all else must be as it was.
        fabric: where to run; one CPU or GPU if None. For several processes pass a launched ``Fabric(devices=2)``: each
            step's batch is then shared out, and mixed within each share.
        progress: show a bar, where the output is a terminal.

    Raises:
        ValueError: if the recipe does not fit the data or the number of processes, or the model has too few outputs.
        CheckpointError: if the checkpoint is damaged or belongs to another run.
        OSError: if the checkpoint cannot be written; checked before training.
        ImportError: if lightning-fabric or tqdm is missing.
    """
    fabric = fabric or one_device()
    _check(data, recipe, save_every, fabric)
    path = None if checkpoint is None else Path(checkpoint)
    plain_optimizer = recipe.make_optimizer(model.parameters())
    network, optimizer = fabric.setup(model, plain_optimizer)
    streams = Streams(recipe.seed, fabric)
    records: list[dict[str, float]] = []
    run: dict[str, Any] = {}
    if path is not None:
        checkpoints.check_writable(path)
        run = checkpoints.identify(data, recipe, mixer, augment)
    data = data.to(fabric.device)

    with streams.ambient():
        if path is not None and resume and path.exists():
            saved = checkpoints.load(path)
            checkpoints.check_same_run(path, saved["run"], run)
            model.load_state_dict(saved["model"])
            plain_optimizer.load_state_dict(saved["optimizer"])
            streams.load_state_dict(saved["streams"])
            records += saved["records"]

        bar = progress_bar(recipe.epochs, len(records), data.name, progress and fabric.is_global_zero)
        for epoch in range(len(records), recipe.epochs):
            started = time.perf_counter()
            for group in optimizer.param_groups:
                group["lr"] = recipe.lr_at(epoch)
            mean = _train_epoch(network, optimizer, loss, mixer, augment, data, recipe, streams)
            if not math.isfinite(mean) and all(math.isfinite(r["loss"]) for r in records):
                warnings.warn(f"the loss is {mean} in epoch {epoch} of {data.name}: lower lr={recipe.lr}?", stacklevel=2)
            scores = {name: float(value) for name, value in validate(model).items()} if validate else {}
            seconds = time.perf_counter() - started
            records.append({"loss": mean, "lr": recipe.lr_at(epoch), **scores, "seconds": seconds})
            bar.set_postfix(loss=f"{mean:.4f}", refresh=False)
            bar.update()
            if path is not None and ((epoch + 1) % save_every == 0 or epoch + 1 == recipe.epochs):
                state = {
                    "model": model.state_dict(),
                    "optimizer": plain_optimizer.state_dict(),
                    "streams": streams.state_dict(),
                    "records": records,
                    "run": run,
                }
                if fabric.is_global_zero:
                    checkpoints.save(path, state)
                fabric.barrier()
        bar.close()
    return History(tuple(records))


def _train_epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    mixer: Mixes | None,
    augment: Augments | None,
    data: Batched,
    recipe: Recipe,
    streams: Streams,
) -> float:
    """One pass over the data; the mean loss per sample."""
    fabric = streams.fabric
    network.train()
    total, seen = torch.zeros((), device=fabric.device), 0  # summed on the device: reading each value would stall it
    for (x, y), partner in _batches(data, recipe, streams):
        if augment is not None:
            x, y = augment(x, y, streams.augmenting)
            partner = None if partner is None else augment(*partner, streams.augmenting)
        if mixer is None:
            logits, targets = network(x), y
        else:
            logits, targets = mixer.outputs(network, x, y, partner=partner, generator=streams.mixing)
        if logits.shape[1:] < (data.num_classes,):
            raise ValueError(f"model must give {data.num_classes} logits for {data.name}, got {tuple(logits.shape)}")
        value = loss(logits, targets)
        optimizer.zero_grad()
        fabric.backward(value)
        optimizer.step()
        total += value.detach() * len(y)
        seen += len(y)
    return float(cast(Tensor, fabric.all_reduce(total / seen)))


def _batches(data: Batched, recipe: Recipe, streams: Streams) -> Iterator[tuple[Batch, Batch | None]]:
    """The batches of one epoch and, with pairs across, as many independent ones of the same sizes."""

    def shuffled(generator: torch.Generator) -> Iterator[Batch]:
        rank, world = streams.fabric.global_rank, streams.fabric.world_size
        rows = shuffled_batches(len(data), recipe.batch_size, generator, drop_last=recipe.drop_last, rank=rank, world=world)
        return (data.batch(r, streams.augmenting) for r in rows)

    if recipe.pairs == "across":
        return zip(shuffled(streams.order), shuffled(streams.partner), strict=True)
    return ((batch, None) for batch in shuffled(streams.order))


def _check(data: Batched, recipe: Recipe, save_every: int, fabric: "Fabric") -> None:
    if save_every < 1:
        raise ValueError(f"save_every must be at least 1, got {save_every}")
    if recipe.batch_size % fabric.world_size:
        raise ValueError(f"batch_size must be a multiple of the {fabric.world_size} processes, got {recipe.batch_size}")
    least = recipe.batch_size if recipe.drop_last else fabric.world_size
    if len(data) < least:
        raise ValueError(
            f"{data.name} has {len(data)} samples, which leaves no batch: at least {least} are needed with "
            f"batch_size={recipe.batch_size}, drop_last={recipe.drop_last} and {fabric.world_size} processes"
        )
