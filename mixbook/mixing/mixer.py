"""The mixer: a pairing, a ratio and a blend put together, and the presets that the papers name."""

from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from mixbook.mixing.blend import Blend
from mixbook.mixing.blend.comixup import CoMixup
from mixbook.mixing.blend.cutmix import CutMix
from mixbook.mixing.blend.fmix import FMix, Legacy
from mixbook.mixing.blend.linear import Linear
from mixbook.mixing.blend.puzzlemix import PuzzleMix
from mixbook.mixing.blend.saliency import GradientSaliency
from mixbook.mixing.checks import built_in, can_be_looked_at, check_batch, check_looks_at
from mixbook.mixing.pairing import OptimalTransport, Pairing, RandomPairing
from mixbook.mixing.plan import IGNORED, MixPlan, check_labels, check_range, check_shares
from mixbook.mixing.ratio import Beta, Fixed, Ratio, lambdas
from mixbook.mixing.scope import Scope, generator_state, restore_generator


class Mixes(Protocol):
    """What training asks of any mixer."""

    def outputs(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        partner: tuple[Tensor, Tensor] | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Outputs (N, C) on the mixtures of a batch (B, ...), draw by draw, and their targets (N, C)."""
        ...


@dataclass
class Mixer:
    """Mixes batches: who with whom, how much of each, and how they are put together.

    Args:
        pairing: who is mixed with whom.
        ratio: how much of each.
        blend: how two samples are put together.
        num_classes: C, for integer labels; not needed for float targets.
        generator: source of all randomness; torch's global one if None. Its state is part of :meth:`state_dict`.

    Raises:
        TypeError: if one of the three has not the method that makes it a pairing, a ratio or a blend, or is a class.
        ValueError: if the blend itself chooses who is mixed with whom, and a pairing other than the default is given.

    Example:
        >>> import torch, mixbook as mb
        >>> mix = mb.Mixer(pairing=mb.OptimalTransport(2), ratio=mb.Beta(1.0), num_classes=3)
        >>> x, targets = mix(torch.rand(4, 8), torch.tensor([0, 1, 2, 0]))
        >>> x.shape, targets.shape, targets.sum(1)
        (torch.Size([4, 8]), torch.Size([4, 3]), tensor([1., 1., 1., 1.]))
    """

    pairing: Pairing = field(default_factory=RandomPairing)
    ratio: Ratio = field(default_factory=Beta)
    blend: Blend = field(default_factory=Linear)
    num_classes: int | None = None
    generator: torch.Generator | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name, method in (("pairing", "pair"), ("ratio", "sample"), ("blend", "plan")):
            part = getattr(self, name)
            if isinstance(part, type):
                raise TypeError(f"{name} must be an object, got the class {part.__name__}: {name}={part.__name__}(...)")
            if not callable(getattr(part, method, None)):
                raise TypeError(f"{name} must have a method {method!r}, got {part!r}")
        if getattr(self.blend, "chooses_partners", False) and not isinstance(self.pairing, RandomPairing):
            raise ValueError(
                f"{type(self.blend).__name__} itself chooses who is mixed with whom, so pairing={self.pairing} would "
                "change nothing: leave the pairing out"
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
        """Mixed batch and targets: x (B, ...) and y int (B,) or float (B, C) to (N, ...) and float32 (N, C), N = K B.

        Args:
            x, y: the batch. Nothing looks for NaN in ``x``: see :meth:`MixPlan.apply`.
            x2, y2: a second, independent batch of the same shape that partners come from, as the theory assumes.
            generator: used instead of the mixer's own.

        Raises:
            ValueError: if the batch is empty, ``x`` and ``y`` differ in length, ``y`` does not fit ``num_classes`` or is
                NaN or infinite, or only one of ``x2`` and ``y2`` is given.
            TypeError: if ``x`` is not floating point, or ``x`` or ``y`` is not a tensor.
            RuntimeError: in a later call, if ``y`` on a CUDA device has such values: see :meth:`MixPlan.targets`.
        """
        return self._mix(x, y, x2, y2, generator)

    def plan(
        self,
        x: Tensor,
        y: Tensor | None = None,
        *,
        x2: Tensor | None = None,
        y2: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> MixPlan:
        """Decide the mixtures of a batch without mixing anything.

        Args:
            x: the batch, (B, ...): transport pairings look at it.
            y: its targets, which some pairings and blends look at; checked against ``x`` where given, and labels on a CPU
                against ``num_classes``. -100 stands for "not known"; with another such label leave ``num_classes`` out.
            x2, y2: a second, independent batch of the same shape that partners come from. The plan then applies to
                ``torch.cat([x, x2])`` and ``torch.cat([y, y2])``.
            generator: used instead of the mixer's own.

        Raises:
            ValueError: if the batch is empty, ``x`` and ``y`` differ in length, a label is out of range, or a partner that
                a pairing of your own gives on a CPU is not a row of the batch that partners come from.
            TypeError: if one is not a tensor.
        """
        check_labels(y, self.num_classes, IGNORED)
        check_labels(y2, self.num_classes, IGNORED)
        return self._decide(x, y, x2, y2, generator)

    def _decide(
        self, x: Tensor, y: Tensor | None, x2: Tensor | None, y2: Tensor | None, generator: torch.Generator | None
    ) -> MixPlan:
        """The plan, with no look at the range of labels, which the targets look at too."""
        check_batch(x, y)
        if x2 is not None:
            check_batch(x2, y2, ("x2", "y2"))
        generator = self.generator if generator is None else generator
        partner = self._partners(self.pairing.pair(x, x2, generator, y, y2), x)
        lam = lambdas(self.ratio, x.shape[0], generator)
        if x2 is None:
            return self._looked_at(self.blend.plan(x, partner, lam, generator, y))
        both = None if y is None or y2 is None else torch.cat([y, y2])
        return self._looked_at(self.blend.plan(torch.cat([x, x2]), partner + len(x), lam, generator, both))

    def _partners(self, partner: Any, x: Tensor) -> Tensor:
        """The partners that a pairing found; those of a reader's own are looked at."""
        size = x.shape[:1]
        if not isinstance(partner, Tensor) or partner.dtype not in (torch.int64, torch.int32) or partner.shape != size:
            got = f"{partner.dtype} {tuple(partner.shape)}" if isinstance(partner, Tensor) else type(partner).__name__
            raise TypeError(f"a pairing must give the row of each partner, int64 ({x.shape[0]},), got {got}")
        if not built_in(self.pairing) and can_be_looked_at(partner):
            check_range("partner", partner, x.shape[0])  # before rows of a first batch are added, which would hide -1
        return partner

    def _looked_at(self, plan: Any) -> MixPlan:
        """The plan that a blend made; of a reader's own it is looked at."""
        if built_in(self.blend):
            return cast(MixPlan, plan)
        blend = type(self.blend)
        if not isinstance(plan, MixPlan):
            raise TypeError(f"{blend.__name__}.plan must give a MixPlan, got {type(plan).__name__}")
        check_shares(f"weights of {blend.__name__}.plan", plan.weights)
        return plan

    def outputs(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        partner: tuple[Tensor, Tensor] | None = None,
        generator: torch.Generator | None = None,
        plan: MixPlan | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What a training step needs: the model's outputs on the mixtures (N, C), and their targets, float32 (N, C).

        Args:
            model: takes inputs, gives logits. A blend whose saliency asks another network is warned of, unless that one is
                frozen, as a teacher is.
            x, y: the batch.
            partner: a second, independent batch ``(x2, y2)`` that partners come from.
            generator: used instead of the mixer's own.
            plan: of this batch, where it was made before, such as by :func:`~mixbook.mixing.block.plan_many`.
        """
        saliency = getattr(self.blend, "saliency", None)
        if isinstance(saliency, GradientSaliency):
            check_looks_at(saliency.model, model)
        x2, y2 = (None, None) if partner is None else partner
        mixed, targets = self._mix(x, y, x2, y2, generator, plan)
        return model(mixed), targets

    def _mix(
        self,
        x: Tensor,
        y: Tensor,
        x2: Tensor | None,
        y2: Tensor | None,
        generator: torch.Generator | None,
        plan: MixPlan | None = None,
    ) -> tuple[Tensor, Tensor]:
        if y is None:
            raise TypeError("y is needed for the targets of the mixtures, got None: without any, mix.plan(x).apply(x)")
        if (x2 is None) != (y2 is None):
            raise ValueError("x2 and y2 must be given together: the second batch needs its targets too")
        if plan is None:
            if type(self).plan is Mixer.plan:  # or a reader's own, in a class derived from this one
                plan = self._decide(x, y, x2, y2, generator)
            else:
                plan = self.plan(x, y, x2=x2, y2=y2, generator=generator)
        if x2 is not None and y2 is not None:
            x, y = torch.cat([x, x2]), torch.cat([y, y2])
        return plan.apply(x), plan.targets(y, self.num_classes)

    @property
    def draws_globally(self) -> bool:
        """Whether draws are from torch's global generator."""
        return self.generator is None

    def state_dict(self) -> dict[str, Any]:
        """State of the generator, to continue the same sequence of mixtures later; empty with torch's global one."""
        return generator_state(self.generator)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave.

        Raises:
            ValueError: if only one of the two, this mixer or the saved one, has a generator of its own, or several mixers
                were saved.
        """
        if "mixers" in state:
            raise ValueError("the state is that of OneOf, which holds several mixers: load it into one")
        restore_generator(self.generator, state)


def mixup(
    alpha: float = 1.0,
    num_classes: int | None = None,
    *,
    per: Scope = "batch",
    generator: torch.Generator | None = None,
) -> Mixer:
    """mixup (Zhang et al. 2018): random pairs, one interpolation, one lambda per batch as in the paper's code.

    Example:
        >>> import torch, mixbook as mb
        >>> mix = mb.mixup(alpha=0.2, num_classes=3)
        >>> x, targets = mix(torch.rand(4, 8), torch.tensor([0, 1, 2, 0]))
        >>> x.shape, targets.shape
        (torch.Size([4, 8]), torch.Size([4, 3]))
    """
    return Mixer(RandomPairing(), Beta(alpha, per=per), num_classes=num_classes, generator=generator)


def kmixup(
    k: int = 16,
    alpha: float = 1.0,
    num_classes: int | None = None,
    *,
    draws: int = 1,
    per: Scope = "batch",
    strict: bool = True,
    generator: torch.Generator | None = None,
) -> Mixer:
    """k-mixup (Greenewald et al. 2021): pairs matched by optimal transport in blocks of ``k``.

    Take batches much larger than k: within a batch of B a share of up to k / B of the samples, in many dimensions nearly
    that, is matched with itself, and not mixed. ``strict=False`` accepts batches smaller than k, such as the last one of an
    epoch, which then stay as they are. ``draws`` interpolations of each pair are multi-mix of matched pairs. At the same
    alpha matched samples move less: :func:`~mixbook.mixing.transport.alpha_at_constant_xi` gives the alpha that makes up
    for it.

    Example:
        >>> import torch, mixbook as mb
        >>> mix = mb.kmixup(k=2, alpha=1.0, num_classes=3)
        >>> x, targets = mix(torch.rand(4, 8), torch.tensor([0, 1, 2, 0]))
        >>> x.shape, targets.shape
        (torch.Size([4, 8]), torch.Size([4, 3]))
    """
    return Mixer(OptimalTransport(k, strict), Beta(alpha, draws, per), num_classes=num_classes, generator=generator)


def multimix(
    draws: int = 5,
    alpha: float = 1.0,
    num_classes: int | None = None,
    *,
    per: Scope = "batch",
    generator: torch.Generator | None = None,
) -> Mixer:
    """multi-mix (Shen et al.): ``draws`` ordered interpolations of each random pair, so K B mixtures of a batch of B.

    Example:
        >>> import torch, mixbook as mb
        >>> mix = mb.multimix(draws=5, alpha=1.0, num_classes=3)
        >>> x, targets = mix(torch.rand(4, 8), torch.tensor([0, 1, 2, 0]))
        >>> x.shape, targets.shape
        (torch.Size([20, 8]), torch.Size([20, 3]))
    """
    return Mixer(RandomPairing(), Beta(alpha, draws, per), num_classes=num_classes, generator=generator)


def puzzlemix(
    model: nn.Module,
    alpha: float = 1.0,
    num_classes: int | None = None,
    *,
    draws: int = 1,
    per: Scope = "batch",
    generator: torch.Generator | None = None,
    **blend: Any,
) -> Mixer:
    """Puzzle Mix (Kim et al. 2020): random pairs, blocks chosen by where the loss of ``model`` looks, moved and joined.

    ``model`` is the network in training; planning needs the targets, ``mix.plan(x, y)``, and one more backward pass. That
    pass serves adversarial noise and a clean loss too with :class:`~mixbook.mixing.guided.GuidedMixer`. ``blend`` takes the
    arguments of :class:`~mixbook.mixing.blend.puzzlemix.PuzzleMix`.

    Example:
        >>> import torch, mixbook as mb
        >>> from mixbook.models import LeNet
        >>> mix = mb.puzzlemix(LeNet(), num_classes=10, grids=(4,))
        >>> x, targets = mix(torch.rand(4, 1, 28, 28), torch.tensor([0, 1, 2, 0]))
        >>> x.shape, targets.shape
        (torch.Size([4, 1, 28, 28]), torch.Size([4, 10]))
    """
    return Mixer(
        RandomPairing(), Beta(alpha, draws, per), PuzzleMix(GradientSaliency(model), **blend), num_classes, generator
    )


def comixup(
    model: nn.Module,
    num_classes: int | None = None,
    *,
    draws: int = 1,
    generator: torch.Generator | None = None,
    **blend: Any,
) -> Mixer:
    """Co-Mixup (Kim et al. 2021): groups of 20 images made into 20 mixtures jointly, by where the loss of ``model`` looks.

    ``model`` is the network in training; planning needs the targets, ``mix.plan(x, y)``, and one more backward pass. That
    pass serves the published clean loss too with :class:`~mixbook.mixing.guided.GuidedMixer`. ``blend`` takes the arguments
    of :class:`~mixbook.mixing.blend.comixup.CoMixup`.

    Example:
        >>> import torch, mixbook as mb
        >>> from mixbook.models import LeNet
        >>> mix = mb.comixup(LeNet(), num_classes=10, group=4)
        >>> x, targets = mix(torch.rand(4, 1, 28, 28), torch.tensor([0, 1, 2, 0]))
        >>> x.shape, targets.shape
        (torch.Size([4, 1, 28, 28]), torch.Size([4, 10]))
    """
    ratio = Fixed(*[0.5] * draws)  # how many sets of mixtures; Co-Mixup finds how much of each image itself
    return Mixer(RandomPairing(), ratio, CoMixup(GradientSaliency(model), **blend), num_classes, generator)


def cutmix(
    alpha: float = 1.0,
    num_classes: int | None = None,
    *,
    draws: int = 1,
    per: Scope = "batch",
    generator: torch.Generator | None = None,
) -> Mixer:
    """CutMix (Yun et al. 2019): random pairs, a box of the partner; one box and lambda per batch as in the paper's code.

    Example:
        >>> import torch, mixbook as mb
        >>> mix = mb.cutmix(alpha=1.0, num_classes=10)
        >>> x, targets = mix(torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 2, 0]))
        >>> x.shape, targets.shape
        (torch.Size([4, 3, 32, 32]), torch.Size([4, 10]))
    """
    return Mixer(RandomPairing(), Beta(alpha, draws, per), CutMix(per), num_classes, generator)


def fmix(
    alpha: float = 1.0,
    num_classes: int | None = None,
    *,
    draws: int = 1,
    per: Scope = "batch",
    decay: float = 3.0,
    max_soft: float = 0.0,
    legacy: Legacy | None = None,
    generator: torch.Generator | None = None,
) -> Mixer:
    """FMix (Harris et al. 2020): random pairs, masks cut from smooth noise; one mask per batch as in the paper's code.

    Example:
        >>> import torch, mixbook as mb
        >>> mix = mb.fmix(alpha=1.0, num_classes=10)
        >>> x, targets = mix(torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 2, 0]))
        >>> x.shape, targets.shape
        (torch.Size([4, 3, 32, 32]), torch.Size([4, 10]))
    """
    return Mixer(RandomPairing(), Beta(alpha, draws, per), FMix(per, decay, max_soft, legacy), num_classes, generator)
