"""Trials of multi-mix's Figure 7: how much longer a training epoch takes with K interpolations than with one."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mixbook.benchmarks.spec import Cell, Experiment, Profile
from mixbook.benchmarks.speed.stopwatch import by_turns
from mixbook.mixing.losses import mixed_cross_entropy
from mixbook.mixing.mixer import cutmix, multimix, puzzlemix
from mixbook.mixing.place import manifold_mixup
from mixbook.models import LeNet, seeded
from mixbook.training.streams import derive


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> dict[str, float]:
    """Time training steps with K interpolations and with one, by turns, on random images, in ``profile.epochs`` rounds.

    Returns:
        ``added`` (%), by how much longer a step with K takes than one with a single interpolation, from the shortest
        rounds; ``seconds`` and ``seconds_one`` per epoch of ``epoch_size`` images.
    """
    steps = [Step(experiment, cell.method, draws, number) for draws in (int(cell.value("K")), 1)]
    many, one = map(min, by_turns(steps, profile.epochs))
    epoch = experiment["epoch_size"] / experiment["batch_size"]
    return {"added": 100 * (many / one - 1), "seconds": many * epoch, "seconds_one": one * epoch}


class Step:
    """A training step: mixing, forward, backward and update, on the same random images each time.

    Args:
        experiment: asked for ``batch_size`` and ``alpha``.
        method: mixup, manifold_mixup, cutmix or puzzlemix, each with ``draws`` interpolations of a pair.
        draws: interpolations, K.
        number: seeds the images, their labels and the network.
    """

    def __init__(self, experiment: Experiment, method: str, draws: int, number: int) -> None:
        generator = torch.Generator().manual_seed(derive(number, "images"))
        size = experiment["batch_size"]
        self.x = torch.rand(size, 3, 32, 32, generator=generator)
        self.y = torch.randint(100, (size,), generator=generator)
        self.model = seeded(derive(number, "weights"), lambda: LeNet(100, in_channels=3, image_size=32))
        self.generator = torch.Generator().manual_seed(derive(number, "mixing"))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-3)
        self.outputs = _outputs(method, self.model, experiment["alpha"], draws)

    def __call__(self) -> None:
        """Take a step."""
        logits, targets = self.outputs(self.model, self.x, self.y, generator=self.generator)
        self.optimizer.zero_grad()
        mixed_cross_entropy(logits, targets).backward()
        self.optimizer.step()


def _outputs(method: str, model: nn.Module, alpha: float, draws: int) -> Callable[..., tuple[Tensor, Tensor]]:
    if method == "manifold_mixup":
        return manifold_mixup(model, ["input", "layer1", "layer2"], alpha, 100, draws=draws).outputs
    if method == "cutmix":
        return cutmix(alpha, 100, draws=draws).outputs
    if method == "puzzlemix":
        return puzzlemix(model, alpha, 100, draws=draws).outputs
    return multimix(draws, alpha, 100).outputs
