"""White-box attacks in the maximum norm: the fast gradient sign method, and projected gradient descent.

Sources: Goodfellow et al. (2015) for FGSM, Madry et al. (2018) for PGD; k-mixup (TMLR, Table 7) and manifold mixup (Table
7) report FGSM. Inputs are pixels in [0, 1] and the budget is in the same units, so that 8/255 means what it does elsewhere;
whatever normalises pixels belongs inside the network (:class:`mixbook.models.Normalise`). The first scripts of manifold
mixup attacked behind the normalisation and without an edge: so does ``space="normalised"``, on the same network and pixels.
With ``clip=None`` inputs may lie anywhere, and the budget is in their units.

The gradient of the cross entropy is a probability times that of the margin by which the other classes lead. In single
precision this probability is 0 for samples of which a network is very sure, so that an attack finds half of its direction,
or none, and the surest network looks the most robust. The sign of a gradient needs no such factor: attacks follow the
margin itself. ``saturating=True`` does what attack libraries do, and with them most printed tables.
"""

import math
import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mixbook.data import Batched
from mixbook.evaluation.batches import batches_of, check_clip, check_in_clip, class_numbers, device_of, logits_of
from mixbook.evaluation.metrics import accuracy
from mixbook.generators import drawn_by
from mixbook.lead import lead
from mixbook.models import Normalise
from mixbook.modes import evaluation_mode

Space = Literal["pixels", "normalised"]
PIXELS = (0.0, 1.0)
_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_UNBOUNDED_STEP = 0.01
_IN_TABLES = "a table's epsilon of 8 is 8 / 255 of pixels in [0, 1]"


@dataclass(frozen=True)
class PGD:
    """Steps along the sign of the gradient of the cross entropy, each followed by a projection onto the allowed box.

    The sign is exact however sure the network is, unless ``saturating``.

    Args:
        eps: largest change of a pixel, >= 0; ``math.inf`` for a search without bound.
        steps: how many, >= 1.
        step_size: change of a pixel in one step, > 0; by default 2.5 eps / steps, which can cross the box and come back.
        restarts: how often to begin, >= 1; of each sample an attempt that fools is kept, else the one of largest loss.
        random_start: begin at a uniformly random point of the box rather than at the sample.
        clip: smallest and largest value that an input can have, or None.
        space: where ``eps`` and ``step_size`` are measured. ``"normalised"``: behind the network's own normalisation, so in
            units of each channel's standard deviation, and nothing is clipped.
        saturating: take the gradient of the cross entropy in single precision, which is lost where the network is sure.

    Raises:
        ValueError: if an argument is out of range, ``step_size`` or ``random_start`` does not suit an infinite ``eps``, or
            there are restarts without a random start, which would all be the same, or a finite ``eps`` is wider than
            ``clip``.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import PGD
        >>> attack = PGD(eps=0.2, steps=5)
        >>> attack(torch.nn.Identity(), torch.tensor([[0.6, 0.4]]), torch.tensor([0]))
        tensor([[0.4000, 0.6000]])
    """

    eps: float
    steps: int = 20
    step_size: float | None = None
    restarts: int = 1
    random_start: bool = True
    clip: tuple[float, float] | None = PIXELS
    space: Space = "pixels"
    saturating: bool = False

    def __post_init__(self) -> None:
        if self.space not in get_args(Space):
            raise ValueError(f"space must be one of {get_args(Space)}, got {self.space!r}")
        if self.space == "normalised":
            object.__setattr__(self, "clip", None)
        if not self.eps >= 0:
            raise ValueError(f"eps must be at least 0, got {self.eps}: in units of the inputs, such as 8 / 255")
        if self.steps < 1 or self.restarts < 1:
            raise ValueError(f"steps and restarts must be at least 1, got {self.steps} and {self.restarts}")
        if self.step_size is not None and not 0 < self.step_size < math.inf:
            raise ValueError(f"step_size must be positive and finite, got {self.step_size}")
        if self.eps == math.inf and (self.step_size is None or self.random_start):
            raise ValueError("an infinite eps needs a step_size and random_start=False: there is no box to start in")
        if self.restarts > 1 and not self.random_start:
            raise ValueError(f"restarts must be 1 without a random start, got {self.restarts}: they would be the same")
        check_clip(self.clip)
        if self.clip is not None and self.clip[1] - self.clip[0] < self.eps < math.inf:
            raise ValueError(f"eps must be at most the width of clip={self.clip}, got {self.eps}: {_IN_TABLES}")

    @property
    def name(self) -> str:
        """What results call it: ``fgsm@8/255``, ``pgd20x3@8/255`` (20 steps, 3 restarts), ``unbounded200``.

        Without a clip at 0 and 1 the inputs are no pixels, and the budget is not written in 255ths. Behind the network's
        normalisation: ``fgsm@0.03 normalised``; with a gradient that saturates: ``fgsm@8/255 saturating``. Steps of another
        size than by default, in the units of the budget, and a start at the sample:
        ``pgd20@8/255 step 2/255 from the sample``.
        """
        how = " saturating" if self.saturating else ""
        if self.eps == math.inf:
            step = "" if self.step_size == _UNBOUNDED_STEP else f" step {self.step_size:.4g}"
            return f"unbounded{self.steps}{step}{how}"
        whole = self.step_size is None or self.step_size >= self.eps
        single = self.steps == 1 and not self.random_start and whole
        kind = "fgsm" if single else f"pgd{self.steps}" + (f"x{self.restarts}" if self.restarts > 1 else "")
        where = " normalised" if self.space == "normalised" else ""
        budget = self._size(self.eps) + where
        if single:
            return f"{kind}@{budget}{how}"
        usual = self.step_size is None or self.step_size == 2.5 * self.eps / self.steps
        step = "" if self.step_size is None or usual else f" step {self._size(self.step_size)}"
        start = "" if self.random_start else " from the sample"
        return f"{kind}@{budget}{step}{start}{how}"

    def _size(self, change: float) -> str:
        """How names write a change of a pixel."""
        return f"{255 * change:.4g}/255" if self.clip == PIXELS else f"{change:.4g}"

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Inputs like ``x`` that the network gets wrong if the attack can find them, in the order of ``x``.

        The network is attacked in evaluation mode and left as it was: modes, parameters and their gradients.

        Args:
            model: gives logits (B, C).
            x: floating-point inputs (B, ...), on the device of the network.
            y: their labels, integers (B,).
            generator: source of the random starts.

        Raises:
            TypeError: if labels are no integers.
            ValueError: if an input is NaN or lies outside of ``clip``, there is no normalisation in the network to attack
                behind, or ``eps`` is finite and more than 1 without a ``clip`` for images that are pixels in [0, 1].
        """
        check_in_clip(x, self.clip)
        self._check_budget(x)
        with evaluation_mode(model), torch.inference_mode(False):
            # Made here, so that gradients flow also where the caller wants none.
            x, y = x.detach().clone(), class_numbers(y).clone()
            worst = self._attempt(model, x, y, generator)
            for _ in range(self.restarts - 1):
                attempt = self._attempt(model, x, y, generator)
                better = _better(model, attempt, worst, y)
                worst[better] = attempt[better]
        return worst

    def _check_budget(self, x: Tensor) -> None:
        """Refuse 8 where 8 / 255 is meant: without a clip only the images say that they are pixels."""
        if self.clip is not None or self.space != "pixels" or not 1 < self.eps < math.inf:
            return
        if x.ndim == 4 and x.device.type != "meta" and ((x >= PIXELS[0]) & (x <= PIXELS[1])).all():
            raise ValueError(
                f"eps must be at most the width of the pixels' range {PIXELS}, got {self.eps:g} without a clip: "
                f"{_IN_TABLES}, by name fgsm@8/255"
            )

    def _attempt(self, model: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator | None) -> Tensor:
        unit = self._unit(model, x)
        eps = self.eps * unit
        step = unit * (self.step_size if self.step_size is not None else 2.5 * self.eps / self.steps)
        # The box of each pixel; adding the perturbation up instead would collect rounding errors over the steps.
        low, high = x - eps, x + eps
        if self.clip is not None:
            low, high = low.clamp(min=self.clip[0]), high.clamp(max=self.clip[1])
        moved = x
        if self.random_start:
            noise = torch.rand(x.shape, dtype=x.dtype, **drawn_by(generator, without=x.device)).to(x.device)
            moved = (x + eps * (2 * noise - 1)).clamp(low, high)
        for _ in range(self.steps):
            moved = moved.clone().requires_grad_()
            with torch.enable_grad():
                logits = model(moved)
                # The sum, not the mean: a large batch must not make gradients underflow.
                loss = cross_entropy(logits.float(), y, reduction="sum") if self.saturating else lead(logits, y).sum()
                (gradient,) = torch.autograd.grad(loss, moved)  # of the inputs alone: parameters collect nothing
            moved = (moved.detach() + step * gradient.sign()).clamp(low, high)
        return moved

    def _unit(self, model: nn.Module, x: Tensor) -> Tensor:
        """What a budget of 1 is in units of the inputs, for each channel."""
        if self.space == "pixels":
            return torch.ones((), dtype=x.dtype, device=x.device)
        first = next((module for module in model.modules() if isinstance(module, Normalise)), None)
        if first is None:
            raise ValueError(
                "space='normalised' needs a network that normalises its inputs (mixbook.models.Normalise), and this one "
                "has no such layer: for inputs that are normalised already use clip=None"
            )
        return first.std.to(x).view(-1, *[1] * (x.ndim - 2))


def fgsm(
    eps: float, clip: tuple[float, float] | None = PIXELS, space: Space = "pixels", *, saturating: bool = False
) -> PGD:
    """The fast gradient sign method: one step of full size from the sample, x + eps sign(gradient), then clipped.

    ``saturating=True`` is the usual implementation: see :class:`PGD`.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import fgsm
        >>> fgsm(eps=0.2)(torch.nn.Identity(), torch.tensor([[0.6, 0.4]]), torch.tensor([0]))
        tensor([[0.4000, 0.6000]])
    """
    return PGD(eps, steps=1, step_size=eps or 1.0, random_start=False, clip=clip, space=space, saturating=saturating)


def unbounded(steps: int = 200, step_size: float = _UNBOUNDED_STEP, clip: tuple[float, float] | None = PIXELS) -> PGD:
    """The sanity check against masked gradients (Athalye et al. 2018): no budget, so any network should fail nearly always.

    Manifold mixup's Appendix D takes 200 steps of 0.01, and finds 1% and 0% of the answers still right.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import unbounded
        >>> x = unbounded()(torch.nn.Identity(), torch.tensor([[0.9, 0.1]]), torch.tensor([0]))
        >>> x.argmax(1)  # of class 0, and taken for class 1
        tensor([1])
    """
    return PGD(math.inf, steps, step_size, random_start=False, clip=clip)


def attack(name: str) -> PGD:
    """The attack of this name, as :attr:`PGD.name` writes it.

    ``"fgsm@8/255"``, ``"pgd20@8/255"`` (20 steps), ``"pgd20x3@8/255"`` (3 restarts) and ``"unbounded200"`` are for pixels
    in [0, 1]; without the 255 nothing is clipped, and the budget is in units of the inputs: ``"fgsm@0.1"``;
    ``"fgsm@0.03 normalised"`` is behind the normalisation.
    ``"pgd20@8/255 step 2/255"`` and ``"unbounded200 step 0.05"`` take steps of that size, and
    ``"pgd20@8/255 from the sample"`` begins there. ``" saturating"`` behind any of them: the gradient of the cross entropy
    in single precision.

    Raises:
        ValueError: if the name is of no such form, or a number is out of range.

    Example:
        >>> from mixbook.evaluation import attack
        >>> attack("pgd20@8/255").steps, attack("fgsm@0.1").clip
        (20, None)
    """
    usual, saturating = name.removesuffix(" saturating"), name.endswith(" saturating")
    if found := re.fullmatch(rf"unbounded(\d+)(?: step ({_NUMBER}))?", usual):
        return replace(unbounded(int(found[1]), float(found[2] or _UNBOUNDED_STEP)), saturating=saturating)
    found = re.fullmatch(
        rf"(?:(?P<fgsm>fgsm)|pgd(?P<steps>\d+)(?:x(?P<restarts>\d+))?)"
        rf"@(?P<eps>{_NUMBER})(?:(?P<pixels>/255)|(?P<normalised> normalised))?"
        rf"(?(fgsm)|(?: step (?P<step>{_NUMBER})(?(pixels)/255))?(?P<start> from the sample)?)",
        usual,
    )
    if found is None:
        raise ValueError(f"name must be one such as fgsm@8/255, pgd20@8/255, pgd20x3@8/255 or unbounded200, got {name!r}")
    unit, clip = (255, PIXELS) if found["pixels"] else (1, None)
    eps = float(found["eps"]) / unit
    space: Space = "normalised" if found["normalised"] else "pixels"
    if found["fgsm"]:
        return fgsm(eps, clip, space, saturating=saturating)
    step = float(found["step"]) / unit if found["step"] else None
    steps, restarts = int(found["steps"]), int(found["restarts"] or 1)
    return PGD(eps, steps, step, restarts, not found["start"], clip, space, saturating)


def as_attack(how: PGD | str) -> PGD:
    """An attack, or that of a name."""
    return attack(how) if isinstance(how, str) else how


def attacked_error(
    model: nn.Module, data: Batched, attack: PGD | str, batch_size: int = 256, generator: torch.Generator | None = None
) -> float:
    """Share of ``data`` that the network gets wrong under ``attack``, or that of this name, in [0, 1].

    It runs in batches on the device where the network lives. Answers that are wrong on clean data count as well.

    Raises:
        ValueError: if ``batch_size`` is less than 1, or as the attack does.

    Example:
        >>> import torch
        >>> from mixbook.data import Arrays
        >>> from mixbook.evaluation import PGD, attacked_error
        >>> data = Arrays(torch.tensor([[0.6, 0.4], [0.9, 0.1]]), torch.tensor([0, 0]), num_classes=2)
        >>> attacked_error(torch.nn.Identity(), data, PGD(eps=0.2))  # the first sample is near the boundary
        0.5
    """
    logits, labels, each = [], [], as_attack(attack)
    for x, y in batches_of(data, batch_size, device_of(model)):
        logits.append(logits_of(model, each(model, x, y, generator)))
        labels.append(y.cpu())
    return 1 - accuracy(torch.cat(logits), torch.cat(labels))


def fgsm_error(
    model: nn.Module,
    data: Batched,
    eps: float,
    clip: tuple[float, float] | None = PIXELS,
    batch_size: int = 256,
    *,
    saturating: bool = False,
) -> float:
    """Error under :func:`fgsm` with budget ``eps``, in [0, 1]; the tables' epsilon of 8 is ``8 / 255``.

    Example:
        >>> import torch
        >>> from mixbook.data import Arrays
        >>> from mixbook.evaluation import fgsm_error
        >>> data = Arrays(torch.tensor([[0.6, 0.4], [0.9, 0.1]]), torch.tensor([0, 0]), num_classes=2)
        >>> fgsm_error(torch.nn.Identity(), data, eps=0.2)  # the first sample is near the boundary
        0.5
    """
    return attacked_error(model, data, fgsm(eps, clip, saturating=saturating), batch_size)


def _better(model: nn.Module, attempt: Tensor, worst: Tensor, y: Tensor) -> Tensor:
    """Which samples the one fools and the other does not, or else have the larger loss, bool (B,).

    The loss alone does not say it: with many classes an answer can be right at a larger loss than that of a wrong one.
    """
    with torch.no_grad():
        found = [model(x) for x in (attempt, worst)]
    fooled, before = (logits.argmax(dim=1) != y for logits in found)
    loss, least = (lead(logits, y).nan_to_num(math.inf) for logits in found)
    return torch.where(fooled == before, loss > least, fooled)
