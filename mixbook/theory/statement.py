"""What a statement of a paper is here: a claim, a verdict, and a check that could have come out otherwise."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

Paper = Literal["kmixup-v1", "kmixup-tmlr", "multimix", "datadep", "manifold"]
Kind = Literal["statement", "number", "code"]  # what a paper proves, what it prints, what its authors released
# All conclusions of a statement that "holds with a correction" stand, once a constant, a step of the proof, or a condition
# on how things are drawn or compared (independent pairs, no ties, the law of lambda) is put right. One that is "false as
# printed" has a conclusion, be it one of several, that must be withdrawn: its check evaluates a counterexample among the
# data, states or networks that the statement is about. Of programs it is said that they have a "fault of released code".
Verdict = Literal[
    "holds",
    "holds with a correction",
    "false as printed",
    "checked by surrogate",
    "cannot be confirmed from print",
    "fault of released code",
]


@dataclass(frozen=True)
class Comparison:
    """Two computations of one thing, and how far they are apart.

    Args:
        what: what was compared, one line for a reader; it may hold the numbers.
        deviation: how far apart, >= 0.
        tolerance: how far apart they may be, >= 0.
        counterexample: whether it shows that what is printed is not so.
    """

    what: str
    deviation: float
    tolerance: float
    counterexample: bool = False

    @property
    def passed(self) -> bool:
        """Whether the deviation is within the tolerance; NaN is not."""
        return self.deviation <= self.tolerance


def close(what: str, ours: ArrayLike, theirs: ArrayLike, tolerance: float, *, relative: bool = False) -> Comparison:
    """Two arrays of one shape agree; with ``relative``, by the largest entry of ``theirs``.

    Example:
        >>> from mixbook.theory.statement import close
        >>> close("1/3 to three digits", 0.333, 1 / 3, tolerance=1e-3).passed
        True
    """
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if ours.shape != theirs.shape or not ours.size:
        raise ValueError(f"{what}: shapes must be equal and not empty, got {ours.shape} and {theirs.shape}")
    scale = np.abs(theirs).max() if relative else 1.0
    return Comparison(what, float(np.abs(ours - theirs).max() / scale), tolerance)


def at_most(what: str, value: ArrayLike, bound: ArrayLike, *, slack: float = 0.0) -> Comparison:
    """``value <= bound`` everywhere, for arrays of one shape.

    The deviation is the largest excess, and ``slack`` is what rounding may add.

    Example:
        >>> from mixbook.theory.statement import at_most
        >>> at_most("a mean under its bound", 0.4, 0.5).passed, at_most("one above it", 0.6, 0.5).passed
        (True, False)
    """
    excess = np.asarray(value, dtype=float) - np.asarray(bound, dtype=float)
    return Comparison(what, float(np.maximum(excess, 0).max()), slack)  # of NaN: NaN, which does not pass


def refuted(what: str, printed: float, actual: float, *, by: float) -> Comparison:
    """A counterexample: what is printed differs from what is so by at least ``by``, far more than rounding.

    The deviation is what is missing to that distance, so 0 where the statement is indeed wrong.

    Example:
        >>> from mixbook.theory.statement import refuted
        >>> refuted("the printed constant", printed=1.0, actual=2.0, by=0.5).passed
        True
    """
    if not by > 0:
        raise ValueError(f"by must be positive, got {by}: a counterexample needs a distance that rounding cannot make")
    missing = by - abs(float(printed) - float(actual))
    return Comparison(what, missing if not missing <= 0 else 0.0, 0.0, counterexample=True)


@dataclass(frozen=True)
class Statement:
    """One statement of a paper, and what became of it.

    Calling it runs its check. Made by :func:`statement`; :mod:`mixbook.theory.registry` finds all of them.

    Args:
        paper: whose, as in ``mixbook/benchmarks/printed``.
        where: "Theorem 2.7", as the paper numbers it.
        says: the claim, in our words, one sentence.
        verdict: whether it holds.
        page: where the book explains it, ``part/name#label``.
        instead: what holds in its place, one or two sentences; empty if it holds as printed.
        check: compares two computations, or more.
        kind: a proved statement, a printed number, or released code.
        also: other places of the same statement, "kmixup-v1 Theorem 1".
    """

    paper: Paper
    where: str
    says: str
    verdict: Verdict
    page: str
    instead: str
    check: Callable[[], Iterable[Comparison]]
    kind: Kind = "statement"
    also: str = ""

    def __post_init__(self) -> None:
        for name, kinds in {"paper": Paper, "verdict": Verdict, "kind": Kind}.items():
            if getattr(self, name) not in get_args(kinds):
                raise ValueError(f"{name} must be one of {get_args(kinds)}, got {getattr(self, name)!r}")
        if (self.kind == "code") != (self.verdict == "fault of released code"):
            raise ValueError(f"{self.name}: faults of released code, and only they, have this verdict, got {self.verdict}")
        if (self.verdict == "holds" and self.instead) or not (self.as_printed or self.instead):
            raise ValueError(f"{self.name}: `instead` says what holds where the print does not, and only there")
        if not re.fullmatch(r"\w+/\w+#[\w-]+", self.page):
            raise ValueError(f"{self.name}: page must be part/name#label, got {self.page!r}")

    @property
    def name(self) -> str:
        """For the command line and for links: ``datadep-theorem-2.7``."""
        return as_name(f"{self.paper} {self.where}")

    @property
    def as_printed(self) -> bool:
        """Whether it holds as it is printed, as far as a computer can see."""
        return self.verdict in ("holds", "checked by surrogate")

    def as_dict(self) -> dict[str, str]:
        """Plain values for JSON, the check left out. ``statement`` is where the paper has it."""
        names = {"statement": "where"} | {name: name for name in ("says", "verdict", "instead", "page", "kind", "also")}
        return {"name": self.name, "paper": self.paper} | {key: getattr(self, name) for key, name in names.items()}

    def __call__(self) -> tuple[Comparison, ...]:
        """Run the check.

        Raises:
            ValueError: if it compared nothing.
        """
        comparisons = tuple(self.check())
        if not comparisons:
            raise ValueError(f"{self.name}: the check compared nothing")
        return comparisons


def as_name(text: str) -> str:
    """Small letters, digits and points, with hyphens for all else.

    Example:
        >>> from mixbook.theory.statement import as_name
        >>> as_name("datadep Theorem 2.7")
        'datadep-theorem-2.7'
    """
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")


def statement(
    paper: Paper,
    where: str,
    says: str,
    *,
    verdict: Verdict,
    page: str,
    instead: str = "",
    kind: Kind = "statement",
    also: str = "",
) -> Callable[[Callable[[], Iterable[Comparison]]], Statement]:
    """Turn a check into a :class:`Statement`, as a decorator: what is claimed above, what is computed below.

    Example:
        >>> from mixbook.theory.statement import close, statement
        >>> @statement("multimix", "eq. 12", "Ten over four is 2.5.",
        ...            verdict="holds", page="how_much/variance#ch-variance")
        ... def halves():
        ...     yield close("both sides", 10 / 4, 2.5, tolerance=1e-12)
        >>> halves.name, [comparison.passed for comparison in halves()]
        ('multimix-eq.-12', [True])
    """

    def make(check: Callable[[], Iterable[Comparison]]) -> Statement:
        return Statement(paper, where, says, verdict, page, instead, check, kind, also)

    return make
