"""Which trials can be trained together, how, and how many at a time."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from mixbook.data import Arrays
from mixbook.mixing.mixer import Mixer, Mixes
from mixbook.mixing.place import ManifoldMixer
from mixbook.mixing.ratio import lambdas
from mixbook.training.memory import kept_for_backward
from mixbook.training.recipe import Recipe
from mixbook.training.trials.functional import against_vmap
from mixbook.training.trials.mixing import mixes_beforehand, mixes_together
from mixbook.training.trials.network import against_stacking, has_convolutions
from mixbook.training.trials.trial import AnyMixer, Trial

Way = Literal["auto", "stacked", "vmap", "loop"]

_ENOUGH = 32  # networks at once on a CPU: more only push each other out of its caches
_SHARE = 0.25  # of the free memory that a chunk may take


@dataclass(frozen=True)
class Chunk:
    """Trials that are trained at once, as numbers in the user's list, and how: side by side, or one after the other."""

    numbers: tuple[int, ...]
    way: Literal["stacked", "vmap", "loop"]


def chunks(
    make_model: Callable[[int], nn.Module],
    data: Sequence[Arrays],
    trials: Sequence[Trial],
    way: Way,
    device: torch.device,
    jobs: int,
) -> list[Chunk]:
    """Cut the trials into chunks: those of one shape of step together, as many as pay and as fit the memory.

    Raises:
        ValueError: if ``way`` is "stacked" or "vmap" and a trial cannot be trained so.
    """
    groups: dict[tuple[Any, ...], list[int]] = {}
    model = make_model(trials[0].recipe.seed)
    network = _Network(model, _two_rows(data[0]), device)
    for number, trial in enumerate(trials):
        mixer = trial.mixer_for(model)
        chosen = _choose(number, network, trial, mixer, way)
        key = (number,) if chosen == "loop" else _shape_of_step(data[number], trial, cast("AnyMixer | None", mixer))
        groups.setdefault((chosen, *key), []).append(number)
    found = []
    for (chosen, *_), numbers in groups.items():
        size = 1
        if chosen != "loop":
            room = _room(model, [data[n] for n in numbers], trials[numbers[0]], device, jobs)
            size = min(room, -(-len(numbers) // jobs), _ENOUGH if device.type == "cpu" else len(numbers))
        parts = (tuple(numbers[start : start + size]) for start in range(0, len(numbers), size))
        found += [Chunk(part, chosen) for part in parts]
    return found


@dataclass(frozen=True)
class _Network:
    """The network of all trials, and what stands against running copies of it as one: found out once, if it decides.

    Args:
        model: the network.
        x: a batch that it can be trained on.
        device: where it is to be trained.
    """

    model: nn.Module
    x: Tensor
    device: torch.device

    @cached_property
    def against_stacking(self) -> str:
        return against_stacking(self.model)

    @cached_property
    def against_vmap(self) -> str:
        return against_vmap(self.model, self.x, self.device)


def _choose(number: int, network: _Network, trial: Trial, mixer: Mixes | None, way: Way) -> str:
    beforehand = mixer is None or mixes_beforehand(mixer, of_network=mixer is not trial.mixer)

    def against(way: Way) -> str:
        """What stands against it; empty if nothing does."""
        special = _against_the_recipe(trial.recipe)
        if way == "stacked":
            return special or network.against_stacking or _against_the_mixer(network.model, mixer, beforehand)
        return special or ("" if beforehand else "its mixer looks into the network") or network.against_vmap

    if way == "loop":
        return way
    if way != "auto":
        if reason := against(way):
            raise ValueError(f"trial {number} cannot go by way={way!r}: {reason}. way='loop' trains it alone")
        return way
    on_gpu = network.device.type != "cpu"
    if (on_gpu or not has_convolutions(network.model)) and not against("stacked"):
        return "stacked"
    return "vmap" if on_gpu and not against("vmap") else "loop"


def _against_the_recipe(recipe: Recipe) -> str:
    special = recipe.accumulate > 1 or recipe.precision != "fp32" or recipe.compile or recipe.ema > 0
    return "its recipe accumulates, compiles, averages weights or uses half precision" if special else ""


def _against_the_mixer(model: nn.Module, mixer: Mixes | None, beforehand: bool) -> str:
    if isinstance(mixer, ManifoldMixer) and mixer.model is not model:
        return "its mixer mixes in another network"
    if isinstance(mixer, ManifoldMixer) and (mixer.per != "batch" or mixer.stop_gradient):
        return "its mixer draws a layer for each sample, or stops gradients"
    if beforehand or (mixer is not None and mixes_together(mixer)):
        return ""
    return "its mixer looks at the network or at each batch"


def _shape_of_step(data: Arrays, trial: Trial, mixer: AnyMixer | None) -> tuple[object, ...]:
    """What trials must share to take their steps together."""
    recipe = trial.recipe
    step = (recipe.epochs, recipe.batch_size, recipe.optimizer, recipe.nesterov, recipe.pairs, recipe.drop_last)
    inner = mixer.mixer if isinstance(mixer, ManifoldMixer) else mixer
    mixing = () if inner is None or mixer is None else (_draws(mixer), inner.num_classes, mixes_together(mixer))
    return (*step, data.x.shape, data.num_classes, *mixing)


def _draws(mixer: AnyMixer | None) -> int:
    """K, mixtures that are made of each sample."""
    inner = cast(Mixer, mixer.mixer) if isinstance(mixer, ManifoldMixer) else mixer  # OneOf trains alone
    return 1 if inner is None else len(lambdas(inner.ratio, 1, torch.Generator()))


def _room(model: nn.Module, data: Sequence[Arrays], trial: Trial, device: torch.device, jobs: int) -> int:
    """How many networks fit into the memory that a chunk may take; at least one.

    Args:
        model: the network, which is run.
        data: of each trial that steps with ``trial``; one set that all share is there once.
        trial: one of them.
        device, jobs: where as many processes share the memory.
    """
    sample, size = _two_rows(data[0]).to(next(model.parameters()).device), data[0].x.nbytes
    draws = _draws(cast("AnyMixer | None", trial.mixer_for(model)))
    # With pairs across, what is mixed at a hidden layer comes from two batches.
    rows = min(trial.recipe.batch_size, len(data[0])) * max(draws, 2 if trial.recipe.pairs == "across" else 1)
    weights = sum(parameter.nbytes for parameter in model.parameters())
    # Weights, gradients, two moments and what is taken out of the stack; a batch in the layers, forth and back; and copies
    # of it that matching and mixing make.
    each = 5 * weights + rows * (kept_for_backward(model, sample) + 4 * sample[0].nbytes)
    shared = all(other is data[0] for other in data)
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else _free_memory()
    return max(1, int((_SHARE * free / jobs - size * shared) / (each + size * (not shared))))


def _two_rows(data: Arrays) -> Tensor:
    """The smallest batch that batch norm takes."""
    return torch.cat([data.x[:1], data.x[:1]])


def _free_memory() -> int:
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):  # not on every system
        return 2 << 30
