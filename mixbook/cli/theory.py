"""``mixbook theory``: every formal statement of the papers, its verdict, and its check."""

import os
from collections import Counter
from collections.abc import Callable
from time import perf_counter
from typing import Annotated

from mixbook.benchmarks import BenchmarkError
from mixbook.cli.valid_json import dumps

Commands = dict[str, Callable[..., None]]


class CheckFailed(BenchmarkError):
    """A check did not come out as the verdict says."""

    exit_code = 1


def commands() -> Commands:
    """What the papers prove: the statements, their verdicts, and the checks."""
    from tyro.conf import arg

    from mixbook.benchmarks.tables import columns
    from mixbook.theory import registry

    def list_(*, json: bool = False) -> None:
        """Show every statement and every fault of released code: its name, its verdict, and where the book explains it.

        Args:
            json: print everything as JSON.
        """
        known = registry.all_statements()
        if json:
            print(dumps([each.as_dict() for each in known]))
            return
        print(columns([{"name": each.name, "verdict": each.verdict, "page": each.page} for each in known]))
        found = Counter(each.verdict for each in known)
        faults = found.pop("fault of released code")
        verdicts = ", ".join(f"{number} {verdict.replace('holds', 'hold')}" for verdict, number in found.most_common())
        print(f"\n{found.total()} statements of the papers: {verdicts}; and {faults} faults of released code")

    def check(
        names: Annotated[
            tuple[str, ...], arg(metavar="[NAME ...]", name="names", help_behavior_hint="(default: all)")
        ] = (),
        /,
        *,
        json: bool = False,
        jobs: int = min(2, os.cpu_count() or 1),
    ) -> None:
        """Run the checks: what was computed twice, how far apart it came out, and how far it may. All of them by default.

        Args:
            names: which; a beginning (`datadep`) is all that begin so, an end (`theorem-2.7`) the one that ends so.
            json: print everything as JSON, each comparison included.
            jobs: processes, of one thread each.
        """
        if jobs < 1:
            raise BenchmarkError(f"--jobs must be at least 1, got {jobs}")
        try:
            chosen = registry.find(names) if names else registry.all_statements()
        except KeyError as error:
            raise BenchmarkError(error.args[0]) from None
        start = perf_counter()
        outcomes = []
        for outcome in registry.check_all(chosen, jobs):
            outcomes.append(outcome)
            if not json:
                print(_line(outcome), flush=True)
        if json:
            print(dumps([outcome.as_dict() for outcome in outcomes]))
        failed = [outcome.statement.name for outcome in outcomes if not outcome.passed]
        if failed:
            raise CheckFailed(f"{len(failed)} of {len(outcomes)} checks did not come out as said: {', '.join(failed)}")
        if not json:
            print(f"\n{len(outcomes)} checks came out as said, in {perf_counter() - start:.0f} s")

    def _line(outcome: registry.Outcome) -> str:
        each, closest = outcome.statement, outcome.closest
        mark = "ok  " if outcome.passed else "FAIL"
        found = f"{closest.deviation:.2g} apart, {closest.tolerance:.2g} allowed"
        return f"{mark} {each.name}: {each.verdict} ({outcome.seconds:.1f} s)\n       {closest.what}: {found}"

    return {"list": list_, "check": check}
