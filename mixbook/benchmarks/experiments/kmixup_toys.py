"""k-mixup's toys: Table 1 (TMLR), Figure 3 (first version), the figures that draw them, and what the text says of them."""

from mixbook.benchmarks.spec import Cell, Experiment, Profile, ProfileName, Setting

_TOYS = {"one_ring": "One Ring", "four_bars": "Four Bars", "swiss_roll": "Swiss Roll"}
_PART = dict(zip(_TOYS, "abc", strict=True))
_MODEL = "fc_130_120"
_DECIDED = "2026-11-26"

_SETTINGS = (
    Setting("hidden", (130, 120), "section 5, toy datasets", stated=True),
    Setting("lr", 0.1, "section 5", stated=True),
    Setting("momentum", 0.9, "section 5", stated=True),
    Setting("weight_decay", 1e-4, "section 5", stated=True),
    Setting("milestones", (100, 150), "section 5: the learning rate decreases at these epochs", stated=True),
    Setting("ratio_scope", "batch", "Figure 5 of the TMLR paper: one lambda for all pairs of a batch", stated=True),
    Setting(
        "pairs", "across", "Figure 5 of the TMLR paper: partners come from a second loader, shuffled by itself", stated=True
    ),
    Setting(
        "generator",
        "mixbook.data.toys",
        "no source defines the sets. The shapes follow names and pictures, the units the printed xi: the docstring of the "
        "module says how",
    ),
    Setting(
        "n_train",
        512,
        "Figure 2 draws vicinal data sets of 512 mixtures, which is one mixture for each of 512 samples. New ones in each "
        "trial",
    ),
    Setting(
        "n_test",
        16_000,
        "inferred from the digits: of all sizes up to 16,000 it is the only one whose averages over 5 trials give all 75 "
        "values of the first version's Figure 3. New ones in each trial",
    ),
    Setting(
        "batch_size",
        128,
        "the default of the code that the released code is a fork of; its own, 512, would take one step in an epoch. Holds "
        "whole blocks up to k = 32 and divides the training part",
    ),
    Setting("scaling", "none", "the printed xi are those of the units in which the sets are defined"),
    Setting(
        "cost", "squared distance", "section 2; the pseudo-code of Figure 5 of the TMLR paper does not square", stated=True
    ),
    Setting("decay", 0.1, "factor at the two epochs; that of the released code, which has the same schedule"),
    Setting("epochs", 200, "the schedule ends at epoch 150; 200 is what the released code takes"),
    Setting("activation", "relu", "the usual one"),
    Setting("initial_weights", "PyTorch's default", "the paper's code is PyTorch"),
    Setting("loss", "cross entropy", "the usual one, and that of the released code"),
    Setting("model_choice", "last epoch", "nothing is selected on test data"),
)

_CONSTANT_XI = Setting(
    "alpha_cap",
    100.0,
    "alpha is raised with k until xi is that of k = 1, on each trial's own training part. Where no alpha moves samples as "
    "far, or only a larger one, the paper's Algorithm 1 ends at a threshold gamma, which the released code sets to this",
)
_FIXED_V1 = Setting("alpha_over_k", "fixed", "the first version uses one alpha at every k", stated=True)
_FIXED_FIGURES = Setting("alpha_over_k", "fixed", "captions of Figures 1 and 2: alpha = 1", stated=True)


def _profiles(every: int) -> dict[ProfileName, Profile]:
    smoke = f"every {every}th cell, one trial of two epochs: shows that it runs" if every > 1 else "one trial of two epochs"
    return {
        "smoke": Profile(trials=1, epochs=2, every=every, note=smoke),
        "laptop": Profile(trials=5, epochs=200, note="the paper's 5 trials at full length"),
    }


def _name(paper: str, home: str, toy: str) -> str:
    return f"{paper}-{home}-{toy.replace('_', '-')}"


def _table(paper: str, table: str, toy: str, rule: Setting, what: str) -> Experiment:
    return Experiment(
        name=_name(paper, table.lower().replace(" ", ""), toy),
        title=f"{_TOYS[toy]}, network 130-120, {what}",
        paper=paper,
        table=f"{table}{_PART[toy]}",
        dataset=toy,
        model=_MODEL,
        settings=(*_SETTINGS, rule),
        decided=_DECIDED,
        profiles=_profiles(12),
        trials="mixbook.benchmarks.trials.toys:trials",
        together=5,
    )


def _figures(paper: str, home: str, toy: str, cells: tuple[Cell, ...], figures: tuple[str, ...]) -> Experiment:
    return Experiment(
        name=_name(paper, home, toy),
        title=f"{_TOYS[toy]}: what {' and '.join(figures)} show, in numbers",
        paper=paper,
        dataset=toy,
        model=_MODEL,
        settings=(*_SETTINGS, _FIXED_FIGURES),
        decided=_DECIDED,
        profiles=_profiles(1),
        trials="mixbook.benchmarks.trials.toys:figures",
        together=7,
        figures=figures,
        own_cells=cells,
    )


def _sentence(source: Experiment, what: str, rule: Setting, band: float = 0.0) -> Experiment:
    return source.read_by(
        "mixbook.benchmarks.claims:sentence",
        name=_name(source.paper, "section5", source.dataset),
        title=f"{_TOYS[source.dataset]}: {what}, as the text says",
        table="text Sec 5",
        settings=(*source.settings, rule),
        band=band,
    )


def _at_alpha_1(*ks: int) -> tuple[Cell, ...]:
    mixing = (Cell("kmixup" if k > 1 else "mixup", f"k={k};alpha=1") for k in ks)
    return (Cell("erm", ""), *mixing)


_CLEAN = Setting("rule", "accuracy of plain training", "the text speaks of the networks that Figure 1 draws")
_GAIN = Setting("rule", "difference of accuracies, trial by trial", "the text compares two cells of Figure 3")

_TABLE_1 = tuple(_table("kmixup-tmlr", "Table 1", toy, _CONSTANT_XI, "at constant xi over k") for toy in _TOYS)
_FIGURE_3 = tuple(_table("kmixup-v1", "Figure 3", toy, _FIXED_V1, "at fixed alpha over k") for toy in _TOYS)
_PICTURES = tuple(
    _figures("kmixup-tmlr", "figures1-3", toy, _at_alpha_1(1, 32), ("Figure 1", "Figure 2", "Figure 3")) for toy in _TOYS
)
_PICTURES_V1 = tuple(
    _figures("kmixup-v1", "figures1-2", toy, _at_alpha_1(1, 2, 4, 8, 16, 32), ("Figure 1", "Figure 2")) for toy in _TOYS
)

EXPERIMENTS = (
    *_TABLE_1,
    *_FIGURE_3,
    *_PICTURES,
    *_PICTURES_V1,
    *(_sentence(source, "accuracy without mixing", _CLEAN, band=1.0) for source in _PICTURES),
    *(_sentence(source, "the gain of k = 16 at alpha = 64", _GAIN) for source in _FIGURE_3),
)
