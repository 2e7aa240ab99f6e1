"""Checks of when mixup cannot contradict a label (Chidambaram et al. 2022, section 2.4)."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from mixbook.theory import collinearity, laws, vicinal
from mixbook.theory.checks.vicinal import CLASSES, LINE, PLANE, THREE, Restless
from mixbook.theory.statement import Comparison, at_most, close, refuted, statement

# Points on a grid, so that some are on lines by design; the classes take turns.
GRID: list[tuple[int, ...]] = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 2), (5, 1), (0, 3)]
SETS: dict[str, tuple[list[tuple[int, ...]], list[int]]] = {
    "A, B, A on a line": ([(0,), (1,), (2,)], [0, 1, 0]),
    "two points": ([(0,), (1,)], [0, 1]),
    "A, A, B on a line": ([(0,), (1,), (2,)], [0, 0, 1]),
    "a triangle and a point inside": ([(0, 0), (3, 0), (0, 3), (1, 1)], [0, 0, 0, 1]),
    "ten points of two classes": ([(i,) for i in range(10)], [i % 2 for i in range(10)]),
    "ten points of ten classes": ([(i,) for i in range(10)], list(range(10))),
    "eight points of a grid": (GRID, [0, 1, 2, 0, 1, 2, 0, 1]),
}


def count(points: list[tuple[int, ...]], labels: list[int], let_one_in: bool) -> int:
    """Triples x, u, v with x = lambda u + (1 - lambda) v, solving for lambda coordinate by coordinate, in fractions."""
    found = 0
    for x, of_x in zip(points, labels, strict=True):
        for u in points:
            for v, of_v in zip(points, labels, strict=True):
                if of_v == of_x or u == v:
                    continue
                solved = {Fraction(p - r, q - r) for p, q, r in zip(x, u, v, strict=True) if q != r}
                fixed = all(p == r for p, q, r in zip(x, u, v, strict=True) if q == r)
                lam = solved.pop()
                found += not solved and fixed and (0 < lam < 1 or (let_one_in and lam == 1))
    return found


@statement(
    "datadep",
    "Assumption 2.9",
    "A condition that data can meet: no sample x is lambda u + (1 - lambda) v with lambda > 0, u a sample, and v a sample "
    "of another class than x.",
    verdict="false as printed",
    page="why/conflicts#def-collinear",
    instead="As printed, u = x with lambda = 1 breaks it on every data set with two classes. What is meant, and what the "
    "theorem needs, is lambda in (0, 1): x strictly between two samples, one of them of another class.",
)
def assumption_2_9() -> Iterator[Comparison]:
    for name, (points, labels) in SETS.items():
        for let_one_in, reading in ((False, "lambda in (0, 1)"), (True, "lambda in (0, 1]")):
            ours = len(collinearity.violations(np.array(points), np.array(labels), let_one_in=let_one_in))
            yield close(f"triples on {name}, {reading}: {ours}", ours, count(points, labels, let_one_in), 0.0)
    ours = len(collinearity.violations(PLANE, THREE))
    yield close("seven points in general position have none with lambda in (0, 1)", ours, 0, 0.0)
    closed = len(collinearity.violations(PLANE, THREE, let_one_in=True))
    yield refuted(
        f"seven points in general position break it {closed} times already with lambda in (0, 1]", 0, closed, by=1.0
    )


@statement(
    "datadep",
    "Theorem 2.10",
    "Under Assumption 2.9 the mixup-optimal classifier is right and continuous at every sample.",
    verdict="holds with a correction",
    page="why/conflicts#thm-safe",
    instead="It needs the assumption with lambda in (0, 1); continuous means on the set of mixtures, since h is free "
    "elsewhere.",
)
def theorem_2_10() -> Iterator[Comparison]:
    start, end = (rows.ravel() for rows in np.where(~np.eye(7, dtype=bool)))
    for t in (0.1, 0.01, 0.001):
        z = PLANE[start] + t * (PLANE[end] - PLANE[start])
        theirs = np.where(THREE[start] == THREE[end], 1.0, 1 - t)  # one segment passes, so its target is the answer
        for alpha in (0.5, 1.0, 4.0):
            h = vicinal.optimal(PLANE, THREE, z, 0, alpha)[np.arange(42), THREE[start]]
            yield close(f"at a share {t} of all 42 ways out of the samples, alpha = {alpha}", h, theirs, 1e-12)
        h = vicinal.optimal(PLANE, THREE, z, 1e-4 * t, 2.0)[np.arange(42), THREE[start]]
        yield close(f"the same on balls of 1e-4 of that share, t = {t}", h, theirs, 1e-6)
    # No density need be continuous: under a restless one, and under a histogram that jumps close to the samples.
    for law in (Restless(), laws.StepLaw([0, 1e-3, 1e-2, 0.1, 1], [1, 100, 1, 50])):
        for t in (0.1, 0.01, 0.001):
            z = PLANE[start] + t * (PLANE[end] - PLANE[start])
            h = vicinal.optimal(PLANE, THREE, z, 1e-4 * t, law)[np.arange(42), THREE[start]]
            least = np.where(THREE[start] == THREE[end], 1.0, 1 - t)
            yield at_most(
                f"{type(law).__name__}, a share {t} away: what the class of the sample has at least", least, h, slack=1e-4
            )
    # Where the assumption fails, continuity does: next to the middle of A, B, A the optimum forgets B.
    near = vicinal.optimal(LINE, CLASSES, 1 - np.array([0.1, 0.01, 0.001]), 0, 8.0)[:, 1]
    at_it = vicinal.optimal(LINE, CLASSES, [1.0], 0, 8.0)[0, 1]
    yield close("on A, B, A the middle sample itself is right", at_it, 1.0, 0.0)
    yield refuted(
        f"without the assumption h jumps: B has {at_it:.0f} at the sample and {near[-1]:.0e} beside it",
        near[-1],
        at_it,
        by=0.9,
    )
    yield at_most("and less and less towards it", np.diff(near), 0.0)
