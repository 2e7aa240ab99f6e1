"""Data dependency of mixup: distances of mixtures to images (Table 2), and how fast mixtures are enough to fit the images
(Figures 2 and 9, with the paper's network and in small).
"""

from mixbook.benchmarks.experiments.image_protocols import measures
from mixbook.benchmarks.spec import Cell, Experiment, Profile, Setting

_DECIDED = "2026-11-26"
_SCALES = {  # mean and standard deviation of each channel of the training images, as the released code has them
    "mnist": ((0.1307,), (0.3081,)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "cifar100": ((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)),
}


def _scale(dataset: str) -> tuple[Setting, Setting]:
    why = "of each channel, to normalise pixels in [0, 1]: those of the released code; the paper does not say"
    return Setting("mean", _SCALES[dataset][0], why), Setting("std", _SCALES[dataset][1], why)


def _distances(dataset: str, title: str) -> Experiment:
    return Experiment(
        name=f"datadep-table2-{dataset}",
        title=f"{title}: least distance of mixtures to images of a third class",
        paper="datadep",
        table="Table 2",
        dataset=dataset,
        model="",
        settings=(
            Setting("subset", "a fifth of the images, training and test", "caption of Table 2", stated=True),
            Setting("alpha", "1024", "caption of Table 2", stated=True),
            Setting("compared", "classes other than the two that are mixed", "section 2.4", stated=True),
            Setting("mixtures", "one epoch: each image once with a random one", "section 2.4", stated=True),
            Setting("ratio_scope", "one lambda for each mixture", "as the released code draws it here"),
            *_scale(dataset),
            Setting(
                "draws",
                "each trial draws subsets, partners and lambda anew",
                "the paper has one draw, and a least value depends on it; both splits of a trial have the same mixtures",
            ),
        ),
        decided=_DECIDED,
        profiles={
            "smoke": Profile(trials=1, epochs=1, note="small stand-in data: shows that it runs", stand_in=True),
            "laptop": Profile(trials=5, epochs=1, note="in full, five draws; the paper has one"),
        },
        trial="mixbook.benchmarks.trials.near_conflicts:trial",
    )


def _images(dataset: str, title: str) -> Experiment:
    """The paper's own networks of Figures 2 and 9."""
    return Experiment(
        name=f"datadep-midpoints-{dataset}-resnet18",
        title=f"ResNet-18 on {title} (Figures 2 and 9): training error of mixing and of plain training",
        paper="datadep",
        dataset=dataset,
        model="resnet18",
        settings=(
            Setting("network", "resnet18", "section 2.4; with the stem for small images that the released code has"),
            Setting("lr", 1e-3, "section 2.4: as in section 2.3", stated=True),
            Setting("batch_size", 128, "section 2.4", stated=True),
            Setting("optimizer", "adam", "section 2.4: as in section 2.3", stated=True),
            Setting("weight_decay", 0.0, "as in the released code"),
            *_scale(dataset),
            Setting("shift", 0, "no augmentation, as in the released code"),
            Setting("flip", False, "no augmentation, as in the released code"),
            Setting("loss", "cross entropy", "section 2.1", stated=True),
            Setting("ratio_scope", "batch", "as in the released code: one lambda for each step"),
            Setting(
                "pairs", "across", "partners from all images by a second shuffle; the released code draws with replacement"
            ),
            *measures("train", curves=("loss", "train_error"), why="the figures show training accuracy"),
        ),
        decided=_DECIDED,
        profiles={
            "smoke": Profile(1, 1, every=4, stand_in=True, note="two cells, one epoch on stand-in images: it runs"),
            "gpu": Profile(1, 50, note="1 of the paper's 5 runs, at full length: some minutes a cell"),
            "paper": Profile(5, 50, note="5 runs of 50 epochs, as printed"),
        },
        trial="mixbook.benchmarks.trials.image_methods:trial",
        figures=("Figure 2", "Figure 9"),
        own_cells=(Cell("erm", ""), *(Cell("mixup", f"alpha={alpha}") for alpha in (1, 32, 128, 1024))),
    )


def _caption(networks: Experiment) -> Experiment:
    return networks.read_by(
        "mixbook.benchmarks.trials.gains:training_gap",
        name=f"datadep-figure2-{networks.dataset}",
        title=f"{networks.dataset}: how far training accuracy is from that of plain training",
        table="text Figure 2 caption",
    )


_NETWORKS = (_images("mnist", "MNIST"), _images("cifar10", "CIFAR-10"), _images("cifar100", "CIFAR-100"))

EXPERIMENTS = (
    _distances("mnist", "MNIST"),
    _distances("cifar10", "CIFAR-10"),
    _distances("cifar100", "CIFAR-100"),
    Experiment(
        name="datadep-midpoints-mnist",
        title="LeNet on a part of MNIST in place of Figures 2 and 9: training error during training",
        paper="datadep",
        dataset="mnist",
        model="lenet",
        settings=(
            Setting("lr", 1e-3, "section 2.4: as in section 2.3", stated=True),
            Setting("batch_size", 128, "section 2.4", stated=True),
            Setting("network", "LeNet", "the paper trains ResNet-18, which takes hours on a CPU: a surrogate"),
            Setting("share", 0.05, "of the training images, 3,000 of 60,000: a surrogate, for the same reason"),
            *_scale("mnist"),
            Setting("augmentation", "none", "as in the released code"),
            Setting("optimizer", "Adam", "section 2.4: as in section 2.3", stated=True),
            Setting("weight_decay", 0.0, "as in the released code"),
            Setting("ratio_scope", "batch", "as in the released code: one lambda for each step"),
            Setting(
                "pairs",
                "across",
                "partners from all images that are trained on, by a second shuffle; the released code "
                "draws each partner from all images too, with replacement",
            ),
            Setting("model_choice", "last epoch", "nothing is selected"),
        ),
        decided=_DECIDED,
        profiles={
            "smoke": Profile(
                trials=1, epochs=1, every=4, note="two cells, one epoch on digits: shows it runs", stand_in=True
            ),
            "laptop": Profile(
                trials=3, epochs=50, note="3 of the paper's 5 runs, 50 epochs as there, on a twentieth of the images"
            ),
        },
        trial="mixbook.benchmarks.trials.midpoint_training:trial",
        surrogate=True,
        figures=("Figure 2", "Figure 9"),
        own_cells=(Cell("erm", ""), *(Cell("mixup", f"alpha={alpha}") for alpha in (1, 32, 128, 1024))),
    ),
    *_NETWORKS,
    *map(_caption, _NETWORKS),
)
