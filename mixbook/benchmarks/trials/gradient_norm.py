"""One trial of multi-mix's Figure 8 on a small network: the gradient's squared norm during training, and its variance."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mixbook.benchmarks.spec import Cell, Experiment, Profile
from mixbook.benchmarks.trials.recipes import recipe_of
from mixbook.benchmarks.trials.small_images import small_images
from mixbook.data import Arrays
from mixbook.evaluation import evaluate
from mixbook.mixing.mixer import Mixer, multimix
from mixbook.models import MLP, seeded
from mixbook.theory.gradient_noise import measure_split
from mixbook.training import fit
from mixbook.training.streams import derive
from mixbook.training.watch import GradientNorm


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> dict[str, float]:
    """Train one network with K interpolations of each pair, watching its gradients.

    Split, initial weights and order of samples follow from ``number`` alone. Gradients are those of the mean loss of a
    batch's mixtures, without weight decay, which draws nothing.

    Returns:
        ``norm@e``: the squared norm averaged over the batches of epoch e, as the paper's Figure 8 has it. At fewer epochs,
        at the weights that the network has after them: ``variance@e``, the variance of the gradient with this K, measured
        over batches; ``mean@e``, the squared norm of its expectation; ``P@e`` and ``Q@e``, so that at the same weights K'
        interpolations give P + Q / K'. ``error`` (%), ``nll`` (nats) on the test part after the last epoch.
    """
    train, test = small_images("digits", experiment["train_size"], number)
    model = seeded(derive(number, "weights"), lambda: MLP(64, experiment["hidden"], train.num_classes))
    recipe = recipe_of(experiment, number, profile)
    mixer = multimix(int(cell.value("K")), experiment["alpha"], train.num_classes)
    watch = Watch(model, mixer, train, experiment, number)
    fit(model, train, recipe, mixer=mixer, validate=watch.after_epoch, progress=False)
    scores = evaluate(model, test)
    return {"error": 100 * (1 - scores["accuracy"]), "nll": scores["nll"], **watch.found}


class Watch:
    """Sums the squared norms of the gradients of a model while it is trained, and measures their variance now and then.

    Args:
        model: the network.
        mixer: what it is trained with.
        train: the data that it is trained on.
        experiment: asked for ``norm_epochs``, ``variance_epochs``, ``batch_size``, ``batches``, ``groups`` and ``alpha``.
        number: the trial, which seeds the batches that the variance is measured on.
    """

    def __init__(self, model: nn.Module, mixer: Mixer, train: Arrays, experiment: Experiment, number: int) -> None:
        self.model, self.mixer, self.train, self.experiment, self.number = model, mixer, train, experiment, number
        self.found: dict[str, float] = {}
        self.epoch = 0
        self._norm = GradientNorm(model)

    def after_epoch(self, model: nn.Module) -> Mapping[str, float]:
        """To be called once after each epoch; records nothing in the history."""
        self.epoch += 1
        norm = self._norm()["squared_gradient_norm"]
        if self.epoch in self.experiment["norm_epochs"]:
            self.found[f"norm@{self.epoch}"] = norm
        if self.epoch in self.experiment["variance_epochs"]:
            self.found |= {f"{name}@{self.epoch}": value for name, value in self._variances().items()}
        return {}

    def _variances(self) -> dict[str, float]:
        data, generator = self.train, _generator(self.number, f"variance {self.epoch}")
        size, batches = self.experiment["batch_size"], self.experiment["batches"]
        table = torch.stack([self._gradient(data, size, generator) for _ in range(batches)])
        variance = float(table.var(0).sum())
        two = multimix(2, self.experiment["alpha"], data.num_classes)
        groups = self.experiment["groups"]
        split, _ = measure_split(
            self.model, two, data.x, data.y, size, groups=groups, batches=batches // groups, generator=generator
        )
        # The mean of n gradients has the squared norm of the expectation plus a n-th of the variance.
        mean = float(table.mean(0).square().sum()) - variance / batches
        return {"variance": variance, "mean": mean, "P": split.P, "Q": split.Q}

    def _gradient(self, data: Arrays, size: int, generator: torch.Generator) -> Tensor:
        rows = torch.randperm(len(data), generator=generator)[:size]
        logits, targets = self.mixer.outputs(self.model, data.x[rows], data.y[rows], generator=generator)
        slopes = torch.autograd.grad(cross_entropy(logits, targets), list(self.model.parameters()))
        return torch.cat([slope.flatten() for slope in slopes])


def _generator(number: int, purpose: str) -> torch.Generator:
    return torch.Generator().manual_seed(derive(number, purpose))
