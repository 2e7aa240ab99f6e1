"""Checks of the multi-mix paper's statements on the variance of gradients (Shen et al. 2024, sections I, III and IV-I).

The other side of each comparison differentiates the loss of whole batches by autograd, for every batch and every choice of
ratios from a law of four values, or draws batches at random; it knows neither a gradient's formula nor a decomposition.
"""

from collections.abc import Iterator
from functools import cache
from itertools import combinations, permutations, product

import numpy as np
import torch
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from torch import Tensor
from torch.func import grad, vmap

from mixbook.mixing.ratio import Beta
from mixbook.mixing.scope import Scope
from mixbook.theory import variance, vicinal
from mixbook.theory.statement import Comparison, at_most, close, refuted, statement

Array = NDArray[np.float64]

# Six points of two classes, and a logistic regression without intercept.
INDEX = np.arange(6.0)
X, Y = np.stack([np.cos(INDEX) + 0.3 * INDEX, np.sin(2 * INDEX)], axis=1), np.array([0.0, 1, 0, 1, 1, 0])
THETA = np.array([0.8, -0.5])
# Four points at right angles and one weight that scales them, trained to give 0 by squared error.
CORNERS = np.eye(4)


def slope(z: Array, t: Array) -> Array:
    """Gradient of the logistic loss of mixtures (m, 2) with targets (m,), by its formula: what the library is given."""
    return (1 / (1 + np.exp(-z @ THETA)) - t)[:, None] * z


def corner_slope(z: Array, t: Array) -> Array:
    return np.square(z).sum(1)[:, None]


def _logistic(theta: Tensor, first: Tensor, second: Tensor, lam: Tensor) -> Tensor:
    """Loss of one batch: its pairs (B,), all at the ratios (K, 1) or each at its own (K, B)."""
    x, y = torch.tensor(X), torch.tensor(Y)
    f = (lam[..., None] * x[first] + (1 - lam[..., None]) * x[second]) @ theta
    return (torch.nn.functional.softplus(f) - (lam * y[first] + (1 - lam) * y[second]) * f).mean()


def _scaling(theta: Tensor, first: Tensor, second: Tensor, lam: Tensor) -> Tensor:
    x = torch.tensor(CORNERS)
    z = lam[..., None] * x[first] + (1 - lam[..., None]) * x[second]
    return (theta * z).square().sum(-1).mean() / 2


def _every(first: Array, second: Array, draws: int, columns: int = 1, scaling: bool = False) -> tuple[float, Array, Array]:
    """Variance, mean and all gradients of batches (M, B), every one at every choice of ratios: lam uniform, by 4 nodes."""
    nodes, mass = (np.asarray(v) / 2 for v in leggauss(4))
    choice = np.array(list(product(range(4), repeat=draws * columns)))
    lam, chance = (nodes + 0.5)[choice].reshape(-1, draws, columns), mass[choice].prod(1)
    batch, ratio = np.divmod(np.arange(len(first) * len(lam)), len(lam))
    loss, theta = (_scaling, torch.ones(1, dtype=torch.float64)) if scaling else (_logistic, torch.tensor(THETA))
    arguments = (torch.tensor(v) for v in (first[batch], second[batch], lam[ratio]))
    g = vmap(grad(loss), (None, 0, 0, 0))(theta, *arguments).numpy()
    weight = chance[ratio] / len(first)
    mean = weight @ g
    return float(weight @ np.square(g - mean).sum(1)), mean, np.c_[weight, g]


def _permuted(n: int, size: int) -> tuple[Array, Array]:
    both = [(s, p) for s in combinations(range(n), size) for p in permutations(s)]
    return np.array([s for s, _ in both]), np.array([p for _, p in both])


def _independent(size: int) -> tuple[Array, Array]:
    rows = np.array(list(product(range(6), repeat=2 * size)))
    return rows[:, :size], rows[:, size:]


def _sampled(size: int, draws: int, permuted: bool, trials: int, seed: int) -> tuple[float, float]:
    """Variance over random batches with random ratios, uniform and not cut down to four values; and its standard error."""
    rng = np.random.default_rng(seed)
    if permuted:
        first = rng.permuted(np.tile(np.arange(6), (trials, 1)), axis=1)[:, :size]
        second = rng.permuted(first, axis=1)
    else:
        first, second = rng.integers(6, size=(2, trials, size))
    lam = rng.uniform(size=(trials, draws, 1))
    z = lam[..., None] * X[first][:, None] + (1 - lam[..., None]) * X[second][:, None]
    t = lam * Y[first][:, None] + (1 - lam) * Y[second][:, None]
    g = ((1 / (1 + np.exp(-z @ THETA)) - t)[..., None] * z).mean((1, 2))
    off = np.square(g - g.mean(0)).sum(1)
    return off.mean(), off.std() / trials**0.5


@cache
def _moments() -> tuple[float, float, float, Array]:
    """E|g|^2, E|g|, E|g - E g| and E g of single mixtures of independent pairs."""
    weighted = _every(*_independent(1), 1)[2]
    weight, g = weighted[:, 0], weighted[:, 1:]
    mean = weight @ g
    length = np.linalg.norm(g, axis=1)
    return float(weight @ length**2), float(weight @ length), float(weight @ np.linalg.norm(g - mean, axis=1)), mean


def _components() -> variance.Components:
    return variance.independent_pairs(slope, X, Y, nodes=4)


@statement(
    "multimix",
    "Proposition III.1",
    "The variance of the gradient decreases with the number K of interpolations.",
    verdict="holds with a correction",
    page="how_much/multimix#thm-multimix-floor",
    instead="It is P + Q/K for any pairing, so it never grows, and falls if and only if Q > 0. In a permuted batch of one "
    "the sample is its own partner, and the variance is the same at any K.",
)
def proposition_iii_1() -> Iterator[Comparison]:
    for size in (1, 2, 3):
        rows = _permuted(6, size)
        found = variance.any_pairing(slope, X, Y, *variance.all_permutations(6, size), nodes=4)
        draws = (1, 2, 3)
        every = [_every(*rows, K)[0] for K in draws]
        ours = [found.variance(K) for K in draws]
        yield close(f"P + Q/K and every permuted batch of {size}, K = 1, 2, 3", ours, every, 1e-12)
        if size == 1:  # its partner is itself: there is nothing to interpolate
            yield close("a permuted batch of one: the same variance at any K", every, [every[0]] * len(draws), 1e-14)
            falls = every[0] - every[-1] > 1e-6 * every[0]
            what = f"a permuted batch of one: {every[0]:.4f} at K = 1 and {every[-1]:.4f} at K = 3, where it should fall"
            yield refuted(what, 1.0, float(falls), by=1.0)
        else:
            fall = [-1e-6 * every[0]] * (len(draws) - 1)  # far more than rounding
            yield at_most(f"the variance falls with K, B = {size}", np.diff(every), fall)
    found = variance.any_pairing(slope, X, Y, *variance.all_permutations(6, 4))
    sampled, error = _sampled(4, 5, permuted=True, trials=40_000, seed=0)
    yield close("P + Q/5 and random permuted batches of 4 with uniform ratios", found.variance(5), sampled, 4 * error)


@statement(
    "multimix",
    "Equations 11 and 12",
    "The variance is V1/B + V2/K + VI/(BK): the shares of the pairs, of the ratios, and of both.",
    verdict="holds with a correction",
    page="how_much/variance#thm-multimix-exact",
    instead="It needs independent pairs, which is not said. For pairs within a permuted batch the variance is P + Q/K with "
    "other P and Q. The proof's sum over two different pairs must not leave out pairs that share a sample.",
)
def equations_11_and_12() -> Iterator[Comparison]:
    found, one, two = _components(), _independent(1), _independent(2)
    cases: tuple[tuple[str, int, int, Scope, tuple[float, Array, Array]], ...] = (
        ("B = 1, K = 1", 1, 1, "batch", _every(*one, 1)),
        ("B = 1, K = 3", 1, 3, "batch", _every(*one, 3)),
        ("B = K = 2, shared ratios", 2, 2, "batch", _every(*two, 2)),
        ("B = 2, K = 1, a ratio for each pair", 2, 1, "pair", _every(*two, 1, columns=2)),
    )
    for what, size, draws, per, every in cases:
        yield close(
            f"formula and every batch of independent pairs, {what}", found.variance(size, draws, per), every[0], 1e-12
        )
    sampled, error = _sampled(4, 5, permuted=False, trials=40_000, seed=1)
    exact = variance.independent_pairs(slope, X, Y).variance(4, 5)
    yield close("formula and random independent pairs, B = 4, K = 5, uniform ratios", exact, sampled, 4 * error)
    for size in (1, 2, 3, 6):
        permuted = _every(*_permuted(6, size), 1)[0]
        ours = variance.permuted_pairs(slope, X, Y, size, nodes=4).variance(1)
        yield close(f"P + Q in closed form and every permuted batch of {size}, K = 1", ours, permuted, 1e-12)
    permuted = _every(*_permuted(6, 3), 1)[0]
    yield refuted(
        f"permuted batches of 3, K = 1: variance {permuted:.4f}, formula {found.variance(3):.4f}",
        found.variance(3),
        permuted,
        by=0.005,
    )
    # Cross terms of the proof: two pairs at one ratio. All of them average to V2, those with no common sample do not.
    cells = _every(*one, 1)[2].reshape(36, 4, 3)
    mass, off = cells[0, :, 0] * 36, cells[..., 1:] - _moments()[3]
    products = np.einsum("r,prd,qrd->pq", mass, off, off) / 36**2
    i, j = np.divmod(np.arange(36), 6)
    apart = (i[:, None] != i) & (j[:, None] != j)
    yield close("cross terms of two pairs at one ratio are V2", found.V2, products.sum(), 1e-12)
    yield refuted(
        f"with the printed index (no common sample) they are {products[apart].sum():.5f}, not V2 = {found.V2:.5f}",
        float(products[apart].sum()),
        found.V2,
        by=0.005,
    )


@statement(
    "multimix",
    "Proposition III.2",
    "At the same KB gradients, multi-mix varies no more than mixup with KB pairs once B >= B0 = V1/V2.",
    verdict="holds with a correction",
    page="how_much/variance#thm-multimix-threshold",
    instead="It needs independent pairs: within permuted batches B >= B0 is not sufficient. (A larger batch with a ratio "
    "for each pair, which the paper does not consider, varies no more than multi-mix for every B.)",
)
def proposition_iii_2() -> Iterator[Comparison]:
    # Large batches without any decomposition: from the covariances of two mixtures that share a pair, a ratio, or nothing.
    cells = _every(*_independent(1), 1)[2].reshape(36, 4, 3)
    mass, off = cells[0, :, 0] * 36, cells[..., 1:] - _moments()[3]
    same = np.einsum("r,prd,prd->", mass, off, off) / 36
    same_pair = np.einsum("r,s,prd,psd->", mass, mass, off, off) / 36
    same_ratio = np.einsum("r,prd,qrd->", mass, off, off) / 36**2

    def by_covariances(B: int, K: int) -> float:
        return float((same + (K - 1) * same_pair + (B - 1) * same_ratio) / (B * K))

    found = _components()
    B0 = found.threshold
    yield close(
        "B0 and the batch size at which the two covariances balance", B0, same_pair / same_ratio, 1e-9, relative=True
    )
    below, above = int(np.floor(B0)), int(np.ceil(B0))
    for K in (2, 5):
        sides = [(by_covariances(B, K), by_covariances(B * K, 1)) for B in (below, above)]
        ours = [(found.variance(B, K), found.variance(B * K)) for B in (below, above)]
        yield close(f"multi-mix and one ratio around B0, K = {K}", ours, sides, 1e-13)
        yield at_most(f"at B = {below} < B0 the larger batch varies less, K = {K}", sides[0][1], sides[0][0])
        yield at_most(f"at B = {above} > B0 multi-mix varies less, K = {K}", sides[1][0], sides[1][1])
    each = _every(*_independent(2), 1, columns=2)[0]
    yield close("two pairs with a ratio each", found.variance(2, 1, "pair"), each, 1e-12)
    sizes = np.geomspace(1, 1e6, 61)
    yield at_most(
        "with a ratio each, 5 B pairs vary no more than multi-mix with K = 5, B from 1 to a million",
        [found.variance(5 * B, 1, "pair") for B in sizes],
        [found.variance(B, 5) for B in sizes],
    )
    corners = variance.independent_pairs(corner_slope, CORNERS, np.zeros(4), nodes=4)
    yield close("four points at right angles: B0 = 5/3", corners.threshold, 5 / 3, 1e-12)
    multi, single = (_every(*_permuted(4, B), K, scaling=True)[0] for B, K in ((2, 2), (4, 1)))
    yield close(
        "there, permuted: multi-mix with B = K = 2 and one ratio with B = 4", [multi, single], [1 / 30, 1 / 48], 1e-12
    )
    both = f"multi-mix varies by {multi:.4f}, one ratio with B = 4 by {single:.4f}"
    where = "four points at right angles, permuted, B = K = 2, B0 = 5/3"
    yield refuted(f"{where}: {both}", 1.0, float(multi <= single), by=1.0)


@statement(
    "multimix",
    "Equation 8",
    "The variance of the gradient is E|g|^2 - (E|g|)^2.",
    verdict="false as printed",
    page="how_much/variance#prop-length",
    instead="It is E|g|^2 - |E g|^2. The printed right-hand side is the variance of the gradient's length, which is never "
    "larger.",
)
def equation_8() -> Iterator[Comparison]:
    square, length, _, mean = _moments()
    found = _components().variance(1)
    yield close("total of the components and E|g|^2 - |E g|^2", found, square - mean @ mean, 1e-12)
    yield refuted(f"printed: {square - length**2:.4f}; variance: {found:.4f}", square - length**2, found, by=0.1)


@statement(
    "multimix",
    "Section III-C, variance of large-batch mixup",
    "The variance of the gradient g' of large-batch mixup is E|g' - E g'|.",
    verdict="false as printed",
    page="how_much/variance#prop-length",
    instead="The square is missing: it is E|g' - E g'|^2, which the proof of Proposition III.2 goes on to use.",
)
def section_iii_c() -> Iterator[Comparison]:
    _, _, distance, _ = _moments()
    found = _components().variance(1)
    yield close("one pair, one ratio: formula and every batch", found, _every(*_independent(1), 1)[0], 1e-12)
    yield refuted(f"printed: {distance:.4f}; variance: {found:.4f}", distance, found, by=0.1)


@statement(
    "multimix",
    "Section III-B, mean of the gradient",
    "The mean of the gradient of a batch is the gradient of the mixup loss over all pairs of samples.",
    verdict="holds with a correction",
    page="how_much/variance#prop-permuted-mean",
    instead="So it is for independent pairs. A permuted batch leaves a sample with itself once in B times, so its mean is "
    "self/B + (1 - 1/B) other; it is the gradient of the loss over all pairs only at B = n. K does not enter.",
)
def section_iii_b() -> Iterator[Comparison]:
    everything = variance.mean_gradient(slope, X, Y, nodes=4)
    yield close("independent pairs: formula and every batch", everything, _moments()[3], 1e-12)
    for size in (1, 2, 3, 6):
        for draws in (1, 2) if size < 6 else (1,):
            expected = _every(*_permuted(6, size), draws)[1]
            ours = variance.mean_gradient(slope, X, Y, size, nodes=4)
            yield close(f"permuted batches of {size}, K = {draws}: formula and every batch", ours, expected, 1e-12)
    bias = np.linalg.norm(_every(*_permuted(6, 2), 1)[1] - _moments()[3])
    yield refuted(f"in permuted batches of 2 the mean is off by {bias:.4f}", 0.0, float(bias), by=0.04)


@statement(
    "multimix",
    "Section IV-I, squared norms",
    "The mean of the gradient does not depend on K, so E|g|^2 can stand for the variance when K's are compared.",
    verdict="holds with a correction",
    page="how_much/variance#rem-norms",
    instead="At the same weights. Figure 8 compares training runs, whose weights differ, and with them the means: of two "
    "sets of weights, that with the larger E|g|^2 can have the smaller variance.",
)
def section_iv_i() -> Iterator[Comparison]:
    rows = _permuted(6, 3)
    found = variance.any_pairing(slope, X, Y, *variance.all_permutations(6, 3), nodes=4)
    mean = variance.mean_gradient(slope, X, Y, 3, nodes=4)
    square = {}
    for draws in (1, 2):
        weighted = _every(*rows, draws)[2]
        square[draws] = float(weighted[:, 0] @ np.square(weighted[:, 1:]).sum(1))
        ours = found.variance(draws) + mean @ mean
        yield close(f"E|g|^2 = P + Q/K + |E g|^2 over every permuted batch of 3, K = {draws}", ours, square[draws], 1e-12)
    less = square[1] - square[2]
    yield close("from K = 1 to 2, E|g|^2 falls by as much as the variance", less, found.Q / 2, 1e-12)
    # The corners again, where the gradient is the weight times |z|^2: at weight w both moments are w^2 times as large.
    many, one = (_every(*_permuted(4, 2), draws, scaling=True) for draws in (2, 1))
    weight = 0.95
    norms = many[0] + many[1] @ many[1], weight**2 * (one[0] + one[1] @ one[1])
    variances = many[0], weight**2 * one[0]
    yield at_most("E|g|^2 is larger for K = 2 at weight 1 than for K = 1 at weight 0.95", norms[1], norms[0])
    yield refuted(
        "E|g|^2 is larger for K = 2 at weight 1 than for K = 1 at weight 0.95, yet its variance is smaller: "
        f"{variances[0]:.4f} against {variances[1]:.4f}",
        float(norms[0] > norms[1]),
        float(variances[0] > variances[1]),
        by=1.0,
    )


@statement(
    "multimix",
    "Equation 6, strict order",
    "The K ratios of a pair are drawn from one Beta law and satisfy 0 < lam_1 < ... < lam_K < 1.",
    verdict="holds with a correction",
    page="how_much/multimix#rem-strict-order",
    instead="With chance 1 in real numbers; in floating point a small alpha gives ratios of exactly 1, and ties. Nothing "
    "depends on it: the gradient is a mean over the ratios, which does not know their order.",
)
def equation_6() -> Iterator[Comparison]:
    trials = 400_000
    for alpha in (0.02, 0.05, 0.1):
        lam = Beta(alpha, per="pair").sample(trials, torch.Generator().manual_seed(0)).numpy()
        expected = variance.rounds_to_one(alpha, digits=24)
        error = (expected * (1 - expected) / trials) ** 0.5
        yield close(f"chance of a ratio of exactly 1 in float32, alpha = {alpha}", expected, (lam == 1).mean(), 4 * error)
    five = Beta(0.05, draws=5, per="pair").sample(10_000, torch.Generator().manual_seed(1)).numpy()
    ties = float((np.diff(five, axis=0) == 0).any(0).mean())
    yield refuted(f"of 10,000 times five ratios at alpha = 0.05, {ties:.0%} have ties", 0.0, ties, by=0.1)


@statement(
    "multimix",
    "Section I, order along a path",
    "On the way from x' to x the network's outputs keep the order of the mixtures.",
    verdict="false as printed",
    page="how_much/multimix#rem-path-order",
    instead="It depends on the law of the ratio and on what lies on the way. On three points of classes A, B, A the "
    "mixup-optimal answer falls from A to B all the way at alpha = 1; at alpha = 8 it turns back to A before it reaches B. "
    "Where samples of B and then of A lie between the two, it turns back under every law.",
)
def section_i() -> Iterator[Comparison]:
    line, classes = np.array([0.0, 1.0, 2.0]), np.array([0, 1, 0])
    path = np.linspace(0.02, 0.98, 49)
    rng = np.random.default_rng(0)
    first, second = rng.integers(3, size=(2, 400_000))
    for alpha, keeps in ((1.0, True), (8.0, False)):
        answer = vicinal.optimal(line, classes, path, 0.0, alpha)[:, 0]
        lam = rng.beta(alpha, alpha, 400_000)
        z = lam * line[first] + (1 - lam) * line[second]
        share = lam * (classes[first] == 0) + (1 - lam) * (classes[second] == 0)
        for at in (0.3, 0.6, 0.9):
            near = abs(z - at) < 0.01
            error = share[near].std() / near.sum() ** 0.5
            ours = vicinal.optimal(line, classes, [at], 0.0, alpha)[0, 0]
            yield close(
                f"share of A at {at}: optimum and mixtures nearby, alpha = {alpha}", ours, share[near].mean(), 5 * error
            )
        rise = float(np.diff(answer).max())
        if keeps:
            yield at_most(f"alpha = {alpha}: the share of A never rises between A and B", rise, 0.0)
        else:
            yield refuted(
                f"alpha = {alpha}: the share of A rises again, by up to {rise:.3f} a step", 0.0, max(rise, 0.0), by=0.005
            )
    # The optimum is right at samples (Proposition 2.8), so four of classes A, B, A, B in line leave no law a chance.
    for alpha in (1.0, 8.0):
        shares = vicinal.optimal([0, 1, 2, 3], [0, 1, 0, 1], [0.0, 1.0, 2.0, 3.0], 0.0, alpha)[:, 0]
        yield refuted(
            f"alpha = {alpha}: through samples of A, B, A, B the share of A is {', '.join(f'{s:.0f}' for s in shares)}",
            0.0,
            float(np.diff(shares).max()),
            by=0.5,
        )
