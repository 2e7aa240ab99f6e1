"""Where a sample matters: saliency of images, from any model or from the values themselves."""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mixbook.lead import lead
from mixbook.mixing.plan import IGNORED, known_labels
from mixbook.mixing.transport import NotFinite, many_digits
from mixbook.modes import evaluation_mode


class Saliency(Protocol):
    """Says how much each pixel matters; any function of this signature will do."""

    def __call__(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Saliency of the pixels of ``x`` (R, C, H, W) with targets ``y`` (R, ...): (R, H, W), not negative."""
        ...


class GradientSaliency:
    """Root mean square over the channels of the gradient of the loss with respect to the input: what Puzzle Mix uses.

    The model is used in eval mode and left as it was: its mode, its statistics and its parameters' gradients.

    Args:
        model: takes images (R, C, H, W), gives logits (R, C'). Pass the network itself, not a wrapper that synchronises
            gradients around it.
        loss: from the model's outputs and targets to a loss for each sample, (R, ...). None is the cross entropy, with
            integer labels, of which -100 is not known and has the loss 0, or with weights over the classes; for one logit
            pass
            ``partial(F.binary_cross_entropy_with_logits, reduction="none")``, for regression another one.

    Raises:
        ValueError: when called, if there are no targets, a label is out of range, the model gives one logit and there is no
            ``loss`` for it, or ``loss`` gives one number alone.
        RuntimeError: in a later call, if a label on a CUDA device is out of range.

    Example:
        >>> import torch, mixbook as mb
        >>> from mixbook.models import LeNet
        >>> saliency = mb.GradientSaliency(LeNet())
        >>> saliency(torch.rand(2, 1, 28, 28), torch.tensor([3, 8])).shape
        torch.Size([2, 28, 28])
    """

    def __init__(self, model: nn.Module, loss: Callable[[Tensor, Tensor], Tensor] | None = None) -> None:
        self.model = model
        self.loss = loss

    def __repr__(self) -> str:
        loss = "" if self.loss is None else f", loss={self.loss}"
        return f"GradientSaliency({type(self.model).__name__}{loss})"

    def __call__(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Saliency (R, H, W): see :class:`Saliency`."""
        if y is None:
            raise ValueError(
                "y is needed for the saliency of a model: pass it, as in mix.plan(x, y); hidden layers and inputs without "
                "targets can use saliency=magnitude"
            )
        return channel_norm(self.in_eval_mode(x, y))

    def in_eval_mode(self, x: Tensor, y: Tensor) -> Tensor:
        """Gradient of the summed loss with respect to ``x``, (R, C, H, W); the model is left as it was."""
        with evaluation_mode(self.model):
            return self.gradient(x, y)[0]

    def gradient(self, x: Tensor, y: Tensor, *, keep_loss: bool = False) -> tuple[Tensor, Tensor | None]:
        """The same look at the model as it is, in train or in eval mode, by one forward and one backward pass.

        Args:
            x, y: images (R, C, H, W) and their targets.
            keep_loss: let the backward pass find the parameters' gradients too, which makes it dearer.

        Returns:
            The gradient of the summed loss with respect to ``x``, (R, C, H, W), and with ``keep_loss`` the mean loss, a
            scalar that brings its gradient along: a backward pass through it costs no more than adding up gradients.
        """
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            logits = self.model(x)
            # Summed, so that the saliency of a sample does not depend on how many there are.
            loss = self._losses(many_digits(logits), y).sum()
            parameters = [p for p in self.model.parameters() if p.requires_grad] if keep_loss else []
            found, *gradients = torch.autograd.grad(loss, [x, *parameters], allow_unused=True)
        if found is None:
            raise ValueError("the model's loss does not depend on its input, so it has no saliency")
        if not keep_loss:
            return found, None
        means = [None if each is None else each / len(x) for each in gradients]
        mean = (loss.detach() / len(x)).to(torch.promote_types(logits.dtype, torch.float32))
        return found, _WithGradients.apply(mean, means, *parameters)

    def _losses(self, logits: Tensor, y: Tensor) -> Tensor:
        """One for each sample, (R, ...)."""
        one = logits.shape[1:2] in ((), (1,))
        # Labels that name no columns of the logits are numbers, such as the yes and no of a binary loss.
        numbers = y.is_floating_point() or (self.loss is not None and (one or y.shape == logits.shape))
        y = y.to(logits.dtype) if numbers else y.long()
        if self.loss is None:
            if one:
                raise ValueError(
                    f"the model gives one output for each image, {tuple(logits.shape)}, whose cross entropy is 0 whatever "
                    "it is: pass its own loss, GradientSaliency(model, loss=...), such as "
                    "partial(F.binary_cross_entropy_with_logits, reduction='none')"
                )
            return _cross_entropy(logits, y)
        losses = self.loss(logits, y)
        if losses.shape[:1] != y.shape[:1]:
            raise ValueError(
                f"loss must give a number for each of the {len(y)} images, got shape {tuple(losses.shape)}: pass "
                "reduction='none' to losses of torch"
            )
        return losses


def _cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Cross entropy of each sample, (R,), whose gradient is right also where the network is sure of a label."""
    if y.is_floating_point() or y.ndim != 1 or logits.shape[1:] < (2,):
        return F.cross_entropy(logits, y, reduction="none")
    labels, known = known_labels(y, logits.shape[1], IGNORED)
    losses = F.softplus(lead(logits, labels))
    return losses if known is None else losses.where(known, 0)


class _WithGradients(torch.autograd.Function):
    """A number whose gradients are known already."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, gradients: list[Tensor | None], *parameters: Tensor) -> Tensor:
        ctx.gradients = gradients
        return value.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, outer: Tensor) -> Any:
        return None, None, *(None if each is None else outer.to(each.dtype) * each for each in ctx.gradients)


def channel_norm(x: Tensor) -> Tensor:
    """Root mean square over the channels, (R, C, H, W) to float32 (R, H, W).

    Example:
        >>> import torch
        >>> from mixbook.mixing.blend.saliency import channel_norm
        >>> channel_norm(torch.full((2, 3, 8, 8), -2.0))[0, 0, 0]
        tensor(2.)
    """
    return many_digits(x).square().mean(1).sqrt().float()  # squares of small gradients are 0 in single precision


def magnitude(x: Tensor, y: Tensor | None = None) -> Tensor:
    """Root mean square over the channels of ``x`` itself, (R, H, W): for hidden layers, where large means active.

    Example:
        >>> import torch
        >>> from mixbook.mixing.blend.saliency import magnitude
        >>> magnitude(torch.rand(2, 3, 8, 8)).shape
        torch.Size([2, 8, 8])
    """
    return channel_norm(x.detach())


def block_saliency(saliency: Tensor, grid: int) -> Tensor:
    """Share of each image's saliency that lies in each block: (R, H, W) to (R, grid, grid), summing to 1 over the blocks.

    An image without any saliency has the same share everywhere.

    Raises:
        ValueError: if the blocks do not divide the image, or a saliency is negative.
        NotFinite: if a saliency is NaN or infinite.

    Example:
        >>> import torch
        >>> from mixbook.mixing.blend.saliency import block_saliency
        >>> block_saliency(torch.ones(1, 8, 8), grid=2)
        tensor([[[0.2500, 0.2500],
                 [0.2500, 0.2500]]], dtype=torch.float64)
    """
    height, width = saliency.shape[1:]
    if height % grid or width % grid:
        raise ValueError(f"grid must divide height and width, got {grid} for {height} x {width}")
    blocks = F.avg_pool2d(saliency[:, None].float(), (height // grid, width // grid))[:, 0].double()
    if not (blocks.isfinite().all() and (blocks >= 0).all()):
        kind = ValueError if (blocks < 0).any() else NotFinite
        raise kind("saliency must be finite and not negative: is the model's loss finite?")
    total = blocks.sum((1, 2), keepdim=True)
    return torch.where(total > 0, blocks / total, 1 / grid**2)


def saliency_of(saliency: Saliency, x: Tensor, y: Tensor | None) -> Tensor:
    """``saliency(x, y)``, checked: (R, H, W).

    Raises:
        ValueError: if ``x`` is not a batch of images, or the saliency has another shape.

    Example:
        >>> import torch
        >>> from mixbook.mixing.blend.saliency import magnitude, saliency_of
        >>> saliency_of(magnitude, torch.rand(2, 3, 8, 8), None).shape
        torch.Size([2, 8, 8])
    """
    if x.ndim != 4:
        raise ValueError(f"x must be images (B, C, H, W) for a blend with saliency, got shape {tuple(x.shape)}")
    found = saliency(x, y).detach()
    if found.shape != (len(x), *x.shape[2:]):
        raise ValueError(f"saliency must give {(len(x), *x.shape[2:])} for x {tuple(x.shape)}, got {tuple(found.shape)}")
    return found
