"""What the method of a cell changes of plain training: how batches are mixed, how samples are changed, and the loss.

The names are those of the printed tables (``printed/README.md``); everything that a table leaves open, such as an alpha, is
asked of the experiment's settings.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.spec import Cell, Experiment
from mixbook.data.augment import Augment, Cutout, Flip, Rotate, Shift
from mixbook.mixing.guided import GuidedMixer
from mixbook.mixing.losses import bce_of_softmax
from mixbook.mixing.mixer import Mixer, Mixes, comixup, cutmix, fmix, multimix, puzzlemix
from mixbook.mixing.place import INPUT, ManifoldMixer, manifold_mixup
from mixbook.training.loop import Loss

# Methods that mix nothing: what they change instead is below, or in the recipe, or is the size of the batch.
_UNMIXED = ("erm", "label_smoothing", "cutout", "dropout", "large_batch", "batch_aug")
_MIXED = ("mixup", "manifold_mixup", "cutmix", "fmix", "puzzlemix", "comixup")
_WITH_BASE = ("large_batch_mixup", "batch_aug_mixup")
_GUIDED = ("puzzlemix", "comixup")
_REPEATED = ("batch_aug", "batch_aug_mixup")


@dataclass(frozen=True)
class Method:
    """What :func:`mixbook.training.fit` is given besides network, data and recipe.

    Args:
        mixer: None trains on samples as they are.
        augment: changes of the samples of this method alone, after those that every method has.
        loss: from logits (N, C) and targets, labels int64 (N,) or weights (N, C), to a mean.
    """

    mixer: Mixes | None
    augment: Augment | None
    loss: Loss


def method_of(cell: Cell, experiment: Experiment, model: nn.Module, num_classes: int) -> Method:
    """How a network is trained by the method of a cell.

    Args:
        cell: its method is ``erm``, ``mixup``, ``manifold_mixup``, ``cutmix``, ``fmix``, ``puzzlemix``, ``comixup``,
            ``cutout``, ``label_smoothing``, ``dropout``; ``multimix_BASE`` with ``K=``; ``manifold_mixup_gradblock``;
            ``large_batch`` and ``large_batch_mixup`` with ``batch=``; ``batch_aug`` and ``batch_aug_mixup`` with
            ``repeats=``, those with ``mixup`` in their names with ``base=``.
        experiment: asked for ``loss``, and for ``alpha_BASE``, ``layers``, ``clean_BASE``, ``cutout``, ``label_smoothing``,
            ``shift`` and ``rotation`` where the method needs them and the cell does not say. With a setting such as
            ``layers_0+1``, a cell's ``layers=0+1`` mixes the layers that it names.
        model: the network that is trained: its hidden layers are mixed, or it says what is salient.
        num_classes: classes, C.

    Raises:
        BenchmarkError: if there is no such method.
        KeyError: if the experiment lacks a setting that the method needs.
    """
    base = base_of(cell)
    smoothing = experiment["label_smoothing"] if cell.method == "label_smoothing" else 0.0
    method = Method(None, _changes(cell, experiment), loss_of(experiment["loss"], num_classes, smoothing))
    if base is None:
        return method
    mixer = _mixer(cell, base, experiment, model, num_classes)
    clean = experiment[f"clean_{base}"] if base in _GUIDED else 0.0
    if not clean or isinstance(mixer, ManifoldMixer):
        return replace(method, mixer=mixer)
    # Beside a mean over classes of two terms each, the released code's clean loss has 2 / C of its weight.
    weight = 2 * clean / num_classes if experiment["loss"] == "bce of softmax" else clean
    guided = GuidedMixer(mixer, clean=weight)
    return replace(method, mixer=guided, loss=partial(guided.loss, of_mixtures=method.loss))


def base_of(cell: Cell) -> str | None:
    """The way of mixing behind a method's name, such as ``puzzlemix`` of ``multimix_puzzlemix``; None if it does not mix.

    Raises:
        BenchmarkError: if there is no such method.
    """
    name = cell.method
    if name in _UNMIXED:
        return None
    base = name.removeprefix("multimix_").removesuffix("_gradblock")
    if name in _WITH_BASE:
        base = cell.answers().get("base", "mixup")
    if base not in _MIXED:
        raise BenchmarkError(
            f"no method {str(cell)!r}. There are {', '.join((*_UNMIXED, *_MIXED, *_WITH_BASE))}; multimix_ before, and "
            "_gradblock behind, one that mixes"
        )
    return base


def settings_for(cell: Cell, experiment: Experiment) -> Experiment:
    """The experiment with what the method of a cell changes in its settings: the protocol of that cell.

    ``batch=`` is the batch size; batch augmentation shifts and mirrors its copies one by one, so images come unchanged.
    """
    changed: dict[str, Any] = {}
    if "batch" in cell.answers():
        changed["batch_size"] = int(cell.value("batch"))
    if cell.method in _REPEATED:
        changed |= {"shift": 0, "flip": False}
    return experiment.with_values(**changed)


def layers_of(numbers: str) -> tuple[str, ...]:
    """Layers by the numbers of the tables: ``0+1+2`` is the input, and what ``layer1`` and ``layer2`` give."""
    return tuple(INPUT if number == "0" else f"layer{number}" for number in numbers.split("+"))


def loss_of(name: str, num_classes: int, smoothing: float = 0.0) -> Loss:
    """``"cross entropy"``, or ``"bce of softmax"`` as manifold mixup's released code has it; with smoothed labels."""
    losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "cross entropy": F.cross_entropy,
        "bce of softmax": bce_of_softmax,
    }
    if name not in losses:
        raise BenchmarkError(f"loss must be one of {', '.join(losses)}, got {name!r}")
    return partial(_soft_loss, losses[name], num_classes, smoothing)


def with_dropout(model: nn.Module, share: float) -> nn.Module:
    """``model``, in place, that silences a share of what its last map gets while it is trained. It must be ``head``."""
    head = model.get_submodule("head")
    model.add_module("head", nn.Sequential(OrderedDict(dropout=nn.Dropout(share), linear=head)))
    return model


def _soft_loss(loss: Loss, num_classes: int, smoothing: float, logits: Tensor, targets: Tensor) -> Tensor:
    if not targets.is_floating_point():
        targets = F.one_hot(targets, num_classes).to(logits.dtype)
    if smoothing:
        targets = (1 - smoothing) * targets + smoothing / num_classes
    return loss(logits, targets)


def _changes(cell: Cell, experiment: Experiment) -> Augment | None:
    if cell.method == "cutout":
        return Augment(Cutout(experiment["cutout"]))
    if cell.method in _REPEATED:
        changes = (Shift(experiment["shift"]), Flip(), Rotate(experiment["rotation"]))
        return Augment(*changes, repeats=int(cell.value("repeats")))
    return None


def _mixer(cell: Cell, base: str, experiment: Experiment, model: nn.Module, num_classes: int) -> Mixer | ManifoldMixer:
    """The mixer of a base. Its alpha and layers are those of the cell where it names them, else the experiment's."""
    given = cell.answers()
    draws = int(given.get("K", 1))
    if base == "comixup":  # which finds how much of each image by itself
        return comixup(model, num_classes, draws=draws)
    alpha = float(given["alpha"]) if "alpha" in given else experiment[f"alpha_{base}"]
    if base == "manifold_mixup":
        numbers = given["layers"] if "layers" in given else experiment["layers"]
        layers = layers_of(experiment.values.get(f"layers_{numbers}", numbers))
        stop = cell.method.endswith("_gradblock")
        return manifold_mixup(model, layers, alpha, num_classes, draws=draws, stop_gradient=stop)
    if base == "puzzlemix":
        return puzzlemix(model, alpha, num_classes, draws=draws)
    if base == "mixup":
        return multimix(draws, alpha, num_classes)
    return {"cutmix": cutmix, "fmix": fmix}[base](alpha, num_classes, draws=draws)
