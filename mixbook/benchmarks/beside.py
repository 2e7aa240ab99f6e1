"""Pages about tables that may not have been run yet: print beside ours or nothing, and what that makes of each claim."""

from collections.abc import Callable, Sequence
from pathlib import Path

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.compare import Comparison, compare, fullest_results
from mixbook.benchmarks.estimate import UNBROKEN, rounded, with_interval
from mixbook.benchmarks.experiments import get_experiment
from mixbook.benchmarks.report.claim import Verdict
from mixbook.benchmarks.report.claims import claims
from mixbook.benchmarks.report.judge import Judged, judge
from mixbook.benchmarks.results import Results

PENDING = "not run yet on a GPU"
IN_PART = "not run in full yet on a GPU"  # some of the cells that it compares are there
_WORDS: dict[Verdict, str] = {
    "reproduced": "yes",
    "opposite": "no",
    "undecided": "cannot be told",
    "not yet run": PENDING,
    "cannot be run": "cannot be run",
}


def beside(name: str, folder: Path) -> list[Comparison]:
    """The printed values of an experiment beside our fullest results of it, or beside nothing.

    Raises:
        BenchmarkError: if there is no such experiment.
        ResultsError: if results are damaged or belong to another protocol.
    """
    experiment = get_experiment(name)
    try:
        results = fullest_results(experiment, folder)
    except BenchmarkError:
        results = Results(experiment, experiment.to_show[0], folder)
    return compare(results)


def grid(
    comparisons: Sequence[Comparison],
    row: Callable[[Comparison], str],
    column: Callable[[Comparison], str],
    name: str = "",
) -> list[dict[str, str]]:
    """Values as a table: print, and ours in brackets where there is one.

    Args:
        comparisons: in the order in which rows and columns first appear.
        row, column: where a value stands.
        name: heading of the names of rows.
    """
    columns = list(dict.fromkeys(map(column, comparisons)))
    lines: dict[str, dict[str, str]] = {}
    for each in comparisons:
        line = lines.setdefault(row(each), dict.fromkeys(columns, ""))
        line[column(each)] = each.printed.value + ("" if each.mean is None else f" ({rounded(each.mean)})")
    return [{name: heading, **line} for heading, line in lines.items()]


def claim_rows(paper: str, tables: Sequence[str], folder: Path) -> list[dict[str, str]]:
    """The claims of a paper about some of its tables, each on each data set and network: the gain in print, and ours.

    What no row has anything to say on, such as our gains before any run, is no column.

    Raises:
        ResultsError: if results are damaged or belong to another protocol.
    """
    about = [claim for claim in claims() if claim.paper == paper and set(claim.tables) & set(tables)]
    rows = [_claim_row(judged) for claim in about for judged in judge(claim, folder)]
    told = [name for name in (rows[0] if rows else ()) if any(row[name] for row in rows)]
    return [{name: row[name] for name in told} for row in rows]


def _claim_row(judged: Judged) -> dict[str, str]:
    stands = IN_PART if judged.verdict == "not yet run" and judged.profile else _WORDS[judged.verdict]
    if judged.verdict == "undecided" and len(judged.values) == 1:
        stands += " (one trial)"
    if judged.comparable is False and judged.values:
        stands += "; plain training is not as printed"
    if judged.notes:
        stands += f" ({'; '.join(judged.notes)})"
    return {
        "where": judged.table,
        "claim": judged.claim.says,
        "on": ", ".join(part for part in (judged.dataset, judged.model) if part),
        "printed gain": "" if judged.printed is None else rounded(judged.printed),
        "ours": with_interval(judged.mean, judged.half_width, mark=UNBROKEN),
        "n": str(len(judged.values)) if judged.values else "",
        "does it stand?": stands,
    }
