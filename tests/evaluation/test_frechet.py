"""The Fréchet distance against closed forms, and against a root of a matrix that it does not use."""

import math

import pytest
import scipy.linalg
import torch

from mixbook.evaluation import frechet_distance


def whitened(n: int, d: int, generator: torch.Generator) -> torch.Tensor:
    """A sample whose mean is zero and whose covariance is the identity, exactly."""
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return torch.linalg.qr(x - x.mean(0)).Q * math.sqrt(n - 1)


def test_axes_that_are_shared_add_up(generator):
    """Of diagonal covariances: |m - m'|^2 + sum (s - s')^2, for deviations s."""
    s, t = torch.tensor([[1.0, 2.0, 0.1, 0.0], [1.0, 0.5, 0.3, 4.0]], dtype=torch.float64)
    x, y = whitened(50, 4, generator) * s + 1, whitened(70, 4, generator) * t - torch.tensor([1.0, 0.0, 0.0, 2.0])
    expected = (4 + 1 + 1 + 9) + (0 + 2.25 + 0.04 + 16)
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-12) == frechet_distance(y, x)


@pytest.mark.parametrize("n", [6, 200])  # fewer samples than features: covariances without full rank
def test_turned_covariances_agree_with_the_root_of_their_product(n, generator):
    x = torch.randn(n, 12, generator=generator, dtype=torch.float64) @ torch.randn(12, 12, generator=generator).double()
    y = torch.randn(90, 12, generator=generator, dtype=torch.float64) + 3
    cx, cy = x.T.cov().numpy(), y.T.cov().numpy()
    # The trace of the root is the sum of the roots of the eigenvalues.
    root = scipy.linalg.eigvals(cx @ cy).real.clip(min=0)
    expected = (x.mean(0) - y.mean(0)).square().sum().item() + cx.trace() + cy.trace() - 2 * (root**0.5).sum()
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-6)


def test_a_sample_and_itself_are_not_apart_even_far_from_zero_in_single_precision(generator):
    x = 1000 + torch.randn(500, 30, generator=generator)
    assert frechet_distance(x, x[torch.randperm(500, generator=generator)]) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(x, x + 2) == pytest.approx(120, rel=1e-4)
    assert frechet_distance(torch.ones(4, 3), torch.zeros(5, 3)) == 3  # of two points the plain distance


def test_what_is_no_sample_is_refused_and_what_diverged_has_no_distance():
    for x, y in (
        (torch.ones(3), torch.ones(3)),
        (torch.ones(3, 2), torch.ones(3, 4)),
        (torch.ones(1, 2), torch.ones(9, 2)),
    ):
        with pytest.raises(ValueError, match="features must be"):
            frechet_distance(x, y)
    assert math.isnan(frechet_distance(torch.tensor([[1.0], [math.inf]]), torch.ones(2, 1)))
