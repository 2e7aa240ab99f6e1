"""The list of statements: complete, found by name, run in any number of processes, and honest about what failed."""

import json
import re
from collections import Counter
from itertools import islice
from pathlib import Path

import contents
import pytest
from contents import ROOT

from mixbook import cli
from mixbook.theory import lines, registry
from mixbook.theory.statement import Comparison, at_most, close, refuted, statement

# Every formal statement of the five papers.
WANTED = {
    "kmixup-tmlr": "Proposition 3.2, Lemma 3.3, Theorem 3.4, Theorem 3.5, Theorem 4.1, Theorem H.1, Lemma H.2, "
    "Algorithm 1, Figure 5",
    "multimix": "Proposition III.1, Proposition III.2",
    "datadep": "Proposition 2.2, Lemma 2.3, Corollary C.1, Proposition 2.5, Theorem 2.7, Proposition 2.8, Assumption 2.9, "
    "Theorem 2.10, Theorem 2.11, Lemma C.2, Claim 1, Claim 2, Theorem 3.2, Lemma E.1, Theorem 3.5, Lemma 3.7, "
    "Corollary 3.8",
    "manifold": "Theorem 1, Corollary 1",
}
KNOWN = registry.all_statements()


def test_no_module_of_checks_is_left_out():
    folder = Path(registry.__file__).parent / "checks"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert modules == {topic.__name__.rpartition(".")[2] for topic in registry.TOPICS}


@pytest.mark.parametrize("paper", WANTED)
def test_every_formal_statement_of_a_paper_is_there(paper):
    there = {each.where for each in KNOWN if each.paper == paper}
    assert set(WANTED[paper].split(", ")) <= there


@pytest.mark.parametrize("each", KNOWN, ids=lambda each: each.name)
def test_its_page_has_the_label(each):
    page, _, label = each.page.partition("#")
    assert (ROOT / "book" / f"{page}.ipynb") in [contents.source(listed) for listed in contents.pages()]
    text = (ROOT / "book" / f"{page}.md").read_text(encoding="utf-8")
    # A statement is a block of its own, which the index of statements lists; a fault of code may be a section.
    here = rf"^(?::label: {re.escape(label)}" + (rf"|\({re.escape(label)}\)=)$" if each.kind == "code" else ")$")
    assert re.search(here, text, re.M), f"{label} is not in {page}.md"


@pytest.mark.slow
@pytest.mark.parametrize("each", KNOWN, ids=lambda each: each.name)
def test_its_check_comes_out_as_the_verdict_says(each):
    outcome = registry.check(each)
    assert outcome.passed, outcome.closest
    assert not (each.as_printed and any(found.counterexample for found in outcome.comparisons))


def test_what_one_batch_contradicts_holds_only_with_a_correction():
    (each,) = registry.find(["multimix-proposition-iii.1"])
    shown = [found.what for found in registry.check(each).comparisons if found.counterexample]
    assert each.verdict == "holds with a correction" and "if and only if Q > 0" in each.instead
    assert len(shown) == 1 and shown[0].startswith("a permuted batch of one")


def test_a_beginning_of_a_name_stands_for_all_that_begin_with_it():
    assert {each.paper for each in registry.find(["datadep"])} == {"datadep"}
    assert [each.where for each in registry.find(["datadep-theorem-2.7"])] == ["Theorem 2.7"]
    with pytest.raises(KeyError, match=r"did you mean .*datadep-theorem-2\.7"):
        registry.find(["datadep-theorem-27"])


def test_the_end_of_one_name_stands_for_it_as_a_reader_would_type_it():
    for typed in ("theorem-2.7", "Theorem 2.7", "datadep Theorem 2.7"):
        assert [each.name for each in registry.find([typed])] == ["datadep-theorem-2.7"]
    with pytest.raises(KeyError, match=r"is the end of kmixup-tmlr-theorem-3\.5 and datadep-theorem-3\.5: which"):
        registry.find(["theorem-3.5"])
    for none in ("heorem-2.7", "", "--"):
        with pytest.raises(KeyError, match="no statement is called"):
            registry.find([none])


@pytest.mark.parametrize("name", ["datadep-lemma-2.3", "datadep-theorem-3.2", "manifold-appendix-f"])
def test_a_statement_is_false_where_one_of_its_conclusions_is(name):
    """Two of them have one conclusion that stands and a continuity that fails: they are judged alike."""
    (each,) = registry.find([name])
    assert each.verdict == "false as printed"
    assert any(found.counterexample for found in registry.check(each).comparisons)


def test_what_is_listed_has_the_keys_and_words_of_what_is_checked(capsys):
    chosen = ["datadep-lemma-2.3", "datadep-figure-3-released-code"]
    cli.main(["theory", "check", *chosen, "--jobs", "1", "--json"])
    checked = json.loads(capsys.readouterr().out)
    cli.main(["theory", "list", "--json"])
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert [listed[name].items() <= row.items() for name, row in zip(chosen, checked, strict=True)] == [True, True]
    verdicts = Counter(row["verdict"] for row in listed.values())
    cli.main(["theory", "list"])
    said = capsys.readouterr().out
    for verdict in ("false as printed", "fault of released code"):
        assert re.search(rf"\b{verdicts[verdict]} {verdict.replace('fault', 'faults')}", said.splitlines()[-1])


def test_processes_give_the_outcomes_of_one():
    few = registry.find(["datadep-theorem-2.7", "datadep-proposition-2.5"])
    one, two = (list(registry.check_all(few, jobs)) for jobs in (1, 2))
    assert [outcome.comparisons for outcome in one] == [outcome.comparisons for outcome in two]
    assert next(islice(registry.check_all(few), 1)).statement == few[0]


def test_the_command_prints_what_was_promised_as_json_and_exits_with_1_where_a_check_fails(capsys, monkeypatch):
    cli.main(["theory", "check", "datadep-theorem-2.7", "--json"])
    (found,) = json.loads(capsys.readouterr().out)
    wanted = {"name", "paper", "statement", "page", "verdict", "passed", "deviation", "tolerance", "seconds"}
    assert wanted <= set(found) and found["passed"] is True
    original = lines.critical_alpha
    monkeypatch.setattr(lines, "critical_alpha", lambda eps: 2 * original(eps))
    with pytest.raises(SystemExit, match="1"):
        cli.main(["theory", "check", "datadep-theorem-2.7", "--jobs", "1"])
    said = capsys.readouterr()
    assert "FAIL datadep-theorem-2.7" in said.out and "did not come out as said" in said.err


@pytest.mark.parametrize("as_json", [False, True])
def test_a_check_that_raises_has_failed_and_keeps_back_no_other(as_json, capsys, monkeypatch):
    def breaks(eps):
        raise ValueError("f(a) and f(b) must have different signs")

    monkeypatch.setattr(lines, "critical_alpha", breaks)
    names = ["datadep-theorem-2.7", "datadep-proposition-2.5"]
    with pytest.raises(SystemExit, match="1"):
        cli.main(["theory", "check", *names, "--jobs", "1", *["--json"] * as_json])
    said = capsys.readouterr()
    assert "1 of 2 checks did not come out as said: datadep-theorem-2.7" in said.err
    why = "the check raised ValueError: f(a) and f(b) must have different signs"
    if as_json:
        failed, passed = json.loads(said.out)
        assert (failed["name"], failed["passed"], failed["compared"]) == (names[0], False, why)
        assert passed["passed"] and len(passed["comparisons"]) > 1
    else:
        assert f"FAIL {names[0]}" in said.out and why in said.out and f"ok   {names[1]}" in said.out
    (raised,), _ = registry._check_by_name(names[0])  # what a process of its own would send back
    assert (raised.what, raised.passed) == (why, False)


def test_a_number_that_came_out_as_none_is_null_in_the_json(capsys, monkeypatch):
    none = Comparison("neither side is a number", deviation=float("nan"), tolerance=1.0)
    monkeypatch.setattr(registry, "check_all", lambda chosen, jobs: [registry.Outcome(chosen[0], (none,), 0.0)])
    with pytest.raises(SystemExit, match="1"):
        cli.main(["theory", "check", "datadep-theorem-2.7", "--jobs", "1", "--json"])
    (found,) = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)  # NaN is no JSON
    assert found["deviation"] is None


def test_a_name_that_is_not_there_is_the_typists_error(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["theory", "check", "no-such-theorem"])
    assert "no statement is called 'no-such-theorem'" in capsys.readouterr().err


def test_its_help_says_that_it_takes_several_names_or_none(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["theory", "check", "--help"])
    said = capsys.readouterr().out
    assert "theory check [-h] [NAME ...]" in said and "(default: all)" in said


def test_the_list_names_every_statement(capsys):
    cli.main(["theory", "list"])
    said = capsys.readouterr().out
    assert all(each.name in said for each in KNOWN)
    cli.main(["theory", "list", "--json"])
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == [each.name for each in KNOWN]


def test_the_list_counts_statements_of_the_papers_and_faults_of_released_code_apart(capsys):
    cli.main(["theory", "list"])
    *rows, _, last = capsys.readouterr().out.splitlines()
    papers, code = last.split("; and ")
    total, verdicts = papers.split(" statements of the papers: ")
    proved = [each for each in KNOWN if each.kind == "statement"]
    assert int(total) == len(proved) and code == f"{len(KNOWN) - len(proved)} faults of released code"
    said = {verdict: int(number) for number, verdict in (part.split(" ", 1) for part in verdicts.split(", "))}
    assert said == Counter(each.verdict.replace("holds", "hold") for each in proved)
    assert sum("fault of released code" in row for row in rows) == len(KNOWN) - len(proved)


def test_comparisons_fail_on_what_is_wrong_and_on_nan():
    assert close("", 1.0, 1.05, 0.1).passed and not close("", 1.0, 1.2, 0.1).passed
    assert not close("", float("nan"), 1.0, 0.1).passed
    assert close("", 1e9, 1e9 + 1, 1e-6, relative=True).passed and not close("", 1e-9, 2e-9, 1e-6, relative=True).passed
    assert at_most("", [1, 2], [1, 3]).passed and not at_most("", [1, 4], [1, 3]).passed
    assert not at_most("", float("nan"), 1).passed
    assert refuted("", 1.0, 2.0, by=0.5).passed and not refuted("", 1.0, 1.2, by=0.5).passed
    assert not refuted("", float("nan"), 1.0, by=0.5).passed
    with pytest.raises(ValueError, match="shapes must be equal"):
        close("", [1.0], [1.0, 2.0], 0.1)
    with pytest.raises(ValueError, match="by must be positive"):
        refuted("", 1.0, 2.0, by=0.0)


def test_a_statement_says_what_holds_instead_where_it_does_not_and_only_there():
    def nothing():
        return [Comparison("", 0.0, 0.0)]

    make = {"paper": "datadep", "where": "Theorem 0", "says": "", "page": "why/mixup#ch-mixup"}
    assert statement(**make, verdict="holds")(nothing).name == "datadep-theorem-0"
    with pytest.raises(ValueError, match="instead"):
        statement(**make, verdict="holds", instead="something else")(nothing)
    with pytest.raises(ValueError, match="instead"):
        statement(**make, verdict="false as printed")(nothing)
    with pytest.raises(ValueError, match="faults of released code, and only they"):
        statement(**make, verdict="false as printed", instead="this", kind="code")(nothing)
    with pytest.raises(ValueError, match="compared nothing"):
        statement(**make, verdict="holds")(lambda: [])()
