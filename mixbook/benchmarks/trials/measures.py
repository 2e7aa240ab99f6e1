"""What is asked of a network once it is trained, by name.

One network serves many tables, so all that is ever printed about it is measured at once, and tables read what they need
(:mod:`mixbook.benchmarks.trials.reading`).
"""

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.spec import Experiment, Metrics
from mixbook.benchmarks.trials.networks import Trained
from mixbook.data import Arrays, Batched
from mixbook.evaluation import attacked_error, evaluate, fgsm, hidden_states, knn_error, unbounded
from mixbook.evaluation.deformations import TABLE_9
from mixbook.evaluation.localisation import CODE, TEXT, localisation, localised
from mixbook.training.streams import derive

Measure = Callable[[Experiment, Trained, int], Metrics]


def measured(experiment: Experiment, trained: Trained, number: int) -> Metrics:
    """Everything that the experiment's ``measures`` name, of one network.

    Args:
        experiment: asked for ``measures`` and what they need.
        trained: the network and its data.
        number: of the trial; seeds what is random in a measure.

    Returns:
        ``top5``: ``accuracy_top1`` and ``accuracy_top5`` (%). ``train``: ``train_accuracy`` (%), on samples as they are.
        ``fgsm``: ``fgsm_accuracy`` (%) at ``fgsm_eps`` 255ths of the pixel range, and ``fgsm_accuracy@released`` at
        ``fgsm_released`` in units of normalised pixels, not clipped. ``unbounded``: ``pgd_accuracy`` (%) on the first
        ``pgd_samples`` test images after ``pgd_steps`` steps of ``pgd_step_size``. ``deformations``: for each of Table 9,
        ``accuracy@rotation_20`` and so on (%). ``knn``: ``error@knn_on_features`` (%) of ``neighbours`` neighbours by what
        the layer ``features`` gives. ``localisation``: ``localization_accuracy`` (%), the share of test images in which the
        activation map of the predicted class finds the object as multi-mix's text counts it, and
        ``localization_accuracy@code`` as the code of Co-Mixup does; ``iou`` and ``iou@code`` (%), the mean overlap of its
        boxes; and ``localization_accuracy@whole_image`` (%) of a box that is the whole image, counted as in the text.

    Raises:
        BenchmarkError: if there is no such measure, or no box to find.
    """
    unknown = set(experiment["measures"]) - set(_MEASURES)
    if unknown:
        raise BenchmarkError(f"no measures {', '.join(sorted(unknown))}. There are: {', '.join(_MEASURES)}")
    found: Metrics = {}
    for name in experiment["measures"]:
        found |= _MEASURES[name](experiment, trained, number)
    return found


def _top5(experiment: Experiment, trained: Trained, number: int) -> Metrics:
    scores = evaluate(trained.model, trained.data.test, top=(1, 5))
    return {f"accuracy_top{k}": 100 * scores[f"accuracy_top{k}"] for k in (1, 5)}


def _train(experiment: Experiment, trained: Trained, number: int) -> Metrics:
    return {"train_accuracy": 100 * evaluate(trained.model, trained.data.plain)["accuracy"]}


def _fgsm(experiment: Experiment, trained: Trained, number: int) -> Metrics:
    # In single precision, as everybody's attacks were.
    released = fgsm(experiment["fgsm_released"], clip=None, saturating=True)  # as attacked behind the normalisation
    usual = fgsm(experiment["fgsm_eps"] / 255, saturating=True)
    errors = {
        "fgsm_accuracy": attacked_error(trained.on_pixels, trained.data.pixels, usual),
        "fgsm_accuracy@released": attacked_error(trained.model, trained.data.test, released),
    }
    return {name: 100 * (1 - error) for name, error in errors.items()}


def _unbounded(experiment: Experiment, trained: Trained, number: int) -> Metrics:
    steps = unbounded(experiment["pgd_steps"], experiment["pgd_step_size"])
    attack, pixels = replace(steps, saturating=True), trained.data.pixels  # as printed ones were
    asked = min(experiment["pgd_samples"], len(pixels) // 10)  # a tenth of CIFAR's 10,000
    x, y = pixels.batch(torch.arange(asked))
    error = attacked_error(trained.on_pixels, Arrays(x.cpu(), y.cpu(), pixels.num_classes, pixels.name), attack)
    return {"pgd_accuracy": 100 * (1 - error)}


def _deformations(experiment: Experiment, trained: Trained, number: int) -> Metrics:
    generator = torch.Generator().manual_seed(derive(number, "deformations"))
    scores = evaluate(trained.on_pixels, trained.data.pixels, deformations=TABLE_9, generator=generator)
    return {f"accuracy@{name}": 100 * scores[f"accuracy@{name}"] for name in TABLE_9}


def _knn(experiment: Experiment, trained: Trained, number: int) -> Metrics:
    layer = experiment["features"]
    known, asked = (_states(trained.model, part, layer) for part in (trained.data.plain, trained.data.test))
    if not (known[0].isfinite().all() and asked[0].isfinite().all()):  # it diverged
        return {"error@knn_on_features": math.nan}
    return {"error@knn_on_features": 100 * knn_error(*known, *asked, experiment["neighbours"])}


def _states(model: nn.Module, part: Batched, layer: str) -> tuple[Tensor, Tensor]:
    batches = [part.batch(rows) for rows in torch.arange(len(part)).split(2048)]
    return torch.cat([hidden_states(model, x, layer) for x, _ in batches]), torch.cat([y.cpu() for _, y in batches])


def _localisation(experiment: Experiment, trained: Trained, number: int) -> Metrics:
    pixels, boxes = trained.data.pixels, trained.data.boxes
    if boxes is None:
        raise BenchmarkError(f"measure localisation needs boxes, and {pixels.name} has none")
    located = [(*pixels.batch(rows), boxes[rows]) for rows in torch.arange(len(pixels)).split(256)]
    inside = "" if trained.on_pixels is trained.model else "1."  # behind the normalisation
    found = localisation(trained.on_pixels, located, f"{inside}layer4", f"{inside}head", (TEXT, CODE))
    _, _, height, width = located[0][0].shape
    whole = torch.tensor([0.0, 0.0, width, height]).expand(len(boxes), 4)
    shares = {
        "localization_accuracy": found["localised@text"],
        "localization_accuracy@code": found["localised@code"],
        "iou": found["iou@text"],
        "iou@code": found["iou@code"],
        "localization_accuracy@whole_image": float(localised(whole, boxes, TEXT.overlap, TEXT.strict).double().mean()),
    }
    return {name: 100 * share for name, share in shares.items()}


_MEASURES: dict[str, Measure] = {
    "top5": _top5,
    "train": _train,
    "fgsm": _fgsm,
    "unbounded": _unbounded,
    "deformations": _deformations,
    "knn": _knn,
    "localisation": _localisation,
}
