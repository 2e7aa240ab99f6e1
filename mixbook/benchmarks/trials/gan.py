"""A small GAN on MNIST, one trial: mixtures of real and fake for its discriminator (manifold mixup, Appendix E)."""

from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Profile
from mixbook.benchmarks.trials.images import parts
from mixbook.benchmarks.trials.precision import mixed_precision
from mixbook.evaluation import evaluate, frechet_distance
from mixbook.evaluation.hidden import hidden_states
from mixbook.mixing.gan import gan_mixup
from mixbook.models import LeNet, seeded
from mixbook.models.gan import Discriminator, Generator
from mixbook.training import Recipe, fit
from mixbook.training.gan import GanRecipe, fit_gan
from mixbook.training.streams import derive

_SIDE = 14  # pixels of the small copies of fakes


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> Metrics:
    """Train one GAN, and let a LeNet that knows the digits judge as many fakes as there are test images.

    Initial weights, order of images and noise follow from ``number`` alone: they are the same for every method.

    Returns:
        ``frechet``, the squared distance of fakes and test images in the judge's last hidden layer, and ``floor``, that of
        as many training images; ``score``, of the fakes, and ``score_real`` of the test images, between 1 and 10: e to the
        mutual information of image and class, as the judge sees it (the Inception score, without Inception); ``digits``,
        how many are made at least ``made`` % of the time; ``judge_error`` (%) on the test images. ``share@c`` (%) of each
        digit. ``row@i.r``, row r of fake i in small: 14 pixels in tenths, for :func:`pictures`.
    """
    train, test = parts("mnist", profile.stand_in)
    width, known = experiment["width"], experiment.values
    make = seeded(derive(number, "generator"), lambda: Generator(experiment["noise"], channels=1, width=width))
    tell = seeded(derive(number, "discriminator"), lambda: Discriminator(channels=1, width=width))
    for net in (make, tell):
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    chosen = {name: known[name] for name in ("batch_size", "lr", "betas", "generator_every", "noise")}
    recipe = GanRecipe(profile.epochs, seed=number, **chosen)
    mixer = None
    if cell.method != "erm":
        layers = experiment["layers"] if cell.method == "manifold_mixup" else ("input",)
        mixer = gan_mixup(tell, layers, cell.value("alpha"))
    with mixed_precision().autocast():
        fit_gan(
            make,
            tell,
            F.pad(2 * train.x[: experiment["images"]] - 1, (2, 2, 2, 2), value=-1.0),
            recipe,
            mixer,
            progress=False,
        )
    judge = _judge(experiment["judge_epochs"], profile.stand_in)
    noise = torch.randn(len(test), recipe.noise, generator=torch.Generator().manual_seed(derive(number, "fakes")))
    fakes = _made(make, noise)
    real, seen, fake = (_features(judge, images) for images in (test.x, train.x[: len(test)], fakes))
    probabilities = judge.head(fake).softmax(1)
    shares = 100 * probabilities.argmax(1).bincount(minlength=10) / len(fakes)
    return {
        "frechet": frechet_distance(fake, real),
        "score": _score(probabilities),
        "digits": float((shares >= experiment["made"]).sum()),
        "floor": frechet_distance(seen, real),
        "score_real": _score(judge.head(real).softmax(1)),
        "judge_error": 100 * (1 - evaluate(judge, test)["accuracy"]),
        **{f"share@{digit}": float(share) for digit, share in enumerate(shares)},
        **_rows(fakes[: experiment["shown"]]),
    }


@cache
def _judge(epochs: int, small: bool) -> LeNet:
    """A LeNet trained on the training images: the same for every trial."""
    train, _ = parts("mnist", small)
    model = seeded(0, lambda: LeNet(10))
    fit(model, train, Recipe(epochs=epochs, batch_size=128, optimizer="adam", lr=1e-3), progress=False)
    return model.eval().requires_grad_(False)


def _features(judge: LeNet, images: Tensor) -> Tensor:
    return hidden_states(judge, images, "layer4")


def _made(make: nn.Module, noise: Tensor) -> Tensor:
    """Fakes in the form of MNIST: (n, 1, 28, 28), in [0, 1].

    Normalised by their own batch, as in training: averages over past steps lag behind a network that still moves fast, and
    what it makes with them is blank.
    """
    make.train()
    with torch.no_grad():
        return torch.cat([(make(rows)[..., 2:-2, 2:-2] + 1) / 2 for rows in noise.split(500)])


def _score(probabilities: Tensor) -> float:
    p = probabilities.double()
    return float((p.xlogy(p) - p.xlogy(p.mean(0))).sum(1).mean().exp())


def _rows(fakes: Tensor) -> Metrics:
    """Small copies of fakes as numbers, as results hold nothing else: a decimal digit for each pixel."""
    tenths = (10 * F.avg_pool2d(fakes, 2)[:, 0]).clamp(0, 9).long()
    places = 10 ** torch.arange(_SIDE - 1, -1, -1)
    return {f"row@{i}.{r}": float((row * places).sum()) for i, fake in enumerate(tenths) for r, row in enumerate(fake)}


def pictures(metrics: Metrics) -> np.ndarray:
    """The small copies that a trial kept, (shown, 14, 14), in [0, 1)."""
    rows = [f"{int(value):0{_SIDE}d}" for name, value in metrics.items() if name.startswith("row@")]
    return np.array([[int(digit) / 10 for digit in row] for row in rows]).reshape(-1, _SIDE, _SIDE)
