"""Mixers by turns: for each batch one of several, drawn at random."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from mixbook.mixing.mixer import Mixer
from mixbook.mixing.plan import MixPlan
from mixbook.mixing.scope import check_probabilities, draw_index, generator_state, restore_generator


@dataclass
class OneOf:
    """For each batch one of several mixers: mixup or CutMix by turns, as large recipes for images do.

    It is used as a :class:`~mixbook.mixing.mixer.Mixer` is, also in ``fit``. Some batches stay as they are if one of the
    mixers is ``Mixer(ratio=Fixed(1.0))``.

    Args:
        mixers: one or more, with the same ``num_classes``.
        probabilities: of each of them, summing to 1; all are equally likely if None.
        generator: source of the draws, and of the drawn mixer's in place of its own. If None, each mixer has its own, and
            which one it is comes from torch's global one.

    Raises:
        TypeError: if they are no list, or one is not a :class:`~mixbook.mixing.mixer.Mixer`. (What mixes inside a network
            makes no mixed batch.)
        ValueError: if there is none, they differ in ``num_classes``, or there are not as many probabilities, or these are
            negative or do not sum to 1.

    Example:
        >>> import torch, mixbook as mb
        >>> mixers = mb.mixup(0.8, num_classes=10), mb.cutmix(1.0, num_classes=10)
        >>> mix = mb.OneOf(mixers, probabilities=[0.3, 0.7])
        >>> x, targets = mix(torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 2, 0]))
        >>> x.shape, targets.shape
        (torch.Size([4, 3, 32, 32]), torch.Size([4, 10]))
    """

    mixers: Sequence[Mixer]
    probabilities: Sequence[float] | None = None
    generator: torch.Generator | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.mixers, Iterable):
            raise TypeError(f"mixers must be a list, got {type(self.mixers).__name__}: e.g. [mb.mixup(0.8)]")
        self.mixers = tuple(self.mixers)
        if not self.mixers:
            raise ValueError("mixers must be a list with at least one, got none: e.g. [mb.mixup(0.8), mb.cutmix(1.0)]")
        for mixer in self.mixers:
            if not isinstance(mixer, Mixer):
                raise TypeError(f"mixers must be of type Mixer, got {type(mixer).__name__}: e.g. mb.mixup(0.8)")
        classes = [mixer.num_classes for mixer in self.mixers]
        if len(set(classes)) > 1:
            raise ValueError(f"mixers must have the same num_classes, got {classes}")
        if self.probabilities is not None:
            self.probabilities = check_probabilities("probabilities", self.probabilities)
            if len(self.probabilities) != len(self.mixers):
                raise ValueError(
                    f"probabilities must be one for each of the {len(self.mixers)} mixers, got {len(self.probabilities)}"
                )

    def __call__(
        self,
        x: Tensor,
        y: Tensor,
        x2: Tensor | None = None,
        y2: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Mixed batch (N, ...) and targets, float32 (N, C): as the drawn mixer gives them."""
        mixer, generator = self._drawn(generator)
        return mixer(x, y, x2, y2, generator=generator)

    def plan(
        self,
        x: Tensor,
        y: Tensor | None = None,
        *,
        x2: Tensor | None = None,
        y2: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> MixPlan:
        """Decide the mixtures of a batch without mixing anything: as :meth:`Mixer.plan`."""
        mixer, generator = self._drawn(generator)
        return mixer.plan(x, y, x2=x2, y2=y2, generator=generator)

    def outputs(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        partner: tuple[Tensor, Tensor] | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The model's outputs on the mixtures (N, C), and their targets, float32 (N, C): as :meth:`Mixer.outputs`."""
        mixer, generator = self._drawn(generator)
        return mixer.outputs(model, x, y, partner=partner, generator=generator)

    @property
    def num_classes(self) -> int | None:
        """C, for integer labels: that of every mixer."""
        return self.mixers[0].num_classes

    @property
    def draws_globally(self) -> bool:
        """Whether all draws, those of the mixers too, are from torch's global generator."""
        return self.generator is None and all(mixer.draws_globally for mixer in self.mixers)

    def state_dict(self) -> dict[str, Any]:
        """State of the generator and of the mixers: see :meth:`Mixer.state_dict`."""
        return {**generator_state(self.generator), "mixers": [mixer.state_dict() for mixer in self.mixers]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave.

        Raises:
            ValueError: if the saved mixers are not as many, or as for :meth:`Mixer.load_state_dict`.
        """
        saved_mixers = state.get("mixers", ())
        if len(saved_mixers) != len(self.mixers):
            raise ValueError(f"there are {len(self.mixers)} mixers, and the saved state holds {len(saved_mixers)}")
        restore_generator(self.generator, state)
        for mixer, saved in zip(self.mixers, saved_mixers, strict=True):
            mixer.load_state_dict(saved)

    def _drawn(self, generator: torch.Generator | None) -> tuple[Mixer, torch.Generator | None]:
        generator = self.generator if generator is None else generator
        return self.mixers[int(draw_index(len(self.mixers), self.probabilities, 1, generator))], generator
