"""Checks of released code against what its paper says: each fault is run beside what is right, and the difference measured.

The code is the papers' own, or that of methods which multi-mix compares itself with; what is run here was written anew.
"""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial import distance_matrix

from mixbook.mixing import losses, mixer, pairing, ratio, transport
from mixbook.mixing.blend import fmix, mincut, puzzlemix, swap
from mixbook.theory import full_batch, lines, moons, released
from mixbook.theory.statement import Comparison, at_most, close, refuted, statement


@statement(
    "datadep",
    "Figure 3, released code",
    "The boundaries between two moons are those of networks trained with mixup, by Adam on the gradient of each step.",
    verdict="fault of released code",
    page="evidence/datadep#sec-moons",
    kind="code",
    instead="The mixup branch of the script never resets the gradient: Adam is fed the sum of all gradients so far. "
    "Without that fault, alpha = 1 bends it more than no mixup, but far less: most of what is shown is the fault. "
    "This check is a smaller setting; the book's page on data dependency trains the networks of the figures, with the "
    "fault and without.",
)
def missing_zero_grad() -> Iterator[Comparison]:
    seeds, n, width, steps = list(range(6)), 100, 200, 300
    alpha, forgets = [0.0] * 6 + [1.0] * 12, [True] * 12 + [False] * 6
    answers = moons.boundaries(alpha, seeds * 3, forgets, n=n, width=width, steps=steps)
    none, right, faulty = moons.bend(answers).reshape(3, 6)
    more = (right.mean() - none.mean()) / (faulty.mean() - none.mean())
    shares = f"{right.mean():.3f} of the square, {faulty.mean():.3f} without the reset, no mixup {none.mean():.3f}"
    setting = f"{n} samples, {width} units, {steps} steps, {len(seeds)} seeds"
    yield refuted(f"alpha = 1 bends {shares} ({setting})", faulty.mean(), right.mean(), by=0.05)
    yield at_most("most of what mixup seems to add is the fault", more, 0.5)
    plain = [[_bend_of_one_network(seed, forgets) for seed in range(3)] for forgets in (True, False)]
    error = np.hypot(right.std(ddof=1) / 6**0.5, np.std(plain[0], ddof=1) / 3**0.5)
    what = "with the reset, networks trained one by one in plain PyTorch bend as much"
    yield close(what, np.mean(plain[0]), right.mean(), 5 * error)
    apart = [float(np.mean(bends)) for bends in plain]
    yield refuted(f"in plain PyTorch: {apart[0]:.3f} with the reset, {apart[1]:.3f} without", apart[1], apart[0], by=0.05)


@statement(
    "datadep",
    "Figures 1 and 8, released code",
    "A curve is the mean of ten training runs by Adam, each from weights of its own.",
    verdict="fault of released code",
    page="evidence/released#sec-moments",
    kind="code",
    instead="The weights are drawn anew for each run, but one Adam serves them all: each run after the first begins with "
    "the moments of the end of the one before, and goes about twice as far at first. In the end nothing of that is left.",
)
def shared_moments() -> Iterator[Comparison]:
    for alpha in (0.0, 1.0):
        own, kept = _second_runs(alpha)
        faster = (kept.way / own.way).mean()
        what = (
            f"alpha = {alpha:g}: with the Adam of a run before, 20 steps lead {faster:.1f} times as far as with a new one"
        )
        yield refuted(what, 1, faster, by=0.4)
        yield close(f"alpha = {alpha:g}: after 300 steps both answer all samples alike", kept.wrong, own.wrong, 0)
        if alpha == 0:
            ours = own.way[0], kept.way[0]
            yield close("as far as in plain PyTorch", ours, _ways_of_one_network(), 1e-2, relative=True)


@statement(
    "kmixup-tmlr",
    "Released code, cost",
    "Blocks are matched at the least squared distance.",
    verdict="fault of released code",
    page="evidence/released#sec-kmixup",
    kind="code",
    instead="The code and Figure 5 match at the least plain distance. In the plane about a third of the pairs differ, in "
    "many dimensions hardly any.",
)
def unsquared_cost() -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    for dim, share, excess in ((2, 0.2, 0.03), (784, None, None)):
        x, y = torch.from_numpy(rng.standard_normal((2, 100, 16, dim)))
        squared = transport.squared_cost(x, y)
        partners = [transport.assignment(cost).numpy() for cost in (squared, squared.sqrt())]
        theirs = np.array([linear_sum_assignment(distance_matrix(a, b))[1] for a, b in zip(x, y, strict=True)])
        yield close(
            f"d = {dim}: our matching at plain distances is that of SciPy's distance_matrix", partners[1], theirs, 0
        )
        differ = (partners[0] != partners[1]).mean()
        paid = [np.take_along_axis(squared.numpy(), each[..., None], 2).sum() for each in partners]
        if share and excess:
            what = (
                f"d = 2, k = 16: {differ:.0%} of the pairs differ, and cost {paid[1] / paid[0] - 1:.1%} more than the least"
            )
            yield refuted(what, 0, differ, by=share)
            yield refuted(f"at {paid[1] / paid[0]:.3f} times the least squared cost", 1, paid[1] / paid[0], by=excess)
        else:
            yield at_most(f"d = {dim}, k = 16: {differ:.1%} of the pairs differ", differ, 0.1)


@statement(
    "kmixup-tmlr",
    "Released code, pairs",
    "Every sample is mixed with one of a second, independent batch.",
    verdict="fault of released code",
    page="evidence/released#sec-kmixup",
    kind="code",
    instead="The second batch is the first one in another order, and at plain distances a sample that meets itself is "
    "matched with itself: k / B of the batch stays unmixed on average, and all of it for k = B.",
)
def matched_with_themselves() -> Iterator[Comparison]:
    generator, rng = torch.Generator().manual_seed(0), np.random.default_rng(0)
    for dim, size, k in ((2, 64, 16), (50, 64, 16), (2, 64, 64)):
        rule = pairing.OptimalTransport(k, strict=False, cost="euclidean")
        points = torch.from_numpy(rng.standard_normal((60, size, dim)))
        ours = [float((rule.pair(x, generator=generator) == torch.arange(size)).float().mean()) for x in points]
        error = np.std(ours, ddof=1) / len(ours) ** 0.5
        yield close(f"d = {dim}, B = {size}, k = {k}: the unmixed share is k / B", np.mean(ours), k / size, 4 * error)
        found = [_matched_with_themselves(x.numpy(), k, rng) for x in points]
        error = np.hypot(error, np.std(found, ddof=1) / len(found) ** 0.5)
        yield close(f"d = {dim}, B = {size}, k = {k}: as by the loop of Figure 5", np.mean(ours), np.mean(found), 4 * error)
        what = f"d = {dim}, B = {size}, k = {k}: {np.mean(ours):.0%} of the samples stay unmixed"
        yield refuted(what, 0, float(np.mean(ours)), by=0.15)


@statement(
    "kmixup-tmlr",
    "Released code, alpha_k",
    "Training at block size k uses alpha_k, at which mixtures move as far as at k = 1.",
    verdict="fault of released code",
    page="evidence/released#sec-kmixup",
    kind="code",
    instead="The code computes alpha_k, logs it, and trains with the alpha of k = 1, so mixtures move less the larger k "
    "is. Whether the printed tables were made by this version is not known.",
)
def alpha_not_used() -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((256, 2))
    wanted = transport.alpha_at_constant_xi(torch.from_numpy(x), 16, 0.2, generator=torch.Generator().manual_seed(0))
    base = _moved(x, 1, 0.2, rng)
    right, unused = (_moved(x, 16, alpha, rng) / base for alpha in (wanted, 0.2))
    yield close(f"alpha_16 = {wanted:.2f} moves mixtures as far as alpha = 0.2 at k = 1", right, 1, 0.06)
    yield refuted(f"alpha = 0.2 at k = 16 moves them {unused:.2f} times as far", 1, unused, by=0.3)


@statement(
    "kmixup-tmlr",
    "Released code, clean pass",
    "k = 1 and k > 1 differ in who is mixed with whom, and in nothing else.",
    verdict="fault of released code",
    page="evidence/released#sec-kmixup",
    kind="code",
    instead="For k > 1 alone, each step first runs the unmixed batch through the network in training mode, to fetch "
    "features for the matching. Batch normalisation then averages clean and mixed batches, and each step pays two passes.",
)
def clean_pass() -> Iterator[Comparison]:
    mixed, both = (_running_variance(clean_pass_first) for clean_pass_first in (False, True))
    exact = 2 / 3  # E[lambda^2 + (1 - lambda)^2] of the variance of the samples, for uniform lambda
    yield close("mixed batches alone: the running variance is 2/3 of the samples'", mixed, exact, 0.02)
    # A moving average of momentum 0.1 over clean, mixed, clean, mixed, ... just after a mixed batch.
    yield close("after clean passes as well: (mixed + 0.9 clean) / 1.9", both, (exact + 0.9) / 1.9, 0.02)
    yield refuted(f"the running variance is {both:.2f} with the clean pass and {mixed:.2f} without", both, mixed, by=0.1)


@statement(
    "manifold",
    "Released code, loss",
    "Networks are trained with the cross entropy of the mixed targets.",
    verdict="fault of released code",
    page="evidence/released#sec-loss",
    kind="code",
    instead="The code takes the binary cross entropy of the softmax probabilities, in the mean over classes. At uniform "
    "predictions its gradient is 1 / (C - 1) of the cross entropy's, so a learning rate for one does not suit the other.",
)
def bce_of_softmax() -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    for classes in (10, 100):
        logits = torch.from_numpy(rng.standard_normal((8, classes))).float()
        targets = torch.from_numpy(rng.dirichlet(np.full(classes, 0.1), 8)).float()
        p, t = np.exp(logits.double().numpy()), targets.double().numpy()
        p /= p.sum(axis=1, keepdims=True)
        written_out = -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()
        yield close(f"C = {classes}: the loss, written out", losses.bce_of_softmax(logits, targets), written_out, 1e-6)
        zeros = torch.zeros(8, classes, requires_grad=True)
        (theirs,) = torch.autograd.grad(losses.bce_of_softmax(zeros, targets), zeros)
        cross_entropy = (1 / classes - t) / 8  # its gradient where all probabilities are equal
        what = f"C = {classes}: at uniform predictions its gradient is 1 / (C - 1) of the cross entropy's"
        yield close(what, theirs.numpy() * (classes - 1), cross_entropy, 1e-6)
        ratio = float(np.linalg.norm(theirs.numpy()) / np.linalg.norm(cross_entropy))
        yield refuted(f"C = {classes}: their ratio is {ratio:.4f}, not 1", 1, ratio, by=0.5)


@statement(
    "multimix",
    "FMix's released code, rows of the spectrum",
    "FMix, a method of the comparison, cuts its masks from noise with a complex spectrum of all frequencies.",
    verdict="fault of released code",
    page="evidence/released#sec-fmix",
    kind="code",
    instead="One version of the code takes the first two rows of the spectrum for its real and imaginary parts. All noise "
    "then has the frequencies 0 and 1 along the width, and masks have 0.7 times as many edges one way as the other.",
)
def spectrum_by_rows() -> Iterator[Comparison]:
    right, faulty = (_noise(legacy) for legacy in (None, "rows"))
    rng = np.random.default_rng(0)
    yield close("edges along the height by those along the width: ours are even", _edge_ratio(right), 1, 0.05)
    yield close("as in noise with the paper's full spectrum", _edge_ratio(_full_spectrum(rng)), 1, 0.05)
    yield refuted(f"by rows the ratio is {_edge_ratio(faulty):.2f}", 1, _edge_ratio(faulty), by=0.2)
    yield close("by rows, no frequency above 1 along the width", _energy_above_one(faulty), 0, 1e-12)
    yield at_most("in ours there are some", 0.005, _energy_above_one(right))


@statement(
    "multimix",
    "FMix's released code, real spectrum",
    "FMix, a method of the comparison, cuts its masks from noise with independent real and imaginary parts.",
    verdict="fault of released code",
    page="evidence/released#sec-fmix",
    kind="code",
    instead="Another version lays both parts beside one another as columns of a real spectrum: every mask is symmetric "
    "about a point, and has 0.4 times as many edges one way as the other.",
)
def real_spectrum() -> Iterator[Comparison]:
    right, faulty = (_noise(legacy) for legacy in (None, "real"))
    yield close("ours has nothing to do with its reflection about a point", _symmetry(right), 0, 0.06)
    yield refuted("a real spectrum makes it equal to its reflection", 0, _symmetry(faulty), by=0.999)
    yield refuted(f"and the ratio of edges {_edge_ratio(faulty):.2f}", 1, _edge_ratio(faulty), by=0.4)


@statement(
    "multimix",
    "Puzzle Mix's released code, swap moves",
    "Puzzle Mix, on which multi-mix builds, takes the mask of least energy, found by graph cuts.",
    verdict="fault of released code",
    page="evidence/released#sec-puzzlemix",
    kind="code",
    instead="Swap moves end where no exchange of two labels helps, on a 16 x 16 grid often above the minimum, if by less "
    "than 2%. The energy is convex in the difference of labels, so that one minimum cut finds the minimum.",
)
def swap_moves() -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    unary, down, across = _puzzles(10, 3, rng)
    share = np.array([0, 0.5, 1])
    squares = (share - share[:, None]) ** 2
    exact = swap.labelling_energy(mincut.best_labels(unary, down, across), unary, down, across, squares)
    everything = np.array(list(product(range(3), repeat=9))).reshape(-1, 3, 3)
    least = [_energy(everything, *problem).min() for problem in zip(unary, down, across, strict=True)]
    yield close("3 x 3: one minimum cut finds the least energy of all 19,683 labellings", exact, least, 1e-4)
    unary, down, across = _puzzles(16, 16, rng)
    problems = list(zip(unary, down, across, strict=True))
    exact = np.array([_energy(mincut.best_labels(*(each[None] for each in one)), *one)[0] for one in problems])
    start = np.zeros((16, 16), dtype=np.int64)
    swapped = np.array([_energy(swap.swap_labels(start, *one, squares)[None], *one)[0] for one in problems])
    excess = swapped / exact - 1
    yield at_most("16 x 16: swap moves are never below it", exact, swapped, slack=1e-4)
    missed = (excess > 1e-4).mean()
    cases = f"{len(problems)} cases of random saliency and seams"
    yield refuted(f"16 x 16: they miss it in {missed:.0%} of {cases}, by {excess.max():.1%} at most", 0, missed, by=0.25)


@statement(
    "multimix",
    "Puzzle Mix's released code, transport",
    "Of the patches that ask for one place, it goes to that with the least cost.",
    verdict="fault of released code",
    page="evidence/released#sec-transport",
    kind="code",
    instead="All that do not ask count as offers of 0, so that a patch that pays, or pays nothing, gets no place: nearly "
    "all places that the mask hides stay empty. Nobody sees them: where saliency is positive, what is shown is the same. "
    "But a shown block of saliency 0 may be lost.",
)
def transport_conflicts() -> Iterator[Comparison]:
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    for grid in (4, 8, 16):
        images = torch.from_numpy(rng.gamma(0.5, size=(30, 1, grid, grid))).float()
        cost, shown = _to_be_moved(images, generator)
        right, faulty = (released.patches_by_rounds(cost, grid, askers_only=only) for only in (True, False))
        if grid == 4:
            yield close("4 x 4: as one by one", right, [_by_rounds(each, grid) for each in cost], 0)
        empty = [_empty(moves)[~shown].mean() for moves in (right, faulty)]
        what = f"{grid} x {grid}: of the hidden places {empty[1]:.0%} stay empty, by the rule {empty[0]:.0%}"
        yield refuted(what, empty[0], empty[1], by=0.5)
        seen = np.broadcast_to(shown[:, None], right.shape)
        yield close(f"{grid} x {grid}: what is shown is the same", faulty[seen], right[seen], 0)
    images = torch.from_numpy(rng.gamma(0.5, size=(30, 1, 8, 8))).float() * (torch.arange(8) < 4)
    cost, shown = _to_be_moved(images, generator)
    empty = [_empty(released.patches_by_rounds(cost, 8, askers_only=only))[shown].mean() for only in (True, False)]
    yield refuted(f"images that are half blank: of the shown places {empty[1]:.0%} stay empty", empty[0], empty[1], by=0.1)


@statement(
    "multimix",
    "Co-Mixup's released code, box overlap",
    "Localisation, as in multi-mix's protocol, is scored by the intersection over union of boxes.",
    verdict="fault of released code",
    page="evidence/released#sec-boxes",
    kind="code",
    instead="Negative overlaps are not cut off at 0: two boxes that are disjoint along both axes have a positive score, "
    "two of one size even a perfect one, if they are as far apart as they are wide.",
)
def box_overlap() -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    corners = np.sort(rng.integers(0, 12, size=(300, 2, 2, 2)), axis=2)
    boxes = corners.reshape(300, 2, 4) + np.array([0, 0, 1, 1])
    painted = [_overlap_by_painting(*pair) for pair in boxes]
    yield close("of 300 pairs of boxes, by counting cells", released.box_overlap(boxes[:, 0], boxes[:, 1]), painted, 1e-12)
    apart = np.array([[0, 0, 10, 10], [20, 20, 30, 30]])
    score, truth = float(released.box_overlap(*apart, clamped=False)), _overlap_by_painting(*apart)
    yield refuted(f"disjoint squares of side 10, 10 apart both ways, score {score:.2f}", truth, score, by=0.9)


def _bend_of_one_network(seed: int, forgets: bool) -> float:
    """Uniform lambda, 100 samples, 200 hidden units: the loop as somebody would write it, and its share of the square."""
    generator = torch.Generator().manual_seed(seed)
    points, labels = moons.separated_moons(100, 0.5, 100 + seed)
    x, y = torch.tensor(points).float(), torch.tensor(labels)
    layers = torch.nn.Linear(2, 200), torch.nn.Linear(200, 2)
    with torch.no_grad():
        for layer in layers:
            bound = float(layer.in_features) ** -0.5
            for weight in layer.parameters():
                weight.uniform_(-bound, bound, generator=generator)
    model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(300):
        lam = torch.rand((), generator=generator)
        partner = torch.randint(100, (100,), generator=generator)
        logits = model(lam * x + (1 - lam) * x[partner])
        loss = lam * torch.nn.functional.cross_entropy(logits, y)
        loss = loss + (1 - lam) * torch.nn.functional.cross_entropy(logits, y[partner])
        if forgets:
            adam.zero_grad()
        loss.backward()
        adam.step()
    square = torch.cartesian_prod(torch.linspace(-2, 2, 80), torch.linspace(-2, 2, 80))
    with torch.no_grad():
        return float((model(square).argmax(1).bool() != (square[:, 0] < 0)).float().mean())


class _Runs(NamedTuple):
    way: np.ndarray  # from the first weights, in the mean over weights, after 20 steps (M,)
    wrong: np.ndarray  # whether a sample is given another class after 300, bool (M, 3)


def _second_runs(alpha: float) -> tuple[_Runs, _Runs]:
    """Second runs on the points 0, 1, 2 of classes A, B, A: with a new Adam, and with that of 600 steps before."""
    nets = 4
    points, classes = lines.alternating_line(3, 2)
    labels = torch.from_numpy(classes)
    x, y = torch.from_numpy(points).float()[None, :, None].repeat(nets, 1, 1), torch.eye(2)[labels].repeat(nets, 1, 1)

    def draws(steps: int) -> Iterator[full_batch.Draw]:
        rng = np.random.default_rng(steps)
        for _ in range(steps):
            lam = rng.beta(alpha, alpha, nets) if alpha else np.ones(nets)
            yield torch.from_numpy(lam).float(), torch.from_numpy(rng.integers(3, size=(nets, 3)))

    generators = [torch.Generator().manual_seed(seed) for seed in range(nets)]
    weights, start = (full_batch.initial_weights(1, 512, 2, generators) for _ in range(2))
    shared = torch.optim.Adam(weights, lr=1e-3)
    for _ in full_batch.descend(weights, x, y, draws(600), [True] * nets, adam=shared):
        pass
    found = {}
    for adam in (shared, None):
        way = np.empty(nets)
        with torch.no_grad():
            for weight, new in zip(weights, start, strict=True):
                weight.copy_(new)
        for step in full_batch.descend(weights, x, y, draws(300), [True] * nets, adam=adam):
            if step == 20:
                ways = [(weight - new).detach().abs().flatten(1) for weight, new in zip(weights, start, strict=True)]
                way = torch.cat(ways, dim=1).mean(1).numpy()
        found[adam] = _Runs(way, np.asarray(full_batch.logits(x, weights).argmax(2) != labels))
    return found[None], found[shared]


def _ways_of_one_network() -> list[float]:
    """Of the first of these networks without mixup: with a new Adam, and with the one before; a loop as in any script."""
    x, y = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([0, 1, 0])
    model = torch.nn.Sequential(torch.nn.Linear(1, 512), torch.nn.ReLU(), torch.nn.Linear(512, 2))
    generator = torch.Generator().manual_seed(0)
    first, second = (full_batch.initial_weights(1, 512, 2, [generator]) for _ in range(2))
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    ways: list[float] = []
    for start, steps in ((first, 600), (second, 20), (second, 20)):
        given = [weight[0].detach().T.reshape(mine.shape) for weight, mine in zip(start, model.parameters(), strict=True)]
        with torch.no_grad():
            for weight, new in zip(model.parameters(), given, strict=True):
                weight.copy_(new)
        if len(ways) == 2:
            adam = torch.optim.Adam(model.parameters(), lr=1e-3)
        for _ in range(steps):
            adam.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            adam.step()
        moved = [(weight - new).detach().abs().flatten() for weight, new in zip(model.parameters(), given, strict=True)]
        ways.append(float(torch.cat(moved).mean()))
    return [ways[2], ways[1]]


def _to_be_moved(images: torch.Tensor, generator: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What each patch of images (N, 1, g, g) costs at each place, and which places Puzzle Mix shows; a patch a pixel."""
    grid = images.shape[-1]
    mix = mixer.Mixer(ratio=ratio.Beta(per="pair"), blend=puzzlemix.PuzzleMix(grids=(grid,)))
    masks = mix.plan(images, generator=generator).masks
    assert masks is not None
    shown = masks[:, 0].flatten(1).numpy() > 0
    salient = images.flatten(1).double().numpy()
    place = np.stack(np.divmod(np.arange(grid**2), grid), axis=1) / (grid - 1)
    way = 0.8 * ((place[:, None] - place) ** 2).sum(-1)
    return way - (salient / salient.sum(1, keepdims=True))[:, :, None] * shown[:, None], shown


def _empty(moves: np.ndarray) -> np.ndarray:
    """Places that no patch gets, bool (N, places)."""
    return np.logical_not(moves.any(axis=1))


def _by_rounds(cost: np.ndarray, rounds: int) -> np.ndarray:
    """Which patch gets which place, asked for and given away one by one."""
    cost, gets = cost.copy(), np.zeros(cost.shape, dtype=bool)
    for _ in range(rounds):
        wanted = [min(range(len(cost)), key=row.__getitem__) for row in cost]
        gets = np.zeros(cost.shape, dtype=bool)
        for place in set(wanted):
            asking = [patch for patch, each in enumerate(wanted) if each == place]
            first = asking[int(np.argmin(cost[asking, place]))]
            gets[first, place] = True
            for patch in asking:
                cost[patch, place] += patch != first
    return gets


def _matched_with_themselves(x: np.ndarray, k: int, rng: np.random.Generator) -> float:
    order, same = rng.permutation(len(x)), 0
    for start in range(0, len(x), k):
        ours, theirs = np.arange(start, start + k), order[start : start + k]
        same += int((ours == theirs[linear_sum_assignment(distance_matrix(x[ours], x[theirs]))[1]]).sum())
    return same / len(x)


def _moved(x: np.ndarray, k: int, alpha: float, rng: np.random.Generator) -> float:
    """Root mean square way of mixtures from their nearer end, by mixing: 1500 pairs of random subsets of size k."""
    squares = []
    for _ in range(24_000 // k if k == 1 else 1500):
        ours, theirs = x[rng.permutation(len(x))[:k]], x[rng.permutation(len(x))[:k]]
        theirs = theirs[linear_sum_assignment(distance_matrix(ours, theirs) ** 2)[1]]
        lam = rng.beta(alpha, alpha, (k, 1))
        mixed = lam * ours + (1 - lam) * theirs
        squares.append(np.minimum(((mixed - ours) ** 2).sum(1), ((mixed - theirs) ** 2).sum(1)).mean())
    return float(np.sqrt(np.mean(squares)))


def _running_variance(clean_pass_first: bool) -> float:
    """What batch normalisation takes for the variance of samples of variance 1, averaged over the steps of a run."""
    generator = torch.Generator().manual_seed(0)
    mix = mixer.mixup(alpha=1.0, num_classes=2, generator=generator)
    norm, seen = torch.nn.BatchNorm1d(32, momentum=0.1), []
    for step in range(700):
        x, y = torch.randn(128, 32, generator=generator), torch.zeros(128, dtype=torch.int64)
        if clean_pass_first:
            norm(x)
        norm(mix(x, y)[0])
        if step >= 60:  # the start is forgotten
            seen.append(float(norm.state_dict()["running_var"].mean()))
    return float(np.mean(seen))


def _noise(legacy: fmix.Legacy | None) -> np.ndarray:
    return fmix.smooth_noise(600, 32, 32, legacy=legacy, generator=torch.Generator().manual_seed(0)).numpy()


def _full_spectrum(rng: np.random.Generator) -> np.ndarray:
    """The paper's noise: the real part of the transform of a full spectrum of independent complex numbers."""
    waves = np.fft.fftfreq(32)
    frequency = np.hypot(waves[:, None], waves).clip(1 / 32)
    real, imaginary = rng.standard_normal((2, 600, 32, 32))
    return np.fft.ifft2((real + 1j * imaginary) / frequency**3).real


def _edge_ratio(noise: np.ndarray) -> float:
    """Edges met along the height, divided by those met along the width, in masks cut at the median."""
    mask = noise > np.median(noise, axis=(1, 2), keepdims=True)
    return float((mask[:, 1:] != mask[:, :-1]).mean() / (mask[:, :, 1:] != mask[:, :, :-1]).mean())


def _energy_above_one(noise: np.ndarray) -> float:
    """Share of the variance at two or more waves along the width."""
    energy = np.abs(np.fft.fft(noise - noise.mean(axis=(1, 2), keepdims=True), axis=2)) ** 2
    return float(energy[:, :, 2:-1].sum() / energy.sum())


def _symmetry(noise: np.ndarray) -> float:
    """Mean correlation of an image with its reflection about a point."""
    reflected = np.roll(noise[:, ::-1, ::-1], (1, 1), (1, 2))
    return float(
        np.mean([np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in zip(noise, reflected, strict=True)])
    )


def _puzzles(count: int, grid: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energies as Puzzle Mix has them, from random saliency and random seams: shares 0, 1/2 and 1, beta 1.2, eta 0.2."""
    salient = rng.gamma(0.5, size=(2, count, grid, grid, 1))
    salient /= salient.sum((2, 3), keepdims=True)
    lam = rng.uniform(0.05, 0.95, (count, 1, 1, 1))
    prior = -np.log(np.concatenate([lam**2, 2 * lam * (1 - lam), (1 - lam) ** 2], axis=3))
    share = np.array([0, 0.5, 1])
    unary = (1 - share) * salient[1] + share * salient[0] + 0.2 * prior / grid**2
    weights = (1.2 / grid / 16 * rng.uniform(0.75, 1.25, (count, *shape)) for shape in ((grid - 1, grid), (grid, grid - 1)))
    return unary, *weights


def _energy(labels: np.ndarray, unary: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Energy of labellings (P, h, w) of one problem: each cell's own, and weights times squared differences of shares."""
    rows, columns = np.indices(unary.shape[:2])
    share = labels / (unary.shape[-1] - 1)
    rough = down * (share[:, 1:] - share[:, :-1]) ** 2, across * (share[:, :, 1:] - share[:, :, :-1]) ** 2
    return unary[rows, columns, labels].sum((1, 2)) + rough[0].sum((1, 2)) + rough[1].sum((1, 2))


def _overlap_by_painting(one: np.ndarray, other: np.ndarray) -> float:
    cells = np.zeros((2, 40, 40), dtype=bool)
    for canvas, (left, top, right, bottom) in zip(cells, (one, other), strict=True):
        canvas[left:right, top:bottom] = True
    return float((cells[0] & cells[1]).sum() / (cells[0] | cells[1]).sum())
