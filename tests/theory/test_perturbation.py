"""How far and how softly mixing moves: against sampling, enumeration and each other."""

import numpy as np
import pytest
import torch
from scipy import stats

from mixbook.mixing import transport
from mixbook.theory import partners, perturbation, reversion

INDEX = torch.arange(6, dtype=torch.float64)
SIX = torch.stack([INDEX.cos() + 0.3 * INDEX, (2 * INDEX).sin()], dim=1)


@pytest.mark.parametrize("alpha", [0.05, 1.0, 20.0])
def test_label_softness_is_the_mean_lesser_weight(alpha):
    lam = stats.beta(alpha, alpha).rvs(400_000, random_state=0)
    least = np.minimum(lam, 1 - lam)
    assert abs(perturbation.label_softness(alpha) - least.mean()) < 5 * least.std() / 632


def test_label_softness_grows_from_0_to_a_half():
    values = [perturbation.label_softness(alpha) for alpha in np.geomspace(1e-5, 1e6, 100)]
    assert (np.diff(values) > 0).all()
    assert values[0] < 1e-4 and 0.499 < values[-1] < 0.5


def test_matched_squares_of_six_points():
    """E W_2^2 for k = 1 to 6; the checks enumerate them by other means."""
    found = [partners.mean_squared_match(SIX, partners.matching_law(SIX, k)) for k in range(1, 7)]
    assert found == pytest.approx([1.6443197867, 1.0814919440, 0.7151304469, 0.4579875413, 0.2438720765, 0], abs=1e-9)


@pytest.mark.parametrize(
    ("alpha", "k", "expected"),
    [(0.25, 2, 0.4580388078), (0.25, 4, 2.8048847835), (0.25, 5, 524.44603), (1.0, 3, 18.627057848)],
)
def test_alpha_at_constant_xi_reference_digits(alpha, k, expected):
    one, other = (partners.mean_squared_match(SIX, partners.matching_law(SIX, size)) for size in (1, k))
    assert transport.alpha_of_ratio(transport.mean_square_ratio(alpha) * one / other) == pytest.approx(expected, rel=1e-7)


def test_mean_square_ratio_reference_digits():
    expected = {0.05: 0.00896431282, 0.2: 0.02976167622, 1.0: 1 / 12, 4.0: 0.14105902778, 100.0: 0.22306954159}
    assert [transport.mean_square_ratio(alpha) for alpha in expected] == pytest.approx([*expected.values()], abs=1e-11)


def test_from_the_largest_alpha_on_xi_cannot_be_kept():
    shrinkage = 0.4
    last = perturbation.largest_alpha(shrinkage)
    assert transport.mean_square_ratio(0.999 * last) < shrinkage / 4 < transport.mean_square_ratio(1.001 * last)
    assert perturbation.largest_alpha(1.0) == np.inf


@pytest.mark.parametrize("k", [1, 2, 3])
def test_vicinal_distances_are_those_of_enumerated_pairs(k, generator):
    found = perturbation.vicinal_distances(SIX, k, 0.7, trials=20_000, generator=generator)
    law = partners.matching_law(SIX, k)
    exact = transport.mean_square_ratio(0.7) * partners.mean_squared_match(SIX, law)
    assert abs(found.to_end - exact) < 5 * found.to_end_error
    lam = np.linspace(0.0005, 0.9995, 1000)
    weight = stats.beta(0.7, 0.7).pdf(lam)
    nearest = 0.0
    for i in range(6):
        for j in range(6):
            mixed = lam[:, None] * SIX[i].numpy() + (1 - lam[:, None]) * SIX[j].numpy()
            square = ((mixed[:, None] - SIX.numpy()) ** 2).sum(-1).min(1)
            nearest += law[i, j].item() / 6 * (weight * square).sum() / weight.sum()
    assert abs(found.to_sample - nearest) < 5 * found.to_sample_error + 2e-3
    assert found.to_sample <= found.to_end


def test_the_standard_errors_are_the_spread_of_repeated_estimates(generator):
    found = [perturbation.vicinal_distances(SIX, 2, 0.7, trials=64, generator=generator) for _ in range(200)]
    for name in ("to_end", "to_sample"):
        values, errors = ([getattr(each, field) for each in found] for field in (name, f"{name}_error"))
        assert np.mean(errors) == pytest.approx(np.std(values), rel=0.25)


def test_the_same_seed_gives_the_same_distances():
    one, two = (perturbation.vicinal_distances(SIX, 2, 1.0, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert one == two


def test_distances_do_not_depend_on_where_the_origin_is():
    x = SIX.mul(64).round().repeat(5, 1)  # whole numbers, which a shift leaves whole; enough of them for a matrix product
    near, far = (
        perturbation.vicinal_distances(shifted, 3, 1.0, generator=torch.Generator().manual_seed(3))
        for shifted in (x, x + 2.0**30)
    )
    assert [*far] == pytest.approx([*near], rel=1e-6)


@pytest.mark.parametrize("trials", [None, 256])
def test_samples_may_be_plain_numbers(trials):
    def found(x):
        law = partners.matching_law(x, 2, trials=trials, generator=torch.Generator().manual_seed(3))
        vicinal = perturbation.vicinal_distances(x, 2, 1.0, trials=64, generator=torch.Generator().manual_seed(3))
        moved = reversion.mean_reversion(x, law, 1.0).reverted
        return law.tolist(), partners.mean_squared_match(x, law), transport.matching_cost(x, 1), vicinal, moved.tolist()

    assert found(SIX[:, 0]) == found(SIX[:, :1])


@pytest.mark.parametrize("alpha", [1e-3, 3e-3])
def test_distances_of_the_smallest_alphas_are_right(alpha, generator):
    x = torch.rand(50, 2, generator=generator)
    found = perturbation.vicinal_distances(x, 1, alpha, trials=20_000, generator=generator)
    exact = transport.mean_square_ratio(alpha) * transport.matching_cost(x, 1)
    assert abs(found.to_end - exact) < 4 * found.to_end_error and found.to_end_error < exact


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: perturbation.largest_alpha(0.0), r"shrinkage must be in \(0, 1\], got 0"),
        (lambda: perturbation.largest_alpha(1.1), r"shrinkage must be in \(0, 1\], got 1.1"),
        (lambda: perturbation.label_softness(0.0), "alpha must be positive, got 0"),
        (lambda: perturbation.vicinal_distances(SIX, 7, 1.0), "k must be between 1 and 6.*got 7"),
        (lambda: perturbation.vicinal_distances(SIX, 2, -1.0), "alpha must be positive.*alpha=-1"),
        (lambda: perturbation.vicinal_distances(SIX, 2, 1.0, trials=1), "trials at least 2, got.*trials=1"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
