"""Manifold mixup: which layers and which alpha (Tables 3, 5 and 6), and the training loss that it leaves (Figures 6, 7)."""

from dataclasses import replace

from mixbook.benchmarks.experiments.image_protocols import DECIDED, drops, images, measures
from mixbook.benchmarks.experiments.manifold_images import TRIAL, optimisation, profiles, read_from
from mixbook.benchmarks.spec import Cell, Experiment, Setting

_LENGTH = "appendix C: epochs 1,000 and 1,500 of 2,000"
# Table 5, in its order; alpha = 2 is inferred from Table 6, of which two cells are the same.
_SETS = ("0+1+2", "0+1", "0+1+2+3", "1+2", "1+2+3", "1", "2+3", "2")
_ALPHAS = ("0.5", "1", "1.2", "1.5", "1.8", "2")


def _sensitivity(dataset: str, title: str) -> Experiment:
    over_alpha = [] if dataset == "cifar100" else [alpha for alpha in _ALPHAS if alpha != "2"]
    cells = (
        Cell("erm", ""),
        Cell("mixup", "alpha=2"),
        *(Cell("manifold_mixup", f"alpha=2;layers={layers}") for layers in _SETS),
        *(Cell("mixup", f"alpha={alpha}") for alpha in over_alpha),
        *(Cell("manifold_mixup", f"alpha={alpha};layers=0+1+2") for alpha in over_alpha),
    )
    return Experiment(
        name=f"manifold-layers-{dataset}",
        title=f"{title}, PreActResNet-18, 2,000 epochs: networks over the layers that are mixed, and over alpha",
        paper="manifold",
        dataset=dataset,
        model="preactresnet18",
        settings=(
            *images(dataset, "preactresnet18"),
            *optimisation(),
            drops((0.5, 0.75), _LENGTH),
            *measures(curves=("loss",)),
        ),
        decided=DECIDED,
        profiles=profiles(2000, 1, every=7),
        trial=TRIAL,
        own_cells=cells,
    )


_CIFAR10, _CIFAR100 = _sensitivity("cifar10", "CIFAR-10"), _sensitivity("cifar100", "CIFAR-100")

_TINY = Experiment(
    name="manifold-table3",
    title="Tiny ImageNet, PreActResNet-18: input and manifold mixup over alpha",
    paper="manifold",
    table="Table 3",
    dataset="tiny_imagenet",
    model="preactresnet18",
    settings=(
        *images("tiny_imagenet", "preactresnet18"),
        *optimisation(),
        drops((0.5, 0.75), _LENGTH),
        *measures("top5", curves=("loss",)),
    ),
    decided=DECIDED,
    profiles=profiles(2000, 1, every=8),
    trial=TRIAL,
    band=1.0,
)

_RESIDUAL_BLOCKS = (
    Cell("erm", ""),
    Cell("mixup", "alpha=1"),  # appendix C.1: that of input mixup on CIFAR
    *(Cell("manifold_mixup", f"alpha=2;layers={layer}") for layer in (1, 2, 3)),
    Cell("manifold_mixup_gradblock", "alpha=2;layers=0+1+2"),
)


def _figure(number: int, dataset: str, title: str, model: str) -> Experiment:
    """Training loss for mixing behind one residual block: which curves the figure has is not in its caption."""
    return replace(
        _CIFAR10,
        name=f"manifold-figure{number}",
        title=f"training loss on {title} for mixing at one layer",
        dataset=dataset,
        model=model,
        settings=(
            *images(dataset, model),
            *optimisation(),
            drops((1 / 3, 2 / 3), "not stated; those of Table 1, epochs 400 and 800 of 1,200", stated=False),
            *measures("train", curves=("loss",), why="how well the training part is fitted in the end"),
            Setting("layers_of_figure", "input, and behind blocks 1, 2 and 3", "the caption says only what braces mean"),
        ),
        profiles=profiles(1200, 1, every=3, printed="the length of Table 1, as none is stated"),
        figures=(f"Figure {number}",),
        # The caption of Figure 6 names a curve with blocked gradients; that of Figure 7 does not.
        own_cells=_RESIDUAL_BLOCKS if number == 6 else _RESIDUAL_BLOCKS[:-1],
    )


EXPERIMENTS = (
    _CIFAR10,
    _CIFAR100,
    read_from(_CIFAR10, "manifold-table5-cifar10", "CIFAR-10: which layers are mixed", "Table 5", band=0.5),
    read_from(_CIFAR100, "manifold-table5-cifar100", "CIFAR-100: which layers are mixed", "Table 5", band=1.0),
    read_from(_CIFAR10, "manifold-table6", "CIFAR-10: input and manifold mixup over alpha", "Table 6"),
    _TINY,
    _figure(6, "cifar10", "CIFAR-10", "preactresnet18"),
    _figure(7, "cifar100", "CIFAR-100", "preactresnet50"),
)
