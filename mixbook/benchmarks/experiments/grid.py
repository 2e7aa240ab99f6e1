"""Our own grid: who, how much, where and how, all combinations on many data sets, at equal gradient computations."""

from itertools import product

from mixbook.benchmarks.spec import Cell, Experiment, Profile, ProfileName, Setting

_SHARED = (
    Setting(
        "mixtures",
        80,
        "gradients per step, of 80 pairs once or 16 pairs five times; the least number that holds a block of 16 in both. "
        "Five interpolations run a fifth of the epochs, so that all cells take as many steps and as many gradients",
    ),
    Setting("k", 16, "the block size that k-mixup recommends as a heuristic"),
    Setting("alpha", 1.0, "the same law for every cell: lambda uniform on [0, 1], one draw per batch"),
    Setting("pairs", "across", "partners from a second batch: within one of 16, a block of 16 would match itself"),
    Setting("split", "random, a new one for each trial, the same for every cell", "cells are compared trial by trial"),
    Setting("optimizer", "adam", "needs no schedule"),
    Setting("lr", 1e-3, "the usual one for Adam"),
    Setting("weight_decay", 0.0, "mixing is the only regulariser"),
    Setting("noise_batches", 32, "batches whose gradients give the variance of one step"),
    Setting(
        "advised",
        "mixbook.advise on the training part of each trial; hidden layers without the input where it says hidden",
        "tests the advice against mixup's default, which is the cell k=1;alpha=1;K=1;layers=input;blend=linear",
    ),
    Setting("model_choice", "last epoch", "nothing is selected on test data"),
)
_PIXELS = (
    Setting("fgsm_eps", 8, "budget of FGSM in 255ths of the range of a pixel; the second largest of k-mixup's Table 7"),
    Setting("boxes", "whole", "CutMix clipped as published covers little of the small maps of hidden layers"),
)
_TABLE = (
    Setting("scaling", "each column to [0, 1] on the training part", "columns have different units"),
    Setting("missing", "the median of the column in the training part", "arrhythmia lacks 408 values"),
)
_LAYERS = "input+layer1+layer2"


def _cells(layers: str, cutmix: tuple[str, ...]) -> tuple[Cell, ...]:
    """All combinations; ``cutmix`` are the places that have pixels."""
    grid = product((1, 16), (1, 5), ("input", layers), ("linear", "cutmix"))
    spelled = [
        f"k={k};alpha=1;K={draws};layers={place};blend={blend}"
        for k, draws, place, blend in grid
        if blend == "linear" or place in cutmix
    ]
    return (Cell("erm", ""), *(Cell("grid", params) for params in spelled), Cell("advised", ""))


def _experiment(
    dataset: str,
    model: str,
    train: int,
    epochs: int,
    settings: tuple[Setting, ...],
    layers: str = _LAYERS,
    cutmix: tuple[str, ...] = (),
    stand_in: bool = False,
) -> Experiment:
    title = dataset.replace("_", " ")
    profiles: dict[ProfileName, Profile] = {
        "smoke": Profile(1, 2, every=3, stand_in=stand_in, note="every third cell, two epochs: shows that it runs"),
        "laptop": Profile(trials=20, epochs=epochs, note=f"20 trials of {epochs} epochs of {train} samples"),
    }
    return Experiment(
        name=f"grid-{dataset.replace('_', '-')}",
        title=f"ours: the grid of pairing, interpolations, place and blend on {title}",
        dataset=dataset,
        model=model,
        settings=(
            Setting("train", train, "samples of the training part, a multiple of 80: every epoch is whole batches"),
            Setting("layers", layers, "one of these for each batch where mixing is hidden, as in manifold mixup"),
            *settings,
            *_SHARED,
        ),
        decided="2026-11-26",
        profiles=profiles,
        trials="mixbook.benchmarks.trials.grid:trials",
        own_cells=_cells(layers, cutmix),
    )


def _toy(dataset: str) -> Experiment:
    hidden = Setting("hidden", (130, 120), "k-mixup's network for its toys")
    test = Setting("test", 1000, "fresh samples, enough to see a tenth of a point")
    return _experiment(dataset, "fc_130_120", 320, 200, (hidden, test))


def _table(dataset: str, train: int, stand_in: bool = False) -> Experiment:
    hidden = Setting("hidden", (120, 84), "k-mixup's network for Iris, for all tables alike")
    epochs = 80_000 // train  # a thousand steps
    return _experiment(dataset, "fc_120_84", train, epochs, (hidden, *_TABLE), stand_in=stand_in)


EXPERIMENTS = (
    *(_toy(name) for name in ("one_ring", "four_bars", "swiss_roll")),
    _table("iris", 80),
    _table("breast_cancer", 320),
    _table("arrhythmia", 320, stand_in=True),
    _table("abalone", 1600, stand_in=True),
    _experiment(
        "digits",
        "fc_256_256",
        240,
        200,
        (Setting("hidden", (256, 256), "that of digits-few-labels; its hidden layers have no pixels to cut"), *_PIXELS),
        cutmix=("input",),
    ),
    _experiment(
        "mnist",
        "lenet",
        800,
        20,
        (
            *_PIXELS,
            Setting("test", 2000, "of the official test images, the same in every trial, for the time that FGSM takes"),
        ),
        cutmix=("input", _LAYERS),
        stand_in=True,
    ),
)
