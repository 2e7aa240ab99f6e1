"""Multi-mix, Figure 7: added time per epoch against K, on a network and processor of our own."""

from itertools import product

from mixbook.benchmarks.spec import Cell, Experiment, Profile, Setting

_SETTINGS = (
    Setting("batch_size", 100, "section IV-B1", stated=True),
    Setting("epoch_size", 50_000, "images of an epoch of CIFAR-100, to which a step is scaled up", stated=True),
    Setting("alpha", 1.0, "lambda uniform on [0, 1]"),
    Setting("images", "random numbers of CIFAR-100's shape", "time does not depend on what a picture shows"),
    Setting(
        "network", "LeNet for 3 x 32 x 32 pixels and 100 classes", "small enough for a CPU; the paper has ResNeXt29-4-24"
    ),
    Setting("layers", "input, layer1, layer2", "where manifold mixup mixes"),
    Setting("threads", 1, "the paper has a GPU and eight loader processes, among which its added work is spread"),
    Setting(
        "rounds", "K and one interpolation take turns, the shortest of each", "other work on the machine only adds time"
    ),
)

_METHODS = ("mixup", "manifold_mixup", "cutmix", "puzzlemix")  # those of section IV-I

EXPERIMENTS = (
    Experiment(
        name="multimix-figure7",
        title="added time per epoch for K = 3 to 9; LeNet on one CPU thread for ResNeXt on a GPU",
        paper="multimix",
        dataset="random_32x32",
        model="lenet",
        settings=_SETTINGS,
        decided="2026-11-26",
        profiles={
            "smoke": Profile(trials=1, epochs=1, every=5, note="every fifth cell, one round: shows that it runs"),
            "laptop": Profile(
                trials=3, epochs=5, note="three trials of five rounds each; epochs here are rounds of timing"
            ),
        },
        trial="mixbook.benchmarks.trials.added_time:trial",
        surrogate=True,
        figures=("Figure 7",),
        own_cells=tuple(Cell(method, f"K={draws}") for method, draws in product(_METHODS, (3, 5, 7, 9))),
    ),
)
