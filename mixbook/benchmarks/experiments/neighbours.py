"""k-mixup (TMLR), footnote 1: 16 nearest neighbours instead of a matching, on images that a CPU can train on."""

from mixbook.benchmarks.spec import Cell, Experiment, Profile, ProfileName, Setting

_SHARED = (
    Setting("k", 16, "footnote 1", stated=True),
    Setting("alpha", 1.0, "the footnote does not say; the same law for every method"),
    Setting(
        "neighbours",
        "one of the 16 nearest other samples of the batch, each as likely",
        "the footnote does not say which one is taken, nor among whom they are looked for",
    ),
    Setting("optimizer", "adam", "needs no schedule; the paper's SGD belongs to its 200 epochs of CIFAR-10"),
    Setting("lr", 1e-3, "the usual one for Adam"),
    Setting("weight_decay", 0.0, "mixing is the only regulariser"),
    Setting("pairs", "within", "partners from the same batch, as in the released code"),
    Setting("drop_last", True, "so that no batch has fewer than 16 neighbours to choose from"),
    Setting("split", "random, a new one for each trial, the same for every method", "methods are compared trial by trial"),
    Setting("model_choice", "last epoch", "nothing is selected on test data"),
)

_CELLS = (
    Cell("erm", ""),
    Cell("mixup", "alpha=1"),
    Cell("kmixup", "k=16;alpha=1"),
    Cell("knn_mixup", "k=16;alpha=1"),
)


def _experiment(
    dataset: str, model: str, title: str, own: tuple[Setting, ...], profiles: dict[ProfileName, Profile], together: int
) -> Experiment:
    return Experiment(
        name=f"neighbours-{dataset}",
        title=title,
        dataset=dataset,
        model=model,
        settings=(*own, *_SHARED),
        decided="2026-11-26",
        profiles=profiles,
        trials="mixbook.benchmarks.trials.neighbours:trials",
        together=together,
        surrogate=True,
        own_cells=_CELLS,
    )


EXPERIMENTS = (
    _experiment(
        "digits",
        "fc_256_256",
        "ours: nearest neighbours instead of a matching, 1,000 digits for CIFAR-10",
        (
            Setting("train_size", 1000, "the other 797 digits are the test part"),
            Setting("hidden", (256, 256), "wide enough to fit any 1,000 digits"),
            Setting("batch_size", 200, "about 20 of each class, so that 16 neighbours of one class can be found"),
        ),
        {
            "smoke": Profile(trials=1, epochs=1, every=3, note="two methods, one epoch: shows that it runs"),
            "laptop": Profile(trials=20, epochs=100, note="20 trials, as in the footnote, of 100 epochs"),
        },
        together=len(_CELLS),
    ),
    _experiment(
        "mnist",
        "lenet",
        "ours: nearest neighbours instead of a matching, MNIST with LeNet for CIFAR-10 with a ResNet",
        (
            Setting("train_size", 10_000, "of the 60,000; the official 10,000 are the test part"),
            Setting("batch_size", 500, "about 50 of each class; the released code has 512, which does not divide 10,000"),
        ),
        {
            "smoke": Profile(trials=1, epochs=1, every=3, note="two methods, enlarged digits, one epoch", stand_in=True),
            "laptop": Profile(trials=5, epochs=10, note="5 trials of 10 epochs on a sixth of MNIST"),
        },
        together=1,
    ),
)
