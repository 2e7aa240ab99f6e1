"""Ours: what the methods do for a small network on a part of CIFAR-10 and CIFAR-100, which two CPU cores can train."""

from mixbook.benchmarks.spec import Cell, Experiment, Profile, ProfileName, Setting

DECIDED = "2026-11-26"

# What the trials on a CPU and those of full size have in common.
SHARED = (
    Setting("shift", 4, "pixels, up to which images move: usual for CIFAR"),
    Setting("flip", True, "half of the images are mirrored: usual for CIFAR"),
    Setting("normalisation", "each channel less its mean, by its deviation", "of the whole training part"),
    Setting("lr", 0.1, "that of k-mixup (TMLR, section 5)"),
    Setting("momentum", 0.9, "that of k-mixup (TMLR, section 5)"),
    Setting("nesterov", True, "usual for short runs on CIFAR"),
    Setting("weight_decay", 5e-4, "usual for CIFAR; one for all methods, none of which it was chosen for"),
    Setting("schedule", "cosine", "falls to 0 at the end of a run of any length: no epoch of a drop to choose"),
    Setting("pairs", "within", "partners from the same batch, as in released code"),
    Setting("alpha", 1.0, "the same law for every method: lambda uniform on [0, 1], one draw per batch"),
    Setting("layers", "input, layer1, layer2", "manifold mixup's choice for residual networks; one of them for each batch"),
    Setting("cutmix", "boxes cut off at the edges", "as CutMix was published"),
    Setting("channels_last", True, "faster convolutions, the same arithmetic"),
    Setting("model_choice", "last epoch", "nothing is selected on test data; the curves decide nothing"),
)

_OWN = (
    Setting("network", "slim_preact_resnet18", "PreActResNet-18, 16 channels instead of 64, on every second pixel"),
    Setting("samples", 4000, "training images, drawn anew in each trial: 25 batches of 160, or 125 of 32"),
    Setting(
        "batch_size",
        160,
        "mixtures in each step: 160 pairs once or 32 pairs five times. Holds ten blocks of 16",
    ),
    Setting(
        "equal",
        "gradients",
        "multi-mix takes a fifth of the pairs in each batch and a fifth of the epochs, so all methods take as many steps "
        "and compute as many gradients",
    ),
    Setting("precision", "fp32", "the usual one on a CPU"),
    Setting("points", 10, "of the curve of the test error"),
    Setting("watched", 2000, "of the official test images, the first, for the curve: a tenth of the time of a run"),
)

_CELLS = (
    Cell("erm", ""),
    Cell("mixup", "alpha=1"),
    Cell("kmixup", "k=16;alpha=1"),
    Cell("manifold_mixup", "alpha=1;layers=input+layer1+layer2"),
    Cell("cutmix", "alpha=1;blend=clipped_cutmix"),
    Cell("multimix", "alpha=1;K=5"),
)

_PROFILES: dict[ProfileName, Profile] = {
    "smoke": Profile(1, 1, every=3, stand_in=True, note="two methods, one epoch on generated images: shows that it runs"),
    "laptop": Profile(
        trials=3,
        epochs=30,
        note="3 trials of 750 steps on 4,000 images: as much as half an hour on one core gives for each data set. Far too "
        "few images and steps for the errors that papers print",
    ),
    "gpu": Profile(trials=20, epochs=30, note="the same with 20 trials, for narrow intervals"),
}


def _experiment(dataset: str, title: str) -> Experiment:
    return Experiment(
        name=f"{dataset}-small",
        title=f"ours: 4,000 images of {title}, a slim PreActResNet-18, every method at one recipe",
        dataset=dataset,
        model="slim_preact_resnet18",
        settings=(*_OWN, *SHARED),
        decided=DECIDED,
        profiles=_PROFILES,
        trial="mixbook.benchmarks.trials.cifar:trial",
        surrogate=True,
        own_cells=_CELLS,
    )


EXPERIMENTS = (_experiment("cifar10", "CIFAR-10"), _experiment("cifar100", "CIFAR-100"))
