"""ResNet-50 on ImageNet with images that grow, and everything that multi-mix measures of it (Tables III to VI and VIII)."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from mixbook import data
from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Profile
from mixbook.benchmarks.trials.methods import method_of
from mixbook.benchmarks.trials.precision import mixed_precision
from mixbook.data import loader
from mixbook.data.image_files import ImageFiles, centre_view, random_view
from mixbook.evaluation import evaluate
from mixbook.evaluation.corruptions import Corruption, NoisyBackground, OtherBackground, corrupted_accuracy
from mixbook.evaluation.localisation import CODE, CUB, TEXT, Located, localisation
from mixbook.models import Normalise, named, seeded
from mixbook.training import Recipe, fine_tune, fit
from mixbook.training.fine_tune import TRANSFER
from mixbook.training.streams import derive

_BIRDS = 200


@dataclass(frozen=True)
class _Sets:
    """ImageNet and CUB-200-2011 in the views of a trial, or generated images in their place."""

    small: bool

    def training(self, size: int) -> Dataset[Any]:
        return _fake(size, 16)[0] if self.small else data.imagenet("train", random_view(size))

    @property
    def validation(self) -> ImageFiles | None:
        return None if self.small else data.imagenet("val", centre_view(224))

    def located(self) -> Iterable[Located] | None:
        """Validation images with boxes, batch by batch; None where no boxes are there."""
        validation = self.validation
        if validation is None:
            return [_fake(32, 8)[1]]
        return None if validation.boxes is None else validation.located(seed=0)

    def birds(self) -> Dataset[Any]:
        return _fake(32, 8)[0] if self.small else data.cub200("train", random_view(224))

    def located_birds(self) -> Iterable[Located]:
        return [_fake(32, 8)[1]] if self.small else data.cub200("test", centre_view(224)).located()


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> Metrics:
    """Train one ResNet-50 by the method of the cell and score it; then fine-tune it on birds, step by step.

    Images are of size ``sizes[0]`` in batches of ``batches[0]`` for the first ``grow`` of the run, then of the second ones.
    The learning rate runs along ``knots``, whose epochs are those of a run of 100.

    Returns:
        ``val_error``, ``accuracy``, ``ece`` (%) and ``nll`` (nats) on the validation part after the last epoch. Where its
        boxes are there: ``localization_accuracy`` (%), as the paper's text counts it, and ``localization_accuracy@code`` as
        its predecessor's code does; ``val_error@random_replacement`` and ``val_error@gaussian_noise_0.1`` (%).
        ``localization_accuracy@n`` (%) on birds after n epochs of fine-tuning.
    """
    sets, small = _Sets(profile.stand_in), profile.stand_in
    classes = 1000 if not small else 10
    model = seeded(derive(number, "weights"), lambda: named("resnet50", (3, 224, 224), classes, small=small))
    method = method_of(cell, experiment, model, classes)
    normalise = Normalise(experiment["mean"], experiment["std"])

    def augment(x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x = normalise.to(x.device)(x)
        return (x, y) if method.augment is None else method.augment(x, y, generator)

    def batches(epoch: int) -> DataLoader[tuple[Tensor, Tensor]]:
        late = epoch >= experiment["grow"] * profile.epochs
        size, batch_size = (32, 8) if small else (experiment["sizes"][late], experiment["batches"][late])
        workers = 0 if small else experiment["workers"]
        return loader(sets.training(size), batch_size, seed=number, workers=workers, drop_last=True, pin_memory=not small)

    fit(
        model,
        batches,
        _recipe(experiment, number, profile),
        mixer=method.mixer,
        augment=augment,
        loss=method.loss,
        on_divergence="warn",
        progress=False,
        fabric=mixed_precision(),
    )
    parts: OrderedDict[str, nn.Module] = OrderedDict(normalise=normalise, network=model)
    whole = nn.Sequential(parts).to(next(model.parameters()).device)
    found = _scores(whole, sets, 0 if small else experiment["workers"])
    found |= _on_boxes(whole, sets, number)
    return found | _on_birds(whole, sets, number, 2 if small else TRANSFER.epochs)


def _recipe(experiment: Experiment, number: int, profile: Profile) -> Recipe:
    scale = profile.epochs / 100
    return Recipe(
        epochs=profile.epochs,
        batch_size=experiment["batches"][0],
        lr=1.0,
        momentum=experiment["momentum"],
        weight_decay=experiment["weight_decay"],
        schedule="linear",
        knots=tuple((epoch * scale, lr) for epoch, lr in experiment["knots"]),
        channels_last=not profile.stand_in,
        seed=number,
    )


def _scores(whole: nn.Module, sets: _Sets, workers: int) -> Metrics:
    images: Dataset[Any] = sets.validation or _fake(32, 8)[0]
    scores = evaluate(whole, loader(images, 256, seed=0, shuffle=False, workers=workers))
    right = 100 * scores["accuracy"]
    return {"val_error": 100 - right, "accuracy": right, "ece": 100 * scores["ece"], "nll": scores["nll"]}


def _on_boxes(whole: nn.Module, sets: _Sets, number: int) -> Metrics:
    located = sets.located()
    if located is None:
        return {}
    found = localisation(whole, located, "network.layer4", "network.fc", (TEXT, CODE))
    generator = torch.Generator().manual_seed(derive(number, "backgrounds"))
    backgrounds: dict[str, Corruption] = {
        "random_replacement": OtherBackground(),
        "gaussian_noise_0.1": NoisyBackground(0.1),
    }
    errors = {
        f"val_error@{name}": 100 * (1 - corrupted_accuracy(whole, sets.located() or (), corruption, generator))
        for name, corruption in backgrounds.items()
    }
    accuracy = {"": found["localised@text"], "@code": found["localised@code"]}
    return {f"localization_accuracy{how}": 100 * value for how, value in accuracy.items()} | errors


def _on_birds(whole: nn.Module, sets: _Sets, number: int, epochs: int) -> Metrics:
    """Scores after each epoch of fine-tuning the last block and a new head."""

    def found(model: nn.Module) -> Metrics:
        scores = localisation(model, sets.located_birds(), "network.layer4", "network.fc", (CUB,))
        return {"localised": scores["localised@cub"]}

    recipe = Recipe(epochs, TRANSFER.batch_size, TRANSFER.lr, "adam", weight_decay=TRANSFER.weight_decay, seed=number)
    birds = loader(sets.birds(), recipe.batch_size, seed=number, workers=0 if sets.small else 8)
    tuned = ("network.layer4", "network.fc")
    history = fine_tune(whole, birds, tuned, recipe, head="network.fc", num_classes=_BIRDS, validate=found, progress=False)
    return {f"localization_accuracy@{n}": 100 * value for n, value in enumerate(history["localised"], start=1)}


def _fake(size: int, count: int) -> tuple[TensorDataset, Located]:
    """Images of noise as bytes, with labels; and the same as pixels in [0, 1], with boxes."""
    generator = torch.Generator().manual_seed(derive(0, "images"))
    x = torch.randint(256, (count, 3, size, size), generator=generator, dtype=torch.uint8)
    y, box = torch.arange(count) % 10, torch.tensor([size / 4, size / 4, size / 2, size / 2])
    return TensorDataset(x, y), (x / 255, y, box.expand(count, 4))
