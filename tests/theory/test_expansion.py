"""Laws of partners, the loss of mixing and its expansion, mean reversion: against enumeration, autograd and sampling."""

import numpy as np
import pytest
import torch
from scipy import stats

from mixbook.mixing import transport
from mixbook.models import MLP
from mixbook.theory import expansion, laws, partners, reversion
from mixbook.theory.checks.expansion import GRID, encounters, module

INDEX = torch.arange(6, dtype=torch.float64)
SIX = torch.stack([INDEX.cos() + 0.3 * INDEX, (2 * INDEX).sin()], dim=1)
LABELS = torch.tensor([0.0, 1.0, 0.0, 1.0, 1.0, 0.0], dtype=torch.float64)

# k, alpha: loss, R1, R2, R3, remainder of six points and three tanh units; the checks recompute them by other means.
REFERENCE = {
    (1, 0.2): (0.915991073774, -0.024209950818, 0.00320976554438, -0.00750007435256, 0.00187433121524),
    (1, 1.0): (0.880098777434, -0.0564898852421, 0.00748945293688, -0.0175001734893, 0.00398238104359),
    (1, 4.0): (0.858630604733, -0.0753198469894, 0.00998593724918, -0.0233335646524, 0.00468107694088),
    (2, 0.2): (0.926483635885, -0.0144071664265, 0.00210144267196, -0.00464712616074, 0.00081948361534),
    (2, 1.0): (0.904807973547, -0.0336167216619, 0.00490336623457, -0.0108432943751, 0.00174762116425),
    (2, 4.0): (0.891941910623, -0.0448222955492, 0.0065378216461, -0.0144577258334, 0.00206710817511),
    (3, 0.2): (0.932589266664, -0.00871950850344, 0.00140031756408, -0.00310497124514, 0.00039642666354),
    (3, 1.0): (0.919137215856, -0.0203455198414, 0.00326740764951, -0.00724493290534, 0.000843258768033),
    (3, 4.0): (0.911180012383, -0.0271273597885, 0.00435654353268, -0.00965991054045, 0.000993736994912),
}


def net(generator, activation="tanh", classes=3):
    model = MLP(2, (7, 5), classes, activation).double()
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return model.requires_grad_(False)


@pytest.mark.parametrize(("case", "expected"), REFERENCE.items())
def test_reference_digits(case, expected):
    k, alpha = case
    law = partners.matching_law(SIX, k)
    terms = expansion.expand(module, SIX, LABELS, law, alpha, h=expansion.logistic)
    loss = expansion.mixed_loss(module, SIX, LABELS, law, alpha, h=expansion.logistic)
    assert terms.standard == pytest.approx(0.9426170021847, abs=1e-12)
    found = loss, terms.r1, terms.r2, terms.r3, loss - terms.total
    assert found == pytest.approx(expected, abs=2e-12)


def test_the_remainder_keeps_its_share_as_alpha_vanishes():
    law, alpha = partners.matching_law(SIX, 2), 1e-3
    terms = expansion.expand(module, SIX, LABELS, law, alpha, h=expansion.logistic)
    left = expansion.one_label_loss(module, SIX, LABELS, law, alpha, h=expansion.logistic) - terms.total
    found = terms.r1 / alpha, (terms.r2 + terms.r3) / alpha, left / alpha
    assert found == pytest.approx((-0.1006489, -0.0177842, 0.0059260), abs=1e-7)


@pytest.mark.parametrize(
    ("k", "row"),
    [
        (2, [0.1466666667, 0.1866666667, 0.1466666667, 0.1333333333, 0.1466666667, 0.24]),
        (3, [0.18, 0.21, 0.135, 0.115, 0.08, 0.28]),
    ],
)
def test_law_of_partners(k, row):
    law = partners.matching_law(SIX, k)
    assert law[0].numpy() == pytest.approx(row, abs=1e-9)
    torch.testing.assert_close(law, law.T)
    torch.testing.assert_close(law.sum(1), torch.ones(6, dtype=torch.float64))
    each = torch.stack([transport.matching_distribution(SIX, i, k, trials=None) for i in range(6)])
    torch.testing.assert_close(law, each)
    _, i, j = encounters(SIX.numpy(), k)
    assert partners.mean_squared_match(SIX, law) == pytest.approx(((SIX.numpy()[i] - SIX.numpy()[j]) ** 2).sum(-1).mean())


def test_law_of_partners_by_sampling(generator):
    exact = partners.matching_law(SIX, 3)
    sampled = partners.matching_law(SIX, 3, trials=20_000, generator=generator)
    torch.testing.assert_close(sampled, exact, atol=0.01, rtol=0)
    torch.testing.assert_close(sampled.sum(1), torch.ones(6, dtype=torch.float64))
    torch.testing.assert_close(sampled, sampled.T)


def test_ties_make_the_law_asymmetric_and_the_symmetric_one_gives_the_loss():
    law = partners.matching_law(torch.tensor(GRID, dtype=torch.float64), 2)
    arguments = (module, torch.tensor(GRID, dtype=torch.float64), LABELS)
    whole = expansion.mixed_loss(*arguments, law, 1.0, h=expansion.logistic)
    mean = expansion.one_label_loss(*arguments, (law + law.T) / 2, 1.0, h=expansion.logistic)
    assert mean == pytest.approx(whole, abs=1e-12)


def test_any_pairing_has_the_loss_of_its_symmetric_law(generator):
    """Nearest neighbours are no coupling: i may be j's without j being i's."""
    model, y = net(generator), torch.eye(3, dtype=torch.float64)[torch.arange(6) % 3]
    distance = torch.cdist(SIX, SIX) + torch.diag(torch.full((6,), torch.inf, dtype=torch.float64))
    law = torch.eye(6, dtype=torch.float64)[distance.argmin(1)]
    assert not torch.equal(law, law.T)
    whole = expansion.mixed_loss(model, SIX, y, law, 0.7)
    assert expansion.one_label_loss(model, SIX, y, (law + law.T) / 2, 0.7) == pytest.approx(whole, abs=1e-9)
    assert expansion.one_label_loss(model, SIX, y, law, 0.7) != pytest.approx(whole, abs=1e-3)


def test_loss_is_the_mean_over_sampled_mixtures(generator):
    """Through the package's own mixer, with two random batches."""
    import mixbook as mb

    model, y = net(generator), torch.arange(6) % 3
    onehot = torch.eye(3, dtype=torch.float64)[y]
    mixer = mb.Mixer(pairing=mb.OptimalTransport(2), ratio=mb.Beta(1.0, per="pair"), blend=mb.Linear())
    rows, rows2 = (torch.cat([torch.randperm(6, generator=generator)[:2] for _ in range(20_000)]) for _ in range(2))
    sampled = []
    for a, b in zip(rows.split(2), rows2.split(2), strict=True):
        plan = mixer.plan(SIX[a], x2=SIX[b], generator=generator)
        both = torch.cat([a, b])
        sampled.append((plan.apply(SIX[both]), plan.apply(onehot[both])))
        if len(sampled) == 3000:
            break
    z, t = (torch.cat(side).double() for side in zip(*sampled, strict=True))
    losses = -(model(z).log_softmax(1) * t).sum(1)
    exact = expansion.mixed_loss(model, SIX, onehot, partners.matching_law(SIX, 2), 1.0)
    assert abs(losses.mean() - exact) < 5 * losses.std() / len(losses) ** 0.5


@pytest.mark.parametrize("h", [expansion.softmax, expansion.logistic, expansion.squared])
def test_terms_are_the_derivatives_of_the_exact_loss(h, generator):
    """In the scale of the way to partners, by autograd through the exact loss: first order R1, second R2 + R3."""
    model, y = net(generator), torch.eye(3, dtype=torch.float64)[torch.arange(6) % 3]
    law, alpha = partners.matching_law(SIX, 2), 0.6
    terms = expansion.expand(model, SIX, y, law, alpha, h=h)
    points, weights = laws.beta_rule((alpha + 1, alpha))
    ways = SIX[None] - SIX[:, None]  # [i, j] from i to j

    def loss(scale):
        total = 0
        for lam, mass in zip(points, weights, strict=True):
            z = model((SIX[:, None] + (1 - lam) * scale * ways).reshape(-1, 2)).reshape(6, 6, 3)
            total = total + mass * (law * (h(z) - (y[:, None] * z).sum(-1))).sum() / 6
        return total

    zero = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss(zero), zero, create_graph=True)
    (bend,) = torch.autograd.grad(slope, zero)
    assert terms.standard == pytest.approx(float(loss(zero).detach()), abs=1e-10)
    assert terms.r1 == pytest.approx(float(slope.detach()), abs=1e-9)
    assert terms.r2 + terms.r3 == pytest.approx(float(bend) / 2, abs=1e-9)


def test_what_is_left_out_is_of_third_order(generator):
    model, y = net(generator), torch.eye(3, dtype=torch.float64)[torch.arange(6) % 3]
    law = partners.matching_law(SIX, 2)
    left = [
        expansion.one_label_loss(model, SIX, y, law, 1.0, scale=s)
        - expansion.expand(model, SIX, y, law, 1.0, scale=s).total
        for s in (1 / 64, 1 / 128)
    ]
    assert np.log2(left[0] / left[1]) == pytest.approx(3, abs=0.15)


def test_alpha_is_one_factor_of_all_three_terms(generator):
    model, y = net(generator), torch.eye(3, dtype=torch.float64)[torch.arange(6) % 3]
    law = partners.matching_law(SIX, 2)
    one, other = (expansion.expand(model, SIX, y, law, alpha) for alpha in (0.2, 5.0))
    ratio = (5 / 11) / (0.2 / 1.4)
    assert (other.r1, other.r2, other.r3) == pytest.approx((ratio * one.r1, ratio * one.r2, ratio * one.r3))


def test_networks_that_are_linear_by_pieces_have_no_curvature(generator):
    y = torch.eye(3, dtype=torch.float64)[torch.arange(6) % 3]
    terms = expansion.expand(net(generator, "relu"), SIX, y, partners.matching_law(SIX, 2), 1.0)
    assert terms.r3 == 0
    assert terms.r2 > 0


def test_float32_models_and_images_are_taken_as_they_are(generator):
    model = MLP(12, (5,), 2, "tanh").requires_grad_(False)
    x, y = torch.rand(8, 3, 2, 2, generator=generator), torch.eye(2)[torch.arange(8) % 2]
    law = partners.matching_law(x, 2, trials=200, generator=generator)
    assert expansion.expand(model, x, y, law, 1.0).total == pytest.approx(
        expansion.mixed_loss(model, x, y, law, 1.0), rel=1e-2
    )


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 4.0, 50.0])
def test_truncated_beta_is_the_law_of_the_larger_weight(alpha):
    mean, variance = reversion.truncated_beta(alpha)
    lam = stats.beta(alpha, alpha).rvs(400_000, random_state=0)
    theta = np.maximum(lam, 1 - lam)
    assert abs(theta.mean() - mean) < 5 * theta.std() / 632
    assert theta.var() == pytest.approx(variance, rel=0.02)
    points, weights = reversion.truncated_beta_rule(alpha)
    assert ((points > 0.5) & (points <= 1)).all()
    assert (weights @ points, weights @ (points - mean) ** 2) == pytest.approx((mean, variance), abs=1e-10)


def test_truncated_beta_reference_digits():
    found = [value for alpha in (0.2, 1.0, 4.0) for value in reversion.truncated_beta(alpha)]
    expected = [0.8988097524, 0.0195222100, 0.75, 0.0208333333, 0.63671875, 0.0090857612]
    assert found == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("alpha", [99.0, 100.0, 1100.0, 1e6])
def test_the_rule_of_the_truncated_law_holds_for_large_alphas(alpha):
    points, weights = reversion.truncated_beta_rule(alpha)
    mean, variance = reversion.truncated_beta(alpha)
    assert weights @ points == pytest.approx(mean, rel=1e-12)
    assert weights @ (points - mean) ** 2 == pytest.approx(variance, rel=1e-7)


@pytest.mark.parametrize("shapes", [(1e-3, 1e-3), (0.2, 0.8), (1.0, 1.0), (2.0, 5.0), (1100.0, 1.0), (1e6, 1e6)])
@pytest.mark.parametrize("nodes", [1, 2, 40, 80])
def test_the_rule_of_a_beta_law_has_its_moments_however_narrow(shapes, nodes):
    points, weights = laws.beta_rule(shapes, nodes)
    law = stats.beta(*shapes)
    assert weights.sum() == pytest.approx(1, rel=1e-12) and (weights >= 0).all()
    assert weights @ points == pytest.approx(law.mean(), rel=1e-11)
    if nodes > 1:
        assert weights @ (points - law.mean()) ** 2 == pytest.approx(law.var(), rel=1e-9)


def test_a_law_in_single_precision_is_taken():
    law = partners.matching_law(SIX, k=1)
    single, double = (reversion.mean_reversion(SIX, each, 1.0).centre for each in (law.float(), law))
    torch.testing.assert_close(single, double, atol=1e-6, rtol=0)


def test_reversion_has_the_moments_of_sampled_mixtures(generator):
    law, alpha, i = partners.matching_law(SIX, 2), 0.5, 3
    found = reversion.mean_reversion(SIX, law, alpha)
    j = torch.multinomial(law[i], 200_000, replacement=True, generator=generator)
    lam = torch.tensor(stats.beta(alpha, alpha).rvs((200_000, 1), random_state=1))
    theta = torch.maximum(lam, 1 - lam)
    mixed = theta * SIX[i] + (1 - theta) * SIX[j]
    torch.testing.assert_close(mixed.mean(0), found.reverted[i], atol=0.005, rtol=0)
    torch.testing.assert_close(mixed.T.cov(), found.covariance[i], atol=0.005, rtol=0)


@pytest.mark.parametrize("trials", [None, 4096])
def test_reversion_does_not_depend_on_where_the_origin_is(trials, generator):
    x, offset = SIX.mul(64).round(), 2.0**20  # whole numbers, which a shift leaves whole
    law = partners.matching_law(x, 2, trials=trials, generator=generator)
    near, far = (reversion.mean_reversion(shifted, law, 1.0) for shifted in (x, x + offset))
    torch.testing.assert_close(far.covariance, near.covariance, atol=1e-9, rtol=1e-9)
    for name in ("centre", "reverted"):
        torch.testing.assert_close(getattr(far, name), getattr(near, name) + offset, atol=1e-8, rtol=0)


@pytest.mark.parametrize(("k", "apart"), [(1, 0), (2, 0.5157999865), (3, 0.7480466304)])
def test_the_centre_of_a_block_is_the_mean_of_the_law_of_partners_only_on_average(k, apart):
    blocks, laws = partners.block_laws(SIX, k)
    anchors = blocks.flatten()
    in_block = reversion.mean_reversion(SIX, laws.flatten(0, 1), 1.0, anchors=anchors).centre
    of_law = reversion.mean_reversion(SIX, partners.matching_law(SIX, k), 1.0).centre
    assert float((in_block - of_law[anchors]).abs().max()) == pytest.approx(apart, abs=1e-10)
    averaged = torch.stack([in_block[anchors == i].mean(0) for i in range(6)])
    torch.testing.assert_close(averaged, of_law)


def test_covariance_reference_digits():
    joint = torch.cat([SIX, LABELS[:, None]], dim=1)
    for k, row in {2: (0.0496637425, 0.0017756771, -0.0159693604), 3: (0.0367611642, -0.0135701955, -0.0197254938)}.items():
        blocks, laws = partners.block_laws(SIX, k)
        found = reversion.mean_reversion(joint, laws.flatten(0, 1), 1.0, anchors=blocks.flatten())
        assert found.covariance[0, 0].numpy() == pytest.approx(row, abs=1e-9)


def test_mixing_with_nobody_changes_nothing(generator):
    model, y, alone = net(generator), torch.eye(3, dtype=torch.float64)[torch.arange(6) % 3], torch.eye(6).double()
    terms = expansion.expand(model, SIX, y, alone, 1.0)
    assert (terms.r1, terms.r2, terms.r3) == (0, 0, 0)
    assert expansion.mixed_loss(model, SIX, y, alone, 1.0) == pytest.approx(terms.standard, abs=1e-12)
    assert reversion.mean_reversion(SIX, alone, 1.0).covariance.abs().max() < 1e-15


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: partners.matching_law(SIX, 7), "k must be between 1 and 6.*got 7"),
        (lambda: partners.matching_law(SIX, 0, trials=5), "k must be between 1 and 6.*got 0"),
        (lambda: partners.matching_law(SIX, 2, trials=0), "trials must be at least 1.*got 0"),
        (
            lambda: partners.matching_law(torch.rand(99, 2), 2, trials=3),
            "trials=3 pairs of blocks are too few",
        ),
        (lambda: partners.matching_law(torch.rand(99, 2), 9), "too many to enumerate: use matching_law with trials"),
        (lambda: partners.mean_squared_match(SIX, torch.eye(5)), r"law must have shape \(6, 6\).*got \(5, 5\)"),
        (lambda: partners.mean_squared_match(SIX, 2 * torch.eye(6)), "law must be >= 0 with rows that sum to 1"),
        (lambda: expansion.expand(module, SIX, LABELS, torch.eye(6).double(), 0.0), "alpha must be positive"),
        (lambda: expansion.mixed_loss(module, SIX, LABELS.long(), torch.eye(6).double(), 1.0), "y must be float targets"),
        (lambda: expansion.mixed_loss(module, SIX, LABELS[:5], torch.eye(6).double(), 1.0), "each of the 6 samples"),
        (lambda: reversion.truncated_beta(-1.0), "alpha must be positive, got -1"),
        (lambda: reversion.mean_reversion(SIX, torch.eye(5), 1.0), r"law must have shape \(6, 6\)"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_law_and_its_mirror_image_have_one_expansion(generator):
    law = torch.rand(6, 6, generator=generator, dtype=torch.float64)
    law /= law.sum(dim=1, keepdim=True)  # not symmetric
    there, back = (expansion.expand(module, SIX, LABELS, each, 1.0, h=expansion.logistic) for each in (law, law.T))
    for name in ("standard", "r1", "r2", "r3"):
        assert getattr(there, name) == pytest.approx(getattr(back, name), abs=1e-12)
