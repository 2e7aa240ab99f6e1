"""The transforms of torchvision and timm that mix batches: their arguments and their numbers, without their traps."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from mixbook.generators import drawn_by
from mixbook.mixing.blend import Blend
from mixbook.mixing.blend.cutmix import CutMix as CutMixBlend
from mixbook.mixing.blend.linear import Linear
from mixbook.mixing.blend.spatial import covered, image_size
from mixbook.mixing.checks import check_batch
from mixbook.mixing.mixer import Mixer
from mixbook.mixing.plan import MixPlan
from mixbook.mixing.ratio import Beta
from mixbook.mixing.scope import generator_state, restore_generator
from mixbook.transfer import send

Mode = Literal["batch", "pair", "elem"]
LabelsGetter = Callable[[Any], Tensor] | Literal["default"]


@dataclass(frozen=True)
class _Previous:
    """Each sample's partner is the one before it, as in torchvision: random where the loader shuffles."""

    def pair(
        self,
        x: Tensor,
        other: Tensor | None = None,
        generator: torch.Generator | None = None,
        y: Tensor | None = None,
        y2: Tensor | None = None,
    ) -> Tensor:
        """Partners (B,): see :class:`mixbook.mixing.pairing.Pairing`."""
        return torch.arange(len(x), device=x.device).roll(1)


class _Transform:
    """What torchvision's two have in common: finding the inputs and the labels in a sample."""

    def __init__(
        self,
        blend: Blend,
        alpha: float,
        num_classes: int | None,
        labels_getter: LabelsGetter,
        generator: torch.Generator | None,
    ) -> None:
        if labels_getter != "default" and not callable(labels_getter):
            raise ValueError(f'labels_getter must be "default" or a function of the sample, got {labels_getter!r}')
        self.mixer = Mixer(_Previous(), Beta(alpha), blend, num_classes, generator)
        self.labels_getter = labels_getter

    def __call__(self, *inputs: Any) -> Any:
        """The same structure with the inputs (B, ...) and the labels mixed; the rest as it is.

        Inputs are torchvision's images and videos, all of them, or else the first tensor beside the labels that has more
        than one dimension.

        Raises:
            ValueError: if there are no inputs or no labels, or boxes, masks or key points, which a mixture has none of.
        """
        sample = inputs if len(inputs) > 1 else inputs[0]
        labels = _labels(sample) if self.labels_getter == "default" else self.labels_getter(sample)
        if not isinstance(labels, Tensor):
            raise ValueError(f"the labels must be a tensor, got {type(labels).__name__}: is labels_getter right?")
        leaves, structure = tree_flatten(sample)
        at_labels = next((n for n, leaf in enumerate(leaves) if leaf is labels), None)
        if at_labels is None:
            raise ValueError("the sample must hold the very tensor that labels_getter gives")
        inputs_at = _inputs(leaves, at_labels)
        check_batch(leaves[inputs_at[0]], labels)
        plan = self.mixer.plan(leaves[inputs_at[0]])  # to which labels say nothing; the targets look at them
        for n in inputs_at:
            leaves[n] = _as(leaves[n], plan.apply(leaves[n]))
        leaves[at_labels] = plan.targets(labels, self.mixer.num_classes)
        return tree_unflatten(leaves, structure)

    @property
    def num_classes(self) -> int | None:
        """C, for integer labels."""
        return self.mixer.num_classes

    @property
    def generator(self) -> torch.Generator | None:
        """Source of lambda; None is torch's global one."""
        return self.mixer.generator

    @property
    def draws_globally(self) -> bool:
        """Whether draws are from torch's global generator."""
        return self.mixer.draws_globally

    def state_dict(self) -> dict[str, Any]:
        """State of the generator: see :meth:`Mixer.state_dict <mixbook.mixing.mixer.Mixer.state_dict>`."""
        return self.mixer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave."""
        self.mixer.load_state_dict(state)


class MixUp(_Transform):
    """torchvision's ``v2.MixUp``: ``x, y = MixUp(num_classes=10)(x, y)``.

    One lambda for a batch, and each sample's partner is the previous one: shuffle in the loader. With the same lambda it
    gives torchvision's numbers. Beyond it: inputs need not be images, a ``generator`` makes the draws its own, and half
    precision is blended in float32.

    Args:
        alpha: of Beta(alpha, alpha).
        num_classes: needed for integer labels.
        labels_getter: function of the sample that gives its labels. By default they are the second of a tuple; if that or
            the sample is a dictionary, what it has under "labels", or else under the first key with "label" in it.
        generator: source of lambda; torch's global one if None.

    Example:
        >>> import torch
        >>> from mixbook.compat import MixUp
        >>> mix = MixUp(alpha=0.2, num_classes=10)
        >>> x, targets = mix(torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 2, 0]))
        >>> x.shape, targets.shape
        (torch.Size([4, 3, 32, 32]), torch.Size([4, 10]))
    """

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        num_classes: int | None = None,
        labels_getter: LabelsGetter = "default",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(Linear(), alpha, num_classes, labels_getter, generator)


class CutMix(_Transform):
    """torchvision's ``v2.CutMix``: as :class:`MixUp`, but a box of each partner is pasted, the same one for a batch.

    With the same lambda and centre it gives torchvision's numbers. Images only, no videos. Refused are sides of 2 pixels or
    fewer, of which torchvision mixes nothing and says nothing.

    Args:
        alpha, num_classes, labels_getter, generator: as for :class:`MixUp`.

    Example:
        >>> import torch
        >>> from mixbook.compat import CutMix
        >>> x, targets = CutMix(num_classes=10)(torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 2, 0]))
        >>> x.shape, targets.shape
        (torch.Size([4, 3, 32, 32]), torch.Size([4, 10]))
    """

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        num_classes: int | None = None,
        labels_getter: LabelsGetter = "default",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(CutMixBlend(), alpha, num_classes, labels_getter, generator)


class Mixup:
    """timm's ``Mixup``, mixup and CutMix by turns: ``x, y = Mixup(num_classes=10)(x, y)``; partners are the batch reversed.

    With the same draws it gives timm's numbers, those of 1.0.29 and later: before, boxes lost the last row and column of an
    odd side. What differs, and why:

    * batches of odd length are taken (timm asserts): the sample in the middle is its own partner and stays as it is;
    * ``x`` is not changed in place: timm's caller loses the clean batch;
    * draws come from ``generator`` or torch's global one, so ``torch.manual_seed`` reproduces them: timm's are numpy's;
    * targets are float32 also for half-precision images, and lie on the device of ``x``;
    * images too small for any box of CutMix are refused: timm hands them on unmixed;
    * labels may be soft, float (B, C): timm reads them as labels and returns B C rows.

    As in timm, ``label_smoothing`` is 0.1 unless said otherwise: do not smooth again in the loss. In ``fit`` use
    :class:`~mixbook.mixing.oneof.OneOf`, which draws one of any mixers for each batch.

    Args:
        mixup_alpha, cutmix_alpha: of Beta(alpha, alpha) for each; 0 switches it off.
        cutmix_minmax: smallest and largest side of the box as shares of the image's, instead of ``cutmix_alpha``.
        prob: of mixing a batch, pair or sample.
        switch_prob: of CutMix rather than mixup where both are on.
        mode: one draw for each ``"batch"``, ``"pair"`` (a sample and its partner have the same) or ``"elem"``.
        correct_lam: weigh the labels by the true area of a clipped box. ``False`` gives them lambda, which is wrong for it.
        label_smoothing: e: classes have e / C, and the label 1 - e more.
        num_classes: classes, C.
        multi_label: labels are float (B, C), of which several may be 1; each is smoothed towards one half.
        generator: source of randomness.

    Raises:
        ValueError: if an argument is out of range, or neither mixup nor CutMix is on; when called, if the images are too
            small for a box of CutMix.

    Example:
        >>> import torch
        >>> from mixbook.compat import Mixup
        >>> mix = Mixup(mixup_alpha=0.8, cutmix_alpha=1.0, num_classes=10)
        >>> x, targets = mix(torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 2, 0]))
        >>> x.shape, targets.sum(1).round(decimals=3)
        (torch.Size([4, 3, 32, 32]), tensor([1., 1., 1., 1.]))
    """

    def __init__(
        self,
        mixup_alpha: float = 1.0,
        cutmix_alpha: float = 0.0,
        cutmix_minmax: tuple[float, float] | None = None,
        prob: float = 1.0,
        switch_prob: float = 0.5,
        mode: Mode = "batch",
        correct_lam: bool = True,
        label_smoothing: float = 0.1,
        num_classes: int = 1000,
        multi_label: bool = False,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        if mode not in get_args(Mode):
            raise ValueError(f"mode must be one of {get_args(Mode)}, got {mode!r}")
        if cutmix_minmax is not None and not (len(cutmix_minmax) == 2 and 0 <= cutmix_minmax[0] < cutmix_minmax[1] <= 1):
            raise ValueError(f"cutmix_minmax must be two growing shares in [0, 1], got {cutmix_minmax}")
        for name, share in {"prob": prob, "switch_prob": switch_prob, "label_smoothing": label_smoothing}.items():
            if not 0 <= share <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {share}")
        cutmix_alpha = cutmix_alpha if cutmix_minmax is None else 1.0
        if mixup_alpha <= 0 and cutmix_alpha <= 0:
            raise ValueError(f"mixup_alpha or cutmix_alpha must be positive, got {mixup_alpha} and {cutmix_alpha}")
        self.mixup_alpha, self.cutmix_alpha, self.cutmix_minmax = mixup_alpha, cutmix_alpha, cutmix_minmax
        self.prob, self.switch_prob, self.mode = prob, switch_prob, mode
        self.correct_lam, self.label_smoothing, self.num_classes = correct_lam, label_smoothing, num_classes
        self.multi_label, self.generator = multi_label, generator
        self.mixup_enabled = True  # the loop's switch: False smooths the labels only

    def __call__(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Mixed batch and targets: x (B, ...) and labels int (B,) or float (B, C) to x (B, ...) and float32 (B, C)."""
        check_batch(x, target)
        if self.multi_label and not (target.is_floating_point() and target.shape[1:] == (self.num_classes,)):
            got = f"{target.dtype} {tuple(target.shape)}"
            raise ValueError(f"with multi_label targets must be float (B, {self.num_classes}), got {got}")
        plan = self.plan(x)
        targets = plan.targets(target, self.num_classes)
        if self.label_smoothing:
            towards = 1 / 2 if self.multi_label else 1 / targets.shape[1]
            targets = (1 - self.label_smoothing) * targets + self.label_smoothing * towards
        return plan.apply(x), targets

    def plan(self, x: Tensor) -> MixPlan:
        """Decide the mixtures of a batch (B, ...); it must be images (B, channels, H, W) where CutMix is on."""
        size = len(x)
        if size == 0:
            return MixPlan.identity(x)
        row = torch.arange(size)
        # Rows that share a draw have the same number.
        draw = {"batch": torch.zeros_like(row), "pair": torch.minimum(row, row.flip(0)), "elem": row}[self.mode]
        lam, original = self._draws(x, int(draw.max()) + 1)
        sources = send(torch.stack([row, row.flip(0)], dim=1), x.device)
        plan = MixPlan(sources, send(_both(lam[draw]), x.device), rows=size)
        return plan if original is None else replace(plan, masks=send(_both(original[draw]), x.device))

    @property
    def draws_globally(self) -> bool:
        """Whether draws are from torch's global generator."""
        return self.generator is None

    def state_dict(self) -> dict[str, Any]:
        """State of the generator: see :meth:`Mixer.state_dict <mixbook.mixing.mixer.Mixer.state_dict>`."""
        return generator_state(self.generator)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave."""
        restore_generator(self.generator, state)

    def _draws(self, x: Tensor, draws: int) -> tuple[Tensor, Tensor | None]:
        """Weights of the originals, (draws,), and how much of them shows, (draws, 1, H, W), unless that is the weights."""
        if not self.mixup_enabled:
            return torch.ones(draws), None
        cut = self._uniform(draws) < self.switch_prob
        if self.mixup_alpha <= 0 or self.cutmix_alpha <= 0:
            cut = torch.full_like(cut, self.cutmix_alpha > 0)
        lam = self._beta(self.mixup_alpha, draws)
        if cut.any():
            lam = lam.where(~cut, self._beta(self.cutmix_alpha, draws))
        mixed = self._uniform(draws) < self.prob
        lam = lam.where(mixed, 1.0)
        if not cut.any():
            return lam, None
        box = self._boxes(x, lam).where(mixed[:, None, None, None], 1.0)
        original = box.where(cut[:, None, None, None], lam[:, None, None, None])
        exact = original.mean(dim=(1, 2, 3)) if self.correct_lam or self.cutmix_minmax else lam
        return exact.where(cut, lam), original

    def _boxes(self, x: Tensor, lam: Tensor) -> Tensor:
        """1 outside the boxes and 0 inside, (draws, 1, H, W)."""
        size = image_size(x)
        start, side = (torch.stack(each) for each in zip(*(self._sides(length, lam) for length in size), strict=True))
        return (~covered(start, start + side, *size))[:, None].float()

    def _sides(self, length: int, lam: Tensor) -> tuple[Tensor, Tensor]:
        """First row or column of boxes, and how many: around a pixel, or between the two shares and inside, (draws,)."""
        if self.cutmix_minmax is None:
            most, side = length - 1, ((1 - lam.double()).sqrt() * length).long()
            start = (self._uniform(len(lam)) * length).long() - side // 2
        else:
            low, high = (int(length * share) for share in self.cutmix_minmax)
            most, side = max(low, high - 1), low + (self._uniform(len(lam)) * (high - low)).long()
            start = (self._uniform(len(lam)) * (length - side + 1)).long()
        if most < 1:
            raise ValueError(
                f"no box of CutMix holds a pixel of a side of {length}, so nothing would be mixed: take larger images "
                "or boxes, or mixup alone"
            )
        return start, side

    def _beta(self, alpha: float, draws: int) -> Tensor:
        return Beta(alpha, per="pair").sample(draws, self.generator)[0].cpu() if alpha > 0 else torch.ones(draws)

    def _uniform(self, draws: int) -> Tensor:
        return torch.rand(draws, dtype=torch.float64, **drawn_by(self.generator)).cpu()


def _inputs(leaves: list[Any], at_labels: int) -> list[int]:
    """Which parts of a sample are mixed."""
    known = sys.modules.get("torchvision.tv_tensors")  # whoever has one of its tensors has loaded it
    if known is not None:
        unfit = (known.BoundingBoxes, known.Mask, *([known.KeyPoints] if hasattr(known, "KeyPoints") else []))
        found = sorted({type(leaf).__name__ for leaf in leaves if isinstance(leaf, unfit)})
        if found:
            raise ValueError(f"a mixture of images has no {' or '.join(found)}: take them out of the sample")
        images = [n for n, leaf in enumerate(leaves) if isinstance(leaf, known.Image | known.Video)]
        if images:
            return images
    others = [n for n, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and n != at_labels]
    several = [n for n in others if leaves[n].ndim > 1]
    if not several and len(others) != 1:
        raise ValueError("the sample must hold an input beside the labels, a tensor of more than one dimension")
    return (several or others)[:1]


def _as(given: Tensor, mixed: Tensor) -> Tensor:
    """An image stays one, for the transforms behind."""
    known = sys.modules.get("torchvision.tv_tensors")
    return known.wrap(mixed, like=given) if known is not None and isinstance(given, known.TVTensor) else mixed


def _both(original: Tensor) -> Tensor:
    """Shares of the original and of the partner, (B, 2, ...)."""
    return torch.stack([original, 1 - original], dim=1)


def _labels(sample: Any) -> Any:
    """Where torchvision looks for them, in its order."""
    pair = isinstance(sample, tuple | list) and len(sample) > 1
    found = sample[1] if pair else sample
    if isinstance(found, Mapping):
        names = [(str(key).lower(), key) for key in found]
        keys = [key for name, key in names if name == "labels"] + [key for name, key in names if "label" in name]
        if not keys:
            raise ValueError(f'no key with "label" in it among {list(found)}: pass labels_getter')
        return found[keys[0]]
    if pair:
        return found
    raise ValueError(f"the sample must be (x, y) or a dictionary, got {type(sample).__name__}: pass labels_getter")
