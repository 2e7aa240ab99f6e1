import math

import pytest
import torch
from scipy.special import betaln

import mixbook as mb
from mixbook.mixing.ratio import Beta, Fixed, TruncatedBeta, Uniform, lambdas


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 8.0])
def test_beta_has_the_moments_of_its_law(alpha, generator):
    lam = Beta(alpha, per="pair").sample(200_000, generator)
    spread = 4 * (lam.double() - 0.5).square().mean()
    assert spread == pytest.approx(1 / (2 * alpha + 1), abs=0.01)  # 4 Var Beta(alpha, alpha)
    assert lam.mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 4.0])
def test_truncated_beta_has_the_moments_of_beta_on_the_upper_half(alpha, generator):
    lam = TruncatedBeta(alpha, per="pair").sample(200_000, generator).double()
    mean = 0.5 + math.exp(-math.log(alpha) - alpha * math.log(4) - betaln(alpha, alpha))
    assert lam.min() >= 0.5 and lam.max() <= 1
    assert lam.mean() == pytest.approx(mean, abs=0.002)
    assert lam.var() == pytest.approx(1 / (4 * (2 * alpha + 1)) - (mean - 0.5) ** 2, abs=0.001)


def test_uniform_fills_its_interval(generator):
    lam = Uniform(0.2, 0.6, per="pair").sample(100_000, generator)
    assert 0.2 <= lam.min() < 0.201 and 0.599 < lam.max() <= 0.6
    assert lam.mean() == pytest.approx(0.4, abs=0.005)


@pytest.mark.parametrize(
    "ratio",
    [Beta(0.05, 5), Beta(1.0, 5, "pair"), TruncatedBeta(0.3, 5), Uniform(draws=5), Fixed(0.9, 0.1, 0.5, 0.2, 0.3)],
    ids=str,
)
def test_draws_are_sorted_weights_in_the_unit_interval(ratio, generator):
    lam = ratio.sample(64, generator)
    assert lam.shape == (5, 64) and lam.dtype == torch.float32
    assert lam.isfinite().all() and (lam >= 0).all() and (lam <= 1).all()
    assert (lam.diff(dim=0) >= 0).all()


def test_scope_decides_what_is_shared(generator):
    assert (Beta(1.0, 3).sample(64, generator).std(dim=1) == 0).all()
    assert (Beta(1.0, 3, "pair").sample(64, generator).std(dim=1) > 0).all()


def test_the_smallest_alpha_gives_no_nan(generator):
    assert Beta(1e-3, per="pair").sample(10_000, generator).isfinite().all()
    assert Beta(1.7e308, per="pair").sample(100, generator).unique().tolist() == [0.5]


@pytest.mark.parametrize("alpha", [0.0, -1.0, float("nan"), float("inf")])
def test_alpha_must_be_positive(alpha):
    with pytest.raises(ValueError, match=f"alpha must be positive and finite, got {alpha}"):
        Beta(alpha)
    with pytest.raises(ValueError, match=f"alpha must be positive and finite, got {alpha}"):
        TruncatedBeta(alpha)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Beta(1.0, draws=0), "draws must be at least 1, got 0"),
        (lambda: Beta(1.0, per="sample"), "per must be one of .* got 'sample': 'pair' draws anew for each sample"),
        (lambda: Uniform(0.7, 0.3), "low and high must satisfy"),
        (lambda: Uniform(draws=0), "draws must be at least 1"),
        (lambda: Beta(1.0, draws=2.5), "draws must be a whole number, got 2.5: 1 is mixup"),
        (lambda: Fixed([0.5, 0.2]), r"got \(\[0.5, 0.2\],\): e.g. Fixed\(0.25, 0.5\)"),
        (lambda: Fixed(), "lam must be one or more weights"),
        (lambda: Fixed(1.2), r"lam must be one or more weights in \[0, 1\], got \(1.2,\)"),
    ],
)
def test_bad_laws_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("alpha", [1e-3, 9e-3, 1.1e-2])
def test_beta_of_tiny_alpha_has_its_law_and_no_heap_in_the_middle(alpha, generator):
    lam = Beta(alpha, per="pair").sample(200_000, generator).double()
    assert 4 * (lam - 0.5).square().mean().item() == pytest.approx(1 / (2 * alpha + 1), abs=2e-3)
    assert (lam > 0.5).double().mean().item() == pytest.approx(0.5, abs=0.01)
    assert (lam == 0.5).double().mean().item() < 1e-4


def test_draws_of_a_law_of_one_s_own_must_be_in_order(generator):
    class Own:
        def __init__(self, *lam):
            self.lam = torch.tensor(lam)[:, None]

        def sample(self, batch_size, generator=None):
            return self.lam.expand(-1, batch_size)

    assert lambdas(Own(0.2, 0.2, 0.9), 4, generator).shape == (3, 4)
    with pytest.raises(ValueError, match=r"Own.sample must give .* in increasing order along the K draws: .*sort\(dim=0\)"):
        lambdas(Own(0.9, 0.2), 4, generator)
    with pytest.raises(ValueError, match="in increasing order"):
        mb.Mixer(ratio=Own(0.5, 0.4)).plan(torch.rand(4, 2))


@pytest.mark.parametrize("ratio", [Beta(0.2, 3), Beta(1e-3), TruncatedBeta(1.0), Uniform(0.2, 0.6, 2), Uniform(per="pair")])
def test_draws_come_from_the_generator_alone(ratio, generator):
    before, again = torch.get_rng_state(), generator.clone_state()
    assert torch.equal(ratio.sample(8, generator), ratio.sample(8, again))
    assert torch.equal(torch.get_rng_state(), before)
