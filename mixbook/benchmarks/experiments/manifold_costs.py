"""Ours: what mixing hidden layers costs in time and epochs, and one layer and lambda per batch against per example."""

from mixbook.benchmarks.experiments.few_labels import SETTINGS
from mixbook.benchmarks.spec import Cell, Experiment, Profile, Setting, changed

_ALL = "layers=input+layer1+layer2"
_COSTS = (
    Setting("n_test", 500, "digits for the test part; the other 1,297 train"),
    Setting("hidden", (256, 256), "those of our other comparisons on digits"),
    Setting("optimizer", "adam", "needs no schedule"),
    Setting("lr", 1e-3, "the usual one for Adam"),
    Setting("weight_decay", 0.0, "mixing is the only regulariser"),
    Setting("batch_size", 64, "holds four blocks of k = 16"),
    Setting("alpha", 1.0, "the same law for every method: only pairing and place differ"),
    Setting(
        "nll_goal", 0.5, "nats, on clean training samples: a fifth of what guessing costs. Mixing keeps that loss up, so a "
        "lower goal might never be met"
    ),
    Setting("error_goal", 5.0, "percent of the test part: a network that has learned most of it"),
    Setting("mlp_steps", 30, "steps of a round, of 9 that are timed in turn with rounds without mixing"),
    Setting("lenet_steps", 5, "the same, for LeNet on images of 28 x 28"),
)  # fmt: skip

EXPERIMENTS = (
    Experiment(
        name="manifold-costs",
        title="ours: time of a step, and epochs to a loss, by where and with whom is mixed (digits, LeNet for time)",
        dataset="digits",
        model="fc_256_256",
        settings=_COSTS,
        decided="2026-11-26",
        profiles={
            "smoke": Profile(trials=1, epochs=2, every=3, note="every third method, 2 epochs: shows that it runs"),
            "laptop": Profile(trials=10, epochs=30, note="10 trials of 30 epochs"),
        },
        trial="mixbook.benchmarks.trials.overheads:trial",
        own_cells=(
            Cell("erm", ""),
            Cell("mixup", "alpha=1"),
            Cell("kmixup", "k=16;alpha=1"),
            Cell("manifold_mixup", f"alpha=1;{_ALL}"),
            Cell("manifold_mixup", "alpha=1;layers=layer1"),
            Cell("manifold_mixup", "alpha=1;layers=layer2"),
        ),
    ),
    Experiment(
        name="manifold-per-example",
        title="ours: manifold mixup on 200 digits, one layer and lambda for each batch or for each example",
        dataset="digits",
        model="fc_256_256",
        settings=changed(SETTINGS, Setting("alpha", 2.0, "that of manifold mixup's tables")),
        decided="2026-11-26",
        profiles={
            "smoke": Profile(trials=1, epochs=2, every=2, note="every second method, 2 epochs: shows that it runs"),
            "laptop": Profile(trials=20, epochs=200, note="20 trials of 200 epochs"),
        },
        trial="mixbook.benchmarks.trials.few_labels:trial",
        own_cells=(
            Cell("erm", ""),
            *(Cell("manifold_mixup", f"alpha=2;{_ALL};per={per}") for per in ("batch", "pair_lambda", "pair")),
        ),
    ),
)
