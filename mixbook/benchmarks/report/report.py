"""The report: all claims judged, counted by paper, and how far their comparisons agree with print table by table."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from mixbook.benchmarks.estimate import rounded, with_interval
from mixbook.benchmarks.report.claim import Claim, Verdict
from mixbook.benchmarks.report.claims import claims
from mixbook.benchmarks.report.judge import Gain, Judged, judge
from mixbook.benchmarks.report.stated import Stated, stated_gains

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
PAPERS = ("kmixup-v1", "kmixup-tmlr", "multimix", "datadep", "manifold")


@dataclass(frozen=True)
class Report:
    """Claims, each on each data set and network that it is about, and the gains that are stated as numbers."""

    judged: tuple[Judged, ...]
    stated: tuple[Stated, ...]

    def counts(self) -> list[dict[str, Any]]:
        """How many claims have which verdict, by paper."""
        found = Counter((each.claim.paper, each.verdict) for each in self.judged)
        return [{"paper": paper, **{verdict: found[paper, verdict] for verdict in VERDICTS}} for paper in PAPERS]

    def agreement(self) -> list[dict[str, Any]]:
        """By table: how many of its comparisons go clearly the printed way, clearly the other way, neither, or are not run.

        A comparison that print itself has as equal, or that several claims make, is counted once, and with the first.
        """
        tables: dict[tuple[str, str], dict[object, str]] = {}
        for each in self.judged:
            if each.table:
                of_table = tables.setdefault((each.claim.paper, each.table), {})
                for gain in each.gains:
                    key = (each.dataset, each.model, each.claim.metric, gain.cell, gain.other)
                    of_table.setdefault(key, "not run" if each.surrogate else _agrees(gain))
        return [
            {"paper": paper, "table": table, "comparisons": len(found), **_count(found.values())}
            for (paper, table), found in tables.items()
        ]

    def by_claim(self) -> list[tuple[Claim, list[Judged]]]:
        """The claims in order, each with what it is judged on."""
        found: dict[Claim, list[Judged]] = {}
        for each in self.judged:
            found.setdefault(each.claim, []).append(each)
        return list(found.items())

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``mixbook bench report --json`` prints them."""
        return {
            "scoreboard": self.counts(),
            "tables": self.agreement(),
            "claims": [_plain(each) for each in self.judged],
            "stated_gains": [_plain_stated(each) for each in self.stated],
        }


def report(folder: Path) -> Report:
    """All claims against the results in ``folder`` (``book/results``).

    Raises:
        ResultsError: if results are damaged or belong to another protocol.

    Example:
        >>> from pathlib import Path
        >>> from mixbook.benchmarks.report.report import report
        >>> report(Path("nowhere")).counts()[3]  # a folder with nothing in it
        {'paper': 'datadep', 'reproduced': 0, 'opposite': 0, 'undecided': 0, 'not yet run': 6, 'cannot be run': 0}
    """
    return Report(tuple(each for claim in claims() for each in judge(claim, folder)), tuple(stated_gains(folder)))


def claim_rows(judged: Sequence[Judged]) -> list[dict[str, str]]:
    """Claims as rows of text: what is compared, ours with its 95% interval, print, and the verdict.

    Example:
        >>> from pathlib import Path
        >>> from mixbook.benchmarks.report.report import claim_rows, report
        >>> row = claim_rows(report(Path("nowhere")).judged)[0]
        >>> row["on"], row["printed"], row["verdict"]
        ('one_ring fc_130_120', '+2.23', 'not yet run')
    """
    return [
        {
            "paper": each.claim.paper,
            "where": each.claim.where,
            "claim": each.claim.says,
            "on": " ".join(name for name in (each.dataset, each.model) if name),
            "our gain": with_interval(each.mean, each.half_width, sign="+") if each.done else "",
            "n": str(len(each.values)) if each.done else "",
            "printed": "" if each.printed is None else rounded(each.printed, sign="+"),
            "verdict": _in_words(each),
        }
        for each in judged
    ]


def stated_rows(stated: Sequence[Stated]) -> list[dict[str, str]]:
    """Stated gains as rows of text.

    Example:
        >>> from pathlib import Path
        >>> from mixbook.benchmarks.report.report import report, stated_rows
        >>> row = stated_rows(report(Path("nowhere")).stated)[0]
        >>> row["gain of"], row["printed"], row["verdict"]
        ('kmixup k=16 alpha=64 vs=mixup', '8', 'not yet run')
    """
    return [
        {
            "paper": each.printed.paper,
            "where": each.printed.table.removeprefix("text "),
            "gain of": f"{each.printed.method} {each.printed.params}".replace(";", " "),
            "on": " ".join(name for name in (each.printed.dataset, each.printed.model) if name),
            "printed": each.printed.value,
            "ours": with_interval(each.mean, each.half_width, sign="+"),
            "n": f"{len(each.values)} of {each.of}" if each.of else str(len(each.values) or ""),
            "verdict": each.verdict,
            "size": each.size,
        }
        for each in stated
    ]


def _in_words(each: Judged) -> str:
    if each.cannot:
        return f"cannot be run: {each.cannot.removeprefix('not run: ')}"
    notes = []
    if each.surrogate and each.done:
        notes.append(f"on a stand-in: {each.on_stand_in}")
    elif 0 < each.done < len(each.deciding):
        notes.append(f"{each.done} of {len(each.deciding)} comparisons are there")
    notes += each.notes
    if each.done and each.comparable is False:
        notes.append("ERM is not as printed")
    return each.verdict + (f" ({'; '.join(notes)})" if notes else "")


def _agrees(gain: Gain) -> str:
    if gain.verdict in ("not yet run", "undecided") or not gain.printed:
        return "not run" if gain.verdict == "not yet run" else "undecided"
    return "as printed" if (gain.printed > 0) == (gain.verdict == "reproduced") else "opposite"


def _count(found: Any) -> dict[str, int]:
    counts = Counter(found)
    return {name: counts[name] for name in ("as printed", "opposite", "undecided", "not run")}


def _plain(each: Judged) -> dict[str, Any]:
    gains = [
        {"cell": str(g.cell), "than": str(g.other), "printed": g.printed, "ours": g.mean, "half_width": g.half_width,
         "n": len(g.values), "of": g.of, "decides": g.alike}
        for g in each.gains
    ]  # fmt: skip
    home = {"paper": each.claim.paper, "where": each.claim.where, "claim": each.claim.says, "note": each.claim.note}
    place = {"metric": each.claim.metric, "table": each.table, "dataset": each.dataset, "model": each.model}
    origin = {"experiment": each.experiment, "profile": each.profile, "surrogate": each.surrogate}
    ours = {"printed": each.printed, "ours": each.mean, "half_width": each.half_width, "n": len(each.values)}
    verdict = {"verdict": each.verdict, "on_stand_in": each.on_stand_in, "why": each.cannot}
    return {**home, **place, **origin, "comparable": each.comparable, **ours, **verdict, "comparisons": gains}


def _plain_stated(each: Stated) -> dict[str, Any]:
    row = each.printed
    what = {name: getattr(row, name) for name in ("paper", "table", "dataset", "model", "method", "params", "unit")}
    ours = {"ours": each.mean, "half_width": each.half_width, "n": len(each.values)}
    return {
        **what,
        "experiment": each.experiment,
        "printed": row.number,
        **ours,
        "verdict": each.verdict,
        "size": each.size,
    }
