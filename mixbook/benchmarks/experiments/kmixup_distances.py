"""k-mixup (v1), Figures 5b and 6b: how far mixtures lie from the samples that they are made of. No network is trained."""

from mixbook.benchmarks.spec import Experiment, Profile, ProfileName, Setting

_SETTINGS = (
    Setting(
        "distance",
        "of a mixture to the nearer of the two samples that it is made of, squared",
        "v1, section 5: closest squared distance to the matched pair, averaged over the vicinal set",
        stated=True,
    ),
    Setting("partners", "a second order of the training images, shuffled by itself", "v1, section 2: two random subsets"),
    Setting(
        "other_partners",
        "the same batch of 64 or 128",
        "the released code matches a batch with itself; not stated for these figures, so measured beside it",
    ),
    Setting("lambda", "its mean in closed form", "no noise from drawing it; the paper does not say how many it drew"),
)

_PROFILES: dict[ProfileName, Profile] = {
    "smoke": Profile(
        trials=1, epochs=1, every=4, stand_in=True, note="every fourth cell, on small data: shows that it runs"
    ),
    "laptop": Profile(trials=3, epochs=1, note="all cells, three passes through all training images"),
}


def _experiment(table: str, dataset: str, model: str, images: tuple[Setting, ...]) -> Experiment:
    return Experiment(
        name=f"kmixup-v1-{table.lower().replace(' ', '')}",
        title=f"{dataset.upper()}, distance of mixtures from the samples that they are made of",
        paper="kmixup-v1",
        table=table,
        dataset=dataset,
        model=model,
        settings=(*images, *_SETTINGS),
        decided="2026-11-26",
        profiles=_PROFILES,
        trials="mixbook.benchmarks.trials.distances:trials",
        together=7,
    )


EXPERIMENTS = (
    _experiment(
        "Figure 5b",
        "mnist",
        "lenet",
        (
            Setting("mean", (0.0,), "pixels in [0, 1], as in the trainings of Table 3; the paper does not state its units"),
            Setting("std", (1.0,), "see mean"),
            Setting("shift", 0, "no augmentation: the paper names none for MNIST"),
        ),
    ),
    _experiment(
        "Figure 6b",
        "cifar10",
        "preactresnet18",
        (
            Setting("mean", (0.4914, 0.4822, 0.4465), "of the released code, for pixels in [0, 1]"),
            Setting("std", (0.2023, 0.1994, 0.201), "of the released code, for pixels in [0, 1]"),
            Setting("shift", 4, "pixels of the random crop; it and flips are the augmentation of the released code"),
        ),
    ),
)
