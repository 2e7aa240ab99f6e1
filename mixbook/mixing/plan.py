"""The plan: which samples make up each mixture and how much of each, decided before anything is mixed."""

from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from math import isfinite, isqrt
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from mixbook.mixing.checks import can_be_looked_at, check_inputs, in_vmap
from mixbook.transfer import send

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_ADVICE = ": is num_classes right?"
IGNORED = -100  # the label that stands for "not known" in PyTorch's losses


@dataclass(frozen=True, eq=False)
class MixPlan:
    """A row-stochastic matrix W that turns R rows into N mixtures, stored as S sources and weights per mixture.

    Features are W applied to the rows at some layer; targets are W applied to one-hot labels, multi-labels or regression
    values. Row n starts from sample n mod B, so the K draws of multi-mix follow one another, each in the batch's order.

    Args:
        sources: rows that each mixture is made of, int64 (N, S), each in [0, rows).
        weights: how much of each, float32 (N, S); every row sums to 1.
        rows: R, the number of rows that the plan is applied to: B, or 2 B where partners come from a second batch.
        masks: for spatial blends, how much of each source shows at each pixel, float32 (N, S, 1, H, W), summing to 1 over
            the sources; their means over the pixels are the weights (but where targets go by lambda and not by what shows,
            such as timm's ``correct_lam=False``). None where every pixel has the weights themselves.
        moves: for blends that move patches before masking, int64 (N, S, g * g): place j of a grid of g x g patches, row by
            row, gets the source's patch ``moves[n, s, j]``. None where everything stays in place.
        masks_apart: whether rows had masks at several layers, which no one plan can hold: it knows the weights, and refuses
            to mix maps.
        check: look at the values too, on the CPU; on a GPU that would stall the queue.

    Raises:
        ValueError: if the shapes differ, a source is out of range, weights or masks are negative or do not sum to 1 over
            the sources.

    Example:
        >>> import torch, mixbook as mb
        >>> sources = torch.tensor([[0, 1], [1, 2], [2, 0]])
        >>> plan = mb.MixPlan(sources, torch.tensor([[0.75, 0.25]] * 3), rows=3)
        >>> plan.apply(torch.eye(3))
        tensor([[0.7500, 0.2500, 0.0000],
                [0.0000, 0.7500, 0.2500],
                [0.2500, 0.0000, 0.7500]])
        >>> plan.targets(torch.tensor([0, 1, 1]), num_classes=2)
        tensor([[0.7500, 0.2500],
                [0.0000, 1.0000],
                [0.2500, 0.7500]])
    """

    sources: Tensor
    weights: Tensor
    rows: int
    masks: Tensor | None = None
    moves: Tensor | None = None
    check: InitVar[bool] = True
    masks_apart: bool = field(default=False, kw_only=True, repr=False)
    _in_order: bool = field(default=False, init=False, repr=False, compare=False)

    def __post_init__(self, check: bool) -> None:
        if self.sources.ndim != 2 or self.sources.shape != self.weights.shape:
            raise ValueError(
                "sources and weights must both have shape (N, S), "
                f"got {tuple(self.sources.shape)} and {tuple(self.weights.shape)}"
            )
        if self.masks is not None and (self.masks.ndim != 5 or self.masks.shape[:3] != (*self.sources.shape, 1)):
            raise ValueError(
                f"masks must be (N, S, 1, H, W) with N, S = {tuple(self.sources.shape)}, got {tuple(self.masks.shape)}"
            )
        if self.moves is not None:
            grid = isqrt(self.moves.shape[-1])
            if self.masks is None or self.moves.shape != (*self.sources.shape, grid**2):
                raise ValueError(
                    f"moves must be (N, S, g * g) with N, S = {tuple(self.sources.shape)}, beside masks, "
                    f"got {tuple(self.moves.shape)}"
                )
            if grid == 0 or self.masks.shape[3] % grid or self.masks.shape[4] % grid:
                raise ValueError(f"{grid} x {grid} patches of moves must divide the masks, got {tuple(self.masks.shape)}")
        if check and self.sources.device.type == "cpu" and self.sources.numel():
            check_range("sources", self.sources, self.rows)
            # With one draw the first sources are the batch as it is, which need not be copied.
            self._set_in_order(torch.equal(self.sources[:, 0], torch.arange(len(self))))
        if check and self.weights.device.type == "cpu" and len(self):
            check_shares("weights", self.weights)
            if self.masks is not None:
                check_shares("masks", self.masks, rounding=1e-4)

    @classmethod
    def of_pairs(
        cls, partner: Tensor, weights: Tensor, rows: int, *, masks: Tensor | None = None, moves: Tensor | None = None
    ) -> "MixPlan":
        """The plan of each sample mixed K times with its partner: what blends make, fast enough for every training step.

        Only the partners are looked at. All else is right by construction, if the weights of a mixture sum to 1.

        Args:
            partner: row that each sample is mixed with, int64 (B,).
            weights: of the samples and of their partners, float32 (K B, 2), draw after draw.
            rows, masks, moves: as for the class.

        Raises:
            ValueError: if the shapes differ, or a partner is out of range.

        Example:
            >>> import torch, mixbook as mb
            >>> weights = torch.tensor([[0.25, 0.75]] * 3 + [[0.5, 0.5]] * 3)
            >>> mb.MixPlan.of_pairs(torch.tensor([2, 0, 1]), weights, rows=3).sources.tolist()
            [[0, 2], [1, 0], [2, 1], [0, 2], [1, 0], [2, 1]]
        """
        size = partner.shape[0]  # of every batch: len of a tensor takes ten times as long
        if partner.device.type == "cpu" and size:
            check_range("partner", partner, rows)
        sources = torch.stack([torch.arange(size, device=partner.device), partner], dim=1)
        draws = weights.shape[0] // max(1, size)
        plan = cls(sources if draws == 1 else sources.repeat(draws, 1), weights, rows, masks, moves, check=False)
        plan._set_in_order(draws == 1)
        return plan

    @classmethod
    def identity(cls, x: Tensor) -> "MixPlan":
        """The plan that mixes nothing: each row of ``x`` (R, ...) alone, on its device.

        Example:
            >>> import torch, mixbook as mb
            >>> mb.MixPlan.identity(torch.rand(3, 8)).targets(torch.tensor([0, 1, 0]), num_classes=2).argmax(1)
            tensor([0, 1, 0])
        """
        sources = torch.arange(x.shape[0], device=x.device)[:, None]
        return cls(sources, torch.ones(x.shape[0], 1, device=x.device), rows=x.shape[0])

    def to(self, device: torch.device | str) -> "MixPlan":
        """The same plan on another device, such as one that a worker of a loader made on the CPU.

        Example:
            >>> import torch, mixbook as mb
            >>> mb.mixup().plan(torch.rand(3, 8)).to("meta").sources.device
            device(type='meta')
        """
        return self._with_each(lambda part: send(part, torch.device(device)))

    def pin_memory(self) -> "MixPlan":
        """The same plan in page-locked memory: a ``DataLoader`` with ``pin_memory=True`` calls this."""
        return self._with_each(Tensor.pin_memory)

    def _with_each(self, change: Callable[[Tensor], Tensor]) -> "MixPlan":
        parts = (self.sources, self.weights, self.masks, self.moves)
        sources, weights, masks, moves = (None if part is None else _stored_once(part, change) for part in parts)
        assert sources is not None and weights is not None
        plan = MixPlan(sources, weights, self.rows, masks, moves, check=False, masks_apart=self.masks_apart)
        plan._set_in_order(self._in_order)
        return plan

    def __len__(self) -> int:
        """Number of mixtures, N."""
        return self.sources.shape[0]

    def apply(self, x: Tensor) -> Tensor:
        """Mixtures of the rows of ``x``: (R, ...) to (N, ...), differentiable, in the dtype of ``x``, never in place.

        Half-precision inputs are blended in float32, so that the weights keep their digits. Inputs must be finite: also a
        sample of weight 0 is multiplied, and 0 times infinity is NaN. Nothing looks for such values in ``x``, which would
        be one more pass over every batch: ask ``bool(x.isfinite().all())`` once, of all data.

        Raises:
            TypeError: if ``x`` is not floating point.
            ValueError: if ``x`` does not have the number of rows, or the height and width, that the plan was made for, or
                the rows had masks at several layers.
        """
        check_inputs(x)
        self._check_rows("x", x)
        exact = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        share = self._shares(exact)
        if self.sources.shape[1] == 2:  # the shares sum to 1, so one pass over memory does it, onto the partners' own copy
            return self._source(exact, 1).lerp_(self._source(exact, 0), share[:, 0]).to(x.dtype)
        mixed = self._source(exact, 0) * share[:, 0]
        for s in range(1, self.sources.shape[1]):
            mixed = mixed + self._source(exact, s) * share[:, s]
        return mixed.to(x.dtype)

    def targets(self, y: Tensor, num_classes: int | None = None, *, ignore_index: int | None = None) -> Tensor:
        """Targets of the mixtures, float32 (N, C).

        Args:
            y: integer labels (R,), or float targets (R, C): soft labels, multi-labels or regression values.
            num_classes: C, needed for integer labels, which do not show how many classes there are. Float targets are
                checked against it where it is given.
            ignore_index: an integer label that stands for "not known". It adds nothing, so the targets of its mixtures sum
                to less than 1; :func:`~mixbook.mixing.losses.mixed_cross_entropy` counts only what is there.

        Raises:
            ValueError: if ``num_classes`` is missing, ``y`` has another shape, a label is out of range, or a float target
                is NaN or infinite. Maps of labels are for :meth:`pixel_targets`.
            RuntimeError: instead, on a CUDA device, if a label is out of range or a float target not finite. Nothing waits
                for the values there, so a later call raises it, and the device prints the words.
        """
        self._check_rows("y", y)
        if y.is_floating_point():
            if y.ndim != 2:
                advice = (
                    "pass labels of classes as y.long(), and one number for each sample (regression, yes or no) as "
                    "y[:, None]"
                    if y.ndim == 1
                    else "for maps of labels use plan.pixel_targets(y.long(), num_classes), and for maps of numbers "
                    "plan.apply(y)"
                )
                raise ValueError(f"float y must have shape ({self.rows}, C), got {tuple(y.shape)}: {advice}")
            if num_classes is not None and y.shape[1] != num_classes:
                raise ValueError(
                    f"float y must have num_classes={num_classes} columns, got shape {tuple(y.shape)}{_ADVICE} "
                    "Where y are no classes, leave it out"
                )
            values = y.float()
            _check_finite("float y", values)
            # No matrix product, which autocast would compute in half precision.
            return (self.weights[:, :, None] * values[self.sources]).sum(1)
        if y.ndim != 1:
            raise ValueError(f"integer y must have shape ({self.rows},), got {tuple(y.shape)}: {_advice_on(y)}")
        if num_classes is None:
            raise ValueError("num_classes is needed for integer labels, got None: e.g. mixup(alpha=1.0, num_classes=10)")
        labels, known = known_labels(y, num_classes, ignore_index)
        targets = self.weights.new_zeros(len(self), num_classes)
        weights = self.weights if known is None else self.weights * known[self.sources]
        return targets.scatter_add_(1, labels[self.sources], weights)

    def pixel_targets(self, y: Tensor, num_classes: int, *, ignore_index: int | None = None) -> Tensor:
        """Targets of mixtures of segmentation maps, float32 (N, C, H, W): each pixel is mixed as :meth:`apply` mixes it.

        Under a spatial blend a pixel so has the label of the sample that it shows, and not the weights of the whole image.
        (Maps of numbers, such as depth, need nothing of this: ``plan.apply`` mixes them.)

        Args:
            y: integer label of each pixel, (R, H, W).
            num_classes: classes, C.
            ignore_index: as for :meth:`targets`.

        Raises:
            ValueError, RuntimeError: if ``y`` has another shape or a label is out of range: as for :meth:`targets`; if the
                rows had masks at several layers.
        """
        if y.is_floating_point() or y.ndim != 3:
            raise ValueError(f"y must be integer labels of shape (rows, H, W), got {y.dtype} {tuple(y.shape)}")
        labels, known = known_labels(y, num_classes, ignore_index)
        maps = one_hot(labels, num_classes).movedim(-1, 1).to(self.weights.dtype)
        return self.apply(maps if known is None else maps * known[:, None])

    def loss(self, per_sample_loss: Callable[[Tensor, Tensor], Tensor], outputs: Tensor, y: Tensor) -> Tensor:
        """Any loss, mixed instead of the targets: the average, by the weights, of the losses with each source's target.

        For cross entropy that is the cross entropy with the mixed targets; for most other losses it is not. Maps may have a
        loss for each pixel, and under a spatial blend they must: each pixel then has the target of what it shows.

        Args:
            per_sample_loss: takes ``outputs`` and one target for each of them, gives one loss for each, (N,); of maps it
                may give one for each pixel, (N, H, W).
            outputs: of the model on the mixtures, (N, ...).
            y: targets of the rows that were mixed, (R, ...), in any form that ``per_sample_loss`` takes. Maps are
                (R, H, W) or (R, C, H, W).

        Returns:
            float, (N,) or (N, H, W) as ``per_sample_loss`` gave it; ``.mean()`` is the loss of the batch.

        Raises:
            ValueError: if ``per_sample_loss`` gives another shape, or one number for a map under masks of its size; ``y``
                has another length, or is maps where rows had masks at several layers.
        """
        self._check_rows("y", y)
        is_map = y.ndim in (3, 4)
        if is_map:
            self._check_masks()
        masked = is_map and self.masks is not None and self.masks.shape[3:] == y.shape[-2:]
        parts = range(self.sources.shape[1])
        each = [per_sample_loss(outputs, self._map(y, s) if masked else y[self.sources[:, s]]) for s in parts]
        if is_map and each[0].shape == (len(self), *y.shape[-2:]):
            losses = torch.stack(each, dim=1)
            return (self._shares(losses.float())[:, :, 0] * losses).sum(1)
        if masked:
            raise ValueError(
                f"per_sample_loss must give one loss for each pixel, {(len(self), *y.shape[-2:])}, got "
                f"{tuple(each[0].shape)}: pixels show different samples. Average afterwards, plan.loss(...).mean(), or for "
                "cross entropy take plan.pixel_targets(y, num_classes)"
            )
        if each[0].shape != (len(self),):
            raise ValueError(
                f"per_sample_loss must give shape ({len(self)},), got {tuple(each[0].shape)}: "
                "pass reduction='none' to losses of torch, and average over any other axis"
            )
        return (self.weights * torch.stack(each, dim=1)).sum(1)

    @property
    def self_matches(self) -> float:
        """Share of the mixtures that are made of one sample only, so not mixed. In [0, 1].

        The sample is its own partner: 1 / B of a random permutation, up to k / B for
        :class:`~mixbook.mixing.pairing.OptimalTransport` within one batch, nearly that many in many dimensions. Or one of
        two has the whole weight, as where a box of :class:`~mixbook.mixing.blend.cutmix.CutMix` holds no pixel.
        """
        largest = self.sources.gather(1, self.weights.argmax(1, keepdim=True))
        return float(((self.sources == largest) | (self.weights == 0)).all(1).float().mean())

    def matrix(self) -> Tensor:
        """W itself, float32 (N, R): row n holds the weights of mixture n."""
        return self.weights.new_zeros(len(self), self.rows).scatter_add(1, self.sources, self.weights)

    def show(self, x: Tensor, y: Tensor | None = None, *, most: int = 6) -> "Figure":
        """A picture of what is mixed with what: of images, of points in the plane, else of the plan as a matrix.

        Args:
            x: the rows that the plan was made for, (R, ...).
            y: their integer labels (R,), to name what each mixture of images is called; rows are numbered if None.
            most: how many mixtures of images are shown, the first ones.

        Returns:
            A matplotlib figure; a notebook shows it where it is the last value of a cell.

        Raises:
            ValueError: if ``x`` or ``y`` does not have the number of rows that the plan was made for.
        """
        from mixbook import plots

        mixtures = self.apply(x).detach().cpu()
        if x.ndim == 4 and x.shape[1] in (1, 3):
            if y is not None:
                self._check_rows("y", y)
            names = self.sources if y is None else y.to(self.sources.device)[self.sources]
            called = [
                " + ".join(f"{weight:.2f} {'#' if y is None else ''}{name}" for weight, name in zip(*pair, strict=True))
                for pair in zip(self.weights[:most].tolist(), names[:most].tolist(), strict=True)
            ]
            parts = [self._source(x, s)[:most] for s in range(self.sources.shape[1])]
            shares = self._shares(x)[:most].expand(-1, -1, 1, *x.shape[2:]).squeeze(2)
            sources = torch.stack(parts, dim=1).detach().float().cpu()
            return plots.mixtures_of_images(sources, shares.detach().float().cpu(), mixtures[:most].float(), called)
        if x.shape[1:] == (2,):
            rows = x.detach().float().cpu()
            return plots.mixtures_of_points(rows, rows[self.sources.cpu()], mixtures.float())
        return plots.weights_of_samples(self.matrix().cpu())

    def _set_in_order(self, in_order: bool) -> None:
        object.__setattr__(self, "_in_order", in_order)

    def _source(self, x: Tensor, s: int) -> Tensor:
        """What each mixture gets from its source ``s``, (N, ...), with its patches moved."""
        if s == 0 and self._in_order:
            rows = x[: len(self)]
        elif x.is_contiguous():
            rows = x.index_select(0, self.sources[:, s])
        else:  # slower, but keeps channels-last
            rows = x[self.sources[:, s]]
        if self.moves is None:
            return rows
        grid = isqrt(self.moves.shape[2])
        height, width = rows.shape[2] // grid, rows.shape[3] // grid
        patches = rows.unflatten(3, (grid, width)).unflatten(2, (grid, height)).transpose(3, 4).flatten(2, 3)
        patches = patches.take_along_dim(self.moves[:, s, None, :, None, None], dim=2)
        moved = patches.unflatten(2, (grid, grid)).transpose(3, 4).reshape(rows.shape)
        channels_last = not rows.is_contiguous() and rows.is_contiguous(memory_format=torch.channels_last)
        return moved.contiguous(memory_format=torch.channels_last) if channels_last else moved

    def _map(self, y: Tensor, s: int) -> Tensor:
        """The same of maps (R, H, W) or (R, C, H, W)."""
        return self._source(y[:, None], s)[:, 0] if y.ndim == 3 else self._source(y, s)

    def _shares(self, x: Tensor) -> Tensor:
        """Weights or masks, (N, S, ...), in the dtype of ``x`` and with as many axes as its mixtures need."""
        if self.masks is None:
            self._check_masks()
            return self.weights.to(x.dtype).reshape(*self.weights.shape, *[1] * (x.ndim - 1))
        if x.shape[2:] != self.masks.shape[3:]:
            raise ValueError(
                f"the plan's masks are for images (rows, channels, {self.masks.shape[3]}, {self.masks.shape[4]}), "
                f"got x of shape {tuple(x.shape)}"
            )
        return self.masks.to(x.dtype)

    def _check_masks(self) -> None:
        if self.masks_apart:
            raise ValueError(
                "the rows had masks at several layers, which this plan does not hold: for maps mix a batch at one layer, "
                "ManifoldMixer(..., per='batch')"
            )

    def _check_rows(self, name: str, value: Tensor) -> None:
        if value.shape[0] != self.rows:
            raise ValueError(f"{name} has {len(value)} rows, but the plan was made for {self.rows}: pass the same batch")


def _stored_once(part: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """A tensor changed where its numbers are stored: what a batch shares, an expanded view, stays one."""
    own = tuple(slice(0, 1) if stride == 0 else slice(None) for stride in part.stride())
    return change(part[own].contiguous()).expand(part.shape)


def check_shares(what: str, shares: Tensor, *, rounding: float = 1e-5) -> None:
    """Refuse weights or masks (N, S, ...) that are negative or do not sum to 1 over the sources, by more than ``rounding``.

    1 minus the others, as the last share often is, may be a little less than 0.

    Raises:
        ValueError: naming ``what``, with what was found.

    Example:
        >>> import torch
        >>> from mixbook.mixing.plan import check_shares
        >>> check_shares("weights", torch.tensor([[1.0, 1e-8, -1e-8]]))
    """
    if shares.numel() == 0:
        return
    sums = shares.sum(1)
    if not float((sums - 1).abs().amax()) <= rounding:  # so that NaN is refused too
        raise ValueError(
            f"{what} must sum to 1 over the sources, got sums from {float(sums.amin()):.6g} to {float(sums.amax()):.6g}: "
            "the last one is 1 minus the others"
        )
    if (least := float(shares.amin())) < -rounding:
        raise ValueError(f"{what} must be at least 0, got {least:.3g}: what is outside of its sources is no mixture")


def _advice_on(y: Tensor) -> str:
    """What to pass instead of integer targets that are not (R,)."""
    if y.ndim != 2:
        return "for maps of labels, (rows, H, W), use plan.pixel_targets(y, num_classes) with plan = mix.plan(x)"
    if y.shape[1] == 1:
        return "for classes pass y[:, 0], for yes or no y.float()"
    return (
        "for multi-label targets, 0 or 1 each, pass y.float(); for a label at each step use "
        "plan.pixel_targets(y[:, None], num_classes)[:, :, 0] with plan = mix.plan(x)"
    )


def check_labels(y: Tensor | None, num_classes: int | None, ignore_index: int | None = None) -> None:
    """Refuse integer labels (R,) outside of [0, num_classes) before anything is computed for them.

    Of other targets nothing is said, nor without ``num_classes``. On a GPU :meth:`MixPlan.targets` refuses them.

    Raises:
        ValueError: naming the least and the largest.

    Example:
        >>> import torch
        >>> from mixbook.mixing.plan import check_labels
        >>> check_labels(torch.tensor([1, -100, 0]), num_classes=2, ignore_index=-100)
    """
    if num_classes is None or not isinstance(y, Tensor) or y.is_floating_point() or y.ndim != 1:
        return
    if can_be_looked_at(y):
        low, high = (int(each) for each in y.aminmax())
        if low < 0 or high >= num_classes:  # rarely: to leave out what is ignored takes several times as long
            known_labels(y, num_classes, ignore_index)


def known_labels(y: Tensor, num_classes: int, ignore_index: int | None) -> tuple[Tensor, Tensor | None]:
    """Labels of any shape as indices, int64, and which of them are known, bool; None if all are. Ignored labels are 0.

    Raises:
        ValueError, RuntimeError: if a label is out of range: see :meth:`MixPlan.targets`.

    Example:
        >>> import torch
        >>> from mixbook.mixing.plan import known_labels
        >>> known_labels(torch.tensor([1, -100]), num_classes=2, ignore_index=-100)
        (tensor([1, 0]), tensor([ True, False]))
    """
    known = None if ignore_index is None else y != ignore_index
    labels = y.long() if known is None else y.long().where(known, 0)
    if y.numel():
        if y.device.type == "cpu":
            check_range("labels", labels, num_classes, _ADVICE)
        elif y.device.type in ("cuda", "meta"):  # others have no such assertion
            _check_range_later("labels", labels, num_classes, _ADVICE)
    return labels, known


def check_range(name: str, values: Tensor, end: int, advice: str = "") -> None:
    """Refuse whole numbers, of any shape (...), outside of [0, ``end``). It looks at them, so not for a GPU.

    Raises:
        ValueError: naming what they are, the least and the largest.

    Example:
        >>> import torch
        >>> from mixbook.mixing.plan import check_range
        >>> check_range("partner", torch.tensor([1, 0]), 2)
    """
    low, high = (int(each) for each in values.aminmax())
    if low < 0 or high >= end:
        raise ValueError(f"{name} must lie in [0, {end}), got {low} to {high}{advice}")


def _check_range_later(name: str, values: Tensor, end: int, advice: str = "") -> None:
    """The same where looking at values would stall the queue: the device looks, and says so in a later call."""
    torch._assert_async((values.clamp(0, end - 1) == values).all(), f"{name} must lie in [0, {end}){advice}")


def _check_finite(name: str, values: Tensor) -> None:
    """Refuse NaN and infinity in values (R, C); as for labels, a GPU looks itself, and says so in a later call."""
    words = f"{name} must be finite"
    if can_be_looked_at(values):
        if not all(map(isfinite, values.detach().aminmax())):
            bad = (~values.isfinite()).any(1).nonzero()[:, 0].tolist()
            raise ValueError(f"{words}, got NaN or infinity in {len(bad)} of {len(values)} rows, the first is row {bad[0]}")
    elif values.device.type in ("cuda", "meta") and not in_vmap(values):
        torch._assert_async(values.isfinite().all(), words)
