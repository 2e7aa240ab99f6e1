"""The three ways to tune k-mixup that its Appendix A recommends, on validation splits: one grid that holds them all."""

from itertools import product

from mixbook.benchmarks.spec import Cell, Experiment, Profile, ProfileName, Setting

BLOCK_SIZES = (1, 2, 4, 8, 16)
ALPHAS = (0.05, 0.1, 0.2, 0.5, 1.0)

_SHARED = (
    Setting("block_sizes", BLOCK_SIZES, "Appendix A: powers of 2 up to k = 16 or 32", stated=True),
    Setting("alphas", ALPHAS, "those of Table 3 up to 1: above it no alpha keeps xi at larger k"),
    Setting(
        "xi_of",
        "alpha grows with k so that xi stays that of the named alpha at k = 1",
        "Appendix A searches over xi; Algorithm 1",
        stated=True,
    ),
    Setting(
        "alpha = 1",
        "both as it is at every k, and at the xi that it has at k = 1",
        "Appendix A says alpha = 1 and its evidence are tables at constant xi",
    ),
    Setting("alpha_cap", 100.0, "as in Table 5: where no alpha, or only a larger one, keeps xi"),
    Setting("validation", 0.25, "share of the training part that chooses; the chosen cell is trained on all of it again"),
    Setting(
        "chosen_by",
        "validation error, then validation NLL",
        "small validation parts tie often; what is left goes to the first",
    ),
    Setting("split", "random, new ones for each trial, the same for every cell", "cells are compared trial by trial"),
    Setting("batch_size", 16, "holds the largest block exactly; the last batch of an epoch may be shorter"),
    Setting("pairs", "across", "as in k-mixup's Figure 5: partners from a second batch"),
    Setting("optimizer", "adam", "needs no schedule"),
    Setting("lr", 1e-3, "the usual one for Adam"),
    Setting("weight_decay", 0.0, "mixing is the only regulariser"),
    Setting("model_choice", "last epoch", "nothing is selected on test data"),
)
_CELLS = (
    Cell("erm", ""),
    *(Cell("kmixup", f"k={k};xi_of={alpha:g}") for alpha, k in product(ALPHAS, BLOCK_SIZES)),
    *(Cell("kmixup", f"k={k};alpha=1") for k in BLOCK_SIZES[1:]),
)


def _experiment(dataset: str, hidden: tuple[int, ...], train: int, steps: int, *settings: Setting) -> Experiment:
    epochs = steps * 16 // train
    profiles: dict[ProfileName, Profile] = {
        "smoke": Profile(trials=1, epochs=2, every=9, note="every ninth cell, two epochs: shows that it runs"),
        "laptop": Profile(trials=20, epochs=epochs, note=f"20 trials of {epochs} epochs of {train} samples"),
    }
    return Experiment(
        name=f"tuning-{dataset.replace('_', '-')}",
        title=f"ours: tuning k-mixup on validation splits of {dataset.replace('_', ' ')}",
        dataset=dataset,
        model="fc_" + "_".join(map(str, hidden)),
        settings=(
            Setting("train", train, "samples of the training part, validation included; as in our grid"),
            Setting("hidden", hidden, "as in our grid"),
            *settings,
            *_SHARED,
        ),
        decided="2026-11-26",
        profiles=profiles,
        trials="mixbook.benchmarks.trials.tuning:trials",
        together=3,
        own_cells=_CELLS,
    )


_SCALING = Setting("scaling", "each column to [0, 1] on the training part", "columns have different units")

EXPERIMENTS = (
    _experiment("swiss_roll", (130, 120), 320, 1000, Setting("test", 1000, "fresh samples")),
    _experiment("iris", (120, 84), 80, 1000, _SCALING),
    _experiment("breast_cancer", (120, 84), 320, 1000, _SCALING),
    _experiment("digits", (256, 256), 240, 600),
)
