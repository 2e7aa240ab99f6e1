from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import mixbook as mb
from mixbook.compat import Schedule
from mixbook.mixing.ratio import symmetric_beta
from mixbook.models import MLP
from mixbook.models.seeded import seeded
from mixbook.theory import gradient_noise, laws, variance
from mixbook.theory.variance import Components, Split

index = np.arange(6.0)
X, Y = np.stack([np.cos(index) + 0.3 * index, np.sin(2 * index)], axis=1), np.array([0.0, 1, 0, 1, 1, 0])
THETA = np.array([0.8, -0.5])


def slope(z, t):
    return (1 / (1 + np.exp(-z @ THETA)) - t)[:, None] * z


def each(parts):
    return np.array([getattr(parts, name) for name in parts.__dataclass_fields__])


@pytest.fixture(scope="module")
def six():
    return variance.independent_pairs(slope, X, Y)


def test_the_reference_values_of_six_points(six):
    assert each(six) == pytest.approx([0.20268682267, 0.00264047805, 0.08811011197], abs=1e-11)
    assert six.threshold == pytest.approx(76.76141177, abs=1e-8)
    expected = {(1, 1): 0.29343741269, (4, 1): 0.07533971171, (4, 2): 0.06300570869, (4, 5): 0.05560530688}
    for (size, draws), value in expected.items():
        assert six.variance(size, draws) == pytest.approx(value, abs=1e-11)
    assert six.variance(16, 5) == pytest.approx(0.01429739843, abs=1e-11)
    assert six.variance(4, 5, per="pair") == pytest.approx(0.05520923517, abs=1e-11)


@pytest.mark.parametrize(
    ("size", "P", "Q"),
    [(2, 0.17296100596, 0.00563392224), (3, 0.0821567551, 0.0046068915), (6, 0.00463651821, 0.00357050916)],
)
def test_the_reference_values_of_permuted_batches(size, P, Q):
    found = variance.any_pairing(slope, X, Y, *variance.all_permutations(6, size))
    assert each(found) == pytest.approx([P, Q], abs=1e-11)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6])
def test_permuted_pairs_need_no_list_of_batches(n):
    """In closed form what enumerating all batches in all permutations gives, also where few samples leave cases out."""
    for size in range(1, n + 1):
        listed = variance.any_pairing(slope, X[:n], Y[:n], *variance.all_permutations(n, size))
        assert each(variance.permuted_pairs(slope, X[:n], Y[:n], size)) == pytest.approx(each(listed), abs=1e-13)


def test_permuted_pairs_of_a_larger_set_agree_with_sampled_batches():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2))
    y = (x[:, 0] > 0).astype(float)
    rows = rng.permuted(np.tile(np.arange(40), (20_000, 1)), axis=1)[:, :10]
    sampled = variance.any_pairing(slope, x, y, rows, rng.permuted(rows, axis=1), nodes=6)
    assert each(variance.permuted_pairs(slope, x, y, 10, nodes=6)) == pytest.approx(each(sampled), rel=0.03)


@pytest.mark.parametrize(("alpha", "B0"), [(0.1, 87.4288), (0.2, 60.7429), (2, 149.4187), (8, 1189.2485)])
def test_the_threshold_depends_on_the_law_of_the_ratio(alpha, B0):
    assert variance.independent_pairs(slope, X, Y, alpha).threshold == pytest.approx(B0, abs=1e-4)


def test_the_reference_values_around_the_threshold(six):
    """K = 2 and 2 B pairs at one ratio: below B0 = 76.8 the larger batch varies less, above it multi-mix does."""
    sides = {76: (0.00456684269, 0.00455361578), 77: (0.00452467901, 0.00452876983)}
    for size, expected in sides.items():
        assert (six.variance(size, 2), six.variance(2 * size)) == pytest.approx(expected, abs=1e-11)
    permuted = {size: variance.any_pairing(slope, X, Y, *variance.all_permutations(6, size)) for size in (3, 6)}
    assert permuted[3].variance(2) == pytest.approx(0.0844602, abs=1e-7)
    assert permuted[6].variance(1) == pytest.approx(0.0082070, abs=1e-7)


def test_a_batch_of_one_permuted_sample_gains_nothing():
    assert variance.any_pairing(slope, X, Y, *variance.all_permutations(6, 1)).Q < 1e-30


@pytest.mark.parametrize("per", ["batch", "pair"])
def test_the_split_and_the_components_of_independent_pairs_agree(six, per):
    for size, draws in product((1, 3, 50), (1, 2, 7)):
        assert six.split(size, per).variance(draws) == pytest.approx(six.variance(size, draws, per), rel=1e-12)
    rows = np.array(list(product(range(6), repeat=4)))
    exact = variance.any_pairing(slope, X, Y, rows[:, :2], rows[:, 2:])
    assert each(exact) == pytest.approx(each(six.split(2)), abs=1e-12)


def test_enough_is_the_least_number_of_draws_within_the_excess():
    for split in (Split(1.0, 0.3), Split(0.2, 3.0), Split(1.0, 0.0)):
        K = split.enough(0.05)
        assert split.variance(K) <= 1.05 * split.P + 1e-12
        assert K == 1 or split.variance(K - 1) > 1.05 * split.P


def test_the_nodes_integrate_the_moments_of_their_law():
    for alpha in (0.1, 1.0, 8.0):
        lam, weights = laws.beta_rule(alpha, 12)
        assert 4 * weights @ (lam - 0.5) ** 2 == pytest.approx(1 / (2 * alpha + 1))
        assert weights @ lam == pytest.approx(0.5)


def test_the_mean_of_permuted_batches_tends_to_that_of_independent_pairs():
    everything = variance.mean_gradient(slope, X, Y)
    assert everything == pytest.approx([0.22204391109, -0.18887630796], abs=1e-10)
    bias = [np.linalg.norm(variance.mean_gradient(slope, X, Y, size) - everything) for size in (2, 3, 6)]
    assert bias == pytest.approx([0.0459, 0.0230, 0], abs=5e-5)


def test_the_estimators_have_no_bias():
    """The mean over every possible draw of pairs and ratios is the exact value: rational, no sampling."""
    G = np.array([[[1.0, 0.0], [0.5, 2.0], [3.0, 1.0]], [[0.0, 1.0], [4.0, 0.0], [1.0, 1.0]]])  # 2 ratios, 3 pairs
    chance = Fraction(1, 2**2 * 3**2)
    found = np.zeros(3)
    for r, m in product(product(range(2), repeat=2), product(range(3), repeat=2)):
        found += float(chance) * each(variance.estimate_components(G[np.ix_(r, m)]))
    assert found == pytest.approx(each(variance.components(G)), abs=1e-12)
    found = np.zeros(2)
    for m, first, second in product(product(range(3), repeat=2), product(range(2), repeat=2), product(range(2), repeat=2)):
        drawn = np.stack([G[list(ratios), list(m)] for ratios in (first, second)])  # each batch with ratios of its own
        found += float(chance) / 4 * each(variance.estimate_split(drawn))
    assert found == pytest.approx(each(variance.split(G)), abs=1e-12)


@pytest.fixture(scope="module")
def network():
    """Five samples, a small smooth network in double precision, and its gradients by autograd of single losses."""
    model = seeded(0, lambda: MLP(3, (4,), 2, "tanh")).double()
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y = F.one_hot(torch.tensor([0, 1, 1, 0, 1]), 2).float()

    def gradient(z, t):
        def one(z, t):
            value = F.cross_entropy(model(z[None]), t[None])
            return torch.cat([g.flatten() for g in torch.autograd.grad(value, list(model.parameters()))])

        return torch.stack([one(*row) for row in zip(torch.tensor(z), torch.tensor(t), strict=True)]).numpy()

    return model, x, y, gradient


def with_own_ratios(gradient, x, y, size, nodes=8):
    """P and Q where each pair of a permuted batch has a ratio of its own, by quadrature (alpha = 1)."""
    first, second = variance.all_permutations(len(x), size)
    places, weights = np.polynomial.legendre.leggauss(nodes)

    def at(lam):
        z, t = (lam * v[first].flatten(0, 1) + (1 - lam) * v[second].flatten(0, 1) for v in (x, y.to(x.dtype)))
        return gradient(z.numpy(), t.numpy()).reshape(*first.shape, -1)

    G, weights = np.stack([at((1 + place) / 2) for place in places]), weights / 2
    mean = np.tensordot(weights, G, 1)  # (batches, pairs, weights)
    spread = np.tensordot(weights, np.square(G - mean).sum(-1), 1).mean(0)  # of each pair, over its ratios
    batch = mean.mean(1)
    return Split(float(np.square(batch - batch.mean(0)).sum(-1).mean()), float(spread.sum() / size**2))


def within(measured, exact, errors=4.5):
    estimate, error = map(each, measured)
    return bool((error > 0).all() and (abs(estimate - each(exact)) <= errors * error).all())


def test_a_network_is_measured_without_bias(network):
    model, x, y, gradient = network
    exact = variance.any_pairing(gradient, x, y, *variance.all_permutations(5, 3), nodes=8)
    generator = torch.Generator().manual_seed(2)
    single = {"groups": 40, "batches": 8, "generator": generator}
    mixer = mb.multimix(draws=3, alpha=1.0)
    assert within(gradient_noise.measure_split(model, mixer, x, y, 3, **single), exact)
    # No hidden layer before the input: mixing there is the same.
    hidden = mb.manifold_mixup(model, ["input"], alpha=1.0, draws=2)
    assert within(gradient_noise.measure_split(model, hidden, x, y, 3, **single), exact)
    # A ratio for each pair: the same mean over ratios, so the same P, and another Q.
    own = with_own_ratios(gradient, x, y, 3)
    assert not np.isclose(own.Q, exact.Q, rtol=0.1)
    for mixer in (mb.multimix(draws=2, per="pair"), mb.manifold_mixup(model, ["input"], alpha=1.0, draws=3, per="pair")):
        assert within(gradient_noise.measure_split(model, mixer, x, y, 3, **single), own)
    exact = variance.independent_pairs(gradient, x, y, nodes=8)
    measured = gradient_noise.measure_components(model, x, y, groups=60, pairs=24, generator=generator)
    assert within(measured, exact)
    assert not within(measured, Components(exact.V1 + exact.VI, exact.V2, exact.VI))


def test_ratios_for_each_pair_are_found_in_mixers_by_turns_and_in_wrappers(network):
    model, x, y, gradient = network
    own, generator = with_own_ratios(gradient, x, y, 3), torch.Generator().manual_seed(3)
    by_turns = mb.OneOf([mb.multimix(draws=2, per="pair"), mb.multimix(draws=2, per="pair")])
    hidden = mb.ManifoldMixer(model, ["input"], by_turns)
    inside = Schedule(mb.ManifoldMixer(model, ["input"], by_turns.mixers[0]))
    for mixer in (by_turns, hidden, inside):
        assert within(gradient_noise.measure_split(model, mixer, x, y, 3, groups=40, generator=generator), own)
    mixed = mb.OneOf([by_turns.mixers[0], mb.multimix(draws=2)])
    with pytest.raises(ValueError, match="all per pair: measure each alone"):
        gradient_noise.measure_split(model, mixed, x, y, 3)


def test_a_measurement_depends_on_its_generator_alone_and_changes_nothing(network):
    model, x, y, _ = network
    before = [w.clone() for w in model.parameters()]
    state = torch.get_rng_state()

    def once():
        generator = torch.Generator().manual_seed(5)
        split = gradient_noise.measure_split(model, mb.multimix(2), x, y, 3, groups=2, batches=2, generator=generator)
        return split, gradient_noise.measure_components(model, x, y, groups=2, pairs=4, generator=generator)

    assert once() == once()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert all(w.grad is None for w in model.parameters())


def test_a_frozen_layer_has_no_noise(network):
    _, x, y, _ = network
    model = seeded(0, lambda: MLP(3, (4,), 2, "tanh")).double()
    whole = gradient_noise.measure_split(model, mb.multimix(2), x, y, 3, generator=torch.Generator().manual_seed(0))[0]
    for weight in model.layer1.parameters():
        weight.requires_grad_(False)
    part = gradient_noise.measure_split(model, mb.multimix(2), x, y, 3, generator=torch.Generator().manual_seed(0))[0]
    assert 0 < part.P < whole.P


def test_bad_input_is_refused(network):
    model, x, y, _ = network
    with pytest.raises(ValueError, match="draws=2"):
        gradient_noise.measure_split(model, mb.mixup(1.0), x, y, 3)
    with pytest.raises(ValueError, match="batch_size"):
        gradient_noise.measure_split(model, mb.multimix(2), x, y, 6)
    with pytest.raises(ValueError, match="groups"):
        gradient_noise.measure_split(model, mb.multimix(2), x, y, 3, groups=1)
    with pytest.raises(ValueError, match="one_hot"):
        gradient_noise.measure_components(model, x, y.argmax(1))
    for ratio in (mb.Beta(1.0), mb.Beta(1.0, draws=2, per="pair")):
        with pytest.raises(ValueError, match="share"):
            gradient_noise.measure_components(model, x, y, ratio=ratio, pairs=4)
    with pytest.raises(ValueError, match="at least 2"):
        variance.estimate_split(np.ones((1, 4, 2)))
    with pytest.raises(ValueError, match="sum to 1"):
        variance.split(np.ones((2, 4, 2)), [0.5, 0.6])
    with pytest.raises(ValueError, match=r"batch_size must lie in \[1, 6\].*got 7"):
        variance.permuted_pairs(slope, X, Y, 7)
    with pytest.raises(ValueError, match="too many"):
        variance.all_permutations(30, 10)
    with pytest.raises(ValueError, match="length"):
        variance.independent_pairs(slope, X, Y[:5])
    with pytest.raises(ValueError, match="one for each mixture"):
        variance.independent_pairs(lambda z, t: z[:7], X, Y)
    with pytest.raises(ValueError, match="per"):
        Components(1.0, 1.0, 1.0).variance(2, per="sample")
    with pytest.raises(ValueError, match="draws"):
        Split(1.0, 1.0).variance(0)
    with pytest.raises(ValueError, match="floor"):
        Split(0.0, 1.0).enough()
    assert Components(1.0, 0.0, 1.0).threshold == float("inf")


def test_the_noise_of_a_step_is_the_closed_form(generator):
    # At a bias alone, with equal logits, a gradient is softmax minus the mean target: only the targets of a batch vary.
    y = torch.nn.functional.one_hot(torch.arange(60) % 3).float()
    x = torch.zeros(60, 2)
    model = torch.nn.Linear(2, 3)
    torch.nn.init.zeros_(model.weight)
    torch.nn.init.zeros_(model.bias)
    spread = float(y.var(dim=0).sum())
    size = 12
    found = gradient_noise.measure_step(model, None, x, y, size, batches=4000, generator=generator)
    assert found.variance == pytest.approx(spread / size * (1 - size / 60), rel=0.06)  # drawn without replacement
    assert found.signal == pytest.approx(0, abs=1e-3)
    # Random partners from a second batch: lam a + (1 - lam) b with independent a, b, one lambda for all of them.
    mixed = gradient_noise.measure_step(model, mb.mixup(1.0), x, y, size, batches=4000, generator=generator)
    assert mixed.variance == pytest.approx(2 / 3 * found.variance, rel=0.08)  # E lam^2 + (1 - lam)^2
    many = gradient_noise.measure_step(model, mb.multimix(50), x, y, size, batches=4000, generator=generator)
    assert many.variance == pytest.approx((1 / 2 + 1 / 6 / 50) * found.variance, rel=0.08)  # the mean ratio is near 1/2


def test_the_signal_of_a_step_has_no_bias_from_few_batches(generator):
    y = torch.nn.functional.one_hot(torch.arange(60) % 3).float()
    model = torch.nn.Linear(2, 3)
    torch.nn.init.zeros_(model.weight)
    torch.nn.init.zeros_(model.bias)
    # The gradient of all samples is zero, and that of two batches is not: their noise has to be taken off.
    how = {"batches": 2, "generator": generator}
    found = [gradient_noise.measure_step(model, None, torch.zeros(60, 2), y, 12, **how).signal for _ in range(300)]
    assert abs(np.mean(found)) < 4 * np.std(found) / 300**0.5


def test_the_noise_of_a_step_refuses_labels_and_sizes(generator):
    x, y = torch.zeros(6, 2), torch.nn.functional.one_hot(torch.arange(6) % 3).float()
    model = torch.nn.Linear(2, 3)
    with pytest.raises(ValueError, match="float targets"):
        gradient_noise.measure_step(model, None, x, torch.arange(6) % 3, 3)
    with pytest.raises(ValueError, match=r"batch_size must lie in \[1, 6\]"):
        gradient_noise.measure_step(model, None, x, y, 7)
    with pytest.raises(ValueError, match="batches must be at least 2"):
        gradient_noise.measure_step(model, None, x, y, 3, batches=1)


def test_ratios_that_round_to_one_are_as_many_as_they_should_be(generator):
    lam = symmetric_beta(0.1, (400_000,), generator)
    for digits, form in ((24, torch.float32), (11, torch.float16)):
        share = (lam.to(form) == 1).double().mean().item()
        assert variance.rounds_to_one(0.1, digits) == pytest.approx(share, rel=0.025)  # a digit more or less is 7% off


@pytest.mark.parametrize(("P", "Q"), [(1.0, 1.0), (3.0, 1.0), (0.2, 7.0), (1.0, 0.0)])
@pytest.mark.parametrize("excess", [0.05, 0.3, 0.45])
def test_enough_draws_are_the_fewest_within_the_excess(P, Q, excess):
    found, bound = Split(P, Q), (1 + excess) * P
    enough = found.enough(excess)
    assert found.variance(enough) <= bound + 1e-12
    assert enough == 1 or found.variance(enough - 1) > bound
