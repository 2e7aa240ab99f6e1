"""k-mixup on its other images and on speech: SVHN, CIFAR-100, Tiny ImageNet, Speech Commands, and larger networks."""

from mixbook.benchmarks.experiments.kmixup_protocol import (
    CONSTANT_XI,
    FIXED_ALPHA,
    Profiles,
    cells,
    networks,
    profiles,
    summary,
    table,
)
from mixbook.benchmarks.spec import Cell, Experiment, Setting

Scale = tuple[tuple[float, ...], tuple[float, ...], str]  # mean and deviation of each channel, and whose
_ERM = Cell("erm", "")
_FIVE = ("0.1", "0.2", "0.5", "1", "10")
_RESNET18 = Setting(
    "network",
    "resnet18",
    "the paper writes Resnet-18 here and in other tables PreAct Resnet-18; this is the usual one for 32 pixels",
)


def _images(
    network: Setting,
    scale: Scale,
    *,
    flip: bool = True,
    batch_size: int = 128,
    why: str = "not stated; that of CIFAR-10",
) -> tuple[Setting, ...]:
    mean, std, source = scale
    return (
        network,
        Setting("mean", mean, source),
        Setting("std", std, source),
        Setting("shift", 4, "pixels of the random crop; not stated, that of CIFAR-10 in the released code"),
        Setting("flip", flip, "as in the released code for CIFAR-10" if flip else "a mirrored digit is no digit"),
        Setting("batch_size", batch_size, why, released=512),
    )


_OWN = "of the training images, in [0, 1]; the paper states none"
_CIFAR10 = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.201), "of the released code, for pixels in [0, 1]"
_CIFAR100 = (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762), _OWN
_SVHN = (0.4377, 0.4438, 0.4728), (0.198, 0.201, 0.197), _OWN
_TINY = (0.4802, 0.4481, 0.3975), (0.277, 0.2691, 0.2821), _OWN


def _constant(
    name: str, what: str, dataset: str, model: str, settings: tuple[Setting, ...], own: tuple[Cell, ...], much: Profiles
) -> Experiment:
    title = f"{what}, alpha raised with k until xi is that of k = 1: the networks behind k-mixup (TMLR)"
    return networks(f"{name}-constant-xi", title, dataset, model, (*settings, CONSTANT_XI), (_ERM, *own), much)


def _fixed(
    name: str, what: str, dataset: str, model: str, settings: tuple[Setting, ...], own: tuple[Cell, ...], much: Profiles
) -> Experiment:
    title = f"{what}, the same alpha at every k: the networks behind k-mixup (v1)"
    return networks(f"{name}-fixed-alpha", title, dataset, model, (*settings, FIXED_ALPHA), own, much)


_DENSENET = Setting("network", "densenet_bc_190", "TMLR, Tables 10a and 11a; growth rate 40, as in Zhang et al.")
_SMALLER = "not stated; that of Huang et al., who made the network"
_DENSE_COST = "17 times PreActResNet-18: about ten minutes a network at 10 epochs"
DENSE10 = _constant(
    "cifar10-densenet",
    "DenseNet-BC-190 on CIFAR-10",
    "cifar10",
    "densenet_bc_190",
    _images(_DENSENET, _CIFAR10, batch_size=64, why=_SMALLER),
    cells((1, 16), ("0.5", "1", "2", "4")),
    profiles(_DENSE_COST, every=6, gpu_epochs=10),
)
DENSE100 = _constant(
    "cifar100-densenet",
    "DenseNet-BC-190 on CIFAR-100",
    "cifar100",
    "densenet_bc_190",
    _images(_DENSENET, _CIFAR100, batch_size=64, why=_SMALLER),
    cells((1, 8, 16), ("0.5", "1", "2", "4")),
    profiles(_DENSE_COST, every=7, gpu_epochs=10),
)
WIDE = _constant(
    "cifar10-wideresnet101",
    "WideResNet-101 on CIFAR-10",
    "cifar10",
    "wideresnet_101",
    _images(
        Setting(
            "network",
            "wide_resnet101",
            "TMLR, Table 10b gives the name alone. torchvision's network of that name is for images of 224 pixels, and an "
            "error of 11.6 %, twice that of the smaller PreActResNet-18, fits it",
        ),
        _CIFAR10,
    ),
    cells((1, 4, 16), ("0.05", "0.2", "0.5", "1", "2", "4")),
    profiles("about as much as PreActResNet-18", every=12),
)
RESNET100 = _fixed(
    "cifar100-resnet18",
    "ResNet-18 on CIFAR-100",
    "cifar100",
    "resnet18",
    _images(_RESNET18, _CIFAR100),
    cells((1, 2, 4, 8, 16, 32), _FIVE),
    profiles("as much as on CIFAR-10", every=16),
)
SVHN = _constant(
    "svhn-resnet18",
    "ResNet-18 on SVHN",
    "svhn",
    "resnet18",
    _images(_RESNET18, _SVHN, flip=False),
    cells((1, 2, 4, 8, 16), _FIVE),
    profiles("half as much again as on CIFAR-10", every=13),
)
SVHN_FIXED = _fixed(
    "svhn-resnet18",
    "ResNet-18 on SVHN",
    "svhn",
    "resnet18",
    _images(_RESNET18, _SVHN, flip=False),
    cells((2, 4, 8, 16, 32), _FIVE),
    profiles("half as much again as on CIFAR-10", every=13),
)
TINY = _constant(
    "tiny-imagenet-preactresnet18",
    "PreActResNet-18 on Tiny ImageNet",
    "tiny_imagenet",
    "preactresnet18",
    _images(
        Setting(
            "network",
            "preact_resnet18_facebook",
            "TMLR, section 5: as in Zhang et al.; on 64 pixels without a further stride, which the paper does not mention",
        ),
        _TINY,
    ),
    cells((1, 2, 4, 8, 16, 32), _FIVE),
    profiles("eight times as much as on CIFAR-10", every=16),
)
_SPEECH_COST = "a core of a processor takes about an hour for one network"
SPEECH = networks(
    "speech-lenet-constant-xi",
    "LeNet on Speech Commands, alpha raised with k until xi is that of k = 1: the networks behind k-mixup (TMLR)",
    "speech_commands",
    "lenet",
    (
        Setting("network", "speech_lenet", "that of the released code: 6, 16 and 120 channels, 84 units, 30 words"),
        Setting(
            "frequencies", 161, "the paper writes 160 x 101; windows of 20 ms at 16 kHz have 161, and the network fits"
        ),
        Setting("lr", 3e-3, "TMLR, section 5, for speech", stated=True),
        Setting("drops", (1 / 3, 2 / 3), "TMLR, section 5, for speech: divided by 10 every 10 of 30 epochs", stated=True),
        Setting("batch_size", 100, "not stated; that of Zhang et al., whose parameters the paper calls similar"),
        CONSTANT_XI,
    ),
    (_ERM, *cells((1, 2, 4, 8, 16), _FIVE)),
    profiles(_SPEECH_COST, every=13, epochs=30),
)


def _table(name: str, title: str, where: str, *sources: Experiment, paper: str = "kmixup-tmlr") -> Experiment:
    first = sources[0]
    dataset = "google_commands" if first is SPEECH else first.dataset
    return table(name, title, paper, where, dataset, first.model, sources)


_TABLE4 = _table("kmixup-tmlr-table4", "Tiny ImageNet, over k and xi", "Table 4", TINY)
_TABLE6 = _table("kmixup-tmlr-table6", "Speech Commands, over k and xi", "Table 6", SPEECH)
_TABLE10A = _table("kmixup-tmlr-table10a", "CIFAR-10, DenseNet-BC-190, over k and xi", "Table 10a", DENSE10)
_TABLE10B = _table("kmixup-tmlr-table10b", "CIFAR-10, WideResNet-101, over k and xi", "Table 10b", WIDE)
_TABLE11A = _table("kmixup-tmlr-table11a", "CIFAR-100, DenseNet-BC-190, over k and xi", "Table 11a", DENSE100)
_TABLE11B = _table("kmixup-tmlr-table11b", "SVHN, over k and xi", "Table 11b", SVHN)
_FIGURE8A = _table("kmixup-v1-figure8a", "CIFAR-100, over k and alpha", "Figure 8a", RESNET100, paper="kmixup-v1")
_FIGURE8B = _table("kmixup-v1-figure8b", "SVHN, over k and alpha", "Figure 8b", SVHN, SVHN_FIXED, paper="kmixup-v1")
_WHAT_IS_SAID = "the best of it, and what is said about it"

EXPERIMENTS = (
    TINY,
    _TABLE4,
    summary(
        "kmixup-tmlr-tiny-imagenet",
        f"Tiny ImageNet, Table 4: {_WHAT_IS_SAID}",
        (_TABLE4, TINY),
        "Table 2",
        ("text Table 4 caption", "text Sec 5"),
        band=2.0,
        read_as=(("k=16;xi=1000", "k=16;xi=32"),),
    ),
    SPEECH,
    _TABLE6,
    summary(
        "kmixup-tmlr-speech",
        f"Speech Commands, Table 6: {_WHAT_IS_SAID}",
        (_TABLE6, SPEECH),
        "text Table 6 caption",
        band=1.0,
    ),
    DENSE10,
    _TABLE10A,
    summary(
        "kmixup-tmlr-cifar10-densenet",
        f"CIFAR-10, Table 10a: {_WHAT_IS_SAID}",
        (_TABLE10A, DENSE10),
        "Table 2",
        ("text Table 10a caption", "text Table 10 caption"),
        band=0.5,
    ),
    WIDE,
    _TABLE10B,
    summary(
        "kmixup-tmlr-cifar10-wideresnet101",
        f"CIFAR-10, Table 10b: {_WHAT_IS_SAID}",
        (_TABLE10B, WIDE),
        "Table 2",
        ("text Table 10b caption", "text Table 10 caption"),
        band=1.0,
    ),
    DENSE100,
    _TABLE11A,
    summary(
        "kmixup-tmlr-cifar100-densenet",
        f"CIFAR-100, Table 11a: {_WHAT_IS_SAID} (Table 2 counts plain training as mixup at alpha = 0; here alpha > 0)",
        (_TABLE11A, DENSE100),
        "Table 2",
        ("text Table 11a caption", "text App B"),
        band=1.0,
    ),
    SVHN,
    _TABLE11B,
    summary(
        "kmixup-tmlr-svhn",
        f"SVHN, Table 11b: {_WHAT_IS_SAID}",
        (_TABLE11B, SVHN),
        "Table 2",
        ("text Table 11b caption", "text App B"),
        band=0.3,
    ),
    RESNET100,
    _FIGURE8A,
    summary("kmixup-v1-cifar100", f"CIFAR-100, Figure 8a: {_WHAT_IS_SAID}", (_FIGURE8A,), "text Sec 5"),
    SVHN_FIXED,
    _FIGURE8B,
    summary("kmixup-v1-svhn", f"SVHN, Figure 8b: {_WHAT_IS_SAID}", (_FIGURE8B,), "text Sec 5"),
)
