"""Multi-mix, Figure 4: the noisy spiral, without mixing and with one and five interpolations at a hidden layer."""

from mixbook.benchmarks.spec import Cell, Experiment, Profile, Setting

_STATED = (
    Setting("samples", 1000, "section IV-A", stated=True),
    Setting("train_share", 0.4, "section IV-A: 40% for training, the rest for testing", stated=True),
    Setting("flipped_share", 0.2, "section IV-A: of the training labels; test labels stay right", stated=True),
    Setting("depth", 8, "section IV-A: eight hidden layers", stated=True),
    Setting("width", 6, "section IV-A: six units in each layer", stated=True),
    Setting("optimizer", "adam", "section IV-A", stated=True),
    Setting("lr", 0.01, "section IV-A", stated=True),
    Setting("batch_size", 256, "section IV-A; the 400 training samples make a batch of 256 and one of 144", stated=True),
)

_CHOSEN = (
    Setting(
        "turns",
        1.25,
        "no source gives the spiral a formula: this is the one of the book's chapter on hidden layers, written before",
    ),
    Setting(
        "noise", 0.03, "standard deviation of each coordinate, as in that chapter; here it is the labels that are noisy"
    ),
    Setting(
        "weight_decay", 1e-4, "the paper says that the network is L2-regularised; this is manifold mixup's coefficient"
    ),
    Setting("pairs", "within", "partners from the same batch, as all released code does"),
    Setting("ratio_scope", "batch", "K draws for all pairs of a batch, as the paper's equations have it"),
    Setting(
        "flipped", "a random fifth of the training part, a new one for each trial, the same for every method", "as it reads"
    ),
    Setting("map_size", 40, "points along each side of the map of decisions"),
    Setting("map_reach", 1.2, "half the side of the map; the samples lie within 1.1 of the origin"),
    Setting("model_choice", "last epoch", "nothing is selected on test data"),
)

_LAYERS = "layers=layer1+layer2"  # section IV-A: a shallow layer, randomly one of the first two
_ALPHA = "alpha=2"  # no source says for the spiral; manifold mixup's tables have 2

_CELLS = (
    Cell("erm", ""),
    Cell("manifold_mixup", f"K=1;{_ALPHA};{_LAYERS}"),
    Cell("multimix_manifold", f"K=5;{_ALPHA};{_LAYERS}"),
)


def _experiment(name: str, *network: Setting, trials: int) -> Experiment:
    activation, weights = (setting.value for setting in network)
    return Experiment(
        name=name,
        title=f"noisy spiral, 8 hidden layers of 6 units ({activation}): no mixing, K = 1, K = 5",
        paper="multimix",
        dataset="noisy_spiral",
        model=f"fc_8x6_{activation}_{weights}",
        settings=(*_STATED, *network, *_CHOSEN),
        decided="2026-11-26",
        profiles={
            "smoke": Profile(trials=1, epochs=2, note="one trial of two epochs: shows that it runs"),
            "laptop": Profile(
                trials=trials,
                epochs=3000,
                note=f"the paper's length; it draws one network of each kind, we {trials}",
            ),
        },
        trials="mixbook.benchmarks.trials.noisy_spiral:trials",
        together=len(_CELLS),
        figures=("Figure 4",),
        own_cells=_CELLS,
    )


EXPERIMENTS = (
    _experiment(
        "multimix-figure4",
        Setting("activation", "relu", "no source says; the usual one, and that of the book's other networks"),
        Setting(
            "initial_weights",
            "he",
            "no source says. With PyTorch's default weights, four of six ReLU networks of this shape did not learn "
            "anything in 500 epochs of plain training, judged by the training loss alone; with He's weights all six did",
        ),
        trials=20,
    ),
    _experiment(
        "multimix-figure4-tanh",
        Setting("activation", "tanh", "no source says; the other usual one, to see what depends on the choice"),
        Setting("initial_weights", "default", "PyTorch's, with which tanh networks of this shape learn"),
        trials=10,
    ),
)
