"""How fast many networks train at once, beside a plain loop over them; both in as many processes, by turns.

``python -m mixbook.benchmarks.speed.trials`` measures everything and stores it for the book's page on speed.
"""

import multiprocessing
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter

import torch
from torch import nn
from torch.nn import functional as F

from mixbook.benchmarks.home import stored_results
from mixbook.benchmarks.speed.stopwatch import Comparison, compare, store
from mixbook.data import Arrays
from mixbook.mixing.mixer import kmixup
from mixbook.models import MLP, LeNet, seeded
from mixbook.training import Recipe
from mixbook.training.trials import Trial, fit_trials

K = 16


@dataclass(frozen=True)
class Case:
    """Networks, and the steps that they take.

    Args:
        what: in words.
        make: one network.
        shape: of one sample.
        classes: number of classes.
        batch_size: samples in a batch, B.
        steps: each network takes in one round.
        wanted: how many times as many steps per second were asked for: of a kind of device and a number of networks.
    """

    what: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    classes: int
    batch_size: int
    steps: int
    wanted: Mapping[tuple[str, int], float] = field(default_factory=dict)

    def task(self, networks: int) -> str:
        """What is timed, in words, where ``networks`` train at once."""
        return f"a step of one of {networks} networks {self.what}"

    def data(self) -> Arrays:
        """Random samples, as many as one pass of ``steps`` batches needs."""
        generator, size = torch.Generator().manual_seed(0), self.steps * self.batch_size
        y = torch.randint(self.classes, (size,), generator=generator)
        return Arrays(torch.randn(size, *self.shape, generator=generator), y, self.classes, self.what)

    def recipe(self, seed: int = 0) -> Recipe:
        """One pass, as k-mixup's Figure 5 pairs: partners from a second loader."""
        return Recipe(1, self.batch_size, 0.01, pairs="across", seed=seed)


_TOY, _TABLE = partial(MLP, 2, (130, 120), 2), partial(MLP, 30, (120, 120, 84), 2)
_MANY = {("cuda", 200): 20.0}
CASES = (
    Case("2-130-120-2, B = 128", _TOY, (2,), 2, 128, 40, {("cpu", 50): 2.5} | _MANY),
    Case("2-130-120-2, B = 512", _TOY, (2,), 2, 512, 10, {("cpu", 50): 1.2} | _MANY),
    Case("30-120-120-84-2, B = 16", _TABLE, (30,), 2, 16, 120, {("cpu", 50): 5.0} | _MANY),
    Case("30-120-120-84-2, B = 128", _TABLE, (30,), 2, 128, 40, _MANY),
    Case("LeNet on 28 x 28, B = 128", LeNet, (1, 28, 28), 10, 128, 4, {("cuda", 50): 10.0}),
)


def by_hand(case: Case, networks: int, device: str = "cpu") -> None:
    """What one writes without the engine: a loop over networks around a loop over batches, with our matching."""
    data, mixer = case.data().to(device), kmixup(K, 1.0, case.classes)
    for seed in range(networks):
        generator = torch.Generator().manual_seed(seed)
        mixer.generator = generator
        model = seeded(seed, case.make).to(device)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
        orders = [torch.randperm(len(data), generator=generator).split(case.batch_size) for _ in range(2)]
        for rows, others in zip(*orders, strict=True):
            mixed, targets = mixer(data.x[rows], data.y[rows], data.x[others], data.y[others])
            loss = F.cross_entropy(model(mixed), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def together(case: Case, networks: int, device: str = "cpu") -> None:
    """The same networks by the engine, in the way that it chooses."""
    trials = [Trial(case.recipe(seed), kmixup(K, 1.0, case.classes)) for seed in range(networks)]
    fit_trials(lambda seed: seeded(seed, case.make), case.data(), trials, device=device, progress=False)


def many_networks(
    networks: int = 50, jobs: int = 2, rounds: int = 3, cases: tuple[Case, ...] = CASES, device: str = "cpu"
) -> list[Comparison]:
    """Seconds for a step of one of ``networks``, k-mixup with k = 16 included, in ``jobs`` processes of one thread.

    The loop trains fewer networks in a round, one after the other, so that its rounds are as long as ours.

    Raises:
        ValueError: if the processes cannot have equally many networks each.
    """
    if networks < jobs or networks % jobs:
        raise ValueError(f"networks must be a multiple of the {jobs} processes, got {networks}")
    kind = torch.device(device).type
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=torch.set_num_threads, initargs=(1,)) as pool:

        def everywhere(side: Callable[[Case, int, str], None], case: Case, each: int) -> None:
            for done in [pool.submit(side, case, each, device) for _ in range(jobs)]:
                done.result()

        found = []
        for case in cases:
            each, few = networks // jobs, max(1, networks // jobs // 5)
            ours = partial(everywhere, together, case, each)
            theirs = partial(everywhere, by_hand, case, few)
            timed = compare(case.task(networks), "a loop", ours, theirs, rounds)
            steps, wanted = jobs * case.steps, case.wanted.get((kind, networks))
            found.append(_per_step(timed, each * steps, few * steps, wanted))
    return found


def _per_step(timed: Comparison, ours: int, theirs: int, wanted: float | None) -> Comparison:
    fastest = timed.fastest[0] / ours, timed.fastest[1] / theirs
    return replace(timed, ours=timed.ours / ours, theirs=timed.theirs / theirs, fastest=fastest, wanted=wanted)


if __name__ == "__main__":
    began = perf_counter()
    store(stored_results() / "speed" / "trials.json", many_networks())
    print(f"measured in {perf_counter() - began:.0f} s")
