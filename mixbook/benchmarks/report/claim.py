"""A claim of a paper as data: which cells it says are better than which, and by what."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.spec import Cell

Verdict = Literal["reproduced", "opposite", "undecided", "not yet run", "cannot be run"]
About = Literal["mean", "each", "some"]


@dataclass(frozen=True)
class Claim:
    """One sentence of a paper that compares cells.

    Args:
        paper: whose.
        where: the sentence, figure or caption that says it.
        says: what it says, in our words.
        better: the cells that it says are better: a method, and parameters that they must have, ``"mixup alpha=1"``; or
            several of these, with ``|`` between.
        than: those that they are better than, written alike; ``"others"`` is every other cell.
        metric: by what.
        sign: 1 if more of it is better, -1 if less.
        about: what goes the claim's way: the ``"mean"`` of the comparisons; ``"each"`` of them, such as "best of all"; or
            ``"some"``, one of those that share the parameters in ``same``, whichever, at each value of these.
        same: parameters that must be equal in the two.
        alike: a measure that the claim holds constant, such as ``xi``; empty for none. Comparisons of cells in which it
            differs by more than half a percent do not decide.
        tables: printed tables, as in ``paper_tables.csv``, whose cells it compares: each data set and network for itself.
        experiments: instead of tables, our experiments for what prints no numbers.
        datasets: of the tables, only these data sets, as printed; empty for all.
        note: what the paper or the book says beside it and no verdict shows, for the reader.

    Example:
        >>> from mixbook.benchmarks.report.claims import claims
        >>> wanted = ("manifold", "Table 6")
        >>> claim = next(each for each in claims() if (each.paper, each.where) == wanted)
        >>> claim.says, claim.better, claim.than, claim.same
        ('Manifold mixup is more accurate than mixup at every alpha.', 'manifold_mixup', 'mixup', ('alpha',))
    """

    paper: str
    where: str
    says: str
    better: str
    than: str
    metric: str
    sign: int
    about: About = "mean"
    same: tuple[str, ...] = ()
    alike: str = ""
    tables: tuple[str, ...] = ()
    experiments: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    note: str = ""

    def pairs(self, cells: Sequence[Cell]) -> list[tuple[Cell, Cell]]:
        """Who is compared with whom among these cells: (said to be better, than). One that lacks its other is left out.

        Raises:
            BenchmarkError: if a cell would be compared with several that the claim does not tell apart.
        """
        first = [cell for cell in cells if any(map(cell.fits, self.better.split("|")))]
        rest = [cell for cell in cells if cell not in first]
        found = []
        for cell in first:
            for than in self.than.split("|"):
                fits = [other for other in rest if than == "others" or other.fits(than)]
                others = [other for other in fits if self._same(cell, other)]
                if len(others) > 1 and than != "others":
                    which = " or ".join(map(str, others))
                    raise BenchmarkError(f"{self.paper}, {self.where}: {cell} could be compared with {which}")
                found += [(cell, other) for other in others]
        return found

    def _same(self, cell: Cell, other: Cell) -> bool:
        first, second = cell.answers(), other.answers()
        return all(name in first and first[name] == second.get(name) for name in self.same)
