"""Broken formulas of `mixbook.theory.variance`, and the statements whose checks must notice them."""

from dataclasses import replace

from mutant import Mutant

HERE = "mixbook.theory.variance"


def sum_of_ratios(original):
    """P + Q where P + Q/K should be: K draws that do not average out."""
    return lambda *args, **kwargs: replace(original(*args, **kwargs), Q=2 * original(*args, **kwargs).Q)


def with_share(**parts):
    """The components with some of them changed, from the others."""
    return lambda original: (
        lambda *args, **kwargs: (lambda c: replace(c, **{name: change(c) for name, change in parts.items()}))(
            original(*args, **kwargs)
        )
    )


MUTANTS = [
    Mutant("multimix-proposition-iii.1", "the ratios' share is doubled", f"{HERE}.any_pairing", sum_of_ratios),
    Mutant(
        "multimix-equations-11-and-12",
        "the interaction is counted with the ratios",
        f"{HERE}.independent_pairs",
        with_share(V2=lambda c: c.V2 + c.VI, VI=lambda c: 0.0),
    ),
    Mutant(
        "multimix-equations-11-and-12",
        "the total of a pair's variance in place of its mean's",
        f"{HERE}.independent_pairs",
        with_share(V1=lambda c: c.V1 + c.VI),
    ),
    Mutant(
        "multimix-equations-11-and-12",
        "pairs that share a sample are taken for pairs that share none",
        f"{HERE}._second_moment",
        lambda original: (
            lambda h, batch_size: (
                original(h, 1) / batch_size + (1 - 1 / batch_size) * float(h.mean((0, 1)) @ h.mean((0, 1)))
            )
        ),
    ),
    Mutant(
        "multimix-proposition-iii.2",
        "a threshold that counts the interaction",
        f"{HERE}.independent_pairs",
        with_share(V1=lambda c: c.V1 + c.VI, VI=lambda c: 0.0),
    ),
    Mutant(
        "multimix-equation-8",
        "the interaction is dropped from the total",
        f"{HERE}.independent_pairs",
        with_share(VI=lambda c: 0.0),
    ),
    Mutant(
        "multimix-section-iii-c-variance-of-large-batch-mixup",
        "a root in place of the square",
        f"{HERE}.independent_pairs",
        with_share(V1=lambda c: c.V1**0.5),
    ),
    Mutant(
        "multimix-section-iii-b-mean-of-the-gradient",
        "every batch size is taken for that of the whole set",
        f"{HERE}.mean_gradient",
        lambda original: lambda g, x, y, batch_size=None, **kwargs: original(g, x, y, **kwargs),
    ),
    Mutant(
        "multimix-section-iv-i-squared-norms",
        "the mean over all pairs in place of that over permuted batches",
        f"{HERE}.mean_gradient",
        lambda original: lambda g, x, y, batch_size=None, **kwargs: original(g, x, y, **kwargs),
    ),
    Mutant(
        "multimix-equation-6-strict-order",
        "one binary digit too many",
        f"{HERE}.rounds_to_one",
        lambda original: lambda alpha, digits=53: original(alpha, digits + 1),
    ),
    Mutant(
        "multimix-section-i-order-along-a-path",
        "the optimum of another law of the ratio",
        "mixbook.theory.vicinal.optimal",
        lambda original: lambda x, y, at, eps, alpha: original(x, y, at, eps, 2 * alpha),
    ),
]
