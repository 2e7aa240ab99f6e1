"""Broken formulas of what `mixbook.theory` says of clusters and couplings."""

import numpy as np
from mutant import Mutant
from scipy import stats

HOME = "mixbook.theory"


def margin_of_centres(original):
    return lambda centres, radii: original(centres, np.zeros_like(np.asarray(radii, dtype=float)))


def share_of_one_block(below, k):
    return float((1 - below).sum() / k)


def share_with_replacement(original):
    return lambda counts, k: (
        sum((below := stats.binom.cdf(np.arange(k), k, count / sum(counts))) @ (1 - below) for count in counts) / k
    )


def nearer_end(original):
    """The eps of the ends that lie in the second cluster."""

    def broken(p, q, first, second, distance, gap):
        return original(p, q, first, second, lambda points, cluster: distance(points, cluster) * (cluster == 0), gap)

    return broken


MUTANTS = [
    Mutant(
        "kmixup-tmlr-lemma-3.3",
        "each pair that must cross is counted at both ends",
        f"{HOME}.coupling.fewest_crossings",
        lambda original: lambda first, second: 2 * original(first, second),
    ),
    Mutant(
        "kmixup-tmlr-lemma-3.3",
        "the gap is that of a tilt of 30 degrees, not 45",
        f"{HOME}.clusters.sharp_gap",
        lambda original: lambda radius, other=None: original(radius, other) * 0.9,
    ),
    Mutant(
        "kmixup-tmlr-lemma-3.3",
        "centres alone decide, whatever the radii",
        f"{HOME}.clusters.counting_margin",
        margin_of_centres,
    ),
    Mutant(
        "kmixup-tmlr-theorem-3.4",
        "the count of one block instead of the distance of two",
        f"{HOME}.clusters._share",
        lambda original: share_of_one_block,
    ),
    Mutant(
        "kmixup-tmlr-theorem-3.4",
        "subsets are drawn with replacement",
        f"{HOME}.clusters.expected_share_of_subsets",
        share_with_replacement,
    ),
    Mutant(
        "kmixup-tmlr-theorem-3.4",
        "the bound has lost the 2 under the root",
        f"{HOME}.clusters.share_bound",
        lambda original: lambda masses, k: original(masses, k) * np.sqrt(2),
    ),
    Mutant(
        "kmixup-tmlr-section-3.2-number-of-crossing-pairs",
        "the share falls as fast as 1 / k",
        f"{HOME}.clusters.expected_share",
        lambda original: lambda masses, k: original(masses, k) / np.sqrt(k),
    ),
    Mutant(
        "kmixup-tmlr-section-3.2-real-data",
        "the bound without its root of k",
        f"{HOME}.clusters.share_bound",
        lambda original: lambda masses, k: original(masses, k) * np.sqrt(k / 2),
    ),
    Mutant(
        "kmixup-tmlr-section-3.2-real-data",
        "the floor counts each pair twice",
        f"{HOME}.clusters.expected_share",
        lambda original: lambda masses, k: 2 * original(masses, k),
    ),
    Mutant(
        "kmixup-tmlr-theorem-3.5",
        "the radius is not squared",
        f"{HOME}.clusters.printed_eps",
        lambda original: lambda radius_a, radius_b, gap: max(radius_a, radius_b) / gap,
    ),
    Mutant(
        "kmixup-tmlr-theorem-3.5",
        "only the end in the second cluster is looked at",
        f"{HOME}.clusters.needed_eps",
        nearer_end,
    ),
    Mutant(
        "kmixup-tmlr-theorem-3.5",
        "random partners",
        f"{HOME}.clusters.match",
        lambda original: lambda p, q: np.arange(len(p)),
    ),
    Mutant(
        "kmixup-tmlr-figure-5",
        "distances are never squared",
        f"{HOME}.coupling.match",
        lambda original: lambda p, q, power=2.0: original(p, q, 1.0),
    ),
]
