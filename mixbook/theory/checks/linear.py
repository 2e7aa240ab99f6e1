"""Checks of when mixup changes nothing for linear classifiers (Chidambaram et al. 2022, section 3.2 and appendix E)."""

from collections.abc import Iterator

import numpy as np
from scipy import integrate, optimize, special

from mixbook.theory import linear
from mixbook.theory.statement import Comparison, at_most, close, refuted, statement

# Four samples whose maximum margin interpolates, three against one; six features.
SINE = np.sin([[1 + i * j**2 for j in range(1, 7)] for i in range(1, 5)])
SINE_LABELS = np.array([1.0, 1, 1, -1])


@statement(
    "datadep",
    "Theorem 3.5",
    "If the maximum-margin direction interpolates, mixup's minimum in the span of the samples is a multiple of it, for a "
    "symmetric law of lambda.",
    verdict="false as printed",
    page="why/linear#thm-same-direction",
    instead="It holds if both classes have equally many samples, or if only samples of unlike class are mixed; then for "
    "every law of lambda, symmetric or not. With 3 samples against 1 the directions are 1.8 degrees apart.",
)
def theorem_3_5() -> Iterator[Comparison]:
    x, y = _gaussian(0, 5, 5, 240)
    equal = _equal_margins(x, y)
    yield at_most("5 against 5: the maximum margin interpolates (its conditions)", 0, _kkt(x, y))
    for law in (0.2, 1.0, 8.0, (2.0, 5.0)):
        apart = _degrees(linear.mixup_solution(x, y, law), equal)
        yield Comparison(f"5 against 5, Beta of {law}: degrees between mixup's direction and equal margins", apart, 1e-5)
    equal = _equal_margins(SINE, SINE_LABELS)
    ours = linear.mixup_solution(SINE, SINE_LABELS, 1.0)
    yield at_most("3 against 1: the maximum margin interpolates (its conditions)", 0, _kkt(SINE, SINE_LABELS))
    yield close("3 against 1: mixup's minimum, found by another method", ours, _minimum_by_bfgs(SINE, SINE_LABELS), 1e-5)
    apart = _degrees(ours, equal)
    yield refuted(f"3 against 1: mixup's direction is {apart:.2f} degrees from the maximum margin's", 0.0, apart, by=1.0)
    for alpha, name in ((0.2, "Beta(0.2)"), (1.0, "uniform")):
        across = linear.mixup_solution(SINE, SINE_LABELS, alpha, "across")
        k = _best_margin_of_one_pair(alpha)
        yield close(f"only unlike pairs, {name}: all margins are k", SINE_LABELS * (SINE @ across), [k] * 4, 1e-5)
        yield close(f"k, {name}: minimum of the loss of one pair", linear.mixup_margin(alpha), k, 1e-5)


@statement(
    "datadep",
    "Remark 3.6",
    "What theta has orthogonal to all samples changes neither the mixup loss nor the margins.",
    verdict="holds",
    page="why/linear#rem-orthogonal",
)
def remark_3_6() -> Iterator[Comparison]:
    theta, rng = np.linspace(-1, 1, 6), np.random.default_rng(0)
    noise = rng.standard_normal(6)
    orthogonal = noise - np.linalg.pinv(SINE) @ (SINE @ noise)
    here = linear.mixup_objective(theta, SINE, SINE_LABELS, 1.0)
    there = linear.mixup_objective(theta + 3 * orthogonal, SINE, SINE_LABELS, 1.0)
    yield close("loss with and without it", here.value, there.value, 1e-13)
    own, moved = (linear.margins(each, SINE, SINE_LABELS) for each in (theta, theta + 3 * orthogonal))
    yield close("margins with and without it", own, moved, 1e-13)
    yield close("loss, by adaptive quadrature", here.value, _loss(theta, SINE, SINE_LABELS, 1.0), 1e-9)
    yield close("and mixup's minimum has none of it", orthogonal @ linear.mixup_solution(SINE, SINE_LABELS, 1.0), 0, 1e-10)


@statement(
    "datadep",
    "Lemma 3.7",
    "For n Gaussian samples with d > 10 n log n + n - 1 the maximum margin interpolates with probability >= 1 - 2/n.",
    verdict="holds",
    page="why/linear#lem-gaussian",
)
def lemma_3_7() -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    for n in (5, 10, 20):
        dim, draws = int(10 * n * np.log(n) + n), 200
        labels = np.where(np.arange(n) < n // 2, 1.0, -1.0)
        frequency, fewer = (
            np.mean([(linear.support_weights(rng.standard_normal((n, d)), labels) >= 0).all() for _ in range(draws)])
            for d in (dim, dim // 10)
        )
        # Its constants cannot be seen here: between the two numbers of dimensions there is a lot of room.
        yield at_most(
            f"n = {n}, d = {dim}: it does in {frequency:.0%} of {draws} draws, so the bound of {1 - 2 / n:.0%} is safe",
            1 - 2 / n,
            frequency,
        )
        yield at_most(f"at a tenth of these dimensions, {dim // 10}, in {fewer:.0%} only: below it", fewer, 1 - 2 / n)
    labels = np.where(np.arange(8) < 3, 1.0, -1.0)
    by_weights, by_margins = [], []
    for _ in range(100):  # few features, so that it fails about as often as not
        x = rng.standard_normal((8, 24))
        by_weights.append((linear.support_weights(x, labels) >= 0).all())
        widest = _widest_margin(x, labels)
        by_margins.append(np.isclose(1 / np.linalg.norm(_equal_margins(x, labels)), widest, rtol=1e-10))
    what = f"n = 8, d = 24: the sign test agrees with a solver on 100 draws, of which {np.mean(by_margins):.0%} interpolate"
    yield close(what, by_weights, by_margins, 0)
    yield at_most("and both answers occur", 20, [sum(by_margins), 100 - sum(by_margins)])


@statement(
    "datadep",
    "Corollary 3.8",
    "Under the conditions of Lemma 3.7, mixup's optimum has the direction that gradient descent without mixup tends to.",
    verdict="false as printed",
    page="why/linear#cor-descent",
    instead="With high probability for equally large classes; otherwise gradient descent tends to the maximum margin and "
    "mixup's optimum has another direction, 2 degrees off with 7 samples against 3. Gradient descent gets there slowly: "
    "its angle falls like 1 / log(steps).",
)
def corollary_3_8() -> Iterator[Comparison]:
    for ones, others in ((5, 5), (7, 3)):
        x, y = _gaussian(1, ones, others, 240)
        equal = _equal_margins(x, y)
        name = f"{ones} against {others}"
        thetas = [linear.gradient_descent(x, y, steps) for steps in (1000, 10_000)]
        yield close(f"{name}: 1000 steps, written out", thetas[0], _descend(x, y, 1000), 1e-9)
        scaled = [_degrees(theta, equal) * (y * (x @ theta)).min() for theta in thetas]
        yield close(f"{name}: angle to the maximum margin falls like 1 / margin", scaled[1] / scaled[0], 1, 0.05)
        apart = _degrees(linear.mixup_solution(x, y, 1.0), equal)
        if ones == others:
            yield Comparison(f"{name}: degrees between mixup's direction and that limit", apart, 1e-5)
        else:
            yield refuted(f"{name}: mixup's direction is {apart:.2f} degrees from that limit", 0.0, apart, by=1.0)


@statement(
    "datadep",
    "Lemma E.1",
    "The mixup loss of two linearly independent samples of unlike class is strictly convex on their span.",
    verdict="holds",
    page="why/linear#lem-convex",
)
def lemma_e_1() -> Iterator[Comparison]:
    x, y, theta = np.array([[1, 2, -0.5], [0.3, -1, 0.8]]), np.array([1.0, -1]), np.array([0.4, -0.2, 0.7])
    hessian = linear.mixup_objective(theta, x, y, 1.0, "across").hessian

    def entry(a: int, b: int) -> float:
        def integrand(lam: float) -> float:
            mixed = lam * x[0] + (1 - lam) * x[1]
            return mixed[a] * mixed[b] * special.expit(mixed @ theta) * special.expit(-mixed @ theta)

        return integrate.quad(integrand, 0, 1, epsabs=1e-13)[0]

    yield close(
        "Hessian (eq. 11), by adaptive quadrature", hessian, [[entry(a, b) for b in range(3)] for a in range(3)], 1e-11
    )
    step = 1e-4 * np.eye(3)
    second = [[_second_difference(theta, x, y, one, other) for other in step] for one in step]
    yield close("Hessian, by differences of the loss", hessian, second, 1e-6)
    basis = np.linalg.qr(x.T)[0]
    yield at_most(
        "its smallest eigenvalue on the span is positive", 0.06, np.linalg.eigvalsh(basis.T @ hessian @ basis).min()
    )
    yield close("it is flat across the span", hessian @ np.cross(*x), np.zeros(3), 1e-13)


def _gaussian(seed: int, ones: int, others: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(seed).standard_normal((ones + others, dim))
    return x, np.repeat([1.0, -1.0], [ones, others])


def _equal_margins(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.linalg.pinv(y[:, None] * x) @ np.ones(len(x))


def _kkt(x: np.ndarray, y: np.ndarray) -> float:
    """Smallest multiplier of the equal margins: they are the widest ones if it is not negative."""
    signed = y[:, None] * x
    return float((np.linalg.inv(signed @ signed.T) @ np.ones(len(x))).min())


def _widest_margin(x: np.ndarray, y: np.ndarray) -> float:
    """Distance of the origin from the convex hull of the signed samples: the largest margin of a unit vector."""
    signed = y[:, None] * x
    weights, _ = optimize.nnls(np.vstack([signed.T, np.ones(len(x))]), np.r_[np.zeros(x.shape[1]), 1.0])
    return float(np.linalg.norm(signed.T @ weights) / weights.sum())


def _degrees(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one / np.linalg.norm(one), other / np.linalg.norm(other)
    return float(np.degrees(2 * np.arcsin(np.linalg.norm(one - other) / 2)))


def _density(lam: float, alpha: float) -> float:
    return float((lam * (1 - lam)) ** (alpha - 1) / special.beta(alpha, alpha))


def _entropy_loss(lam: float, one: tuple[float, float], other: tuple[float, float]) -> float:
    """Cross entropy of one mixture; each sample is its logit and its label."""
    logit = lam * one[0] + (1 - lam) * other[0]
    losses = [np.log1p(np.exp(-label * logit)) for _, label in (one, other)]
    return float(lam * losses[0] + (1 - lam) * losses[1])


def _loss(theta: np.ndarray, x: np.ndarray, y: np.ndarray, alpha: float) -> float:
    """Mixup loss over all ordered pairs, one by one."""
    samples = list(zip(x @ theta, y, strict=True))
    total = [
        integrate.quad(lambda lam, s=s, t=t: _density(lam, alpha) * _entropy_loss(lam, s, t), 0, 1, epsabs=1e-12)[0]
        for s in samples
        for t in samples
    ]
    return float(np.mean(total))


def _minimum_by_bfgs(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Minimum of the mixup loss for uniform lambda, in theta itself, with Simpson's rule in lambda."""
    grid = np.linspace(0, 1, 201)
    rule = np.r_[1, np.tile([4, 2], 99), 4, 1] / 600
    mixed = (grid[:, None, None, None] * x[:, None] + (1 - grid[:, None, None, None]) * x).reshape(
        len(grid), -1, x.shape[1]
    )
    target = (grid[:, None, None] * (y[:, None] > 0) + (1 - grid[:, None, None]) * (y > 0)).reshape(len(grid), -1)

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        logits = mixed @ theta
        slope = (special.expit(logits) - target) * rule[:, None] / len(y) ** 2
        value = ((np.logaddexp(0, logits) - target * logits) * rule[:, None]).sum() / len(y) ** 2
        return float(value), np.einsum("gp,gpd->d", slope, mixed)

    return optimize.minimize(loss, np.zeros(x.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-10}).x


def _best_margin_of_one_pair(alpha: float) -> float:
    """The k of appendix E.2: the margin at which the loss of a sample and one of the other class is least."""

    def loss(k: float) -> float:
        # By halves, so that the ends of the law, where its density may be infinite, are ends of an interval.
        half = lambda lam: _density(lam, alpha) * _entropy_loss(lam, (k, 1.0), (-k, -1.0))  # noqa: E731
        return sum(integrate.quad(half, lo, lo + 0.5, epsabs=1e-13, limit=200)[0] for lo in (0, 0.5))

    slope = lambda k: loss(k + 1e-4) - loss(k - 1e-4)  # noqa: E731
    return float(optimize.brentq(slope, 1, 6, xtol=1e-9))


def _descend(x: np.ndarray, y: np.ndarray, steps: int) -> np.ndarray:
    theta = np.zeros(x.shape[1])
    rate = 4 * len(x) / np.linalg.norm(x, 2) ** 2
    for _ in range(steps):
        theta = theta + rate * ((y / (1 + np.exp(y * (x @ theta)))) @ x) / len(x)
    return theta


def _second_difference(theta: np.ndarray, x: np.ndarray, y: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    """Second derivative of the loss of the one pair of unlike samples; the loss of the pair is the same in both orders."""

    def loss(at: np.ndarray) -> float:
        samples = tuple(zip(x @ at, y, strict=True))
        nodes, weights = np.polynomial.legendre.leggauss(30)
        return sum(w / 2 * _entropy_loss((1 + n) / 2, *samples) for n, w in zip(nodes, weights, strict=True))

    ends = loss(theta + one + other) - loss(theta + one - other) - loss(theta - one + other) + loss(theta - one - other)
    return float(ends / (4 * np.linalg.norm(one) * np.linalg.norm(other)))
