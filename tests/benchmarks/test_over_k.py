"""A k-mixup table, read by alpha and k."""

import pytest

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.over_k import OverK, clear
from mixbook.benchmarks.results import Results, Trial

IRIS = EXPERIMENTS["kmixup-tmlr-table5-iris"]  # errors
V1 = EXPERIMENTS["kmixup-v1-figure4-iris"]  # accuracies


def stored(experiment, folder, value):
    """Results in which trial t of a cell measures ``value(cell, t)``."""
    trials = range(experiment.profile("laptop").trials)
    cells = {cell: [Trial(t, value(cell, t), 1.0) for t in trials] for cell in experiment.cells}
    Results(experiment, "laptop", folder).save(cells, [])
    return OverK.of(experiment.name, folder)


def k_of(cell):
    return 0 if cell.method == "erm" else int(cell.value("k"))


def test_a_gain_is_positive_where_the_cell_is_better(tmp_path):
    lower = stored(IRIS, tmp_path, lambda cell, t: {"error": 10 - k_of(cell) / 4 + t})
    higher = stored(V1, tmp_path, lambda cell, t: {"accuracy": 80 + k_of(cell) / 4 + t})
    assert lower.gain(0.1, 16) == pytest.approx((15 / 4, 0))
    assert higher.gain(1.0, 10) == pytest.approx((9 / 4, 0))
    assert lower.gain(0.1, 16, over=lower.erm)[0] == pytest.approx(4)
    assert lower.best_k(0.1) == [16]
    assert higher.best_k(1.0) == [10]


def test_print_is_read_with_the_same_sign(tmp_path):
    table = stored(IRIS, tmp_path, lambda cell, t: {"error": float(t)})
    for alpha in table.alphas:
        for k in table.ks[1:]:
            first, second = (table.mixed[alpha, j].printed.number for j in (1, k))
            assert table.printed_gain(alpha, k) == pytest.approx(first - second)
        best = table.best_k(alpha, printed=True)
        numbers = [table.mixed[alpha, k].printed.number for k in table.ks]
        assert [table.mixed[alpha, k].printed.number for k in best] == [min(numbers)] * len(best)
    assert table.best_k(1.0) == table.ks  # all tie


@pytest.mark.parametrize("worse", [1, 16])
def test_a_cell_in_which_no_network_learned_is_not_the_best(tmp_path, worse):
    lost = stored(
        IRIS, tmp_path, lambda cell, t: {"error": float("nan") if k_of(cell) == worse else 10.0 + (k_of(cell) != 4)}
    )
    assert lost.best_k(0.1) == [4]
    none = stored(IRIS, tmp_path, lambda cell, t: {"error": float("nan")})
    assert none.best_k(0.1) == []


def test_it_knows_every_cell_and_how_much_of_xi_is_left(tmp_path):
    table = stored(IRIS, tmp_path, lambda cell, t: {"error": 1.0, "xi": 1 / (1 + k_of(cell)) + t})
    assert (table.alphas, table.ks) == ([0.05, 0.1, 1.0], [1, 2, 4, 8, 16])
    assert len(table.mixed) + 1 == len(table.rows)
    assert table.measured(0.1, 4, "xi") == pytest.approx(1 / 5 + 9.5)
    assert table.kept(0.1, 1) == 1
    assert table.kept(0.1, 4) == pytest.approx((1 / 5 + 9.5) / (1 / 2 + 9.5))


@pytest.mark.parametrize(("left", "keeps"), [(1.0, True), (0.996, True), (1.004, True), (0.994, False), (1.006, False)])
def test_xi_is_held_within_half_a_percent(tmp_path, left, keeps):
    table = stored(IRIS, tmp_path, lambda cell, t: {"error": 1.0, "xi": left if k_of(cell) == 4 else 1.0})
    assert (table.keeps(0.1, 4), table.keeps(0.1, 2)) == (keeps, True)


@pytest.mark.parametrize(("gain", "sign"), [((2, 1), 1), ((1, 2), 0), ((-2, 1), -1), ((0, 0), 0), ((0.5, 0), 1)])
def test_clear_is_an_interval_without_zero(gain, sign):
    assert clear(gain) == sign


def test_what_has_not_been_run_is_named(tmp_path):
    with pytest.raises(BenchmarkError, match=f"{V1.name} has not been run yet"):
        OverK.of(V1.name, tmp_path)
