"""Multi-mix's comparisons at equal cost and over K, and manifold mixup's deformations, on a small network."""

from dataclasses import replace

from mixbook.benchmarks.experiments.cifar_small import SHARED
from mixbook.benchmarks.experiments.image_protocols import DECIDED, ONE_LAW, measures
from mixbook.benchmarks.experiments.manifold_images import NEIGHBOURS, SCALING
from mixbook.benchmarks.spec import Cell, Experiment, Profile, ProfileName, Setting

_TRIAL = "mixbook.benchmarks.trials.image_methods:trial"
_MEAN, _STD = (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)
_RECIPE = ("shift", "flip", "lr", "momentum", "nesterov", "weight_decay", "schedule", "pairs", "channels_last")

_COMMON = (
    Setting("network", "slim_preact_resnet18", "PreActResNet-18, 16 channels instead of 64, on every second pixel"),
    Setting("mean", _MEAN, "of each channel of the training part"),
    Setting("std", _STD, "of each channel of the training part"),
    *(setting for setting in SHARED if setting.name in _RECIPE),
    Setting("loss", "cross entropy", "the usual one"),
)


def _profiles(trials: int, epochs: int, every: int, note: str) -> dict[ProfileName, Profile]:
    return {
        "smoke": Profile(1, 1, every=every, stand_in=True, note="some methods, one epoch on generated images: it runs"),
        "laptop": Profile(trials, epochs, note=note),
        "gpu": Profile(10, epochs, note=f"the same with 10 trials instead of {trials}"),
    }


EQUAL_COST = Experiment(
    name="multimix-equal-cost-cifar100",
    title="2,000 images of CIFAR-100, a slim PreActResNet-18: ways to spend five gradients (Table II, in small)",
    paper="multimix",
    dataset="cifar100",
    model="slim_preact_resnet18",
    settings=(
        *_COMMON,
        Setting("samples", 2000, "training images, drawn anew in each trial: 100 batches of 20, or 20 of 100"),
        Setting("batch_size", 20, "B; K B = 100 for the large batches and the repeated ones"),
        Setting(
            "equal",
            "gradients",
            "every method computes 80,000: those with one for each image pass over the images five times as often. With as "
            "many passes for all, as printed, a large batch has a fifth of the gradients of multi-mix",
        ),
        Setting("alpha_mixup", 1.0, "the same law for every method"),
        Setting(
            "rotation",
            15.0,
            "degrees, not stated; batch augmentation also turns its copies. It shifts and turns them after they were "
            "normalised, so what comes in at the rim is the mean of a channel, and black with all other methods",
        ),
        Setting("base", "mixup", "the paper mixes by Puzzle Mix, which takes minutes on a CPU"),
        *measures(curves=("loss", "squared_gradient_norm")),
    ),
    decided=DECIDED,
    profiles=_profiles(2, 8, 3, "2 trials of 80,000 gradients: far too few for errors as printed"),
    trial=_TRIAL,
    surrogate=True,
    own_cells=(
        Cell("erm", "times=5"),
        Cell("mixup", "times=5"),
        Cell("multimix_mixup", "K=5"),
        Cell("large_batch", "batch=100;times=5"),
        Cell("large_batch_mixup", "batch=100;base=mixup;times=5"),
        Cell("batch_aug", "repeats=5"),
        Cell("batch_aug_mixup", "repeats=5;base=mixup"),
    ),
)

DEFORMED = replace(
    EQUAL_COST,
    name="manifold-deformed-cifar100",
    title="4,000 images of CIFAR-100, a slim PreActResNet-18: deformed images and neighbours (Tables 4 and 9, in small)",
    paper="manifold",
    settings=(
        *_COMMON,
        Setting("samples", 4000, "training images, drawn anew in each trial: 40 batches of 100"),
        Setting("batch_size", 100, "that of manifold mixup's code"),
        *NEIGHBOURS,
        SCALING,
        *measures("deformations", "knn"),
    ),
    profiles=_profiles(2, 20, 3, "2 trials of 20 epochs on a twelfth of the images"),
    own_cells=(
        Cell("erm", ""),
        Cell("mixup", "alpha=1"),
        Cell("mixup", "alpha=2"),
        Cell("manifold_mixup", "alpha=2;layers=0+1+2"),
    ),
)

# Section IV-I. K = 1 is the method itself.
OVER_K = replace(
    EQUAL_COST,
    name="multimix-over-k-cifar100",
    title="2,000 images of CIFAR-100, a slim PreActResNet-18: error against K (Figure 6, in small)",
    settings=(
        *_COMMON,
        Setting("samples", 2000, "training images, drawn anew in each trial and the same for every K: 100 batches of 20"),
        Setting("batch_size", 20, "B; each step averages the gradients of 20 K mixtures"),
        Setting(
            "equal",
            "epochs",
            "as in Figure 6: every K takes as many steps, so that K = 9 computes nine times the gradients of K = 1. "
            "Whether it is worth its cost is asked at equal gradients, by multimix-equal-cost-cifar100",
        ),
        Setting("order", "draws are sorted", "section III-A: lambda_1 < ... < lambda_K"),
        *ONE_LAW,
        *measures(curves=("loss",)),
    ),
    profiles=_profiles(5, 6, 4, "5 trials of 600 steps instead of 300 epochs; no K = 7 and no Puzzle Mix"),
    own_cells=(
        Cell("erm", ""),
        *(
            Cell(f"multimix_{base}", f"K={draws}")
            for base in ("mixup", "manifold_mixup", "cutmix")
            for draws in (1, 3, 5, 9)
        ),
    ),
)

EXPERIMENTS = (EQUAL_COST, OVER_K, DEFORMED)
