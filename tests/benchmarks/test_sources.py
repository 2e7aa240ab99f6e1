"""An experiment that is read from others: no files of its own, and never out of step with them."""

from dataclasses import replace

import pytest
from toy_trial import RUN, TOY

from mixbook.benchmarks import runner
from mixbook.benchmarks.cells import run_missing_cells
from mixbook.benchmarks.results import Results, ResultsError, ResultsInUse, Trial
from mixbook.benchmarks.spec import Cell, Setting

OTHER = replace(TOY, name="other")
READ = replace(TOY, name="read", trial="", sources=(TOY, OTHER), derive="test_sources:sums")


def sums(experiment, cell, found):
    """The errors of both sources, added up."""
    pairs = zip(found["toy"].get(cell, []), found["other"].get(cell, []), strict=False)
    return [Trial(a.number, {"error": a.metrics["error"] + b.metrics["error"]}, 0.0) for a, b in pairs]


def errors(trials):
    return [trial.metrics["error"] for trial in trials]


def test_cells_are_found_in_the_sources_as_far_as_these_have_come(tmp_path, invented):
    read = Results(READ, "laptop", tmp_path)
    assert not read.exists() and read.load() == {}
    first, second = invented(TOY, "laptop", cells=3), invented(OTHER, "laptop", cells=2)
    Results(TOY, "laptop", tmp_path).save(first, [RUN])
    assert read.exists() and read.load() == {}
    Results(OTHER, "laptop", tmp_path).save(second, [RUN, RUN])
    assert {c: errors(t) for c, t in read.load().items()} == {c: [2 * e for e in errors(t)] for c, t in second.items()}
    assert len(read.provenance()["runs"]) == 3


def test_a_source_that_is_run_again_changes_what_is_read(tmp_path, invented):
    for source in (TOY, OTHER):
        Results(source, "laptop", tmp_path).save(invented(source, "laptop"), [RUN])
    read = Results(READ, "laptop", tmp_path)
    before = read.load()
    assert len(read.set_aside()) == 4 and read.load() == {}
    run_missing_cells(read, jobs=1, report=lambda _: None)
    assert set(read.load()) == set(READ.cells)
    assert read.load() != before
    assert not read.csv.exists()


def test_a_source_of_another_protocol_is_refused_for_all_that_reads_it(tmp_path, invented):
    changed = replace(OTHER, settings=(*OTHER.settings, Setting("more", 1, "not there before")))
    Results(changed, "laptop", tmp_path).save(invented(changed, "laptop"), [RUN])
    with pytest.raises(ResultsError, match="other results: protocol more"):
        Results(READ, "laptop", tmp_path).load()


def test_nothing_is_saved_for_what_is_read(tmp_path):
    with pytest.raises(ValueError, match="read from toy and other"):
        Results(READ, "laptop", tmp_path).save({Cell("erm", ""): []}, [])


def test_files_that_are_being_written_are_locked_for_all_that_reads_them(tmp_path):
    read, source = Results(READ, "laptop", tmp_path), Results(OTHER, "laptop", tmp_path)
    with source.lock(), pytest.raises(ResultsInUse, match="another process is running other"), read.lock():
        pass
    twice = replace(READ, name="twice", sources=(OTHER, READ))  # a source may be reached in two ways
    with Results(twice, "laptop", tmp_path).lock(), pytest.raises(ResultsInUse), source.lock():
        pass
    with source.lock():
        pass


def test_a_fresh_run_of_what_is_read_leaves_files_that_are_being_written(tmp_path, invented):
    source = Results(TOY, "laptop", tmp_path)
    source.save(invented(TOY, "laptop"), [RUN])
    with source.lock(), pytest.raises(ResultsInUse):
        runner._prepared(READ, "laptop", tmp_path, True, runner.HERE)
    assert source.csv.exists()
