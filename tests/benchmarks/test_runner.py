"""From the command to a results file, through the notebook."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import nbformat
import pytest
from test_cells import until
from toy_trial import TOY

from mixbook import cli
from mixbook.benchmarks import BenchmarkError, runner
from mixbook.benchmarks.experiments import get_experiment
from mixbook.benchmarks.home import NOTEBOOKS, RESULTS, results_folder
from mixbook.benchmarks.run_all import run_all

ROOT = Path(__file__).parents[2]
IRIS = get_experiment("kmixup-tmlr-table5-iris")
LIKE = replace(IRIS, name="like-iris")


def book_in(folder):
    shutil.copytree(ROOT / NOTEBOOKS, folder / NOTEBOOKS)
    return folder


@pytest.fixture
def book(tmp_path):
    return book_in(tmp_path)


def remove_notebook(experiment, book):
    (book / NOTEBOOKS / experiment.notebook).unlink()


def test_a_smoke_run_goes_through_the_notebook_and_is_not_kept(book, capfd):
    results = runner.run(IRIS, "smoke", book, jobs=1)
    assert set(results.load()) == set(IRIS.selected("smoke"))
    assert not (book / RESULTS).exists()
    assert (book / "_build" / "benchmarks" / f"{IRIS.name}-smoke.ipynb").is_file()
    said = capfd.readouterr().out
    assert said.count("left") == len(IRIS.selected("smoke"))
    assert (book / NOTEBOOKS / IRIS.notebook).read_text() == (ROOT / NOTEBOOKS / IRIS.notebook).read_text()


def test_results_of_another_protocol_stop_a_run_before_it_starts(book, monkeypatch, invented):
    other = replace(IRIS, settings=IRIS.settings[1:])
    results = runner.Results(other, "laptop", results_folder(book, "laptop"))
    results.save(invented(other, "laptop", 2), [])
    before = results.csv.read_text()
    monkeypatch.setattr(runner, "_execute", lambda *_: pytest.fail("it started"))
    with pytest.raises(BenchmarkError, match="belongs to other results"):
        runner.run(IRIS, "laptop", book)
    assert results.csv.read_text() == before


def test_damaged_results_are_named_and_set_aside_and_the_run_goes_on(book, executed, capsys, invented):
    results = runner.Results(IRIS, "laptop", results_folder(book, "laptop"))
    results.save(invented(IRIS, "laptop", 2), [])
    results.csv.write_text("half a l")
    assert runner.run(IRIS, "laptop", book).load() == {}
    assert "laptop.csv.corrupt1" in capsys.readouterr().out
    assert results.csv.with_name("laptop.csv.corrupt1").read_text() == "half a l"
    assert executed


@pytest.fixture
def executed(monkeypatch):
    """Notebooks are not executed: their parameters are written down instead."""
    calls = []

    def execute(notebook, target, parameters):
        calls.append(parameters)
        target.write_text(notebook.read_text())

    monkeypatch.setattr(runner, "_execute", execute)
    return calls


def test_fresh_keeps_what_was_there_under_another_name(book, executed, invented):
    results = runner.Results(IRIS, "laptop", results_folder(book, "laptop"))
    results.save(invented(IRIS, "laptop", 2), [])
    old = results.csv.read_text()
    assert len(runner.run(IRIS, "laptop", book).load()) == 2
    assert runner.run(IRIS, "laptop", book, fresh=True).load() == {}
    assert [path.read_text() for path in results.csv.parent.glob("laptop.csv.old*")] == [old]


def test_fresh_sets_nothing_aside_where_it_cannot_run(book, monkeypatch, no_data, invented):
    abalone = get_experiment("kmixup-tmlr-table5-abalone")
    results = runner.Results(abalone, "laptop", results_folder(book, "laptop"))
    results.save(invented(abalone, "laptop", 2), [])
    with pytest.raises(BenchmarkError, match="mixbook data get abalone"):
        runner.run(abalone, "laptop", book, fresh=True)
    assert len(results.load()) == 2
    on_iris = runner.Results(IRIS, "laptop", results_folder(book, "laptop"))
    on_iris.save(invented(IRIS, "laptop", 2), [])
    with pytest.raises(BenchmarkError, match="one trial of one cell takes about 2 s"):
        runner.run(IRIS, "laptop", book, fresh=True, place=runner.Place(budget=1.0))
    assert len(on_iris.load()) == 2


def test_fresh_with_a_budget_is_the_way_out_of_damaged_results(book, executed, invented):
    results = runner.Results(IRIS, "laptop", results_folder(book, "laptop"))
    results.save(invented(IRIS, "laptop"), [])
    with pytest.raises(BenchmarkError, match="one trial of one cell takes about 2 s"):  # also where none is missing
        runner.run(IRIS, "laptop", book, fresh=True, place=runner.Place(budget=1.0))
    results.json.write_text("{")
    assert runner.run(IRIS, "laptop", book, fresh=True, place=runner.Place(budget=60.0)).load() == {}


def test_a_failing_notebook_says_what_failed_and_where_to_look(book):
    notebook = book / NOTEBOOKS / IRIS.notebook
    notebook.write_text(notebook.read_text().replace("results = Results(", "results = Resultz("))
    with pytest.raises(runner.RunFailed, match=r"NameError.*Resultz(.|\n)*smoke\.ipynb"):
        runner.run(IRIS, "smoke", book, jobs=1)


SHOWS = """
import mixbook
from mixbook.data import store
print(store.root())
print(mixbook.__file__)
"""


@pytest.mark.parametrize(("variable", "below"), [("MIXBOOK_DATA", ""), ("XDG_CACHE_HOME", "mixbook")])
def test_the_notebook_finds_the_data_and_the_package_that_the_command_finds(tmp_path, variable, below):
    """Also from a relative path, and where another mixbook is installed."""
    clone, folder = tmp_path / "clone", tmp_path / "book" / "benchmarks"
    shutil.copytree(ROOT / "mixbook", clone / "mixbook", ignore=shutil.ignore_patterns("__pycache__"))
    folder.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SHOWS)]), folder / "table.ipynb")
    code = "import sys; from pathlib import Path; from mixbook.benchmarks.runner import _execute; "
    code += "_execute(Path(sys.argv[1]), Path(sys.argv[1]).with_name('executed.ipynb'), {})"
    environment = {name: value for name, value in os.environ.items() if name not in ("MIXBOOK_DATA", "XDG_CACHE_HOME")}
    command = [sys.executable, "-c", code, str(folder / "table.ipynb")]
    ran = subprocess.run(command, cwd=clone, env=environment | {variable: "here"}, capture_output=True, text=True)
    assert ran.stdout.splitlines() == [str(clone / "here" / below), str(clone / "mixbook" / "__init__.py")], ran.stderr


def test_an_executed_notebook_that_cannot_be_written_is_named(book):
    (book / "_build" / "benchmarks" / f"{IRIS.name}-smoke.ipynb").mkdir(parents=True)
    with pytest.raises(BenchmarkError, match=r"-smoke\.ipynb .*the same command goes on"):
        runner.run(IRIS, "smoke", book, jobs=1)


def test_a_measurement_that_lacks_a_package_says_which(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(SystemExit) as left:
        cli.main(["bench", "speed", "train"])
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith("mixbook: training needs lightning-fabric: pip install '.[train]'")


@pytest.mark.parametrize("jobs", [0, -2])
def test_jobs_must_be_positive(book, jobs):
    with pytest.raises(BenchmarkError, match=f"at least 1, got {jobs}"):
        runner.run(IRIS, "smoke", book, jobs=jobs)


def test_a_missing_notebook_is_named(book):
    remove_notebook(IRIS, book)
    with pytest.raises(BenchmarkError, match=r"table\.ipynb, which is missing"):
        runner.run(IRIS, "smoke", book)


def test_many_run_side_by_side_and_one_that_fails_does_not_stop_the_others(book):
    whole, absent = IRIS, replace(IRIS, name="absent", table="", own_cells=IRIS.cells)  # through another notebook
    remove_notebook(absent, book)
    outcomes = {e.name: (said, error) for e, said, error in run_all([absent, whole], "smoke", book, jobs=2)}
    assert "missing" in str(outcomes["absent"][1])
    said, error = outcomes[whole.name]
    assert error is None and said.count("left") == len(whole.selected("smoke"))


@pytest.fixture(scope="module")
def one_died(tmp_path_factory):
    """A book, and what came of a run in it of three experiments with one notebook, of which the second ends its process."""
    book = book_in(tmp_path_factory.mktemp("book"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOY_DIES_AT", str(TOY.cells[0]))
        return book, {e.name: (said, error) for e, said, error in run_all([IRIS, TOY, LIKE], "smoke", book, jobs=1)}


def test_one_whose_process_dies_does_not_stop_the_others(one_died):
    _, outcomes = one_died
    assert outcomes.keys() == {IRIS.name, "toy", LIKE.name}
    assert isinstance(outcomes["toy"][1], runner.RunFailed) and "BrokenProcessPool" in str(outcomes["toy"][1])
    assert outcomes[IRIS.name][1] is None and outcomes[LIKE.name][1] is None


def test_at_smoke_one_experiment_has_the_notebook_that_many_share(one_died):
    book, _ = one_died
    assert (book / "_build" / "benchmarks" / f"{IRIS.name}-smoke.ipynb").exists()
    assert not (book / "_build" / "benchmarks" / f"{LIKE.name}-smoke.ipynb").exists()
    results = runner.Results(LIKE, "smoke", results_folder(book, "smoke"))
    assert set(results.load()) == set(IRIS.selected("smoke"))


MANY = """
import sys
from dataclasses import replace
from pathlib import Path
from toy_trial import TOY
from mixbook.benchmarks.experiments import get_experiment
from mixbook.benchmarks.home import NOTEBOOKS, RESULTS, results_folder
from mixbook.benchmarks.run_all import run_all

if __name__ == "__main__":
    slow = [replace(TOY, name=name) for name in ("one", "two", "three", "four")]
    try:
        list(run_all([get_experiment({name!r}), *slow], "smoke", Path(sys.argv[1]), jobs=2))
    except KeyboardInterrupt:
        sys.exit("stopped")
"""


def test_ctrl_c_ends_all_that_run_side_by_side_at_once_and_without_their_tracebacks(book):
    script = book / "many.py"
    script.write_text(MANY.format(name=IRIS.name))
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    environment = {**os.environ, "TOY_STOPS_AT": str(TOY.cells[0]), "PYTHONPATH": paths}
    hears = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell starts background jobs deaf to it
    command = [sys.executable, str(script), str(book)]
    run = subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=hears
    )
    begun = results_folder(book, "smoke") / "one" / "smoke.lock"
    until(begun.exists)
    os.killpg(run.pid, signal.SIGINT)
    try:
        assert run.communicate(timeout=60)[1] == "stopped\n"  # which is over when the last process has let go of it
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)


def test_damaged_results_are_no_hindrance_to_a_budget_of_all(book, monkeypatch, invented):
    table = replace(IRIS, name="table", sources=(IRIS,))  # read from others, so it runs in this process
    results = runner.Results(IRIS, "laptop", results_folder(book, "laptop"))
    runs = []
    monkeypatch.setattr(runner, "run", lambda e, *_, fresh, **__: runs.append(fresh))
    monkeypatch.setattr(type(IRIS), "derived", lambda self, cell, found: found[IRIS.name].get(cell, []))
    results.save(invented(IRIS, "laptop"), [])
    assert [error for _, _, error in run_all([table], "laptop", book, place=runner.Place(budget=100.0))] == [None, None]
    assert runs == []  # it is whole
    results.csv.write_text(results.csv.read_text()[:-30])
    assert [error for _, _, error in run_all([table], "laptop", book, place=runner.Place(budget=100.0))] == [None, None]
    assert runs == [False, False]
    results.json.write_text(results.json.read_text().replace('"trials": 20', '"trials": 30'))
    found = run_all([table], "laptop", book, fresh=True, place=runner.Place(budget=100.0))
    assert next(found)[2] is None and runs == [False, False, True]


def test_what_is_read_from_others_comes_last_and_does_not_run_them_again(book, monkeypatch):
    source, table, sentence = (replace(IRIS, name=name) for name in ("source", "table", "sentence"))
    table, sentence = replace(table, sources=(source,)), replace(sentence, sources=(table, source))
    runs = []
    # In this process only: what is measured runs in others.
    monkeypatch.setattr(runner, "run", lambda e, profile, book, *, jobs, fresh, place: runs.append((e.name, fresh)))
    assert [e.name for e, _, _ in run_all([sentence, table], "laptop", book, fresh=True)] == ["sentence", "table"]
    assert runs == [("sentence", True), ("table", True)]  # the source was not among them
    remove_notebook(source, book)
    order = [e.name for e, _, _ in run_all([sentence, table, source], "laptop", book, jobs=2, fresh=True)]
    assert order[0] == "source" and runs[2:] == [("sentence", False), ("table", False)]


def test_at_smoke_one_of_each_kind_of_reading_has_its_notebook_and_the_others_are_read(book, monkeypatch, invented):
    source = replace(IRIS, name="source")
    remove_notebook(source, book)  # so that it does not run, and leaves what is there
    runner.Results(source, "smoke", results_folder(book, "smoke")).save(invented(source, "smoke"), [])
    reading = replace(IRIS, sources=(source,), trial="", trials="", derive="mixbook.benchmarks.trials.reading:read")
    tables = [replace(reading, name=name) for name in ("first", "second")]
    other = replace(reading, name="third", derive="mixbook.benchmarks.trials.gains:gain")
    runs = []
    monkeypatch.setattr(runner, "run", lambda e, *_, **__: runs.append(e.name))
    outcomes = {e.name: (said, error) for e, said, error in run_all([source, *tables, other], "smoke", book, jobs=1)}
    assert runs == ["first", "third"]
    said, error = outcomes["second"]
    assert error is None and f"{len(IRIS.selected('smoke'))} cells read" in said


def test_what_goes_wrong_without_a_notebook_is_told_whole(book, monkeypatch):
    monkeypatch.setattr(runner, "run_missing_cells", lambda *_: 1 / 0)
    with pytest.raises(runner.RunFailed, match=r"Traceback(.|\n)*ZeroDivisionError"):
        runner.run_without_notebook(IRIS, "smoke", book)


FULL = get_experiment("cifar10-full")  # profiles smoke and gpu


@pytest.fixture
def no_gpu(monkeypatch):
    """A machine without one, which has all data."""
    monkeypatch.setattr("torch.accelerator.is_available", lambda: False)
    monkeypatch.setattr(runner, "_get_data", lambda *_: None)


def test_what_takes_days_without_a_gpu_is_refused_where_there_is_none(book, executed, no_gpu, monkeypatch, invented):
    earlier = runner.Results(FULL, "gpu", results_folder(book, "gpu"))
    earlier.save(invented(FULL, "gpu", 1), [])
    for fresh in (False, True):
        with pytest.raises(BenchmarkError, match=r"cifar10-full --profile gpu takes days.*--on.*--jobs 1"):
            runner.run(FULL, "gpu", book, fresh=fresh)
    assert len(earlier.load()) == 1 and not executed
    monkeypatch.setattr("torch.accelerator.is_available", lambda: True)
    runner.run(FULL, "gpu", book)
    assert len(executed) == 1


def test_what_takes_days_without_a_gpu_starts_elsewhere_where_it_is_done_and_where_someone_insists(
    book, executed, no_gpu, monkeypatch, invented
):
    monkeypatch.setattr(runner.executors, "check", lambda *_: None)
    runner.run(FULL, "gpu", book, place=runner.Place(on="ray"))
    runner.run(FULL, "gpu", book, jobs=1)
    runner.run(get_experiment("mnist-lenet-constant-xi"), "gpu", book)  # a night or two
    runner.Results(FULL, "gpu", results_folder(book, "gpu")).save(invented(FULL, "gpu"), [])
    runner.run(FULL, "gpu", book)
    assert [call["jobs"] for call in executed] == [None, 1, *[runner.side_by_side([FULL])] * 2]


@pytest.fixture
def no_data(monkeypatch, tmp_path):
    """An empty data folder and no network."""
    monkeypatch.setenv("MIXBOOK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MIXBOOK_OFFLINE", "1")


def test_missing_data_stop_a_run_before_it_starts_and_say_what_to_do(book, monkeypatch, no_data):
    monkeypatch.setattr(runner, "_execute", lambda *_: pytest.fail("it started"))
    with pytest.raises(BenchmarkError, match=r"abalone is not in the data folder[^$]*mixbook data get abalone"):
        runner.run(get_experiment("kmixup-tmlr-table5-abalone"), "laptop", book)


def test_a_run_on_stand_in_data_needs_no_data(book, executed, no_data):
    runner.run(get_experiment("kmixup-tmlr-table5-abalone"), "smoke", book)
    assert executed


def test_the_executed_notebook_is_kept_beside_results_that_it_made(book, executed, invented, monkeypatch):
    write, results = runner._execute, runner.Results(IRIS, "laptop", results_folder(book, "laptop"))
    results.save(invented(IRIS, "laptop", 2), [])
    copy = results.csv.with_suffix(".ipynb")
    runner.run(IRIS, "laptop", book)
    assert executed and not copy.exists()  # it trained nothing: the clone stays as it is

    def train(*arguments):
        write(*arguments)
        results.save(invented(IRIS, "laptop", 3), [])

    monkeypatch.setattr(runner, "_execute", train)
    runner.run(IRIS, "laptop", book)
    assert copy.is_file()
    assert executed[1]["folder"] == "../results"  # relative, as the copy holds it


def test_where_and_how_long_reach_the_notebook(book, executed):
    runner.run(IRIS, "laptop", book, place=runner.Place(budget=90.0, at_most=1, only=("erm",)))
    assert (executed[0]["budget"], executed[0]["at_most"], executed[0]["on"]) == (90.0, 1, "here")
    assert executed[0]["only"] == ["erm"]
    with pytest.raises(BenchmarkError, match=r"--only 'alpha=7' fits no cell of .*: erm; mixup"):
        runner.run(IRIS, "laptop", book, place=runner.Place(only=("erm", "alpha=7")))
    for unfit in ("kmixup 16", "erm mixup", "kmixup k"):
        with pytest.raises(BenchmarkError, match=f"--only '{unfit}' fits no cell"):
            runner.run(IRIS, "laptop", book, place=runner.Place(only=(unfit,)))
    with pytest.raises(BenchmarkError, match=r"--on must be here, ray.*got 'moon'"):
        runner.run(IRIS, "laptop", book, place=runner.Place(on="moon"))


def test_cells_that_do_not_exist_are_refused_before_earlier_results_are_set_aside(book, invented):
    results = runner.Results(IRIS, "laptop", results_folder(book, "laptop"))
    results.save(invented(IRIS, "laptop", 2), [])
    with pytest.raises(BenchmarkError, match="fits no cell"):
        runner.run(IRIS, "laptop", book, fresh=True, place=runner.Place(only=("alpha=7",)))
    assert len(results.load()) == 2


def test_patterns_are_for_the_networks_that_are_run_through_however_many_tables():
    summary = get_experiment("kmixup-tmlr-cifar10")  # read from tables, which are read from networks
    assert all(table.sources for table in summary.sources[:2]) and not any(e.sources for e in summary.trained)
    runner._check_patterns(["erm", "alpha=0.5"], summary, "gpu")
    with pytest.raises(BenchmarkError, match="fits no cell"):
        runner._check_patterns([str(summary.sources[0].cells[0])], summary, "gpu")  # a printed cell, by its xi


def test_a_budget_too_small_for_a_trial_stops_a_run_before_it_starts(book, monkeypatch, invented):
    runner.Results(IRIS, "laptop", results_folder(book, "laptop")).save(invented(IRIS, "laptop", 2), [])
    monkeypatch.setattr(runner, "_execute", lambda *_: pytest.fail("it started"))
    with pytest.raises(BenchmarkError, match="one trial of one cell takes about 2 s"):
        runner.run(IRIS, "laptop", book, place=runner.Place(budget=1.0))


def test_a_budget_is_shared_by_all_in_two_rounds(book, monkeypatch):
    first, second = replace(IRIS, name="first"), replace(IRIS, name="second", sources=(IRIS,))
    runs = []
    monkeypatch.setattr(runner, "run", lambda e, *_, place, **__: runs.append((e.name, place.at_most, place.budget)))
    list(run_all([second], "laptop", book, place=runner.Place(budget=1000.0)))
    assert [(name, at_most) for name, at_most, _ in runs] == [("second", 1), ("second", None)]
    assert 1000 >= runs[0][2] >= runs[1][2] > 0
    with pytest.raises(BenchmarkError, match="no time was left for first"):
        list(run_all([first], "laptop", book, jobs=1, place=runner.Place(budget=1e-9)))


def test_a_clock_that_is_set_while_a_budget_runs_changes_nothing(book, monkeypatch):
    second, runs = replace(IRIS, name="second", sources=(IRIS,)), []
    monkeypatch.setattr(runner, "run", lambda e, *_, place, **__: runs.append(place.budget))
    days = count(step=86_400)
    monkeypatch.setattr("time.time", lambda: next(days))
    list(run_all([second], "laptop", book, place=runner.Place(budget=1000.0)))
    assert len(runs) == 2 and 900 < runs[1] <= runs[0] <= 1000
