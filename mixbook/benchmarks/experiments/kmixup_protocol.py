"""What k-mixup's experiments on images and speech share: how networks are trained, and printed tables read from them.

The networks of a data set are experiments of our own; a printed table, a caption or a sentence is read from them, so that a
network that stands in several places is trained once.
"""

from collections.abc import Sequence

from mixbook.benchmarks.spec import Cell, Experiment, Profile, ProfileName, Setting

Profiles = dict[ProfileName, Profile]

SGD = (
    Setting("lr", 0.1, "TMLR, section 5", stated=True),
    Setting("momentum", 0.9, "TMLR, section 5", stated=True),
    Setting("weight_decay", 1e-4, "TMLR, section 5", stated=True),
)
ONE_RATIO = Setting("ratio_scope", "batch", "TMLR, Figure 5: one lambda for all pairs of a batch", stated=True)
LOSS = Setting("loss", "cross entropy", "the usual one, and that of the released code")
LAST_EPOCH = Setting("model_choice", "last epoch", "nothing is selected on test data")
_STATED = (
    *SGD,
    Setting("drops", (0.5, 0.75), "TMLR, section 5: at epochs 100 and 150; a shorter run keeps these shares of 200"),
    ONE_RATIO,
    Setting(
        "pairs",
        "across",
        "TMLR, Figure 5: partners come from a second loader, which is shuffled by itself",
        stated=True,
        released="within",
    ),
    Setting(
        "matching_cost",
        "squared",
        "TMLR, section 2: the squared Wasserstein distance; Figure 5 has no square. In many dimensions they rarely differ",
        stated=True,
        released="euclidean",
    ),
)
_CHOSEN = (
    Setting("decay", 0.1, "factor at the drops of the learning rate; that of the released code"),
    Setting("initial_weights", "PyTorch's default, He's where the network's own code has it", "not stated"),
    LOSS,
    Setting(
        "xi_images",
        4096,
        "training samples, shifted and mirrored as in training, on which distances of matched pairs are measured; the same "
        "for every trial",
    ),
    Setting(
        "alpha_cap",
        100.0,
        "threshold gamma of the paper's Algorithm 1, from the released code: where no alpha, or only a larger one, moves "
        "samples as far as k = 1 does, the paper's loop ends here, and so do we",
    ),
    Setting("precision_on_gpus", "products in bfloat16", "the same on processors with AVX-512; all else in float32"),
    Setting("channels_last", True, "where numbers lie in memory, which changes no result but rounding"),
    LAST_EPOCH,
)
CONSTANT_XI = Setting(
    "alpha_over_k",
    "constant xi",
    "TMLR, Appendix A: alpha is raised until xi is that of k = 1. The released code computes that alpha, and trains with "
    "the printed one",
    stated=True,
    released="fixed",
)
FIXED_ALPHA = Setting("alpha_over_k", "fixed", "v1, section 5: each column is one alpha", stated=True)
_BEST = Setting(
    "best",
    "lowest mean test error, as in print: optimistic, and no way to choose one's own k and alpha",
    "the summaries and texts name the best cells of their tables. Where networks did not learn, it is the best of the "
    "cells of which the most trials did: those that have all, if there are any. A hard trial must not make the others best",
)


def cells(ks: Sequence[int], alphas: Sequence[str]) -> tuple[Cell, ...]:
    """A network at each k and alpha; k = 1 is mixup."""
    return tuple(Cell("kmixup" if k > 1 else "mixup", f"k={k};alpha={alpha}") for k in ks for alpha in alphas)


def profiles(cost: str, *, every: int = 1, epochs: int = 200, gpu_epochs: int = 30) -> Profiles:
    """Profiles of networks: smoke, one seed on a GPU, and the paper's.

    Args:
        cost: what a network costs, or why there is no laptop profile.
        every: of the smoke profile.
        epochs: of the paper.
        gpu_epochs: of the short run on a GPU.
    """
    return {
        "smoke": Profile(
            trials=1,
            epochs=1,
            every=every,
            stand_in=True,
            note="a few small networks, one epoch on small generated data: shows that it runs",
        ),
        "gpu": Profile(
            trials=1,
            epochs=gpu_epochs,
            note=f"1 trial of {gpu_epochs} epochs, where the paper has 20 of {epochs}; {cost}",
        ),
        "paper": Profile(
            trials=20, epochs=epochs, note=f"20 trials of {epochs} epochs, as printed (under attack it has 30 trials)"
        ),
    }


def networks(
    name: str,
    title: str,
    dataset: str,
    model: str,
    settings: Sequence[Setting],
    own_cells: Sequence[Cell],
    how_much: Profiles,
) -> Experiment:
    """Networks of our own that printed tables are read from.

    Args:
        name, title, dataset, model: see :class:`Experiment`.
        settings: data, network and ``alpha_over_k``; they replace shared settings of the same name.
        own_cells: the networks.
        how_much: the profiles.
    """
    own = {setting.name for setting in settings}
    return Experiment(
        name=name,
        title=title,
        dataset=dataset,
        model=model,
        settings=(*settings, *(s for s in (*_STATED, *_CHOSEN) if s.name not in own)),
        decided="2026-11-26",
        profiles=how_much,
        trial="mixbook.benchmarks.trials.kmixup_networks:trial",
        own_cells=tuple(own_cells),
    )


def table(
    name: str,
    title: str,
    paper: str,
    where: str,
    dataset: str,
    model: str,
    sources: Sequence[Experiment],
    *,
    figures: tuple[str, ...] = (),
) -> Experiment:
    """A printed table whose cells are networks of ``sources``: those of TMLR, then those at fixed alpha, if it is v1's."""
    return sources[-1].read_by(
        "mixbook.benchmarks.trials.kmixup_tables:read",
        name=name,
        title=title,
        paper=paper,
        table=where,
        dataset=dataset,
        model=model,
        sources=tuple(sources),
        figures=figures,
    )


def summary(
    name: str,
    title: str,
    sources: Sequence[Experiment],
    where: str,
    also: tuple[str, ...] = (),
    *,
    paper: str = "",
    band: float = 0.0,
    read_as: tuple[tuple[str, str], ...] = (),
) -> Experiment:
    """What a text, a caption or Table 2 says about tables: repeats a cell, or names the best ones or the gain between two.

    Args:
        name, title, where, also, band: see :class:`Experiment`.
        sources: the tables, then networks that are in none, such as plain training.
        paper: that of the first source, where not given.
        read_as: parameters as printed, and as meant where the sentence leaves something open or misprints it.
    """
    first = sources[0]
    meant = (
        (Setting("read_as", read_as, "what the sentence leaves open or misprints, and how it is read"),) if read_as else ()
    )
    return first.read_by(
        "mixbook.benchmarks.claims:sentence",
        name=name,
        title=title,
        paper=paper or first.paper,
        table=where,
        also=also,
        settings=(*first.settings, _BEST, *meant),
        sources=tuple(sources),
        band=band,
    )
