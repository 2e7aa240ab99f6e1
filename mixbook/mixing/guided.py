"""Mixing guided by the network in training: one look at the samples gives saliency, noise and a clean loss."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mixbook.generators import drawn_by
from mixbook.mixing.blend.saliency import GradientSaliency, channel_norm
from mixbook.mixing.checks import another_network, check_batch, check_looks_at, name_of
from mixbook.mixing.mixer import Mixer
from mixbook.mixing.plan import MixPlan, check_labels

Channels = float | tuple[float, ...]


@dataclass(frozen=True)
class AdversarialNoise:
    """Noise that raises the loss, on some batches, added to images before they are mixed (Puzzle Mix, its released code).

    It starts uniform within ``radius``, follows the sign of the loss's gradient by a step of ``radius + overshoot``, is cut
    to ``radius``, and shrunk by one uniform factor for the batch. Whether the samples get it, and whether their partners
    do, are two independent coins for each batch.

    Args:
        probability: of each coin; 0.1 for CIFAR-100 and 0.15 for Tiny-ImageNet as published.
        radius: of the noise, in pixels between 0 and 1.
        overshoot: of the step beyond the radius, so that noise that started on the wrong side comes far enough.
        mean, std: what the images were standardised with, one number or one for each channel. As they are, the images
            must be pixels between 0 and 1.

    Raises:
        ValueError: if an argument is out of range; when noise is made, if the images are not pixels in [0, 1].

    Example:
        >>> import torch, mixbook as mb
        >>> from mixbook.models import LeNet
        >>> mix = mb.puzzlemix(model := LeNet(), num_classes=10, grids=(4,))
        >>> guided = mb.GuidedMixer(mix, noise=mb.AdversarialNoise(probability=0.1, radius=10 / 255))
        >>> logits, targets = guided.outputs(model, torch.rand(4, 1, 28, 28), torch.tensor([0, 1, 2, 0]))
        >>> logits.shape, targets.shape
        (torch.Size([4, 10]), torch.Size([4, 10]))
    """

    probability: float = 0.1
    radius: float = 10 / 255
    overshoot: float = 2 / 255
    mean: Channels = 0.0
    std: Channels = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must lie in [0, 1], got {self.probability}")
        if not 0 < self.radius <= 1 or self.overshoot < 0:
            raise ValueError(
                f"radius must lie in (0, 1] and overshoot must not be negative, got {self.radius} and {self.overshoot}: "
                "they are in pixels between 0 and 1, e.g. 10 / 255"
            )
        if not (torch.as_tensor(self.std) > 0).all():
            raise ValueError(f"std must be positive, got {self.std}")

    def coins(self, generator: torch.Generator | None) -> tuple[bool, bool]:
        """Whether the samples, and whether their partners, get noise in this batch."""
        first, second = (torch.rand(2, **drawn_by(generator)) < self.probability).tolist()
        return first, second

    def start(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Noise (R, C, H, W) to look at the loss with, in the units of ``x``; pixels stay in [0, 1]."""
        low, high, radius, _ = self._limits(x)
        noise = (2 * torch.rand(x.shape, **drawn_by(generator)).to(x) - 1) * radius
        return (x + noise).clamp(low, high) - x

    def add(self, x: Tensor, start: Tensor, gradient: Tensor, generator: torch.Generator | None) -> Tensor:
        """Noisy images (R, C, H, W), from the gradient of the loss at ``x + start``."""
        low, high, radius, step = self._limits(x)
        noise = (start + step * gradient.sign()).clamp(-radius, radius)
        return (x + torch.rand((), **drawn_by(generator)).to(x) * noise).clamp(low, high)

    def _limits(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Black, white, the radius and the step in the units of ``x``, (C, 1, 1) each."""
        for name, each in (("mean", self.mean), ("std", self.std)):
            if isinstance(each, tuple) and len(each) not in (1, x.shape[1]):
                raise ValueError(f"{name} must be one number or {x.shape[1]}, one for each channel of x, got {each}")
        mean, std = (torch.as_tensor(each).to(x).expand(x.shape[1])[:, None, None] for each in (self.mean, self.std))
        low, high = (0 - mean) / std, (1 - mean) / std
        if x.device.type == "cpu" and ((x < low - 1e-3).any() or (x > high + 1e-3).any()):
            raise ValueError(
                "x must be pixels in [0, 1] for adversarial noise, or mean and std say how they were standardised, "
                f"got values from {float(x.min()):.3g} to {float(x.max()):.3g} with mean={self.mean}, std={self.std}"
            )
        return low, high, self.radius / std, (self.radius + self.overshoot) / std


class GuidedMixer:
    """A mixer whose network looks at the samples once, for everything that Puzzle Mix and Co-Mixup want to know.

    The look is a forward and a backward pass on the samples as they are. Its gradient at the images is their saliency; its
    sign is the direction of :class:`AdversarialNoise`; and its gradient at the parameters is that of the loss of the
    samples themselves, which need not be thrown away. With ``clean`` above 0 it is kept: :meth:`loss` adds ``clean`` times
    that loss, and the backward pass of the sum adds the gradient that is there already. So a step has two forward and two
    backward passes, with the clean loss or without.

    With ``clean`` 0 the look is made in eval mode. Otherwise the network stays in train mode, as in the released code, so
    batch normalisation sees the samples too.

    Args:
        mixer: with a blend whose saliency is a :class:`~mixbook.mixing.blend.saliency.GradientSaliency`.
        clean: weight of the mean cross entropy of the samples, >= 0. The released code's ``clean_lam`` c is 2 c / C with
            its mean binary cross entropy over C classes, and c with cross entropy.
        noise: None adds none.

    Raises:
        ValueError: if ``clean`` is negative, or the mixer's blend asks no network for its saliency.
        TypeError: if ``mixer`` is none.

    Example:
        >>> import torch, mixbook as mb
        >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
        >>> guided = mb.GuidedMixer(mb.puzzlemix(model, num_classes=3), clean=1.0)
        >>> logits, targets = guided.outputs(model, torch.rand(4, 1, 8, 8), torch.tensor([0, 1, 2, 0]))
        >>> guided.loss(logits, targets).backward()
    """

    def __init__(self, mixer: Mixer, *, clean: float = 0.0, noise: AdversarialNoise | None = None) -> None:
        if not isinstance(mixer, Mixer):
            raise TypeError(f"mixer must be of type Mixer, got {type(mixer).__name__}: e.g. mb.puzzlemix(model)")
        saliency = getattr(mixer.blend, "saliency", None)
        if not isinstance(saliency, GradientSaliency):
            raise ValueError(
                f"mixer must have a blend with saliency=GradientSaliency(model), got {mixer.blend}: "
                "mb.puzzlemix(model) and mb.comixup(model) make one"
            )
        if not clean >= 0:
            raise ValueError(f"clean must be a weight of at least 0, got {clean}")
        self.mixer = mixer
        self.clean = clean
        self.noise = noise
        self.model = saliency.model
        self._saliency = saliency
        self._clean_loss: Tensor | None = None

    def __repr__(self) -> str:
        return f"GuidedMixer({self.mixer}, clean={self.clean}, noise={self.noise})"

    def outputs(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        partner: tuple[Tensor, Tensor] | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As :meth:`Mixer.outputs`. With ``clean``, follow it by :meth:`loss`.

        Raises:
            RuntimeError: if the clean loss of the batch before was never used.
            ValueError: as a call of the mixer; with ``clean``, also if ``model`` is another network than the one that
                gives the saliency, whose gradient would go there. Without, that is warned of as by :meth:`Mixer.outputs`.
        """
        if self.clean and another_network(self.model, model):
            raise ValueError(
                "model must be the network that the mixer was made for, whose clean loss it is, got another "
                f"{name_of(model)}: make a mixer for each network, GuidedMixer(puzzlemix(model), clean=...)"
            )
        check_looks_at(self.model, model)
        if self._clean_loss is not None:
            raise RuntimeError(
                "the clean loss of the last batch was not used: compute guided.loss(logits, targets) in each step (in fit, "
                "pass loss=guided.loss), or set clean=0"
            )
        check_batch(x, y)
        for each in (y, None if partner is None else partner[1]):  # before the look at them, which moves statistics
            check_labels(each, self.mixer.num_classes)
        generator = self.mixer.generator if generator is None else generator
        x2, y2 = (None, None) if partner is None else partner
        rows, labels = (x, y) if partner is None else (torch.cat([x, partner[0]]), torch.cat([y, partner[1]]))
        sides = (False, False) if self.noise is None else self.noise.coins(generator)
        start = self.noise.start(rows, generator) if self.noise is not None and any(sides) else torch.zeros(())

        saliency, gradient, clean_loss = self._look(rows + start if any(sides) else rows, labels)
        blend = replace(cast(Any, self.mixer.blend), saliency=lambda x, y: saliency)
        plan = replace(self.mixer, blend=blend).plan(x, y, x2=x2, y2=y2, generator=generator)
        if self.noise is not None and any(sides):
            noisy = self.noise.add(rows, start, gradient, generator)
            first, others = (noisy if side else rows for side in sides)
            plan, rows, labels = _two_sided(plan), torch.cat([first, others]), torch.cat([labels, labels])
        outputs = model(plan.apply(rows)), plan.targets(labels, self.mixer.num_classes)
        self._clean_loss = clean_loss
        return outputs

    def unmixed(self, model: nn.Module, x: Tensor) -> Tensor:
        """The model's outputs on a batch as it is, for loops that mix some batches only: :meth:`loss` is of these alone."""
        if self.clean:
            self._clean_loss = torch.zeros(())
        return cast(Tensor, model(x))

    def loss(
        self, outputs: Tensor, targets: Tensor, of_mixtures: Callable[[Tensor, Tensor], Tensor] = cross_entropy
    ) -> Tensor:
        """Loss of the mixtures that :meth:`outputs` just gave, plus ``clean`` times that of the samples; a scalar.

        Raises:
            RuntimeError: if there is a weight but no clean loss, because :meth:`outputs` did not run before.
        """
        mixed = of_mixtures(outputs, targets)
        if self.clean == 0:
            return mixed
        if self._clean_loss is None:
            raise RuntimeError("there is no clean loss to add: call guided.outputs(model, x, y) before each guided.loss")
        clean, self._clean_loss = self._clean_loss, None
        return mixed + self.clean * clean.to(mixed.dtype)

    def state_dict(self) -> dict[str, Any]:
        """State of the mixer's generator: see :meth:`Mixer.state_dict`."""
        return self.mixer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave."""
        self.mixer.load_state_dict(state)

    def _look(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Saliency (R, H, W), gradient (R, C, H, W) and, with a weight, the clean loss."""
        if self.clean:
            gradient, clean_loss = self._saliency.gradient(x, y, keep_loss=True)
        else:
            gradient, clean_loss = self._saliency.in_eval_mode(x, y), None
        return channel_norm(gradient), gradient, clean_loss


def _two_sided(plan: MixPlan) -> MixPlan:
    """The plan for rows that are there twice: first sources from the first copy, all others from the second."""
    sources = torch.cat([plan.sources[:, :1], plan.sources[:, 1:] + plan.rows], dim=1)
    return MixPlan(sources, plan.weights, 2 * plan.rows, plan.masks, plan.moves)
