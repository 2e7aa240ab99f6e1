"""Multi-mix on CIFAR-100 and Tiny ImageNet: ten methods (Table I), equal cost (Table II), and K (Figures 6 to 8)."""

from dataclasses import replace
from itertools import product

from mixbook.benchmarks.experiments.image_protocols import DECIDED, drops, images, measures, sgd
from mixbook.benchmarks.spec import Cell, Experiment, Profile, ProfileName, Setting

_TRIAL = "mixbook.benchmarks.trials.image_methods:trial"
_READ = "mixbook.benchmarks.trials.reading:read"

# What no source says of the ten methods: as in the code whose protocol the paper follows, Co-Mixup's.
METHODS = (
    Setting(
        "loss",
        "bce of softmax",
        "not stated; that of Co-Mixup's code, whose protocol this is. A learning rate of 0.2 goes with it: cross entropy "
        "is some 50 times as large",
    ),
    Setting("alpha_mixup", 1.0, "not stated; that of the code that the baselines come from"),
    Setting("alpha_manifold_mixup", 2.0, "not stated; that of the same code, and of manifold mixup's paper"),
    Setting("alpha_cutmix", 1.0, "not stated; that of the same code"),
    Setting("alpha_fmix", 1.0, "not stated; that of FMix's code"),
    Setting("alpha_puzzlemix", 1.0, "not stated; that of Puzzle Mix's code"),
    Setting("layers", "0+1+2", "manifold mixup: the input and the first two stages, as in the same code"),
    Setting("clean_comixup", 1.0, "weight of the loss of unmixed samples in Co-Mixup's code"),
    Setting("label_smoothing", 0.1, "not stated; the usual value"),
    Setting("order", "draws are sorted", "section III-A: lambda_1 < ... < lambda_K"),
)


def _protocol(dataset: str, model: str) -> tuple[Setting, ...]:
    tiny = dataset == "tiny_imagenet"
    where = "section IV-B1"
    of_tiny = tuple(
        replace(s, value=0.2, why="not stated; Puzzle Mix takes it for its baselines on Tiny ImageNet")
        if s.name in ("alpha_mixup", "alpha_manifold_mixup", "alpha_cutmix")
        else s
        for s in METHODS
    )
    return (
        *images(dataset, model),
        Setting("lr", 0.2, where, stated=True),
        Setting("batch_size", 100, where, stated=True),
        drops((0.5, 0.75), f"{where}: epochs 600 and 900 of 1,200")
        if tiny
        else drops((1 / 3, 2 / 3), f"{where}: 100 and 200 of 300"),
        *sgd(),
        *(of_tiny if tiny else METHODS),
        Setting(
            "clean_puzzlemix", float(tiny), "weight of the loss of unmixed samples in Puzzle Mix's code for this data set"
        ),
        Setting(
            "cutout",
            16 if tiny else 8,
            "side of the square in pixels, not stated; a quarter of the image, as in Cutout's paper",
        ),
        Setting(
            "rotation",
            15.0,
            "degrees, not stated; batch augmentation also turns its copies. It shifts and turns them after they were "
            "normalised, so what comes in at the rim is the mean of a channel, and black with all other methods",
        ),
        *measures("top5", curves=("loss", "squared_gradient_norm") if model == "resnext29_4_24" else ("loss",)),
    )


def _profiles(epochs: int, every: int, title: str) -> dict[ProfileName, Profile]:
    return {
        "smoke": Profile(1, 1, every=every, stand_in=True, note="some methods, one epoch on generated images: it runs"),
        "gpu": Profile(
            1,
            30,
            note=f"1 trial of 30 epochs instead of 3 of {epochs:,}; a minute or two a cell, K times that for multi-mix",
        ),
        "paper": Profile(3, epochs, note=f"3 trials of {epochs:,} epochs, as printed: {title}"),
    }


def _experiment(
    name: str, title: str, table: str, dataset: str, model: str, profiles: dict[ProfileName, Profile]
) -> Experiment:
    return Experiment(
        name=name,
        title=title,
        paper="multimix",
        table=table,
        dataset=dataset,
        model=model,
        settings=_protocol(dataset, model),
        decided=DECIDED,
        profiles=profiles,
        trial=_TRIAL,
        band=1.0,
    )


_HOURS = "days on one GPU"
PREACT = _experiment(
    "multimix-table1-preactresnet18",
    "CIFAR-100, PreActResNet-18: ten methods",
    "Table I",
    "cifar100",
    "preactresnet18",
    _profiles(300, 9, _HOURS),
)
WIDE = _experiment(
    "multimix-table1-wrn16-8",
    "CIFAR-100, WRN-16-8: ten methods",
    "Table I",
    "cifar100",
    "wrn16_8",
    _profiles(300, 9, _HOURS),
)
TINY = _experiment(
    "multimix-table1-tiny",
    "Tiny ImageNet, PreActResNet-18: ten methods",
    "Table I",
    "tiny_imagenet",
    "preactresnet18",
    _profiles(1200, 9, "weeks on one GPU"),
)

_TEN = PREACT.cells
_TABLE2 = (
    Cell("large_batch", "batch=500"),
    Cell("large_batch_mixup", "batch=500;base=puzzlemix"),
    Cell("batch_aug", "repeats=5"),
    Cell("batch_aug_mixup", "repeats=5;base=puzzlemix"),
)
# Section IV-I. K = 1 is the method itself, and Puzzle Mix at K = 5 is among the ten.
_OVER_K = tuple(
    Cell(f"multimix_{base}", f"K={draws}")
    for base, draws in product(("mixup", "manifold_mixup", "cutmix", "puzzlemix"), (3, 5, 7, 9))
    if (base, draws) != ("puzzlemix", 5)
)

RESNEXT = replace(
    PREACT,
    name="multimix-resnext",
    title="CIFAR-100, ResNeXt-29 (4 x 24d): the networks behind Tables I and II and Figures 6, 7 and 8",
    paper="multimix",
    table="",
    model="resnext29_4_24",
    settings=_protocol("cifar100", "resnext29_4_24"),
    profiles=_profiles(300, 6, _HOURS),
    figures=("Figure 6", "Figure 7", "Figure 8"),
    own_cells=(*_TEN, *_TABLE2, *_OVER_K),
)


def _table(table: str, title: str, name: str, band: float = 0.0) -> Experiment:
    return RESNEXT.read_by(_READ, name=name, title=title, table=table, band=band)


TABLE1 = _table("Table I", "CIFAR-100, ResNeXt-29 (4 x 24d): ten methods", "multimix-table1-resnext", band=1.0)
TABLE2 = _table("Table II", "CIFAR-100, ResNeXt-29 (4 x 24d): ways to spend five gradients", "multimix-table2")


def _gain(source: Experiment, name: str) -> Experiment:
    title = f"{source.dataset}, {source.model}: what multi-mix gains over Puzzle Mix"
    return source.read_by("mixbook.benchmarks.trials.gains:gain", name=name, title=title, table="text Sec IV-B1")


EXPERIMENTS = (
    PREACT,
    WIDE,
    TINY,
    RESNEXT,
    TABLE1,
    TABLE2,
    *(
        _gain(source, f"multimix-gain-{name}")
        for source, name in ((PREACT, "preactresnet18"), (WIDE, "wrn16-8"), (RESNEXT, "resnext"), (TINY, "tiny"))
    ),
)
