"""Results files: what goes in comes out, and what cannot be trusted is refused and kept."""

import json
import math
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_trial import RUN, TOY

import mixbook
from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks import results as results_module
from mixbook.benchmarks.results import Results, ResultsError, Trial, skipping
from mixbook.benchmarks.spec import Cell, Setting
from mixbook.whole_file import write_whole


def finished(cells):
    return {**RUN, "cells": [str(cell) for cell in cells]}


@pytest.fixture
def results(tmp_path, invented):
    saved = Results(TOY, "laptop", tmp_path)
    saved.save(invented(TOY, "laptop", cells=4), [RUN])
    return saved


def test_what_was_saved_is_loaded(results, invented):
    assert results.load() == invented(TOY, "laptop", cells=4)
    assert results.provenance()["runs"] == [RUN]


def test_the_order_of_lines_changes_nothing(results, invented):
    head, *lines = results.csv.read_text().splitlines(keepends=True)
    results.csv.write_text(head + "".join(lines[::-1]))
    assert results.load() == invented(TOY, "laptop", cells=4)


def test_trials_of_a_cell_with_other_metrics_are_refused(results):
    lines = results.csv.read_text().splitlines(keepends=True)
    lines.remove(next(line for line in lines if ",1,1,nll," in line))
    results.csv.write_text("".join(lines))
    with pytest.raises(ResultsError, match="must have the same metrics in every trial"):
        results.load()


def test_nothing_there_is_no_error(tmp_path):
    assert Results(TOY, "laptop", tmp_path).load() == {}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(keep=st.floats(0, 1))
def test_a_cut_file_is_refused_or_holds_whole_cells_only(results, invented, keep):
    whole = invented(TOY, "laptop", cells=4)
    results.save(whole, [RUN])
    text = results.csv.read_text()
    results.csv.write_text(text[: int(keep * len(text))])
    try:
        loaded = results.load()
    except ResultsError:
        return
    assert loaded.items() <= whole.items()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.replace("experiment,", "experiments,", 1), "name the columns"),
        (lambda text: text.replace(",5.0,", ",inf,", 1), "must be finite"),
        (lambda text: text.replace(",5.0,", ",five,", 1), "could not convert"),
        (lambda text: text.replace("toy,", "other,", 1), "belongs to no cell"),
        (lambda text: text.replace(",iris,", ",mnist,", 1), "must be of iris and .*, got mnist"),
        (lambda text: text.replace(f",{TOY.model},", ",lenet,", 1), "must be of iris and .*, got iris and lenet"),
        (lambda text: text.replace(",1,1,error", ",1,2,error", 1), "the number of its trial as its seed, got 1 and 2"),
        (lambda text: text + text.splitlines()[1] + "\n", "repeats"),
        (lambda text: "", "does not end"),
        (lambda text: text.replace("iris", '"iris', 1), "line 2 is no row of a CSV file"),
        (lambda text: text.replace("experiment,", '"experiment"x,', 1), "line 1 is no row of a CSV file"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong_and_left_alone(results, damage, said):
    damaged = damage(results.csv.read_text())
    results.csv.write_text(damaged)
    with pytest.raises(ResultsError, match=said) as caught:
        results.check_resumable()
    assert str(results.csv) in str(caught.value)
    assert "--fresh" in str(caught.value)
    assert results.csv.read_text() == damaged


MERGED_BY_HAND = ['{"runs": []}', '{"mixbook": "1", "runs": [1]}', '{"mixbook": "1", "runs": [{}]}']


@pytest.mark.parametrize("content", ["", "{", "[]", '{"runs": 3}', *MERGED_BY_HAND])
def test_damaged_provenance_is_refused(results, content):
    results.json.write_text(content)
    with pytest.raises(ResultsError, match=r"laptop\.json is damaged"):
        results.load()


@pytest.mark.parametrize("missing", RUN)
def test_a_run_that_does_not_say_what_the_origin_tells_is_damage_and_set_aside(results, missing):
    found = json.loads(results.json.read_text())
    found["runs"] = [RUN, {name: value for name, value in RUN.items() if name != missing}]
    results.json.write_text(json.dumps(found))
    with pytest.raises(ResultsError, match=rf"laptop\.json is damaged .*{missing}"):
        results.origin()
    assert [path.name for path in results.recover()] == ["laptop.csv.old1", "laptop.json.corrupt1"]


@pytest.mark.parametrize("name", ["laptop.csv", "laptop.json", "laptop.begun.csv"])
def test_a_folder_in_the_place_of_a_file_is_named_and_left_alone(results, name):
    path = results.csv.with_name(name)
    path.unlink(missing_ok=True)
    path.mkdir()
    with pytest.raises(ResultsError, match=rf"{name} cannot be read \(Is a directory\)"):
        results.make_ready(print)
    assert path.is_dir()


def test_results_in_a_folder_that_may_not_be_looked_into_are_named(results, monkeypatch):
    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched, pytest.raises(ResultsError, match=r"laptop\.csv cannot be read \(Permission"):
        patched.setattr(Path, "exists", refused)
        results.load()
    monkeypatch.setattr(Path, "replace", lambda path, _: refused(path))
    with pytest.raises(ResultsError, match=r"cannot rename .*laptop\.csv to laptop\.csv\.old1 \(Permission denied\)"):
        results.set_aside()


def test_results_without_provenance_are_refused(results):
    results.json.unlink()
    with pytest.raises(ResultsError, match=r"laptop\.json is missing"):
        results.load()


def test_another_protocol_is_refused_and_the_difference_named(results, tmp_path):
    changed = tuple(
        Setting(s.name, 32, s.why) if s.name == "batch_size" else replace(s, why="other words") for s in TOY.settings
    )
    with pytest.raises(ResultsError, match="protocol batch_size is 16 there, 32 now") as caught:
        Results(replace(TOY, settings=changed), "laptop", tmp_path).load()
    assert "why" not in str(caught.value)
    assert str(caught.value).count(" now") == 1


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ((*TOY.cells[1:], Cell("mine", "k=2")), f"cells: only there: {TOY.cells[0]}; only now: mine k=2. "),
        (TOY.cells[:-1], f"cells: only there: {TOY.cells[-1]}. "),
        (TOY.cells[7:], f"cells: only there: {', '.join(map(str, TOY.cells[:5]))} and 2 more. "),
        (TOY.cells[::-1], "cells are the same in another order. "),
    ],
)
def test_of_another_grid_what_differs_is_named_and_a_way_out_that_works(results, tmp_path, cells, said):
    other = Results(replace(TOY, own_cells=cells), "laptop", tmp_path)
    with pytest.raises(ResultsError) as refused:
        other.make_ready(lambda line: None)
    assert f"laptop.json belongs to other results: {said}" in str(refused.value)
    assert "`mixbook bench run toy --profile laptop --fresh`" in str(refused.value)
    assert "--profile laptop`" not in str(refused.value)  # which was just refused


def test_another_number_of_epochs_is_refused(results, tmp_path):
    longer = {**TOY.profiles, "laptop": replace(TOY.profiles["laptop"], epochs=9)}
    with pytest.raises(ResultsError, match="profile epochs is 1 there, 9 now"):
        Results(replace(TOY, profiles=longer), "laptop", tmp_path).load()


def test_results_of_another_version_are_read_but_not_added_to(results, monkeypatch):
    version = mixbook.__version__
    monkeypatch.setattr(mixbook, "__version__", "99.0")
    assert len(results.load()) == 4
    with pytest.raises(ResultsError, match=rf"made by mixbook {version}.*99\.0.*--profile laptop --fresh`"):
        results.check_resumable()


def test_what_a_diverged_network_scores_is_kept(tmp_path):
    results = Results(TOY, "laptop", tmp_path)
    trials = [
        Trial(n, {"error": 90.0, "nll": math.nan if n == 1 else 0.5, "diverged": float(n == 1)}, 1.0) for n in range(3)
    ]
    results.save({TOY.cells[0]: trials}, [])
    (found,) = results.load().values()
    assert [math.isnan(trial.metrics["nll"]) for trial in found] == [False, True, False]


def test_trials_of_cells_that_are_begun_lie_apart_until_the_cells_are_whole(tmp_path, invented):
    results, cells = Results(TOY, "laptop", tmp_path), invented(TOY, "laptop", cells=3)
    first, *others = cells
    begun = {first: [cells[first][2]]}
    results.save({cell: cells[cell] for cell in others}, [RUN], begun)
    assert results.load() == {cell: cells[cell] for cell in others}
    assert results.begun() == begun
    results.save(cells, [RUN], begun)  # as a run leaves it that is killed between two files
    assert results.load() == cells and results.begun() == {}
    results.save(cells, [RUN])
    assert not results.begun_csv.exists()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.replace(",2,2,error,", ",3,3,error,"), "may have the trials 0 to 2"),
        (lambda text: text[:-5], "does not end"),
    ],
)
def test_damage_to_what_is_begun_is_found_and_set_aside_alone(results, invented, damage, said):
    cells = invented(TOY, "laptop", cells=5)
    *whole, begun = cells
    results.save({cell: cells[cell] for cell in whole}, [RUN], {begun: cells[begun][2:]})
    results.begun_csv.write_text(damage(results.begun_csv.read_text()))
    with pytest.raises(ResultsError, match=said):
        results.begun()
    (aside,) = results.recover()
    assert aside.name == "laptop.begun.csv.corrupt1"
    assert len(results.load()) == 4 and results.begun() == {}


def cut(text):
    return text[:-20]


def without_first_digit_of(cell):
    return lambda text: text.replace(f",{cell.method},{cell.params},1,1,", f",{cell.method},{cell.params},,1,", 1)


def lines_of(text, cell):
    return [line for line in text.splitlines(keepends=True) if f",{cell.method},{cell.params}," in line]


FIRST, SECOND, THIRD, FOURTH = TOY.cells[:4]


@pytest.mark.parametrize(
    ("damage", "kept"),
    [
        (cut, [FIRST, SECOND, THIRD]),
        (lambda text: text[:-1], [FIRST, SECOND, THIRD]),  # the last number may have had more digits
        (without_first_digit_of(SECOND), [FIRST, THIRD, FOURTH]),
        (lambda text: text + lines_of(text, FIRST)[0], [SECOND, THIRD]),  # twice, and who knows what it was behind the last
        (lambda text: text.replace("toy,", "tox,", 1), [SECOND, THIRD, FOURTH]),
        (lambda text: text.replace(lines_of(text, THIRD)[0], "<<<<<<< mine\n"), [FIRST, FOURTH]),  # may be the second's
        (lambda text: text.replace(lines_of(text, THIRD)[1], ""), [FIRST, SECOND, FOURTH]),
        (lambda text: text.replace(f",{SECOND.params},", f',"{SECOND.params},', 1), [THIRD, FOURTH]),
        (lambda text: text.replace(f",{FOURTH.params},0", f",{FOURTH.params},0\0", 1), [FIRST, SECOND]),
    ],
)
def test_of_a_damaged_csv_the_sound_cells_are_kept_and_the_others_named_once(results, invented, damage, kept):
    cells = invented(TOY, "laptop", cells=4)
    results.save(cells, [finished(cells)])
    results.csv.write_text(damage(results.csv.read_text()))
    damaged, said = results.csv.read_bytes(), []
    results.make_ready(said.append)
    (line,) = said
    aside = results.csv.with_name("laptop.csv.corrupt1")
    assert aside.read_bytes() == damaged and f"set aside as {aside}: {len(kept)} cells of it are sound and kept" in line
    assert results.load() == {cell: cells[cell] for cell in kept} and results.lost() == []
    assert all((str(cell) in line) == (cell not in kept) for cell in cells)
    results.make_ready(said.append)
    assert len(said) == 1


def test_a_cell_of_one_trial_is_not_taken_for_whole_where_a_line_of_it_is_lost(tmp_path, invented):
    single = replace(TOY, profiles={**TOY.profiles, "laptop": replace(TOY.profiles["laptop"], trials=1)})
    results, cells = Results(single, "laptop", tmp_path), invented(single, "laptop", cells=3)
    results.save(cells, [finished(cells)])
    results.csv.write_text(cut(results.csv.read_text()))
    results.recover()
    assert list(results.load()) == [FIRST, SECOND]


def test_a_damaged_csv_without_a_sound_cell_is_set_aside_with_what_is_of_no_use_without_it(results):
    results.csv.write_text(results.csv.read_text().replace("experiment,", "experiments,", 1))
    damaged = results.csv.read_bytes()
    aside = results.recover()
    assert [path.name for path in aside] == ["laptop.csv.corrupt1", "laptop.json.corrupt1"]
    assert aside[0].read_bytes() == damaged
    assert results.load() == {} and results.recover() == []


def test_trials_of_sound_cells_that_are_begun_are_kept_too(results, invented):
    cells = invented(TOY, "laptop", cells=6)
    whole, begun = dict(list(cells.items())[:4]), {cell: cells[cell][:2] for cell in TOY.cells[4:6]}
    results.save(whole, [finished(whole)], begun)
    for path in (results.csv, results.begun_csv):
        path.write_text(cut(path.read_text()))
    said = []
    results.make_ready(said.append)
    assert [FOURTH not in results.load(), results.begun()] == [True, {TOY.cells[4]: begun[TOY.cells[4]]}]
    assert ["laptop.csv.corrupt1" in said[0], "laptop.begun.csv.corrupt1" in said[1], len(said)] == [True, True, 2]


def test_damaged_results_can_be_left_out_where_those_of_many_are_read(results, tmp_path, invented):
    other = Results(replace(TOY, name="other"), "laptop", tmp_path)
    other.save(invented(TOY, "laptop", cells=2), [RUN])
    results.csv.write_text(cut(results.csv.read_text()))
    with skipping() as unusable:
        assert (results.load(), results.load(), len(other.load())) == ({}, {}, 2)
    (why,) = unusable
    assert f"{results.csv} is damaged or cut short" in why and "mixbook bench run toy --profile laptop" in why
    with pytest.raises(ResultsError):
        results.load()


@pytest.mark.parametrize("missing", [False, True])
def test_a_whole_csv_beside_a_damaged_json_keeps_a_name_of_its_own_and_can_be_used_again(results, invented, missing):
    cells = invented(TOY, "laptop", cells=4)
    last = invented(TOY, "laptop", cells=5).popitem()
    results.save(cells, [RUN], {last[0]: last[1][:2]})
    origin = results.json.read_text()
    results.json.unlink() if missing else results.json.write_text(origin[:-20])
    said = []
    results.make_ready(said.append)
    assert results.load() == {} and not results.begun()
    assert sum("damaged results were set aside" in line and "laptop.json.corrupt1" in line for line in said) == (
        not missing
    )
    for name in ("laptop.csv", "laptop.begun.csv"):
        (line,) = (line for line in said if line.startswith(f"{name} is whole, but laptop.json"))
        assert line.endswith(f"restore laptop.json from version control and rename {name}.old1 to {name}")
        results.csv.with_name(f"{name}.old1").rename(results.csv.with_name(name))
    results.json.write_text(origin)
    assert results.load() == cells and len(results.begun()) == 1


def test_a_damaged_csv_beside_a_damaged_json_is_not_called_whole(results):
    results.csv.write_text(results.csv.read_text()[:-20])
    results.json.write_text("")
    assert [path.name for path in results.recover()] == ["laptop.csv.corrupt1", "laptop.json.corrupt1"]


def test_results_of_another_protocol_are_not_taken_for_damaged_ones(results, tmp_path):
    other = Results(replace(TOY, settings=TOY.settings[1:]), "laptop", tmp_path)
    with pytest.raises(ResultsError, match="belongs to other results"):
        other.recover()
    assert results.load()


LONGER = replace(TOY, profiles={**TOY.profiles, "laptop": replace(TOY.profiles["laptop"], trials=5)})


def test_results_with_fewer_trials_are_read_and_become_the_beginning_of_more(results, tmp_path, invented):
    cells = invented(TOY, "laptop", cells=4)
    *_, last = TOY.cells
    run = finished(cells)
    results.save(cells, [run], {last: invented(TOY, "laptop")[last][:1]})
    longer = Results(LONGER, "laptop", tmp_path)
    assert longer.load() == cells
    assert longer.extend() == 4
    assert longer.load() == {} and longer.provenance()["profile"]["trials"] == 5
    assert {cell: len(trials) for cell, trials in longer.begun().items()} == {**dict.fromkeys(cells, 3), last: 1}
    assert longer.provenance()["runs"] == [run] and longer.lost() == []
    assert longer.extend() == 0 and len(longer.begun()) == 5


@pytest.mark.parametrize("written", [0, 1, 2])
def test_extending_that_is_stopped_between_two_files_loses_nothing(results, tmp_path, invented, monkeypatch, written):
    write, calls = results_module.write_whole, []

    def stopped(path, text):
        calls.append(path)
        if len(calls) > written:
            raise OSError(28, "No space left on device")
        write(path, text)

    longer = Results(LONGER, "laptop", tmp_path)
    with monkeypatch.context() as patched, pytest.raises(BenchmarkError, match="No space left"):
        patched.setattr(results_module, "write_whole", stopped)
        longer.extend()
    assert longer.recover() == []
    longer.extend()
    assert longer.begun() == invented(TOY, "laptop", cells=4)


def test_a_csv_that_is_missing_beside_a_json_that_names_its_cells_is_damage(results, invented):
    cells = invented(TOY, "laptop", cells=4)
    results.save(cells, [finished(cells)])
    results.csv.unlink()
    with pytest.raises(
        ResultsError, match=rf"laptop\.csv is missing, and laptop\.json says that it holds {TOY.cells[0]}, "
    ):
        results.load()
    said = []
    results.make_ready(said.append)
    assert "laptop.json.corrupt1" in " ".join(said) and not results.exists()


def test_cells_that_are_cut_off_are_named_once_and_then_forgotten(results, invented):
    cells = invented(TOY, "laptop", cells=4)
    *kept, last = cells
    results.save(cells, [RUN, finished(kept), finished([last])])
    assert results.lost() == []
    first = results.csv.read_text().index(f",{last.method},{last.params},")
    results.csv.write_text(results.csv.read_text()[: results.csv.read_text().rindex("\n", 0, first) + 1])
    assert results.lost() == [str(last)] and set(results.load()) == set(kept)
    said = []
    for _ in range(2):
        results.make_ready(said.append)
    assert len(said) == 1 and f"laptop.json names what laptop.csv does not hold: {last}. " in said[0]
    assert results.provenance()["runs"] == [RUN, finished(kept), finished([])]


@pytest.mark.parametrize("earlier", [0, 2])
@pytest.mark.parametrize("written", range(5))
def test_a_run_that_is_killed_between_two_files_leaves_no_damage(tmp_path, invented, monkeypatch, earlier, written):
    results, cells, write, calls = Results(TOY, "laptop", tmp_path), invented(TOY, "laptop"), write_whole, []
    before = dict(list(cells.items())[:earlier])
    if before:
        results.save(before, [finished(before)])

    def killed(path, text):
        calls.append(path)
        if len(calls) > written:
            raise KeyboardInterrupt
        write(path, text)

    with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
        patched.setattr(results_module, "write_whole", killed)
        results.save(cells, [finished(before), finished([cell for cell in cells if cell not in before])])
    assert results.load() in (before, cells) and results.recover() == []
    results.make_ready(lambda _: None)
    named = {name for run in results.provenance()["runs"] for name in run["cells"]} if results.exists() else set()
    assert results.lost() == [] and named == set(map(str, results.load()))


def test_results_with_more_trials_than_asked_for_are_refused(results, tmp_path):
    shorter = replace(TOY, profiles={**TOY.profiles, "laptop": replace(TOY.profiles["laptop"], trials=2)})
    with pytest.raises(ResultsError, match="trials is 3 there, 2 now"):
        Results(shorter, "laptop", tmp_path).extend()


def test_a_failed_write_leaves_what_was_there(results, invented, monkeypatch):
    before = results.csv.read_text()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(BenchmarkError, match=r"No space left.*unchanged"):
        results.save(invented(TOY, "laptop"), [])
    assert results.csv.read_text() == before
    assert len(results.load()) == 4


def test_a_folder_that_cannot_be_written_is_named(tmp_path, invented):
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchmarkError, match=r"cannot write results to .*file"):
        Results(TOY, "laptop", tmp_path / "file").save({}, [])


def test_set_aside_keeps_the_old_files_under_new_names(results):
    old = results.csv.read_text()
    first = results.set_aside()
    assert not results.exists()
    results.save({}, [])
    second = results.set_aside()
    assert first[0].read_text() == old
    assert not set(first) & set(second)
    assert all(isinstance(path, Path) and path.exists() for path in [*first, *second])


def of_run(day: int, *machines: dict[str, str], **more: object) -> dict[str, object]:
    plain = {name: value for name, value in RUN.items() if name not in ("processor", "device")}
    return {**plain, "started": f"2026-11-{day}T12:00", **machines[0], "machines": list(machines), **more}


def test_how_results_were_made_says_what_the_note_of_their_profile_says(tmp_path, invented, monkeypatch):
    monkeypatch.setitem(TOY.profiles, "laptop", replace(TOY.profile("laptop"), note="half of it was decided on later"))
    said = f"`mixbook bench run {TOY.name} --profile laptop`: half of it was decided on later"
    results = Results(TOY, "laptop", tmp_path)
    assert results.how_made() == f"{said}. Not run yet"
    results.save(invented(TOY, "laptop"), [of_run(20, {"device": "cpu", "processor": "Old"})])
    assert results.how_made() == f"{said}. {results.origin()}"


@pytest.mark.parametrize(
    "page", sorted((Path(__file__).parents[2] / "book" / "evidence").glob("*.md")), ids=lambda p: p.stem
)
def test_a_page_of_evidence_that_says_when_results_were_made_shows_the_notes_of_their_profiles(page):
    text = page.read_text(encoding="utf-8")
    if ".origin()" in text:
        assert re.search(r"how_made\(\)|profile\([^\n]*\)\.note|profiles\[[^\]]+\]\.note", text)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.04, "0.04 s"), (0.99, "1 s"), (9.3, "9 s"), (119.0, "119 s"), (120.0, "2 min"), (1833.0, "31 min")],
)
def test_the_origin_says_seconds_where_minutes_would_round_them_away(results, invented, seconds, said):
    halves = [of_run(day, {"device": "cpu", "processor": "Old"}, seconds=seconds / 2) for day in (20, 21)]
    results.save(invented(TOY, "laptop"), halves)
    assert results.origin().endswith(f"1 thread, {said}")


def test_the_origin_names_the_devices_of_all_runs_and_their_precision_where_it_is_known(results, invented):
    cells = invented(TOY, "laptop", cells=4)
    gpu, cpu = {"device": "Large", "processor": "Host"}, {"device": "cpu", "processor": "Old"}

    def origin(*runs) -> str:
        results.save(cells, list(runs))
        return results.origin()

    both = "2026-11-21, commit 01234567, torch 2, Large and Old, 2 processes of 1 thread"
    old = {name: value for name, value in of_run(20, gpu).items() if name != "machines"}
    assert origin(old, of_run(21, cpu)) == f"{both}, 2 min"
    bf16, fp32 = {**gpu, "precision": "bf16"}, {**cpu, "precision": "fp32"}
    assert origin(of_run(20, bf16), of_run(21, fp32)) == f"{both}, products in bf16 and fp32, 2 min"
    assert origin(of_run(20, bf16), of_run(21, cpu)) == f"{both}, 2 min"  # not known of the second
    assert "Large, 2 processes of 1 thread, products in bf16, 60 s" in origin(of_run(20, bf16))
    assert "by slurm on Old and Large, products in bf16 and fp32" in origin(of_run(20, fp32, bf16, on="slurm"))


def test_the_json_file_is_plain_and_complete(results):
    found = json.loads(results.json.read_text())
    assert found["protocol"]["batch_size"] == TOY["batch_size"]
    assert found["cells"] == [str(cell) for cell in TOY.cells]
