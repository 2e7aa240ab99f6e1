"""SGD and Adam on stacked parameters, each network with its own learning rate, momentum and weight decay.

PyTorch's optimizers do the same arithmetic, but take one learning rate for a whole tensor.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mixbook.training.recipe import Recipe

_BETAS, _EPS = (0.9, 0.999), 1e-8  # Adam's, as in torch


class StackedOptimizer:
    """Updates stacked parameters (N, ...), network n as ``recipes[n].make_optimizer`` would.

    Args:
        parameters: stacked along their first axis.
        recipes: one for each network, of one kind of optimizer.
    """

    def __init__(self, parameters: Sequence[Tensor], recipes: Sequence[Recipe]) -> None:
        self.parameters = list(parameters)
        self.recipes = list(recipes)
        self._adam, self._nesterov = recipes[0].optimizer == "adam", recipes[0].nesterov
        self._first = [torch.zeros_like(p) for p in self.parameters]  # momentum; Adam's mean gradient
        self._second = [torch.zeros_like(p) for p in self.parameters] if self._adam else []
        self._steps = 0
        self._momentum = self._column([recipe.momentum for recipe in recipes])
        decays = [recipe.weight_decay for recipe in recipes]
        self._decay = self._column(decays) if any(decays) else None
        self.at(0)

    def at(self, epoch: float) -> None:
        """Set the learning rates of an epoch, counted from 0, or of a moment within it."""
        self._lr = self._column([recipe.lr_at(epoch) for recipe in self.recipes])

    @torch.no_grad()
    def step(self) -> None:
        """One update from the parameters' gradients, which are then gone."""
        self._steps += 1
        for place, parameter in enumerate(self.parameters):
            gradient = parameter.grad
            if gradient is None:
                continue
            if self._decay is not None:
                gradient.addcmul_(parameter, _like(self._decay, parameter))
            if self._adam:
                self._step_adam(parameter, gradient, place)
            else:
                self._step_sgd(parameter, gradient, self._first[place])
            parameter.grad = None

    def _step_sgd(self, parameter: Tensor, gradient: Tensor, moving: Tensor) -> None:
        momentum = _like(self._momentum, parameter)
        torch.addcmul(gradient, moving, momentum, out=moving)
        direction = gradient.addcmul_(moving, momentum) if self._nesterov else moving
        parameter.addcmul_(direction, _like(self._lr, parameter), value=-1)

    def _step_adam(self, parameter: Tensor, gradient: Tensor, place: int) -> None:
        mean, square = self._first[place], self._second[place]
        mean.lerp_(gradient, 1 - _BETAS[0])
        square.mul_(_BETAS[1]).addcmul_(gradient, gradient, value=1 - _BETAS[1])
        size = (square.sqrt() / (1 - _BETAS[1] ** self._steps) ** 0.5).add_(_EPS)
        rate = _like(self._lr, parameter) / (1 - _BETAS[0] ** self._steps)
        parameter.addcmul_(mean.div(size), rate, value=-1)

    def _column(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.parameters[0].device)


def _like(column: Tensor, parameter: Tensor) -> Tensor:
    return column.view(-1, *[1] * (parameter.ndim - 1))
