"""Run a network over a data set and score it: on clean data, under attack, on deformed images."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from mixbook.data import Batched
from mixbook.evaluation.attacks import PGD, as_attack
from mixbook.evaluation.batches import Batch, batches_of, device_of, logits_of
from mixbook.evaluation.deformations import Deformation, as_deformation, deform
from mixbook.evaluation.metrics import accuracy, brier, check_labels, expected_calibration_error, nll, top_accuracy

Metrics = dict[str, float]


def evaluate(
    model: nn.Module,
    data: Batched | Iterable[Batch],
    batch_size: int = 1024,
    *,
    top: Sequence[int] = (),
    attacks: Sequence[PGD | str] = (),
    deformations: Sequence[Deformation | str] = (),
    generator: torch.Generator | None = None,
) -> Metrics:
    """Accuracy, NLL (nats), Brier score and ECE (10 bins) of ``model`` on clean ``data``, and what else is asked for.

    The network runs in evaluation mode without gradients, on the device where it lives; each of its modules is then put
    back into the mode it was found in, so a batch norm that was frozen stays frozen.

    Args:
        model: gives logits (B, C).
        data: arrays or resident images, or a loader of batches of samples (bytes count as numbers in [0, 1]) and integer
            labels, gone through once.
        batch_size: samples at once; a loader has batches of its own.
        top: for each k, ``accuracy_top{k}``: how often the label is among the k largest logits.
        attacks: for each, such as ``fgsm(8 / 255)`` or, by name (:func:`~mixbook.evaluation.attack`), ``"fgsm@8/255"``, its
            error: ``error@fgsm@8/255``. Inputs are then pixels in [0, 1], which the network normalises itself
            (:class:`mixbook.models.Normalise`).
        deformations: for each, such as ``"rotation_20"`` (:data:`~mixbook.evaluation.deformations.TABLE_9`), its accuracy:
            ``accuracy@rotation_20``. One that is given as an object is called as Python writes it:
            ``accuracy@Rotation(degrees=20.0)``. What comes from outside of an image is 0: black, if inputs are pixels that
            the network normalises itself.
        generator: source of random starts and of deformations.

    Raises:
        ValueError: if ``batch_size`` is less than 1, the network has too few outputs for the labels, there is no batch, one
            of ``top``, ``attacks`` and ``deformations`` is no list, two attacks have one name, or as attacks and
            deformations do.
        TypeError: if ``data`` gives something else than pairs of tensors, or labels that are no integers.

    Example:
        >>> import mixbook as mb
        >>> from mixbook.data import digits
        >>> from mixbook.evaluation import fgsm
        >>> from mixbook.models import MLP
        >>> scores = mb.evaluate(MLP(64, (), 10), digits(), top=[5], attacks=[fgsm(8 / 255, clip=None)])
        >>> list(scores)
        ['accuracy', 'nll', 'brier', 'ece', 'accuracy_top5', 'error@fgsm@0.03137']
    """
    _check_lists(top, attacks, deformations)
    top = tuple(top)  # asked for each batch, and a generator can be gone through once
    chosen = [as_attack(each) for each in attacks]
    names = [each.name for each in chosen]
    if len(set(names)) < len(names):
        raise ValueError(f"attacks must have different names, got {names}")
    changes = {each if isinstance(each, str) else repr(each): as_deformation(each) for each in deformations}
    clean: list[Tensor] = []
    attacked: dict[str, list[Tensor]] = {name: [] for name in names}
    deformed: dict[str, list[Tensor]] = {name: [] for name in changes}
    labels: list[Tensor] = []
    for x, y in batches_of(data, batch_size, device_of(model)):
        labels.append(y.cpu())
        clean.append(logits_of(model, x))
        _check(clean[-1], labels[-1], top)  # before an attack takes its time over them
        for name, each in zip(names, chosen, strict=True):
            attacked[name].append(logits_of(model, each(model, x, y, generator)))
        for name, change in changes.items():
            deformed[name].append(logits_of(model, deform(x, change, generator)))
    logits, y = torch.cat(clean), torch.cat(labels)
    return {
        "accuracy": accuracy(logits, y),
        "nll": nll(logits, y),
        "brier": brier(logits, y),
        "ece": expected_calibration_error(logits, y),
        **{f"accuracy_top{k}": top_accuracy(logits, y, k) for k in top},
        **{f"error@{name}": 1 - accuracy(torch.cat(part), y) for name, part in attacked.items()},
        **{f"accuracy@{name}": accuracy(torch.cat(part), y) for name, part in deformed.items()},
    }


def _check_lists(top: object, attacks: object, deformations: object) -> None:
    """Refuse one where a list of them is meant; a name would be read letter by letter."""
    for name, given in (("top", top), ("attacks", attacks), ("deformations", deformations)):
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise ValueError(f"{name} must be a list, got {given!r}: e.g. [{given!r}]")


def _check(logits: Tensor, y: Tensor, top: Sequence[int]) -> None:
    if len(y) == 0:
        return
    check_labels(logits, y)
    for k in top:
        top_accuracy(logits[:1], y[:1], k)
