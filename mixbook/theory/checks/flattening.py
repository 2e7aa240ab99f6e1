"""Checks of what manifold mixup's loss forces on representations (Verma et al. 2019, section 3, appendices F and G)."""

from collections.abc import Iterator

import numpy as np
from scipy import integrate, optimize, special, stats

from mixbook.theory import crossings, flattening, loss_floor
from mixbook.theory.statement import Comparison, at_most, close, refuted, statement

# Three samples of one class at the corners of a triangle, one of another class inside: no two of the six segments cross.
PLANE, PLANE_LABELS = np.array([[0, 0], [1, 0], [0.5, 0.9], [0.5, 0.3]]), np.array([0, 0, 0, 1])


@statement(
    "manifold",
    "Theorem 1",
    "With at least C - 1 hidden dimensions the loss of mixing there reaches 0, and the f that does so is linear.",
    verdict="false as printed",
    page="where/flattening#thm-manifold-zero",
    instead="A curved f can reach 0 too, and with fewer dimensions. That 0 is reached holds for losses that vanish at "
    "equal arguments, with one f for all pairs (the print minimises over f for each pair); cross entropy has a positive "
    "floor. For an affine f, D >= C - 1 is also necessary.",
)
def theorem_1() -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    for num_classes, dim in ((2, 1), (3, 2), (5, 4), (10, 9), (10, 12)):
        labels = rng.permutation(np.arange(3 * num_classes) % num_classes)
        found = flattening.solution(labels, dim, rng, spread=2.0)
        i, j, lam = *rng.integers(len(labels), size=(2, 2000)), rng.uniform(size=(2000, 1))
        output = (lam * found.states[i] + (1 - lam) * found.states[j]) @ found.weight + found.bias
        target = lam * np.eye(num_classes)[labels[i]] + (1 - lam) * np.eye(num_classes)[labels[j]]
        yield close(f"{num_classes} classes, {dim} dimensions: outputs at mixtures and mixed labels", output, target, 1e-12)
    for num_classes, dim, alpha in ((3, 1, 1.0), (4, 2, 1.0), (4, 2, 0.3), (5, 2, 4.0)):
        left = flattening.least_loss(num_classes, dim, alpha)
        what = f"{num_classes} classes, {dim} dimensions, alpha = {alpha}: least loss {left:.4f} and what a solver finds"
        yield close(what, left, _minimise(np.arange(num_classes), dim, alpha)[0], 1e-7)
    for alpha in (0.2, 1.0, 2.0):
        floor = loss_floor.pair_entropy(alpha)
        yield refuted(f"cross entropy, alpha = {alpha}: its floor is {floor:.4f} nats", 0.0, floor, by=0.1)
        curved, straight = _entropies(alpha)
        yield close(f"that floor, by quadrature, alpha = {alpha}", floor, curved, 1e-7)
        yield close(f"least with affine log-odds, alpha = {alpha}", flattening.affine_cross_entropy(alpha), straight, 1e-7)
        yield at_most("which is more", floor + 1e-3, straight)
    for num_classes, same in ((3, 0.0), (5, 0.2)):
        least = flattening.affine_cross_entropy(2.0, num_classes, same)
        what = f"{num_classes} classes, {same:.0%} of the pairs of one: {least:.4f}, and over any logits of the classes"
        yield close(what, least, _best_logits(2.0, num_classes, same), 1e-6)
    output, target = _pyramid_at_mixtures()
    yield close("a pyramid answers all mixtures of four samples in the plane exactly", output, target, 1e-12)
    left = flattening.affine_loss(PLANE, PLANE_LABELS)
    yield close("the best affine f on these states, by a solver", left, _best_affine(PLANE, PLANE_LABELS), 1e-7)
    yield refuted(f"so the f that reaches 0 is not linear: the best affine one leaves {left:.4f}", 0.0, left, by=0.1)


@statement(
    "manifold",
    "Corollary 1",
    "Where the loss is least and D > C - 1, the states of the training points lie in a subspace of D - C + 1 dimensions.",
    verdict="false as printed",
    page="where/flattening#thm-manifold-flat",
    instead="If an affine f reaches loss 0, the states of each class lie in an affine subspace of at most D - C + 1 "
    "dimensions. All classes together can fill all D, and with a curved f no class need be flat.",
)
def corollary_1() -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    for num_classes, dim in ((3, 2), (3, 3), (3, 7), (5, 4), (5, 9), (10, 12)):
        labels = np.arange(12 * num_classes) % num_classes
        states = flattening.solution(labels, dim, rng).states
        most = flattening.flat_dimension(num_classes, dim)
        ranks = [_rank(states[labels == label]) for label in range(num_classes)]
        what = f"{num_classes} classes, {dim} dimensions: each class of a solution, and D - C + 1"
        yield close(what, ranks, [most] * num_classes, 0)
        together = _rank(states)
        what = f"{num_classes} classes, {dim} dimensions: all states together have {together}, not {most}"
        yield refuted(what, most, together, by=0.5)
    for num_classes, dim in ((3, 5), (4, 4)):
        labels = np.arange(6 * num_classes) % num_classes
        loss, states = _minimise(labels, dim, 1.0)
        yield close(f"{num_classes} classes, {dim} dimensions: loss of a solver's solution", loss, 0.0, 1e-9)
        ranks = [_rank(states[labels == label], 1e-3) for label in range(num_classes)]
        what = f"{num_classes} classes, {dim} dimensions: a solver's solution is no less flat"
        yield at_most(what, ranks, flattening.flat_dimension(num_classes, dim))
    output, target = _pyramid_at_mixtures()
    yield close("loss zero with a pyramid for f", output, target, 1e-12)
    gap = crossings.least_gap(PLANE)
    yield close("least distance of two of its segments, by a solver", gap, _gap_by_solver(PLANE), 1e-7)
    yield refuted("segments that do not meet cannot contradict each other", 0.0, gap, by=0.1)
    fills = _rank(PLANE[PLANE_LABELS == 0])
    yield refuted("there a class fills the plane, where D - C + 1 = 1", flattening.flat_dimension(2, 2), fills, by=0.5)


@statement(
    "manifold",
    "Section 3.3",
    "Where classes are flat, a random point in the hull of the states is more likely classified with low confidence.",
    verdict="false as printed",
    page="where/flattening#thm-hull",
    instead="Flatness makes nothing unsure, f does. With loss zero on collapsed classes the mean confidence is "
    "(1 + 1/2 + ... + 1/C) / C, but the same states under a steep f get confidence near 1, and classes that fill the "
    "plane get the low one if mixtures were answered right.",
)
def section_3_3() -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    for num_classes in (2, 3, 10):
        states = rng.standard_normal((num_classes, num_classes - 1))
        f = np.linalg.solve(np.c_[states, np.ones(num_classes)], np.eye(num_classes))  # the affine f with loss zero
        cuts = np.sort(rng.uniform(size=(100_000, num_classes - 1)), axis=1)
        points = np.diff(cuts, axis=1, prepend=0, append=1) @ states  # uniform in the hull
        answers = np.c_[points, np.ones(len(points))] @ f
        confidence, expected = answers.max(axis=1), flattening.hull_confidence(num_classes)
        error = confidence.std() / np.sqrt(len(points))
        yield close(
            f"{num_classes} classes: sampled mean confidence {confidence.mean():.3f}",
            confidence.mean(),
            expected,
            4 * error,
        )
        steep = np.exp(100 * (answers - answers.max(axis=1, keepdims=True)))
        sure = (1 / steep.sum(axis=1)).mean()
        yield refuted(f"{num_classes} classes, same flat states, steeper f: {sure:.3f}", expected, sure, by=0.2)
    corners = rng.dirichlet([1, 1, 1], 100_000) @ PLANE[:3]
    inside = _pyramid(corners)
    confidence = np.maximum(inside, 1 - inside)
    error = confidence.std() / np.sqrt(len(corners))
    what = f"classes that fill the plane, a pyramid for f: {confidence.mean():.3f}, as low as of two collapsed classes"
    yield close(what, confidence.mean(), flattening.hull_confidence(2), 4 * error)


@statement(
    "manifold",
    "Appendix F",
    "Interpolations stay consistent if the states of each class lie in a subspace of D - C + 1 dimensions.",
    verdict="false as printed",
    page="where/flattening#def-contradiction",
    instead="It is not sufficient: two classes on two lines in the plane can contradict each other if the lines are not "
    "parallel. Nor is it necessary: segments that never meet cannot contradict. An affine f at loss zero needs more, "
    "parallel subspaces.",
    also="manifold Figure 3",
)
def appendix_f() -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    along, labels = np.sort(rng.uniform(size=(2, 4))), np.repeat([0, 1], 4)
    parallel = np.r_[np.c_[np.zeros(4), along[0]], np.c_[np.ones(4), along[1]]]
    tilted = np.r_[np.c_[np.zeros(4), along[0]], np.c_[1 + 0.5 * along[1], along[1]]]
    for name, states, agree in (("parallel", parallel, True), ("tilted", tilted, False)):
        found = crossings.meetings(states, labels)
        across = (labels[found.ends[..., 0]] != labels[found.ends[..., 1]]).all(axis=1)
        expected = _crossings_by_hand(along, states)
        yield close(f"{name} lines: number of crossings of unlike pairs", across.sum(), len(expected), 0)
        ours = found.disagreement[across]
        yield close(f"{name} lines: how far their labels disagree, in total", ours.sum(), expected.sum(), 1e-9)
        yield close(f"{name} lines: and at most", ours.max(initial=0), expected.max(), 1e-9)
        if agree:
            yield at_most("parallel lines: they agree everywhere", found.disagreement.max(initial=0), 0.0, slack=1e-12)
        else:
            worst = found.disagreement.max(initial=0)
            yield refuted(f"each class on a line, yet two labels of a point are {worst:.2f} apart", 0.0, worst, by=0.05)
    upright = np.array([[0.0, 0], [1, 0], [0.5, 1], [0.5, 2]])  # the third point is inside the triangle of the others
    yield close("two perpendicular lines on which no segments meet", len(crossings.meetings(upright, [0, 0, 1, 1])), 0, 0)
    yield close("least distance of two of them, by a solver", crossings.least_gap(upright), _gap_by_solver(upright), 1e-7)
    yield close("a triangle and a point inside: no segments meet", len(crossings.meetings(PLANE, PLANE_LABELS)), 0, 0)


def _minimise(labels: np.ndarray, dim: int, alpha: float) -> tuple[float, np.ndarray]:
    """Least squared loss over pairs of different samples, free states and an affine f, from a random start; and states."""
    n, onehot = len(labels), np.eye(labels.max() + 1)[labels]
    sizes = np.cumsum([n * dim, dim * onehot.shape[1]])
    square = integrate.quad(lambda lam: lam**2 * stats.beta.pdf(lam, alpha, alpha), 0, 1)[0]
    product = integrate.quad(lambda lam: lam * (1 - lam) * stats.beta.pdf(lam, alpha, alpha), 0, 1)[0]
    # The loss is the trace of m' pairs m with the errors m at the samples.
    pairs = 2 * (square * (n - 1) * np.eye(n) + product * (1 - np.eye(n))) / (n * (n - 1))

    def loss(free: np.ndarray) -> tuple[float, np.ndarray]:
        states, weight, bias = np.split(free, sizes)
        states, weight = states.reshape(n, dim), weight.reshape(dim, -1)
        errors = states @ weight + bias - onehot
        slope = 2 * pairs @ errors
        return float((errors * slope).sum() / 2), np.r_[
            (slope @ weight.T).ravel(), (states.T @ slope).ravel(), slope.sum(0)
        ]

    start = np.random.default_rng(1).standard_normal(sizes[-1] + onehot.shape[1])
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000, "ftol": 0, "gtol": 1e-8})
    return found.fun, found.x[: n * dim].reshape(n, dim)


def _best_affine(states: np.ndarray, labels: np.ndarray) -> float:
    """Least squared loss with fixed states, lambda uniform: least squares over mixtures that Simpson's rule weighs."""
    n, onehot = len(labels), np.eye(labels.max() + 1)[labels]
    i, j = np.array([(i, j) for i in range(n) for j in range(n) if i != j]).T
    lam, weights = np.array([0, 0.5, 1])[:, None, None], np.array([1, 4, 1]) / 6  # exact for squares
    mix = lambda rows: (lam * rows[i] + (1 - lam) * rows[j]).reshape(-1, rows.shape[1])  # noqa: E731
    root = np.sqrt(np.repeat(weights / len(i), len(i)))[:, None]
    design = root * mix(np.c_[states, np.ones(n)])
    return float(np.linalg.lstsq(design, root * mix(onehot), rcond=None)[1].sum())


def _entropies(alpha: float) -> tuple[float, float]:
    """Mean entropy of the label of an unlike pair, and the least mean cross entropy with a straight line of log-odds."""

    def mean(value) -> float:  # type: ignore[no-untyped-def]
        half = lambda u: value(u ** (1 / alpha)) * (1 - u ** (1 / alpha)) ** (alpha - 1) / alpha  # noqa: E731
        mass = integrate.quad(lambda u: (1 - u ** (1 / alpha)) ** (alpha - 1) / alpha, 0, 0.5**alpha)[0]
        return integrate.quad(half, 0, 0.5**alpha, epsabs=1e-10)[0] / mass

    curved = mean(lambda lam: -lam * np.log(lam) - (1 - lam) * np.log1p(-lam) if lam > 0 else 0.0)

    def straight(c: float) -> float:
        return mean(lambda lam: np.logaddexp(0, c * (2 * lam - 1)) - lam * c * (2 * lam - 1))

    return curved, float(optimize.minimize_scalar(straight, bracket=(2, 3), tol=1e-6).fun)


def _best_logits(alpha: float, num_classes: int, same: float) -> float:
    """The least mean cross entropy over all logits (C, C) at the states of the classes, which mixtures interpolate."""
    nodes, weights = special.roots_jacobi(30, alpha - 1, alpha - 1)
    lam, weights = (1 + nodes[:, None, None]) / 2, weights / weights.sum()
    i, j = (~np.eye(num_classes, dtype=bool)).nonzero()
    target = lam * np.eye(num_classes)[i] + (1 - lam) * np.eye(num_classes)[j]

    def loss(flat: np.ndarray) -> float:
        at_class = flat.reshape(num_classes, num_classes)
        logits = lam * at_class[i] + (1 - lam) * at_class[j]
        unlike = (special.logsumexp(logits, axis=2) - (target * logits).sum(2)).mean(1)
        alike = special.logsumexp(at_class, axis=1) - np.diag(at_class)
        return float((1 - same) * (weights @ unlike) + same * alike.mean())

    start = np.random.default_rng(0).standard_normal(num_classes**2)
    return float(optimize.minimize(loss, start, method="L-BFGS-B", options={"ftol": 1e-13, "gtol": 1e-7}).fun)


def _pyramid(points: np.ndarray) -> np.ndarray:
    """Height of a pyramid over the triangle, 1 over the sample inside: the least of three affine functions."""
    corners, top, sides = PLANE[:3], PLANE[3], []
    for k in range(3):
        face = np.c_[[corners[k - 1], corners[k], top], np.ones(3)]
        sides.append(np.linalg.solve(face, [0, 0, 1]))
    return (np.c_[points, np.ones(len(points))] @ np.transpose(sides)).min(axis=1)


def _pyramid_at_mixtures() -> tuple[np.ndarray, np.ndarray]:
    lam, (i, j) = np.linspace(0, 1, 101)[:, None, None], np.indices((4, 4)).reshape(2, -1)
    mixtures = (lam * PLANE[i] + (1 - lam) * PLANE[j]).reshape(-1, 2)
    targets = (lam[..., 0] * PLANE_LABELS[i] + (1 - lam[..., 0]) * PLANE_LABELS[j]).ravel()
    return _pyramid(mixtures), targets


def _gap_by_solver(points: np.ndarray) -> float:
    """Least distance of segments without a common end, each pair a small quadratic problem in a box."""
    least = np.inf
    for i, j, k, m in ((0, 1, 2, 3), (0, 2, 1, 3), (0, 3, 1, 2)):

        def square(at: np.ndarray, i: int = i, j: int = j, k: int = k, m: int = m) -> float:
            apart = at[0] * points[i] + (1 - at[0]) * points[j] - at[1] * points[k] - (1 - at[1]) * points[m]
            return float(apart @ apart)

        start = min(np.random.default_rng(0).uniform(size=(50, 2)), key=square)
        found = optimize.minimize(square, start, bounds=[(0, 1)] * 2, options={"ftol": 1e-16, "gtol": 1e-12})
        least = min(least, found.fun)
    for k in range(4):  # and each sample from the segments of the others
        others = [sample for sample in range(4) if sample != k]
        for a, b in ((others[0], others[1]), (others[0], others[2]), (others[1], others[2])):
            step = points[b] - points[a]
            at = np.clip((points[k] - points[a]) @ step / (step @ step), 0, 1)
            least = min(least, float(((points[a] + at * step - points[k]) ** 2).sum()))
    return float(np.sqrt(least))


def _crossings_by_hand(along: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Label distance wherever two segments between the classes cross: each crossing by two equations."""
    found = []
    for i in range(4):
        for other in range(i + 1, 4):
            for j in range(4, 8):
                for further in range(4, 8):
                    if further == j:
                        continue
                    steps = np.c_[states[j] - states[i], states[other] - states[further]]
                    s, t = np.linalg.solve(steps, states[other] - states[i])
                    if 0 <= s <= 1 and 0 <= t <= 1:
                        found.append(abs(s - t))  # both segments start in class 0
    return np.array(found)


def _rank(states: np.ndarray, tolerance: float = 1e-9) -> int:
    return int(np.linalg.matrix_rank(states - states.mean(0), tol=tolerance * np.linalg.norm(states)))
