"""What the experiments on images of multi-mix and manifold mixup have in common: normalisation, and the released recipe."""

from collections.abc import Sequence

from mixbook.benchmarks.spec import Setting

DECIDED = "2026-11-26"

# Of our own comparisons in small, which tune nothing for any method.
ONE_LAW = (
    *(Setting(f"alpha_{base}", 1.0, "the same law for every method") for base in ("mixup", "manifold_mixup", "cutmix")),
    Setting("layers", "0+1+2", "manifold mixup: the input and the first two stages"),
)

# Mean and deviation of each channel in the code of manifold mixup, which Puzzle Mix's and Co-Mixup's took over.
_SCALES = {
    "cifar10": ((125.3, 123.0, 113.9), (63.0, 62.1, 66.7)),
    "cifar100": ((129.3, 124.1, 112.4), (68.2, 65.4, 70.4)),
    "svhn": ((127.5,) * 3, (127.5,) * 3),
    "tiny_imagenet": ((127.5,) * 3, (127.5,) * 3),
}
_PADDING = {"cifar10": 2, "cifar100": 2, "svhn": 2, "tiny_imagenet": 4}
_SVHN = Setting(
    "training_part",
    "all 73,257 images",
    "the paper names no part; the released code keeps at most 7,325 of each digit",
    released=("most of each class", 7325),
)
_NETWORKS = {  # printed name: name of mixbook.models.named
    "preactresnet18": "preact_resnet18",
    "preactresnet34": "preact_resnet34",
    "preactresnet50": "preact_resnet50",
}


def images(dataset: str, model: str) -> tuple[Setting, ...]:
    """Network and data as the released code of manifold mixup has them, but for SVHN, of which that takes a part."""
    code = "manifold mixup's released code, which Puzzle Mix's and Co-Mixup's took over; no paper says"
    mean, std = (tuple(round(value / 255, 4) for value in values) for values in _SCALES[dataset])
    tiny = dataset == "tiny_imagenet"
    stride = (Setting("network_options", (("stem_stride", 2),), "images of 64 pixels: that of the released code"),)
    return (
        Setting("network", _NETWORKS.get(model, model), "the printed one, as in the released code"),
        *(stride if tiny else ()),
        Setting("mean", mean, f"of each channel, to normalise pixels: {code}"),
        Setting("std", std, f"of each channel: {code}"),
        Setting("shift", _PADDING[dataset], f"pixels of padding for random crops: {code}"),
        Setting("flip", dataset != "svhn", "half of the images are mirrored, except digits: as in the released code"),
        *((_SVHN,) if dataset == "svhn" else ()),
    )


def sgd(weight_decay_stated: str = "", momentum_stated: str = "") -> tuple[Setting, ...]:
    """Momentum and weight decay of the same code, and where the paper states them."""
    return (
        Setting("momentum", 0.9, momentum_stated or "that of the released code", stated=bool(momentum_stated)),
        Setting("nesterov", True, "as in the released code"),
        Setting("weight_decay", 1e-4, weight_decay_stated or "that of the released code", stated=bool(weight_decay_stated)),
        Setting("decay", 0.1, "factor at each drop of the learning rate", stated=True),
        Setting("pairs", "within", "partners come from the same batch, shuffled", stated=True),
        Setting("channels_last", True, "faster convolutions, the same arithmetic"),
    )


def drops(shares: Sequence[float], why: str, *, stated: bool = True, released: tuple[float, ...] | None = None) -> Setting:
    """Where the learning rate drops, as shares of the run: a shorter run keeps them."""
    return Setting("drops", tuple(shares), f"{why}; a shorter run keeps the shares", stated=stated, released=released)


def measures(
    *names: str, curves: Sequence[str] = (), why: str = "what the tables print of these networks"
) -> tuple[Setting, ...]:
    """What is measured of a network, and followed while it learns."""
    return (
        Setting("measures", names, why),
        Setting("curves", tuple(curves), "followed during training, at up to 40 epochs"),
        Setting(
            "chosen_by", "last epoch", "nothing is selected on test data; authors of released code report the best epoch"
        ),
    )
