"""Our own comparison: what the methods do for a small network that has few labels, at one recipe."""

from mixbook.benchmarks.spec import Cell, Experiment, Profile, Setting

SETTINGS = (
    Setting(
        "labels", 200, "few enough for the methods to matter: about 20 images of each digit; all others are the test part"
    ),
    Setting("split", "random, a new one for each trial, the same for every method", "methods are compared trial by trial"),
    Setting("hidden", (256, 256), "wide enough to fit any 200 digits"),
    Setting("optimizer", "adam", "needs no schedule"),
    Setting("lr", 1e-3, "the usual one for Adam"),
    Setting("weight_decay", 0.0, "mixing is the only regulariser"),
    Setting("batch_size", 50, "four steps per epoch; holds three blocks of 16"),
    Setting("pairs", "within", "partners from the same batch, as in a loop that mixbook drops into"),
    Setting(
        "alpha",
        1.0,
        "the same law for every method: lambda uniform on [0, 1], one draw per batch. Mixup has also the alpha at which it "
        "moves samples as far as k-mixup does here, .27; added on 2026-11-27, when the other results were known",
    ),
    Setting("layers", "input, layer1, layer2", "every layer whose output is mixed sees a later layer"),
    Setting("model_choice", "last epoch", "nothing is selected on test data"),
)

# Mixup that moves samples as far as k-mixup does in these batches: the comparison at equal xi. The chapter on k-mixup
# measures which alpha that is.
GENTLE = Cell("mixup", "alpha=0.27")

_CELLS = (
    Cell("erm", ""),
    Cell("mixup", "alpha=1"),
    Cell("kmixup", "k=16;alpha=1"),
    Cell("manifold_mixup", "alpha=1;layers=input+layer1+layer2"),
    Cell("multimix", "alpha=1;K=5"),
    Cell("kmixup_multimix", "k=16;alpha=1;K=5"),
    Cell("all_four", "k=16;alpha=1;K=5;layers=input+layer1+layer2"),
    GENTLE,
)

EXPERIMENTS = (
    Experiment(
        name="digits-few-labels",
        title="ours: 200 labelled digits, network 64-256-256-10, every method at one recipe",
        dataset="digits",
        model="fc_256_256",
        settings=SETTINGS,
        decided="2026-11-20",
        profiles={
            "smoke": Profile(
                trials=1, epochs=2, every=3, note="every third method, one trial of two epochs: shows that it runs"
            ),
            "laptop": Profile(trials=20, epochs=200, note="20 trials of 200 epochs"),
        },
        trial="mixbook.benchmarks.trials.few_labels:trial",
        own_cells=_CELLS,
    ),
)
