import math

import pytest
import torch

from mixbook.evaluation import accuracy, brier, expected_calibration_error, nll, reliability, temperature, top_accuracy

METRICS = [accuracy, nll, brier, expected_calibration_error]


def logits_of(*probabilities: list[float]) -> torch.Tensor:
    return torch.tensor(probabilities, dtype=torch.float64).log()


def test_by_hand():
    logits, y = logits_of([0.5, 0.3, 0.2], [0.1, 0.8, 0.1]), torch.tensor([1, 1])
    assert accuracy(logits, y) == 0.5
    assert nll(logits, y) == pytest.approx(-(math.log(0.3) + math.log(0.8)) / 2)
    assert brier(logits, y) == pytest.approx((0.25 + 0.49 + 0.04 + 0.01 + 0.04 + 0.01) / 2)
    assert expected_calibration_error(logits, y) == pytest.approx((0.5 + 0.2) / 2)


def test_nll_of_single_precision_is_computed_in_double(generator):
    logits, y = 5 * torch.randn(999, 7, generator=generator), torch.randint(7, (999,), generator=generator)
    assert nll(logits, y) == pytest.approx(nll(logits.double(), y), rel=1e-12)


def test_nll_and_brier_are_least_at_the_true_probabilities(generator):
    truth = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
    y = torch.multinomial(truth, 20_000, replacement=True, generator=generator)
    for score in (nll, brier):
        best = score(truth.log().expand(len(y), 3), y)
        for other in ([0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.6, 0.2, 0.2]):
            assert score(logits_of(other).expand(len(y), 3), y) > best


def test_a_calibrated_classifier_has_no_calibration_error_and_an_overconfident_one_has(generator):
    confidence = 0.5 + 0.5 * torch.rand(200_000, generator=generator, dtype=torch.float64)
    right = torch.rand(200_000, generator=generator, dtype=torch.float64) < confidence
    logits = torch.stack([confidence, 1 - confidence], dim=1).log()
    y = (~right).long()
    assert expected_calibration_error(logits, y) < 0.01
    claimed = (5 * logits).softmax(1).amax(1)
    assert expected_calibration_error(5 * logits, y) == pytest.approx(float((claimed - confidence).mean()), abs=0.01)


@pytest.mark.parametrize("bins", [1, 2, 10, 15])
def test_a_confidence_of_exactly_one_belongs_to_the_last_bin(bins):
    """A bin of its own for 1.0 splits what belongs together: here it would count errors of .95 and 1 separately."""
    logits = torch.tensor([[200.0, -200.0], [200.0, -200.0], [math.log(0.95), math.log(0.05)]], dtype=torch.float64)
    assert logits.softmax(1)[0, 0] == 1
    y = torch.tensor([0, 1, 0])
    counts, confidences, accuracies = reliability(logits, y, bins)
    assert len(counts) == bins
    assert counts[-1] == 3
    assert accuracies[-1] == pytest.approx(2 / 3)
    assert confidences[-1] == pytest.approx(2.95 / 3)
    assert expected_calibration_error(logits, y, bins) == pytest.approx(2.95 / 3 - 2 / 3)


def test_bins_are_closed_on_the_left():
    counts, _, _ = reliability(torch.zeros(4, 2, dtype=torch.float64), torch.tensor([0, 1, 0, 1]), bins=10)
    assert counts.nonzero().flatten().tolist() == [5]  # confidence .5 opens the bin [.5, .6)


def test_counts_add_up_and_empty_bins_are_zero(generator):
    logits, y = torch.randn(500, 4, generator=generator), torch.randint(4, (500,), generator=generator)
    counts, confidences, accuracies = reliability(logits, y, bins=20)
    assert counts.sum() == 500
    assert ((counts > 0) == (confidences > 0)).all()
    assert accuracy(logits, y) == pytest.approx(float((counts * accuracies).sum() / 500))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("logits", "y", "message"),
    [
        (torch.zeros(3, 2), torch.zeros(2).long(), r"logits must be \(n, C\) and y \(n,\), got \(3, 2\) and \(2,\)"),
        (torch.zeros(3), torch.zeros(3).long(), r"got \(3,\)"),
        (torch.zeros(0, 2), torch.zeros(0).long(), "empty"),
        (torch.zeros(3, 2), torch.tensor([0, 1, 2]), r"labels must lie in \[0, 2\), got 0 to 2"),
    ],
)
def test_bad_input_is_named(metric, logits, y, message):
    with pytest.raises(ValueError, match=message):
        metric(logits, y)


def test_top_accuracy_counts_the_classes_ahead_of_the_label(generator):
    logits, y = torch.randn(300, 6, generator=generator), torch.randint(6, (300,), generator=generator)
    for k in range(1, 7):
        expected = (logits.topk(k).indices == y[:, None]).any(1).double().mean()
        assert top_accuracy(logits, y, k) == pytest.approx(expected.item())
    assert top_accuracy(logits, y, 1) == accuracy(logits, y)
    assert top_accuracy(logits, y, 6) == 1


def test_equal_logits_are_no_free_place_in_the_top():
    y = torch.arange(4)
    assert [top_accuracy(torch.zeros(4, 4), y, k) for k in (1, 2, 4)] == [0.25, 0.5, 1.0]
    assert top_accuracy(torch.full((4, 4), torch.nan), y, 4) == 0
    with pytest.raises(ValueError, match="k must lie between 1 and the 4 classes, got 5"):
        top_accuracy(torch.zeros(4, 4), y, 5)


def test_bins_must_be_positive():
    with pytest.raises(ValueError, match="bins must be at least 1, got 0"):
        expected_calibration_error(torch.zeros(1, 2), torch.tensor([0]), bins=0)


def test_a_network_that_diverged_is_wrong_and_has_no_score():
    logits, y = torch.full((4, 3), torch.nan), torch.zeros(4).long()
    assert accuracy(logits, y) == 0  # argmax of NaN is 0, which would be right four times
    assert all(math.isnan(score(logits, y)) for score in (nll, brier, expected_calibration_error))
    with pytest.raises(ValueError, match="got NaN: has training diverged"):
        reliability(logits, y)


def test_the_temperature_undoes_a_scaling_and_has_the_least_nll(generator):
    logits = 2 * torch.randn(4000, 3, generator=generator, dtype=torch.float64)
    y = torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]  # as sure as they should be
    best = temperature(logits, y)
    assert best == pytest.approx(1, abs=0.1)
    assert temperature(5 * logits, y) == pytest.approx(5 * best, rel=1e-5)
    assert nll(logits / best, y) <= min(nll(logits / (best * other), y) for other in (0.99, 1.01))


def test_where_no_temperature_is_best_it_is_small_or_large():
    right = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert temperature(right, torch.tensor([0, 1])) < 0.05
    assert temperature(right, torch.tensor([1, 0])) > 100
    with pytest.raises(ValueError, match="logits must be finite"):
        temperature(torch.tensor([[float("nan"), 0.0]]), torch.tensor([0]))


def test_half_precision_logits_have_the_calibration_of_their_double(generator):
    logits, y = torch.randn(500, 5, generator=generator).half(), torch.randint(0, 5, (500,), generator=generator)
    for ours, theirs in zip(reliability(logits, y), reliability(logits.double(), y), strict=True):
        assert torch.equal(ours, theirs)
