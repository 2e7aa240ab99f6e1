"""k-mixup (TMLR): the seconds that matching adds to an epoch of CIFAR-10; and ours, Sinkhorn against exact matching."""

from itertools import product

from mixbook.benchmarks.spec import Cell, Experiment, Profile, ProfileName, Setting

_EPOCH = (
    Setting("epoch_size", 50_000, "training images of CIFAR-10", stated=True),
    Setting("batch_size", 128, "the paper does not say; every batch that k divides has as many blocks per epoch"),
    Setting(
        "released_batch_size", 512, "the default of the released code, where the size matters: one problem for a batch"
    ),
    Setting(
        "images", "of the first 10,000 training images, in [0, 1]", "the real ones, since solving depends on the distances"
    ),
    Setting("threads", 1, "the paper does not name its processor, so seconds are not comparable; which part dominates is"),
    Setting("rounds", "the sides take turns, the shortest of each", "other work on the machine only adds time"),
)

_PROFILES: dict[ProfileName, Profile] = {
    "smoke": Profile(trials=1, epochs=1, note="one round on numbers in place of images: shows that it runs", stand_in=True),
    "laptop": Profile(trials=5, epochs=11, note="five batches, 11 rounds of timing each; epochs here are those rounds"),
}


def _epoch(name: str, table: str, title: str) -> Experiment:
    return Experiment(
        name=name,
        title=title,
        paper="kmixup-tmlr",
        table=table,
        dataset="cifar10",
        model="",
        settings=_EPOCH,
        decided="2026-11-26",
        profiles=_PROFILES,
        trial="mixbook.benchmarks.trials.matching_costs:epoch",
    )


_SINKHORN = (
    Setting("blocks", 64, "problems of one call"),
    Setting("one_by_one", 8, "of them solved alone as well, which takes longer"),
    Setting("tolerance", 0.01, "row sums within 1%: nearer costs more rounds"),
    Setting(
        "implementation",
        "log domain, float32, torch",
        "POT, the usual library, is 33 MB for this one comparison; a few lines of ours do the same scaling",
    ),
    Setting("reg", "0.1 and 0.01 of the mean cost", "a blurred plan that is found fast, and a sharp one"),
    Setting("images", "of the first 10,000 training images of CIFAR-10, in [0, 1]", "as for the seconds per epoch"),
    Setting("threads", 1, "both sides"),
)

EXPERIMENTS = (
    _epoch("kmixup-tmlr-cost", "text Sec 2", "seconds that matching adds to an epoch of CIFAR-10, k = 32"),
    _epoch("kmixup-tmlr-cost-parts", "text App A", "the same, assignment and distances apart"),
    Experiment(
        name="sinkhorn",
        title="ours: Sinkhorn's scaling against the exact assignment of CIFAR-10 images",
        dataset="cifar10",
        model="",
        settings=_SINKHORN,
        decided="2026-11-26",
        profiles={
            "smoke": Profile(trials=1, epochs=1, every=6, note="two cells, numbers in place of images", stand_in=True),
            "laptop": Profile(trials=3, epochs=3, note="three sets of blocks, three rounds of timing each"),
        },
        trial="mixbook.benchmarks.trials.matching_costs:against_sinkhorn",
        own_cells=tuple(Cell("sinkhorn", f"k={k};reg={reg}") for reg, k in product(("0.1", "0.01"), (2, 4, 8, 16, 32, 64))),
    ),
)
