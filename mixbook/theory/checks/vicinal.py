"""Checks of the data-dependency paper's statements on the mixup-optimal classifier (Chidambaram et al. 2022, section 2)."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy import integrate, optimize, special, stats

from mixbook.theory import laws, lines, loss_floor, vicinal
from mixbook.theory.statement import Comparison, at_most, close, refuted, statement

LINE, CLASSES = np.array([0.0, 1.0, 2.0]), np.array([0, 1, 0])  # alternating classes A, B, A
INDEX = np.arange(7)
PLANE, THREE = np.c_[np.cos(INDEX) + 0.3 * INDEX, np.sin(2 * INDEX)], INDEX % 3  # seven points, three classes
BALLS = (np.array([0.5, 0.2]), 0.3), (np.array([1.2, -0.1]), 0.5)
CROSS, TWO = np.array([[0.0, 1.0], [0.0, -1.0], [1.0, 0.0], [-1.0, 0.0]]), np.array([0, 0, 1, 1])

Pdf = Callable[[np.ndarray], np.ndarray]


def by_quadrature(points: np.ndarray, labels: np.ndarray, x: np.ndarray, eps: float, pdf: Pdf) -> tuple[np.ndarray, ...]:
    """xi^{ij} and xi^{ij}_lambda of the paper, each (C, C): every ordered pair's interval of lambda, then Gauss's rule."""
    node, weight = np.polynomial.legendre.leggauss(60)
    points = points.reshape(len(points), -1)
    xi, xi_lambda = np.zeros((2, labels.max() + 1, labels.max() + 1))
    for s, t in np.ndindex(len(points), len(points)):
        along, offset = points[s] - points[t], points[t] - x
        inside = [0.0, 1.0] if offset @ offset < eps**2 else [0.0, 0.0]
        if s != t:  # where |t + lambda (s - t) - x|^2 = eps^2
            ends = np.roots([along @ along, 2 * along @ offset, offset @ offset - eps**2])
            inside = sorted(np.clip(ends, 0, 1)) if np.isreal(ends).all() else [0.0, 0.0]
        lam = inside[0] + (inside[1] - inside[0]) * (node + 1) / 2
        mass = (inside[1] - inside[0]) / 2 * weight * pdf(lam)
        xi[labels[s], labels[t]] += mass.sum() / len(points) ** 2
        xi_lambda[labels[s], labels[t]] += (mass * lam).sum() / len(points) ** 2
    return xi, xi_lambda


def equation_1(xi: np.ndarray, xi_lambda: np.ndarray) -> np.ndarray:
    """Lemma 2.3 as printed, from the two tables."""
    of_class = np.diag(xi) + np.array(
        [
            sum(xi_lambda[i, j] + xi[j, i] - xi_lambda[j, i] for j in range(len(xi)) if j != i)  # one class with all others
            for i in range(len(xi))
        ]
    )
    return of_class / of_class.sum()


def on_line(z: float) -> float:
    """The limit h on A, B, A for uniform lambda, as a ratio of densities: the share of class A at z."""
    if z in LINE:
        return float(z != 1)
    return (1.5 - min(z, 2 - z)) / 1.5


def loss_on_line(g: Callable[[float], float], kinks: tuple[float, ...]) -> float:
    """The mixup loss of z -> share of A on A, B, A for uniform lambda, pair by pair."""
    loss = 0.0
    for s, t in np.ndindex(3, 3):
        if s == t:
            own = g(float(LINE[s]))
            loss -= np.log(own if CLASSES[s] == 0 else 1 - own) / 9
            continue

        def each(lam: float, s: int = s, t: int = t) -> float:
            share = lam * (CLASSES[s] == 0) + (1 - lam) * (CLASSES[t] == 0)
            a = g(lam * LINE[s] + (1 - lam) * LINE[t])
            return float(-special.xlogy(share, a) - special.xlogy(1 - share, 1 - a))

        breaks = sorted({(z - LINE[t]) / (LINE[s] - LINE[t]) for z in (1.0, *kinks)})
        loss += integrate.quad(each, 0, 1, points=[lam for lam in breaks if 0 < lam < 1], limit=200)[0] / 9
    return loss


@statement(
    "datadep",
    "Proposition 2.2",
    "The mixup loss of the mixup-optimal classifier h is at most that of any continuous classifier.",
    verdict="holds",
    page="why/mixup#prop-floor",
)
def proposition_2_2() -> Iterator[Comparison]:
    least = loss_floor.minimum_loss(LINE, CLASSES, 1.0)
    yield close("loss of h on A, B, A, by entropy and pair by pair", least, loss_on_line(on_line, ()), 1e-7)

    def continuous(width: float) -> Callable[[float], float]:
        # h, led to the label of the middle sample over a distance on both sides.
        return lambda z: on_line(z) if abs(z - 1) >= width else on_line(1 + width) * abs(z - 1) / width

    widths = (0.1, 0.01, 0.001)
    losses = [loss_on_line(continuous(width), (1 - width, 1 + width)) for width in widths]
    yield at_most(f"no continuous classifier is below it: widths {widths}", least + 1e-4 * np.array(widths), losses)
    yield at_most("they come closer as they come steeper", np.diff(losses), -1e-3 * np.array(widths[1:]))
    yield close("and tend to it", losses[-1], least, 5e-3)
    for alpha in (0.2, 1.0, 4.0):
        share = 1 - (np.bincount(THREE) ** 2).sum() / 49
        theirs = share * (special.digamma(2 * alpha + 1) - special.digamma(alpha + 1))
        least = loss_floor.minimum_loss(PLANE, THREE, alpha)
        yield close(
            f"in general position: share of pairs times the entropy of lambda, alpha = {alpha}", least, theirs, 1e-8
        )


@statement(
    "datadep",
    "Lemma 2.3",
    "On a ball, the constant of least mixup loss is the mean target of the mixtures in it (equation 1), a continuous "
    "function of the ball's centre.",
    verdict="false as printed",
    page="why/mixup#thm-optimal",
    instead="The formula holds. Continuity fails on finite data, where a sample mixed with itself has positive mass: h_eps "
    "jumps where the ball lets a sample go.",
)
def lemma_2_3() -> Iterator[Comparison]:
    for shapes in ((1, 1), (2, 2), (3, 5)):
        for x, eps in BALLS:
            xi, xi_lambda = by_quadrature(PLANE, THREE, x, eps, stats.beta(*shapes).pdf)
            ours = vicinal.optimal(PLANE, THREE, [x], eps, shapes)[0]
            yield close(
                f"closed form and equation 1 by quadrature, Beta{shapes}, x = {x}", ours, equation_1(xi, xi_lambda), 1e-9
            )
            of_class = xi_lambda.sum(axis=1) + (xi - xi_lambda).sum(axis=0)
            found = optimize.minimize(lambda a, w=of_class: -w @ special.log_softmax(a) / w.sum(), np.zeros(3), tol=1e-12)
            yield close(
                f"closed form and a minimiser of the loss, Beta{shapes}, x = {x}", ours, special.softmax(found.x), 1e-5
            )
    left, right = vicinal.optimal(LINE, CLASSES, [1.25 - 1e-9, 1.25 + 1e-9], 0.25, 1.0)[:, 1]
    yield refuted(
        f"on A, B, A with eps = 0.25 the share jumps at z = 1.25: {left:.4f} left, {right:.4f} right", left, right, by=0.1
    )


@statement(
    "datadep",
    "Corollary C.1",
    "For a symmetric law of lambda, equation 1 simplifies to xi^{ii} + 2 sum_j xi^{ij}_lambda over the classes j other "
    "than i, normalised.",
    verdict="holds",
    page="why/mixup#cor-symmetric",
)
def corollary_c_1() -> Iterator[Comparison]:
    # In the first ball no two samples of one class meet, in the second they do.
    for x, eps in BALLS:
        # Beta(2, 1) is not symmetric; its symmetric version is the uniform law, and has the same optimum.
        for alpha, pdf in (((2.0, 2.0), stats.beta(2, 2).pdf), ((2.0, 1.0), stats.beta(2, 1).pdf)):
            masses = vicinal.pair_masses(PLANE, THREE, x, eps, laws.symmetrised(alpha))
            own = np.diag(masses.total)
            short = own + 2 * (masses.first.sum(axis=1) - np.diag(masses.first))
            theirs = equation_1(*by_quadrature(PLANE, THREE, x, eps, pdf))
            what = f"the short form after symmetrising Beta{alpha}, and equation 1 before, x = {x}"
            yield close(what, short / short.sum(), theirs, 1e-9)


class Restless:
    """A law of lambda whose density swings towards 1/2: v^power (1 + a sin(w log v)) / norm with v = |2 lambda - 1|."""

    knots = (0.0, 0.5, 1.0)
    a, w = 0.9, 2.0

    def __init__(self, power: int = 0) -> None:
        self.power = power
        self.norm = float(self._integral(np.ones(1), power)[0])

    def _integral(self, v: np.ndarray, power: int) -> np.ndarray:
        """Of u^power (1 + a sin(w log u)) over u from 0 to v."""
        q, phase = power + 1, self.w * np.log(v)
        return v**q * (1 / q + self.a * (q * np.sin(phase) - self.w * np.cos(phase)) / (q**2 + self.w**2))

    def mass(self, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
        cdf = [np.sign(v) * self._integral(np.maximum(abs(v), 1e-300), self.power) for v in _centred(lo, hi)]
        return (cdf[1] - cdf[0]) / (2 * self.norm)

    def moment(self, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
        # lambda is 1/2 and lambda - 1/2, whose integral is the same on both sides of the middle.
        off = [self._integral(np.maximum(abs(v), 1e-300), self.power + 1) for v in _centred(lo, hi)]
        return self.mass(lo, hi) / 2 + (off[1] - off[0]) / (4 * self.norm)

    def density(self, lam: np.ndarray) -> np.ndarray:
        v = abs(2 * np.asarray(lam) - 1)
        return v**self.power * (1 + self.a * np.sin(self.w * np.log(v))) / self.norm

    def mirrored(self) -> "Restless":
        return self


def _centred(lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return 2 * np.asarray(lo) - 1, 2 * np.asarray(hi) - 1


@statement(
    "datadep",
    "Remark 2.4",
    "On a finite data set the limit of h_eps for small balls exists at every point where mixtures fall.",
    verdict="holds with a correction",
    page="why/conflicts#rem-limit",
    instead="It exists where the density of lambda is continuous and positive at the shares of the segments through the "
    "point, so for every Beta law. Under a density that keeps swinging towards 1/2 there is no limit where a segment is "
    "crossed at its midpoint, nor where two are and the density falls to 0 there as it swings.",
)
def remark_2_4() -> Iterator[Comparison]:
    for alpha in (0.5, 1.0, 4.0):
        z = np.array([[0.0, 0.0], [0.5, 0.0], [0.2, 0.0]])
        limit = vicinal.optimal(CROSS * [[1], [1], [3], [1]], TWO, z, 0, alpha)
        small = vicinal.optimal(CROSS * [[1], [1], [3], [1]], TWO, z, 1e-6, alpha)
        yield close(f"for Beta({alpha}, {alpha}) small balls tend to the ratio of densities", small, limit, 1e-5)
    # A's segment is crossed at its midpoint, B's at an eighth, where the law is smooth.
    points = np.array([[0.0, 1.0], [0.0, -1.0], [1.75, 0.0], [-0.25, 0.0]])
    law, phase = Restless(), np.exp(-np.arange(0, 2 * np.pi, 0.4) / Restless.w)
    eighth = (1 + law.a * np.sin(law.w * np.log(0.75))) / law.norm  # the density at 1/8
    for scale in (1e-2, 1e-4, 1e-6):
        ours = [vicinal.optimal(points, TWO, [[0.0, 0.0]], scale * p, law)[0, 0] for p in phase]
        # The masses of the two intervals of lambda: |2 lambda - 1| < eps on A's, 2 |lambda - 1/8| < eps on B's.
        eps = scale * phase
        across = eps * (1 + law.a * (np.sin(law.w * np.log(eps)) - law.w * np.cos(law.w * np.log(eps))) / 5) / law.norm
        yield close(
            f"optimum under the restless law near eps = {scale}", ours, across / (across + eighth * eps), 1e-3 + scale
        )
    yield refuted(
        f"no limit: near eps = {scale} it runs from {min(ours):.3f} to {max(ours):.3f}", max(ours), min(ours), by=0.1
    )
    # Continuous is not enough: where this density falls to 0, at 1/2, both segments are crossed, of lengths 2 and 5.
    points, law = CROSS * np.array([[1], [1], [2.5], [2.5]]), Restless(power=1)
    for scale in (1e-2, 1e-4, 1e-6):
        ours = [vicinal.optimal(points, TWO, [[0.0, 0.0]], scale * p, law)[0, 0] for p in phase]
        one, other = (
            np.array([integrate.quad(law.density, 0.5, 0.5 + scale * p / length, epsabs=0, limit=200)[0] for p in phase])
            for length in (2, 5)
        )
        yield close(f"optimum where a restless density is 0, near eps = {scale}", ours, one / (one + other), 1e-6)
    yield refuted(
        f"no limit where the density is continuous and 0: near eps = {scale} from {min(ours):.3f} to {max(ours):.3f}",
        max(ours),
        min(ours),
        by=0.3,
    )


@statement(
    "datadep",
    "Proposition 2.5",
    "Two crossing segments, A at (0, 1) and (0, -1), B at (1, 0) and (-1, 0), uniform lambda: h is discontinuous at "
    "(0, 0), where xi^{11} = xi^{22} = eps / 4.",
    verdict="holds with a correction",
    page="why/conflicts#prop-cross",
    instead="h is discontinuous there; the mass is eps / 8, since |2 lambda - 1| < eps has probability eps, not 2 eps.",
)
def proposition_2_5() -> Iterator[Comparison]:
    for eps in (0.1, 0.01, 0.001):
        total = vicinal.pair_masses(CROSS, TWO, [0.0, 0.0], eps, 1.0).total
        xi, _ = by_quadrature(CROSS, TWO, np.zeros(2), eps, stats.uniform.pdf)
        yield close(f"masses in the ball by quadrature, eps = {eps}", total, xi, 1e-12)
        yield close(f"masses in the ball are eps / 8, eps = {eps}", total, np.eye(2) * eps / 8, 1e-12)
        yield refuted(f"at eps = {eps}, xi^11 is {total[0, 0]:.6g}, not {eps / 4:.6g}", eps / 4, total[0, 0], by=eps / 10)
    on_a = vicinal.optimal(CROSS, TWO, [[0.0, 10.0**-k] for k in range(1, 7)], 0, 1.0)
    yield close("next to the crossing, on A's segment, h is A", on_a, [[1.0, 0.0]] * 6, 0.0)
    yield close("at the crossing it is undecided", vicinal.optimal(CROSS, TWO, [[0.0, 0.0]], 0, 1.0), [[0.5, 0.5]], 1e-15)


@statement(
    "datadep",
    "Theorem 2.7",
    "On three points 0, 1, 2 of classes A, B, A, a large enough alpha makes the optimum on a ball around 1 answer A.",
    verdict="holds with a correction",
    page="why/mixup#thm-critical",
    instead="The printed threshold (log 4 / eps^2 - 1) / 2 is not sufficient for 0.3992 < eps < 0.9991; the exact one "
    "solves 2 P(|Y - 1/2| < eps/2) = 1 + 4 (eps(1 - eps))^alpha / (alpha B(alpha, alpha)).",
)
def theorem_2_7() -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    first, second = rng.integers(3, size=(2, 400_000))
    for eps in (0.25, 0.5, 0.75):
        alpha = lines.critical_alpha(eps)
        lam = rng.beta(alpha, alpha, 400_000)
        near = abs(lam * LINE[first] + (1 - lam) * LINE[second] - 1) < eps
        share = (lam * (CLASSES[first] == 0) + (1 - lam) * (CLASSES[second] == 0))[near]
        error = share.std() / np.sqrt(near.sum())
        yield close(f"sampled share of A at the critical alpha is 1/2, eps = {eps}", share.mean(), 0.5, 4 * error)
    epsilons = (0.1, 0.25, 0.5, 0.75, 0.9)
    answers = [vicinal.optimal(LINE, CLASSES, [1.0], eps, lines.critical_alpha(eps))[0, 0] for eps in epsilons]
    yield close("share of A at the critical alpha, from the closed form", answers, [0.5] * len(epsilons), 1e-12)
    for eps in (0.39, 0.3991, 0.9992, 0.9995):
        printed = (np.log(4) / eps**2 - 1) / 2
        yield at_most(f"at eps = {eps} the printed threshold suffices", lines.critical_alpha(eps), printed)
    for eps in (0.4, 0.5, 0.75, 0.999):
        printed = (np.log(4) / eps**2 - 1) / 2
        answer = vicinal.optimal(LINE, CLASSES, [1.0], eps, printed)[0, 0]
        yield refuted(
            f"at eps = {eps} and the printed threshold alpha = {printed:.4f}, the middle sample's share of A is only "
            f"{answer:.4f}",
            1.0,
            float(answer > 0.5),
            by=1.0,
        )
    # The slips of the proof, one by one.
    alpha, eps = (np.log(4) / 0.1**2 - 1) / 2, 0.1
    xi, _ = by_quadrature(LINE, CLASSES, np.ones(1), eps, stats.beta(alpha, alpha).pdf)
    own = vicinal.pair_masses(LINE, CLASSES, 1.0, eps, alpha)
    yield close("mass of the outer pairs and the middle sample, by quadrature", np.diag(own.total), np.diag(xi), 1e-9)
    half, whole = (2 / 9 * np.diff(stats.beta.cdf([0.5 - r, 0.5 + r], alpha, alpha))[0] for r in (eps / 2, eps))
    yield close("the outer pairs are in the ball for |Y - 1/2| < eps / 2", own.total[0, 0], half, 1e-12)
    yield refuted("the outer pairs are in the ball for |Y - 1/2| < eps", whole, own.total[0, 0], by=0.04)
    yield refuted("1 / (4 alpha + 2) is the variance of Beta", 1 / (4 * alpha + 2), stats.beta.var(alpha, alpha), by=1e-3)
    own = vicinal.pair_masses(LINE, CLASSES, 1.0, 0.5, (np.log(4) / 0.5**2 - 1) / 2)
    yield refuted("xi^12_lambda and xi^21_lambda are equal at eps = 0.5", own.first[0, 1], own.first[1, 0], by=0.03)


@statement(
    "datadep",
    "Appendix D.1",
    "On ten points in line, of two classes by turns or of ten, mixup fails at alpha = 1 for the reason of Theorem 2.7: "
    "more points make a sample's own mass small beside that of the mixtures around it.",
    verdict="false as printed",
    page="why/conflicts#rem-ten-points",
    instead="The networks fail, but not for that reason: on balls of every radius up to 0.6 the optimum is right at all "
    "ten points. With ten classes no two points are of one class, and the theorem is about mixtures of two that are.",
)
def appendix_d_1() -> Iterator[Comparison]:
    radii = np.linspace(0.01, 0.6, 60)
    for classes in (2, 10):
        points, labels = lines.alternating_line(10, classes)
        for eps in (0.125, 0.6):
            ours = vicinal.optimal(points, labels, points, eps, 1.0)
            theirs = [equation_1(*by_quadrature(points, labels, x, eps, stats.uniform.pdf)) for x in points[:, None]]
            yield close(f"{classes} classes, eps = {eps}: closed form and equation 1 by quadrature", ours, theirs, 1e-9)
        lost = [(vicinal.optimal(points, labels, points, eps, 1.0).argmax(1) != labels).sum() for eps in radii]
        what = (
            f"{classes} classes, alpha = 1: the optimum on balls of radius 0.01 to 0.6 loses {max(lost)} of the ten points"
        )
        yield refuted(what, 1.0, float(max(lost) > 0), by=1.0)
        concentrated = vicinal.optimal(points, labels, points, 0.25, 32.0).argmax(1) != labels
        yield at_most(f"{classes} classes: the effect is there at alpha = 32 and radius 0.25", 1, concentrated.sum())


@statement(
    "datadep",
    "Proposition 2.8",
    "On finite data, the mixup-optimal classifier is right at every sample.",
    verdict="checked by surrogate",
    page="why/conflicts#thm-rates",
)
def proposition_2_8() -> Iterator[Comparison]:
    eps = 1e-3 * 10.0 ** -np.arange(4)
    for alpha in (0.5, 1.0, 4.0):
        at_middle = [vicinal.pair_masses(LINE, CLASSES, 1.0, e, alpha).by_class * 9 for e in eps]
        at_end = [vicinal.pair_masses(LINE, CLASSES, 0.0, e, alpha).by_class * 9 for e in eps]
        # Of the other class: the outer pairs around their midpoint, and the small shares of a neighbour.
        across = 2 * stats.beta.pdf(0.5, alpha, alpha)
        yield close(
            f"middle sample, mass of A over eps, alpha = {alpha}", at_middle[-1][0] / eps[-1], across, 0.01 * across
        )
        beside = 2 / ((1 + alpha) * special.beta(alpha, alpha))
        theirs = np.full(4, beside)
        ours = [w[1] / e ** (1 + alpha) for w, e in zip(at_end, eps, strict=True)]
        yield close(f"end sample, mass of B over eps^(1 + alpha), alpha = {alpha}", ours, theirs, 0.02 * beside)
        wrong = [vicinal.optimal(PLANE, THREE, PLANE, e, alpha)[np.arange(7), THREE] for e in (1e-2, 1e-4, 1e-6)]
        yield at_most("seven samples in the plane: they become right", 1 - wrong[2], (1 - wrong[0]) / 1e3, slack=1e-9)
