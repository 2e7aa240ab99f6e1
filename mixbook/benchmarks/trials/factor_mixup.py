"""One trial of manifold mixup's appendix A: images whose factors are known, mixed as pixels or before they are drawn."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mixbook.benchmarks.spec import Cell, Experiment, Profile
from mixbook.benchmarks.trials.precision import mixed_precision
from mixbook.data.strokes import Law, draw_factors, render
from mixbook.models import seeded
from mixbook.modes import evaluation_mode
from mixbook.training.streams import derive


class StridedCNN(nn.Sequential):
    """Convolutions of stride 2, each with batch norm and a leaky ReLU, then one logit: (B, 1, s, s) to (B,).

    Args:
        widths: channels of the convolutions, 32-64-128-256 in the released script.
        kernel: edge of the kernels in pixels.
        size: s, a multiple of 2 to the number of convolutions.
    """

    def __init__(self, widths: tuple[int, ...], kernel: int, size: int) -> None:
        layers: list[nn.Module] = []
        for width_in, width_out in pairwise((1, *widths)):
            layers += [nn.Conv2d(width_in, width_out, kernel, stride=2, padding=kernel // 2)]
            layers += [nn.BatchNorm2d(width_out), nn.LeakyReLU(0.02)]
        edge = size // 2 ** len(widths)
        super().__init__(*layers, nn.Flatten(), nn.Linear(widths[-1] * edge**2, 1), nn.Flatten(0))


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> dict[str, float]:
    """Train one network on fresh images for ``profile.epochs`` steps, and test it on images from other angles.

    With ``profile.stand_in``, images are small. ``corners=white`` among the parameters of the cell makes what lies outside
    of the canvas white; as printed, it is black.

    Returns:
        ``accuracy`` (%), ``nll`` (nats) on the test images; the same after a quarter, half and three quarters of the
        steps, as ``accuracy@250`` and so on; ``train_accuracy`` (%) on fresh images from the training angles.
    """
    outside = {"black": 0.0, "white": 1.0}[cell.answers().get("corners", "black")]
    size, count = (16, 200) if profile.stand_in else (experiment["size"], experiment["test_images"])
    stops = [round(profile.epochs * share / 4) for share in (1, 2, 3, 4)]
    train_law, test_law = (Law(experiment[f"{part}_angles"], experiment["label"]) for part in ("train", "test"))
    widths, kernel = experiment["widths"], experiment["kernel"]
    model = seeded(derive(number, "weights"), lambda: StridedCNN(widths, kernel, size))
    fabric = mixed_precision()
    adam = torch.optim.Adam(model.parameters(), lr=experiment["lr"])
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's own annotations
    network, optimizer = fabric.setup(model, adam)
    stream = torch.Generator().manual_seed(derive(number, "images"))
    unseen = torch.Generator().manual_seed(derive(number, "test images"))
    tests = draw_factors(count, test_law, unseen)
    found: dict[str, float] = {}
    for step in range(1, profile.epochs + 1):
        images, targets = batch(cell.method, experiment["batch_size"], train_law, size, stream, outside)
        loss = F.binary_cross_entropy_with_logits(network(images.to(fabric.device)), targets.to(fabric.device))
        optimizer.zero_grad()
        fabric.backward(loss)
        optimizer.step()
        if step in stops:
            scores = _scores(network, *tests, size, outside, fabric.device)
            found |= {f"{name}@{step}": value for name, value in scores.items()} if step < stops[-1] else scores
    seen = draw_factors(count, train_law, unseen)
    return found | {"train_accuracy": _scores(network, *seen, size, outside, fabric.device)["accuracy"]}


def batch(
    method: str, count: int, law: Law, size: int, generator: torch.Generator, outside: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Images (B, 1, s, s) and the probabilities of label 1 that a method asks for, float32 (B,).

    Args:
        method: ``"erm"``; ``"mixup"``, which mixes two images; ``"factor_mixup"``, which mixes factors and draws once.
        count: B. Every pair is fresh and has its own lambda, uniform on [0, 1].
        law: where images come from.
        size: s.
        generator: source of all randomness; the methods draw the same images from it.
        outside: grey of what lies outside of the canvas.

    Raises:
        ValueError: if the method is another.
    """
    first, second = (draw_factors(count, law, generator) for _ in range(2))
    lam = torch.rand(count, generator=generator)
    targets = lam * first[1] + (1 - lam) * second[1]
    if method == "erm":
        return render(first[0], size, outside), first[1].float()
    if method == "mixup":
        weight = lam[:, None, None, None]
        return weight * render(first[0], size, outside) + (1 - weight) * render(second[0], size, outside), targets
    if method == "factor_mixup":
        return render(lam[:, None] * first[0] + (1 - lam[:, None]) * second[0], size, outside), targets
    raise ValueError(f"method must be erm, mixup or factor_mixup, got {method!r}")


def _scores(
    network: nn.Module, factors: Tensor, labels: Tensor, size: int, outside: float, device: torch.device
) -> dict[str, float]:
    """Accuracy in % and NLL in nats, in float32."""
    with evaluation_mode(network), torch.inference_mode():
        images = (render(rows, size, outside).to(device) for rows in factors.split(500))
        logits = torch.cat([network(each).cpu().float() for each in images])
    right = (logits > 0) == (labels == 1)
    return {
        "accuracy": 100 * right.double().mean().item(),
        "nll": F.binary_cross_entropy_with_logits(logits.double(), labels.double()).item(),
    }
