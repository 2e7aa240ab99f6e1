"""One forward pass: which rows are mixed at which layer, and the same again where a backward pass recomputes layers."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.hooks import RemovableHandle

from mixbook.mixing.mixer import Mixer
from mixbook.mixing.oneof import OneOf
from mixbook.mixing.plan import MixPlan
from mixbook.transfer import send


@dataclass
class Step:
    """What happened to the output of one layer.

    Args:
        plan: of the rows that were mixed.
        rows: which rows of the output those were, int64.
        layout: the rows that follow, as indices into the output with the mixtures behind it; None for the mixtures alone.
        samples: the rows of the batch that ``rows`` began as, int64, on the CPU.
        stop_gradient: whether nothing flows back from the mixtures.
        random: states of torch's global generator before and after planning, which may have drawn from it.
        runs: how often the layer ran in the forward pass; it mixes once.
    """

    plan: MixPlan
    rows: Tensor
    layout: Tensor | None
    samples: Tensor
    stop_gradient: bool
    random: tuple[Tensor, Tensor]
    runs: int = 1

    def apply(self, output: Tensor) -> Tensor:
        """The rows that the next layer gets."""
        chosen = output if self.layout is None else output[self.rows]
        mixed = self.plan.apply(chosen.detach() if self.stop_gradient else chosen)
        if self.stop_gradient and torch.is_grad_enabled():
            # Or reentrant checkpointing, which follows its input, would leave the next layers out; and no leaf, which an
            # operation in place may not change.
            mixed = mixed.requires_grad_().clone()
        return mixed if self.layout is None else torch.cat([output, mixed])[self.layout]

    def again(self, output: Tensor) -> Tensor:
        """As :meth:`apply`, where the layer is recomputed: what draws behind it, as dropout does, must draw the same."""
        before, after = self.random
        if torch.equal(torch.get_rng_state(), before):  # as checkpointing restored it; otherwise it is not ours to set
            torch.set_rng_state(after)
        return self.apply(output)


class Route:
    """The rows of a batch on their way through the layers: each is mixed at one place, with others that wait for the same.

    Rows stay in the order of the batch, the second and later draws behind the first; so do the outputs.

    Args:
        mixer: plans the mixtures at each place.
        places: number of the place where each sample is mixed, int64 (B,), on the CPU. Those of a second batch follow.
        y, y2: targets of the batch, and of a second one that partners come from.
        generator: source of randomness.
        stop_gradient: train only what follows a mixture.
    """

    def __init__(
        self,
        mixer: Mixer | OneOf,
        places: Tensor,
        y: Tensor,
        y2: Tensor | None,
        generator: torch.Generator | None,
        stop_gradient: bool,
    ) -> None:
        self.steps: dict[int, Step] = {}
        self._mixer, self._y, self._y2, self._generator = mixer, y, y2, generator
        self._stop_gradient = stop_gradient
        # Of each row that there is by now: where it is mixed, -1 once it has been; and what rows are ordered by, the number
        # of its sample plus B for each draw before it. For a row that waits, its sample is all there is.
        self._waits_for = places if y2 is None else places.repeat(2)
        self._key = torch.arange(len(self._waits_for))

    def __len__(self) -> int:
        """Rows that a layer gets by now."""
        return len(self._key)

    def mix(self, place: int, output: Tensor) -> Tensor:
        """Mix the rows of ``output`` that wait for ``place``, the first time that it is reached."""
        if place in self.steps:
            self.steps[place].runs += 1
            return output
        here = self._waits_for == place
        rows, rest = here.nonzero().squeeze(1), (~here).nonzero().squeeze(1)
        samples, there = self._key[rows], send(rows, output.device)
        before = torch.get_rng_state()
        with torch.no_grad():  # what planning computes is not computed again when the layer is
            plan = self._plan(output.detach() if len(rest) == 0 else output.detach()[there], samples)
        key, order = torch.cat([self._key[rest], self._keys_of(plan, samples)]).sort(stable=True)
        layout = torch.cat([rest, len(self) + torch.arange(len(plan))])[order]
        self.steps[place] = step = Step(
            plan,
            there,
            send(layout, output.device) if len(rest) else None,
            samples,
            self._stop_gradient,
            (before, torch.get_rng_state()),
        )
        self._waits_for = torch.cat([self._waits_for[rest], torch.full((len(plan),), -1)])[order]
        self._key = key
        return step.apply(output)

    def plan(self) -> MixPlan:
        """The plan of the whole pass, once every row is mixed: of the batch, with the second one behind it.

        Where there was more than one place it has no masks: each place had masks of its own size. It says so, and mixes no
        maps.
        """
        steps = list(self.steps.values())
        if len(steps) == 1:
            return steps[0].plan
        width = max(step.plan.sources.shape[1] for step in steps)
        parts = []
        for step in steps:
            missing = (0, width - step.plan.sources.shape[1])
            sources = send(step.samples, step.plan.sources.device)[step.plan.sources]
            parts.append((F.pad(sources, missing), F.pad(step.plan.weights, missing)))
        order = torch.cat([self._keys_of(step.plan, step.samples) for step in steps]).argsort()
        sources, weights = (torch.cat(each)[send(order, each[0].device)] for each in zip(*parts, strict=True))
        rows = len(self._y) + (0 if self._y2 is None else len(self._y2))
        return MixPlan(sources, weights, rows, masks_apart=any(step.plan.masks is not None for step in steps))

    def _keys_of(self, plan: MixPlan, samples: Tensor) -> Tensor:
        """What the mixtures of a plan are ordered by, int64 (N,)."""
        own = samples if self._y2 is None else samples[: len(samples) // 2]
        turn = torch.arange(len(plan))
        return own[turn % len(own)] + turn // len(own) * len(self._y)

    def _plan(self, chosen: Tensor, samples: Tensor) -> MixPlan:
        """Plan for the rows of a layer's output that started as ``samples``."""
        if self._y2 is None:
            own = self._y if len(samples) == len(self._y) else self._y[send(samples, self._y.device)]
            return self._mixer.plan(chosen, own, generator=self._generator)
        first, second = chosen.chunk(2)
        own = samples[: len(first)]  # the same samples of both batches, as they wait for the same places
        y, y2 = self._y[send(own, self._y.device)], self._y2[send(own, self._y2.device)]
        return self._mixer.plan(first, y, x2=second, y2=y2, generator=self._generator)


_recomputing = threading.local()  # the hooks of the one forward pass whose layers a backward pass runs again, if any


class Replay:
    """Mixes again what a forward pass mixed, wherever activation checkpointing runs its layers a second time.

    That happens during the backward pass, when the hooks of the forward pass are gone. This is a hook of the outputs: it is
    called when their gradient is known, before any layer is recomputed, and puts the layers' hooks back until the backward
    pass ends, or reaches another forward pass: the outputs of one that mixed, or a node that is older than this one's.

    Args:
        steps: names of layers, the layers, and what happened to their outputs.
        since: what :func:`now` gave before the forward pass began.
    """

    def __init__(self, steps: Sequence[tuple[str, nn.Module, Step]], since: int) -> None:
        self._steps, self._since = steps, since

    def __call__(self, gradient: Tensor) -> None:
        """The backward pass has come to the outputs."""
        _remove(getattr(_recomputing, "handles", []))
        handles: list[RemovableHandle] = []
        _recomputing.handles = handles
        for name, module, step in self._steps:
            handles.append(module.register_forward_hook(self._hook(name, step, handles)))
        torch.autograd.Variable._execution_engine.queue_callback(lambda: _remove(handles))

    def _hook(self, name: str, step: Step, handles: list[RemovableHandle]) -> Any:
        def again(module: nn.Module, inputs: Any, output: Any) -> Tensor | None:
            node = torch._C._current_autograd_node()
            ended = torch._C._current_graph_task_id() < 0  # by an error, before its end could be noticed
            if ended or (node is not None and node._sequence_nr() < self._since):  # younger nodes come first
                _remove(handles)
                return None
            if step.runs > 1:
                raise RuntimeError(
                    f"layer {name!r} ran {step.runs} times in the forward pass and is recomputed now: which of them it is "
                    "cannot be told, so mix at a layer that runs once, or leave it out of activation checkpointing"
                )
            return step.again(output)

        return again


def now() -> int:
    """The number of the next node of the graph that this thread records: later ones have larger numbers.

    In inference mode nothing is recorded, and the number is 0.
    """
    with torch.enable_grad():
        node = torch.zeros((), requires_grad=True).clone().grad_fn
    return 0 if node is None else int(node._sequence_nr())


def _remove(handles: list[RemovableHandle]) -> None:
    for handle in handles:
        handle.remove()
    handles.clear()
