"""Ours: does multi-mix converge faster than large-batch mixup at equal gradient computations (multi-mix, section III-C)?"""

from itertools import product

from mixbook.benchmarks.spec import Cell, Experiment, Profile, ProfileName, Setting

_SETTINGS = (
    Setting("alpha", 1.0, "the same law for every method: lambda uniform on [0, 1]"),
    Setting("momentum", 0.9, "the usual one"),
    Setting("weight_decay", 0.0, "what is followed is the loss that mixing defines, and nothing else"),
    Setting("schedule", "constant", "a falling learning rate would hide the noise of the gradient, which is the question"),
    Setting(
        "split",
        "one for all trials; weights, batches and mixtures differ",
        "the question is how fast a loss falls, so all trials minimise the same one",
    ),
    Setting("mixtures", 4000, "on which that loss is measured: independent pairs with a ratio each, fixed"),
    Setting("model_choice", "last epoch", "nothing is selected on test data"),
)


def _cells(least: int, draws: int, rates: tuple[str, ...]) -> tuple[Cell, ...]:
    """K interpolations of B pairs; K B pairs with one ratio; and K B pairs with a ratio each, which costs nothing more."""
    kinds = (
        ("multimix", f"B={least};K={draws}"),
        ("mixup", f"B={least * draws};lambda=one"),
        ("mixup", f"B={least * draws};lambda=per_pair"),
    )
    return tuple(Cell(method, f"{params};lr={lr}") for lr, (method, params) in product(rates, kinds))


def _experiment(
    dataset: str,
    hidden: tuple[int, ...],
    least: int,
    train_size: int,
    rates: tuple[str, ...],
    profiles: dict[ProfileName, Profile],
) -> Experiment:
    name = "digits" if dataset == "digits" else "MNIST"
    own = (
        Setting("hidden", hidden, "wide enough to fit the training part"),
        Setting("train_size", train_size, "a whole number of batches of either size"),
        Setting(
            "least_batch",
            least,
            "B of multi-mix; the others have five times as many pairs, as in section IV-B2, where it is 100 and 500",
        ),
        Setting("point_every", 2, "passes of multi-mix between two points of a curve"),
    )
    return Experiment(
        name=f"multimix-large-batch-{dataset}",
        title=f"ours: multi-mix against mixup of a larger batch, step for step, on {name}",
        dataset=dataset,
        model="fc_" + "_".join(map(str, hidden)),
        settings=(*own, *_SETTINGS),
        decided="2026-11-26",
        profiles=profiles,
        trials="mixbook.benchmarks.trials.equal_cost:trials",
        own_cells=_cells(least, 5, rates),
    )


EXPERIMENTS = (
    _experiment(
        "digits",
        (64, 64),
        20,
        1000,
        ("0.01", "0.03", "0.1"),
        {
            "smoke": Profile(trials=1, epochs=2, every=4, note="three cells, one trial of 100 steps: shows that it runs"),
            "laptop": Profile(trials=10, epochs=40, note="10 trials of 2,000 steps"),
        },
    ),
    _experiment(
        "mnist",
        (128,),
        100,
        10_000,
        ("0.1",),
        {
            "smoke": Profile(trials=1, epochs=2, every=2, note="two cells, one trial, enlarged digits", stand_in=True),
            "laptop": Profile(trials=5, epochs=20, note="5 trials of 2,000 steps on 10,000 of the images"),
        },
    ),
)
