import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

import mixbook as mb


def test_soft_cross_entropy_is_the_mean_of_the_two_hard_ones(generator):
    logits = torch.randn(32, 7, generator=generator)
    a, b = (torch.randint(0, 7, (32,), generator=generator) for _ in range(2))
    lam = torch.rand(32, generator=generator)
    targets = lam[:, None] * one_hot(a, 7) + (1 - lam)[:, None] * one_hot(b, 7)
    hard = lam * cross_entropy(logits, a, reduction="none") + (1 - lam) * cross_entropy(logits, b, reduction="none")
    torch.testing.assert_close(mb.mixed_cross_entropy(logits, targets, "none"), hard)
    torch.testing.assert_close(mb.mixed_cross_entropy(logits, targets), hard.mean())


def test_hard_labels_give_the_ordinary_values(generator):
    logits, y = torch.randn(32, 7, generator=generator), torch.randint(0, 7, (32,), generator=generator)
    torch.testing.assert_close(mb.mixed_cross_entropy(logits, y), cross_entropy(logits, y))
    for accuracy in (mb.mixed_accuracy, mb.dominant_accuracy):
        expected = (logits.argmax(1) == y).float().mean()
        assert accuracy(logits, y) == accuracy(logits, one_hot(y, 7).float()) == expected


def test_expected_accuracy_is_the_weight_of_the_predicted_class():
    logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0]])
    targets = torch.tensor([[0.3, 0.7, 0.0], [0.5, 0.0, 0.5]])
    assert mb.mixed_accuracy(logits, targets) == pytest.approx((0.3 + 0.5) / 2)
    assert mb.dominant_accuracy(logits, targets) == pytest.approx((0 + 1) / 2)


@pytest.mark.parametrize("loss", [mb.mixed_cross_entropy, mb.mixed_accuracy, mb.dominant_accuracy])
def test_shapes_that_do_not_fit_are_refused(loss):
    with pytest.raises(ValueError, match="targets must be float with the shape of logits"):
        loss(torch.zeros(4, 3), torch.zeros(4, 2))
    with pytest.raises(ValueError, match="targets must be float with the shape of logits"):
        loss(torch.zeros(4, 3), torch.zeros(3, dtype=torch.int64))
