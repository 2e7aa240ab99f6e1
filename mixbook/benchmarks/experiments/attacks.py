"""Ours: networks for MNIST and CIFAR-10 under FGSM and PGD, at a length that two CPU cores can train and attack."""

from mixbook.benchmarks.experiments.cifar_small import SHARED
from mixbook.benchmarks.spec import Cell, Experiment, Profile, ProfileName, Setting

_ATTACKED = (
    Setting("attacked", 2000, "of the official test images, the first, for the time of PGD; clean errors are theirs"),
    Setting("pgd", "20 steps of 2.5 eps / 20, random start", "the package's default; one start, the same for every method"),
    Setting("gradient", "exact sign", "the package's default: an attack that saturates spares networks that are sure"),
    Setting("clip", "pixels stay in [0, 1]", "budgets are in pixels, and the network normalises them itself"),
    Setting("unbounded", "unbounded200", "the check against masked gradients; manifold mixup, Appendix D"),
    Setting(
        "checked",
        50,
        "of the attacked images, the first, for that check: its 200 steps would take as long as PGD. It was to be 100 in "
        "the first trial alone; a run that began so stopped at the second, and what it had found was not looked at",
    ),
    Setting("equal", "passes", "as many passes over the images for all, so multi-mix computes K = 5 times the gradients"),
)

_CELLS = (
    Cell("erm", ""),
    Cell("mixup", "alpha=1"),
    Cell("kmixup", "k=16;alpha=1"),
    Cell("manifold_mixup", "alpha=1;layers=input+layer1+layer2"),
    Cell("multimix", "alpha=1;K=5"),
)


def _budgets(*eps: int) -> Setting:
    return Setting(
        "attacks",
        tuple(f"{kind}@{each}/255" for each in eps for kind in ("fgsm", "pgd20")),
        "budgets at which plain training, tried once, erred neither nearly never nor nearly always; tried on training "
        "images, not on test images",
    )


def _experiment(
    dataset: str, model: str, title: str, own: tuple[Setting, ...], laptop: Profile, gpu: Profile
) -> Experiment:
    profiles: dict[ProfileName, Profile] = {
        "smoke": Profile(1, 1, every=3, stand_in=True, note="two methods, one epoch on stand-in images: it runs"),
        "laptop": laptop,
        "gpu": gpu,
    }
    return Experiment(
        name=f"attacks-{dataset}",
        title=title,
        dataset=dataset,
        model=model,
        settings=(*own, *_ATTACKED),
        decided="2026-11-27",
        profiles=profiles,
        trial="mixbook.benchmarks.trials.attacks:trial",
        surrogate=True,
        own_cells=_CELLS,
    )


_MNIST = (
    Setting("network", "lenet", "LeNet-5 with ReLU and max pooling, 6-16-120-84, as in mnist-lenet-constant-xi"),
    Setting("samples", 10_000, "training images, a sixth, drawn anew in each trial"),
    Setting("batch_size", 80, "five blocks of 16, and 125 whole batches an epoch"),
    Setting("shift", 0, "none: the usual on MNIST"),
    Setting("flip", False, "a mirrored digit is another sign"),
    Setting("normalisation", "less the mean, by the deviation", "of the whole training part"),
    Setting("optimizer", "adam", "needs no schedule"),
    Setting("lr", 1e-3, "the usual one for Adam"),
    Setting("weight_decay", 0.0, "mixing is the only regulariser"),
    Setting("pairs", "within", "partners from the same batch, as in released code"),
    Setting("alpha", 1.0, "the same law for every method: lambda uniform on [0, 1], one draw per batch"),
    Setting("layers", "input, layer1, layer2", "the two convolutions; one of them for each batch"),
    Setting("channels_last", True, "faster convolutions, the same arithmetic"),
    Setting("model_choice", "last epoch", "nothing is selected on test data"),
    _budgets(8, 16, 32),
)

_CIFAR = (
    Setting("network", "slim_preact_resnet18", "PreActResNet-18, 16 channels instead of 64, on every second pixel"),
    Setting("samples", 4000, "training images, drawn anew in each trial, as in cifar10-small"),
    Setting(
        "batch_size",
        80,
        "five blocks of 16, and 50 whole batches an epoch; with batches of 32 plain training, tried once and scored on "
        "training images, learned less at this learning rate",
    ),
    *(setting for setting in SHARED if setting.name != "cutmix"),
    _budgets(2, 4),
)

EXPERIMENTS = (
    _experiment(
        "mnist",
        "lenet",
        "ours: a sixth of MNIST, LeNet, five methods under FGSM and PGD",
        _MNIST,
        Profile(5, 8, note="5 trials of 8 epochs on a sixth of MNIST"),
        Profile(20, 8, note="the same with 20 trials, for narrow intervals"),
    ),
    _experiment(
        "cifar10",
        "slim_preact_resnet18",
        "ours: 4,000 images of CIFAR-10, a slim PreActResNet-18, five methods under FGSM and PGD",
        _CIFAR,
        Profile(3, 8, note="3 trials of 400 steps on 4,000 images: far too few for the errors that papers print"),
        Profile(20, 30, note="20 trials of 30 epochs, the length of cifar10-small"),
    ),
)
