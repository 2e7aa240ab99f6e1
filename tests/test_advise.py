"""Advice on data for which the answer is known, and on data that cannot be advised on."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

import mixbook as mb
from mixbook.advice import TOLERANCE, advise
from mixbook.data import four_bars, swiss_roll


def alternating(n=20, step=1.0):
    return np.arange(n)[:, None] * step, np.arange(n) % 2


def balls(centres, labels, n=60, radius=0.2, seed=0):
    """Samples in balls around the centres, class by class."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(len(centres), n, len(centres[0])))
    noise *= radius * rng.random((len(centres), n, 1)) / np.linalg.norm(noise, axis=-1, keepdims=True)
    return (np.asarray(centres, float)[:, None] + noise).reshape(-1, len(centres[0])), np.repeat(labels, n)


def test_features_that_are_true_or_false_are_numbers(generator):
    x, y = torch.rand(60, 6, generator=generator) < 0.5, torch.arange(60) % 2
    assert advise(x, y).k == advise(x.float(), y).k


def test_the_order_of_the_rows_decides_nothing():
    """Tables are often sorted by class, and not all rows of a large one can be looked at exactly."""
    rng = np.random.default_rng(0)
    x, y = np.arange(300)[:, None] * np.ones(150), rng.integers(2, size=300)
    by_class = np.argsort(y, kind="stable")
    one, other = advise(x, y), advise(x[by_class], y[by_class])
    assert one.place == other.place == "hidden"
    assert other.on_segments == pytest.approx(one.on_segments, abs=0.1)


@pytest.mark.parametrize("step", [1.0, 0.1, np.float32(0.1)])
def test_alternating_lines_are_sent_to_hidden_layers(step):
    # The digits count, not the binary fractions next to them: 0.1 k is on a line too.
    x, y = alternating()
    points = np.round(np.c_[x, 3 * x] * step, 6).astype(type(step))
    advice = advise(points, y)
    assert advice.on_segments == pytest.approx(18 / 20)  # all but the two ends
    assert advice.place == "hidden"


def test_noise_off_the_line_is_no_exact_conflict():
    x, y = alternating()
    rng = np.random.default_rng(0)
    assert advise(np.c_[x, rng.normal(size=(20, 1)) * 1e-6], y).on_segments == 0


@pytest.mark.parametrize("toy", [swiss_roll, four_bars])
def test_toys_where_random_partners_mix_across_a_gap_get_near_ones(toy, generator):
    data = toy(600, generator)
    advice = advise(data.x, data.y)
    assert advice.k > 1 and advice.alpha == 1 and advice.place == "input"
    at = {row.k: row for row in advice.at}
    assert at[1].contradicted > 0.15
    assert at[advice.k].contradicted <= advice.allowed < at[advice.k // 2].contradicted  # the smallest k that does


def test_a_class_between_two_clusters_of_another_asks_for_near_partners():
    x, y = balls([(-4, 0), (0, 0), (4, 0)], [0, 1, 0])
    advice = advise(x, y)
    assert advice.overlap == 0 and advice.k > 1
    # Half of the pairs of two ends fall nearer to the middle than to an end: lambda in (1/4, 3/4), times 2/9.
    assert advice.at[0].contradicted >= 1 / 9 - 0.03


def test_small_distances_count_in_data_of_large_extent():
    far, farther = (balls([(0, 0), (10, 0), (0, apart), (10, apart)], [0, 1, 0, 1]) for apart in (1e7, 1e9))
    one, other = advise(*far, block_sizes=(1,)), advise(*farther, block_sizes=(1,))
    assert (other.alpha, other.place, other.overlap) == (one.alpha, one.place, 0)
    assert other.at[0].contradicted == pytest.approx(one.at[0].contradicted, abs=0.005)


def test_where_no_k_is_enough_alpha_is_the_largest_that_is():
    x, y = balls([(-4, 0), (0, 0), (4, 0)], [0, 1, 0])
    advice = advise(x, y, block_sizes=(1,))
    # Lambda is in (1/4, 3/4), times 2/9: 11% at alpha = 1, 7% at 0.5, 3% at 0.2, of the 5% that are allowed.
    assert (advice.k, advice.alpha, advice.place, advice.allowed) == (1, 0.2, "input", 0.05)
    lam = np.random.default_rng(0).beta(0.2, 0.2, 200_000)
    moved = advice.at[0].distance * np.sqrt(np.mean(np.minimum(lam, 1 - lam) ** 2))
    said = re.search(r"mixtures move by (\S+) \(root mean square\)", advice.reasons["alpha"])
    assert float(said[1]) == pytest.approx(moved, rel=0.02)


def test_where_no_alpha_is_enough_hidden_layers_are_mixed():
    x, y = alternating(60)
    advice = advise(np.c_[x, np.random.default_rng(0).normal(size=(60, 1)) * 1e-3], y, block_sizes=(1,))
    assert advice.on_segments == 0 and advice.overlap == 1  # classes that alternate do not overlap:
    assert (advice.alpha, advice.place, advice.allowed) == (0.05, "hidden", 0.05)


def test_two_far_clusters_cross_no_more_than_they_must_and_need_no_matching():
    x, y = balls([(0, 0, 0), (9, 0, 0)], [0, 1])
    advice = advise(x, y, mixtures=4000)
    assert (advice.k, advice.alpha, advice.place) == (1, 1.0, "input")
    for row in advice.at:
        assert row.crossing == pytest.approx(row.floor, abs=0.04)  # Lemma 3.3
    shares = [row.crossing for row in advice.at]
    assert shares[-1] < 0.2 < 0.45 < shares[0]


def test_distances_are_those_of_the_samples(generator):
    x = torch.randn(400, 3, generator=generator) * torch.tensor([1.0, 2.0, 3.0])
    y = torch.randint(3, (400,), generator=generator)
    row = advise(x, y, mixtures=8000).at[0]
    apart = torch.cdist(x, x).square().mean().sqrt().item()
    assert row.distance == pytest.approx(apart, rel=0.05)
    lam = np.random.default_rng(0).random(200_000)
    assert row.xi == pytest.approx(row.distance * np.sqrt(np.mean(np.minimum(lam, 1 - lam) ** 2)), rel=0.01)


def test_labels_without_a_pattern_allow_everything(generator):
    x, y = torch.randn(400, 2, generator=generator), torch.randint(4, (400,), generator=generator)
    advice = advise(x, y)
    assert advice.overlap > 0.6 and advice.k == 1
    assert advice.allowed == pytest.approx(advice.overlap + TOLERANCE)


def test_units_and_order_of_classes_change_nothing(generator):
    data = swiss_roll(300, generator)
    one, other = advise(data.x, data.y), advise(data.x * 1000, 7 - 4 * data.y)
    assert (one.k, one.alpha, one.place) == (other.k, other.alpha, other.place)
    assert other.gap == pytest.approx(1000 * one.gap, rel=1e-6)
    assert [row.contradicted for row in one.at] == [row.contradicted for row in other.at]


def test_scaled_columns_count_alike(generator):
    data = swiss_roll(300, generator)
    stretched = data.x * torch.tensor([1.0, 1e4])
    scaled = advise(stretched, data.y, scale="columns")
    assert scaled.k == advise(data.x, data.y, scale="columns").k
    assert scaled.at[0].contradicted < advise(stretched, data.y).at[0].contradicted  # unscaled, one column is all there is


def test_large_data_are_represented_by_some(generator):
    data = four_bars(3000, generator)
    advice = advise(data.x, data.y, samples=300)
    assert advice.samples == 300
    assert str(advice) == str(advise(data.x, data.y, samples=300)) != str(advise(data.x, data.y, samples=300, seed=1))


def test_images_are_flattened_and_the_mixer_is_the_one_suggested(generator):
    x, y = balls([[-4] + [0] * 7, [0] * 8, [4] + [0] * 7], [0, 1, 0])
    advice = advise(x.reshape(-1, 2, 2, 2), y)
    mixer = advice.mixer(num_classes=2)
    assert mixer.pairing == mb.OptimalTransport(advice.k, strict=False) and mixer.ratio.alpha == advice.alpha
    assert advice.k == advise(x, y).k


def test_it_prints_its_reasons_and_draws_them():
    import matplotlib.pyplot as plt

    x, y = balls([(-4, 0), (0, 0), (4, 0)], [0, 1, 0])
    advice = advise(x, y)
    said = str(advice)
    assert f"k = {advice.k}: " in said and max(map(len, said.splitlines())) <= 76
    assert all(reason in " ".join(said.split()) for reason in advice.reasons.values())
    fig = advice.show()
    drawn = [line.get_ydata() for line in fig.axes[0].lines]
    assert any(np.allclose(y, [100 * row.contradicted for row in advice.at]) for y in drawn if len(y) == len(advice.at))
    assert all(ax.get_ylabel() for ax in fig.axes)
    plt.close(fig)
    assert json.loads(json.dumps(advice.as_dict()))["k"] == advice.k


def test_half_precision_of_either_kind_is_read(generator):
    x, y = torch.randint(8, (60, 3), generator=generator).float(), torch.arange(60) % 2
    assert advise(x.bfloat16(), y).as_dict() == advise(x.half(), y).as_dict() == advise(x, y).as_dict()


def test_what_the_rule_does_not_use_is_called_so():
    x, y = balls([(-0.5, 0), (0.5, 0)], [0, 1])
    for advice in (advise(x, y), advise(*balls([(-4, 0), (0, 0), (4, 0)], [0, 1, 0]))):
        assert "half the way to another class (the rule does not use this)" in advice.reasons["alpha"]


def test_it_says_which_batches_would_not_be_mixed(generator):
    near = advise(*balls([(-4, 0), (0, 0), (4, 0)], [0, 1, 0]))
    assert near.k > 1 and near.mixer().plan(torch.rand(near.k, 2)).self_matches == 1
    assert f"one of {near.k} samples or fewer would not be mixed" in " ".join(str(near).split())
    assert "would not be mixed" not in str(advise(*balls([(0, 0), (9, 0)], [0, 1])))


X, Y = balls([(0, 0), (9, 0)], [0, 1])


@pytest.mark.parametrize(
    ("x", "y", "options", "error", "said"),
    [
        (np.where(np.arange(240).reshape(120, 2) == 10, np.nan, X), Y, {}, ValueError, "x must be finite.* row.* 5"),
        (X, np.zeros(120, int), {}, ValueError, "at least two classes, got 0"),
        (X[::8], Y[::8], {}, ValueError, "at least 20 samples"),
        (X, Y + 0.5, {}, ValueError, "integer class labels"),
        (X, np.where(Y, np.nan, 0), {}, ValueError, "integer class labels"),
        (X, np.arange(120), {}, ValueError, "120 classes for 120 samples"),
        (X, np.array(list("ab"))[Y], {}, TypeError, "y must hold numbers"),
        (X.astype(str), Y, {}, TypeError, "x must hold numbers"),
        (X[:, 0], Y, {}, ValueError, r"x must have shape \(n, ...\)"),
        (X, Y[:-1], {}, ValueError, r"y must have shape \(120,\)"),
        (np.ones((120, 2)), Y, {}, ValueError, "samples that differ"),
        (X, Y, {"scale": "rows"}, ValueError, "scale must be"),
        (X, Y, {"block_sizes": (4, 2)}, ValueError, "block_sizes must increase from 1"),
        (X, Y, {"mixtures": 3}, ValueError, "mixtures must be at least 100"),
    ],
)
def test_bad_input_is_named(x, y, options, error, said):
    with pytest.raises(error, match=said):
        advise(x, y, **options)


def test_the_name_stays_a_function_whatever_was_imported_first():
    code = "import mixbook.advice, mixbook, inspect; print(inspect.isfunction(mixbook.advise))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "True"
