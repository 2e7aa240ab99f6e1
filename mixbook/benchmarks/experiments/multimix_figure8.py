"""Multi-mix, Figure 8: the squared norm of the gradient during training for several K, on a small network."""

from mixbook.benchmarks.spec import Cell, Experiment, Profile, Setting

# About evenly spread in the logarithm, and closer where the learning rate falls.
_NORM_EPOCHS = (
    1,
    2,
    3,
    4,
    5,
    6,
    8,
    10,
    13,
    16,
    20,
    25,
    32,
    40,
    50,
    65,
    80,
    100,
    101,
    105,
    110,
    130,
    160,
    200,
    201,
    210,
    250,
    300,
)

_SETTINGS = (
    Setting("batch_size", 100, "section IV-B1", stated=True),
    Setting("milestones", (100, 200), "section IV-B1: the learning rate decreases at these epochs", stated=True),
    Setting("alpha", 1.0, "no source says; lambda uniform on [0, 1]"),
    Setting(
        "lr",
        0.1,
        "the paper has 0.2; it builds on code whose loss is a mean over classes too, for which larger steps are usual. "
        "Ours is cross entropy",
    ),
    Setting("momentum", 0.9, "no source says; the usual one"),
    Setting("weight_decay", 1e-4, "no source says; that of the code that the paper builds on"),
    Setting("train_size", 1000, "ten batches of 100; the other 797 digits are the test part"),
    Setting("hidden", (64, 64), "a network of 9,000 weights, small enough for many gradients"),
    Setting("split", "random, a new one for each trial, the same for every K", "the K are compared trial by trial"),
    Setting("norm_epochs", _NORM_EPOCHS, "about 30, closer where the learning rate falls"),
    Setting("variance_epochs", (1, 10, 50, 100, 150, 200, 300), "when the variance itself is measured, which takes longer"),
    Setting("batches", 128, "gradients from which a variance is estimated"),
    Setting("groups", 8, "into which they are cut for P and Q"),
    Setting("model_choice", "last epoch", "nothing is selected on test data"),
)

EXPERIMENTS = (
    Experiment(
        name="multimix-figure8",
        title="squared norm and variance of the gradient during training for K = 1 to 9; digits for CIFAR-100",
        paper="multimix",
        dataset="digits",
        model="fc_64_64",
        settings=_SETTINGS,
        decided="2026-11-26",
        profiles={
            "smoke": Profile(trials=1, epochs=1, every=2, note="one epoch, K = 1 and 9: shows that it runs"),
            "laptop": Profile(trials=5, epochs=300, note="the paper's 300 epochs on a small network, 5 trials"),
        },
        trial="mixbook.benchmarks.trials.gradient_norm:trial",
        surrogate=True,
        figures=("Figure 8",),
        # From the K of section IV-I, where the paper studies the number of interpolations.
        own_cells=tuple(Cell("multimix", f"K={draws}") for draws in (1, 5, 9)),
    ),
)
