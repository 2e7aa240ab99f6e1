"""Manifold mixup's Figures 1 and 2: what it and six others do to a network with a 2-D bottleneck on two spirals."""

from mixbook.benchmarks.spec import Cell, Experiment, Profile, Setting

_SETTINGS = (
    Setting("data", "two_spirals: two arms of 1.25 turns, normal noise of 0.03", "not stated; those of the chapters"),
    Setting("n_train", 400, "not stated, but that the data are small; as in the chapter on mixing hidden layers"),
    Setting("n_test", 2000, "not stated; fresh samples"),
    Setting("before", (64, 64), "not stated; layer 3, whose spectrum Figure 1f shows, is then the bottleneck"),
    Setting("bottleneck", 2, "Figure 1", stated=True),
    Setting("after", (64, 64), "not stated; the bottleneck is in the middle"),
    Setting("activation", "leaky_relu", "not stated; the one of the paper's other bottleneck networks"),
    Setting("optimizer", "adam", "not stated; needs no schedule"),
    Setting("lr", 1e-3, "not stated; the usual one for Adam"),
    Setting("batch_size", 50, "not stated; as in the chapter"),
    Setting("alpha", 2.0, "not stated for the spirals; that of appendix G, for mixing in the input too"),
    Setting("place", "the bottleneck", "not stated for the spirals; as in appendices B and G"),
    Setting("weight_decay", 1e-3, "not stated; L2 coefficient, the one of the chapter on flattening"),
    Setting(
        "noise", 0.1, "standard deviation in the input, not stated; a quarter of the distance between arms. Figure 2 says "
        "input, the caption of Figure 1 hidden representations"
    ),
    Setting("dropout", 0.5, "Figure 2: in all layers but the bottleneck", stated=True),
    Setting("batch_norm", "every layer but the last, the bottleneck included", "Figure 2: all layers", stated=True),
    Setting("model_choice", "last epoch", "nothing is selected on test data"),
)  # fmt: skip

METHODS = ("erm", "weight_decay", "input_noise", "dropout", "batch_norm", "mixup", "manifold_mixup")

EXPERIMENTS = (
    Experiment(
        name="manifold-figures1-2",
        title="two spirals, bottleneck of 2 units: seven regularizers",
        paper="manifold",
        table="Figure 1",
        dataset="two_spirals",
        model="fc_bottleneck",
        settings=_SETTINGS,
        decided="2026-11-26",
        profiles={
            "smoke": Profile(trials=1, epochs=2, every=3, note="every third method, 2 epochs: shows that it runs"),
            "laptop": Profile(trials=20, epochs=300, note="20 trials of 300 epochs"),
        },
        trials="mixbook.benchmarks.trials.spiral_bottleneck:trials",
        together=len(METHODS),
        figures=("Figure 1", "Figure 2"),
        own_cells=tuple(Cell(method, "") for method in METHODS),
    ),
)
