"""One trial of k-mixup's tables on small tabular data: a split, a network, a training run, a test error."""

from dataclasses import replace

import torch

from mixbook.benchmarks.spec import Cell, Experiment, Profile
from mixbook.data import Arrays, tabular
from mixbook.evaluation import accuracy, nll
from mixbook.mixing.mixer import kmixup
from mixbook.mixing.transport import InfeasibleXi, alpha_at_constant_xi, xi
from mixbook.models import MLP, seeded
from mixbook.training import Recipe, fit
from mixbook.training.streams import derive


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> dict[str, float]:
    """Train one network and test it.

    Everything random follows from ``number`` alone, not from the cell: split, initial weights and order of samples of
    trial t are the same for every method.

    Returns:
        ``error`` (%) and ``nll`` (nats) on the test part after the last epoch; with mixing also ``alpha``, the one used at
        this k, and ``xi``, what it gives in the units of the scaled data.
    """
    whole = getattr(tabular, experiment.dataset)()
    parts = whole.split(experiment["test_share"], torch.Generator().manual_seed(derive(number, "split")))
    train, test = standardise_table(*parts)

    mixer, measured = None, {}
    if cell.method != "erm":
        k = int(cell.value("k"))
        measured = perturbation(train, k, cell.value("alpha"), experiment["alpha_cap"], number)
        mixer = kmixup(k, measured["alpha"], whole.num_classes, per=experiment["ratio_scope"], strict=False)

    model = seeded(
        derive(number, "weights"),
        lambda: MLP(train.x.shape[1], experiment["hidden"], whole.num_classes, experiment["activation"]),
    )
    fit(model, train, _recipe(experiment, profile, number), mixer=mixer, progress=False)
    model.eval()
    with torch.inference_mode():
        logits = model(test.x)
    return {"error": 100 * (1 - accuracy(logits, test.y)), "nll": nll(logits, test.y), **measured}


def standardise_table(train: Arrays, *others: Arrays) -> tuple[Arrays, ...]:
    """Subtract one mean and divide by one standard deviation, those of all entries of ``train`` together.

    Unlike scaling each column, this leaves large columns large: see the protocol of k-mixup's Table 5 for why.
    """
    entries = train.x.double()
    mean, std = entries.mean(), entries.std(correction=0)
    return tuple(replace(part, x=((part.x.double() - mean) / std).float()) for part in (train, *others))


def perturbation(train: Arrays, k: int, alpha: float, cap: float, seed: int) -> dict[str, float]:
    """The alpha used at ``k`` so that xi is that of ``alpha`` at k = 1, at most ``cap``, and the xi that it gives."""

    def generator() -> torch.Generator:
        # The same subsets for both estimates: else xi would differ from that of k = 1 by their noise alone.
        return torch.Generator().manual_seed(derive(seed, "matching"))

    try:
        alpha = min(cap, alpha_at_constant_xi(train.x, k, alpha, generator=generator()))
    except InfeasibleXi:
        alpha = cap
    return {"alpha": alpha, "xi": xi(train.x, k, alpha, generator=generator())}


def _recipe(experiment: Experiment, profile: Profile, seed: int) -> Recipe:
    names = ("batch_size", "lr", "momentum", "weight_decay", "milestones", "decay", "pairs")
    return Recipe(epochs=profile.epochs, seed=seed, **{name: experiment[name] for name in names})
