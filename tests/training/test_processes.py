"""Several processes without a change in the code."""

import os
import subprocess
import sys
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

import mixbook as mb
from mixbook.data import Arrays
from mixbook.models import MLP, seeded
from mixbook.training import CheckpointError, Recipe, fit

ROWS = 41


class Watched:
    """A mixer that remembers which rows it was given; sample i holds the number i in its first feature."""

    def __init__(self) -> None:
        self.mixer = mb.kmixup(4, 1.0, 2, strict=False)
        self.batches: list[list[int]] = []

    def outputs(self, model, x, y, *, partner=None, generator=None):
        self.seed = generator.initial_seed()
        self.batches.append((x[:, 0] * ROWS).round().long().tolist())
        return self.mixer.outputs(model, x, y, partner=partner, generator=generator)


class Recorded:
    """A mixer that remembers its plans, by the numbers of the samples."""

    def __init__(self, mixer: mb.Mixer) -> None:
        self.mixer, self.plans = mixer, []

    def outputs(self, model, x, y, *, partner=None, generator=None):
        x2, y2 = (None, None) if partner is None else partner
        plan = self.mixer.plan(x, y, x2=x2, y2=y2, generator=generator)
        x, y = (x, y) if partner is None else (torch.cat([x, x2]), torch.cat([y, y2]))
        self.plans.append(((x[:, 0] * ROWS).round().long()[plan.sources], plan.weights))
        return model(plan.apply(x)), plan.targets(y, 2)


class Replayed:
    """A mixer that makes the mixtures of both processes at once, whatever it would have drawn itself."""

    def __init__(self, first, second) -> None:
        self.plans = iter(zip(first, second, strict=True))

    def outputs(self, model, x, y, *, partner=None, generator=None):
        sources, weights = (torch.cat(parts) for parts in zip(*next(self.plans), strict=True))
        assert set(sources[:, 0].tolist()) == set((x[:, 0] * ROWS).round().long().tolist())
        data = numbered()
        mixed = torch.einsum("ns,nsd->nd", weights, data.x[sources])
        return model(mixed), torch.einsum("ns,nsc->nc", weights, nn.functional.one_hot(data.y, 2).float()[sources])


MIXERS = {
    "mixup": (mb.mixup(1.0, 2), "within"),
    "k-mixup": (mb.kmixup(4, 1.0, 2), "within"),
    "k-mixup across, a lambda for each pair": (mb.kmixup(4, 1.0, 2, per="pair"), "across"),
    "multi-mix": (mb.multimix(3, 1.0, 2), "across"),
}


def numbered() -> Arrays:
    rows = torch.arange(ROWS)
    return Arrays(torch.stack([rows / ROWS, rows % 2], dim=1), rows % 2, 2, "numbered")


def mixed(fabric: Fabric | None, mixer: Recorded | Replayed, pairs: str) -> dict[str, torch.Tensor]:
    """The weights after two epochs of two steps; of a third the shares would be of k samples, which k-mixup refuses."""
    network = seeded(0, lambda: MLP(2, (8,), 2))
    fit(
        network,
        numbered()[torch.arange(40)],
        Recipe(2, 16, lr=0.5, pairs=pairs, drop_last=True),
        mixer=mixer,
        fabric=fabric,
        progress=False,
    )
    return network.state_dict()


def train(fabric: Fabric | None, epochs: int, checkpoint: Path, **options: bool) -> tuple[nn.Module, Watched]:
    data = numbered()
    network, mixer = seeded(0, lambda: MLP(2, (8,), 2)), Watched()
    recipe = Recipe(epochs, batch_size=16, lr=0.05, drop_last=options.get("plain", False))
    mixed = None if options.get("plain") else mixer
    fit(network, data, recipe, mixer=mixed, checkpoint=checkpoint, fabric=fabric, progress=False)
    return network, mixer


def main(folder: Path) -> None:
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp")
    fabric.launch()
    plain, _ = train(fabric, 2, folder / "plain.pt", plain=True)
    network, mixer = train(fabric, 3, folder / "whole.pt")
    train(fabric, 2, folder / "parts.pt")
    resumed, _ = train(fabric, 3, folder / "parts.pt")
    found = {}
    for name, (inner, pairs) in MIXERS.items():
        recorded = Recorded(inner)
        found[name] = {"weights": mixed(fabric, recorded, pairs), "plans": recorded.plans}
    states = {"mixed": found, "plain": plain.state_dict(), "whole": network.state_dict(), "resumed": resumed.state_dict()}
    torch.save({"batches": mixer.batches, "seed": mixer.seed, **states}, folder / f"rank{fabric.global_rank}.pt")


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, __file__, str(folder)], env=environment, timeout=120, check=True)
    return folder, [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.mark.slow
def test_processes_see_different_samples_of_the_same_batches(ranks):
    first, second = (result["batches"] for result in ranks[1])
    assert [len(b) for b in first] == [len(b) for b in second] == [8, 8, 4] * 3
    for epoch in range(3):
        seen = list(chain(*first[3 * epoch : 3 * epoch + 3], *second[3 * epoch : 3 * epoch + 3]))
        assert len(set(seen)) == len(seen) == ROWS - 1  # 41 is odd: one sample rests


@pytest.mark.slow
def test_processes_mix_independently(ranks):
    assert ranks[1][0]["seed"] != ranks[1][1]["seed"]


@pytest.mark.slow
@pytest.mark.parametrize("which", ["plain", "whole", "resumed"])
def test_processes_end_with_the_same_weights(ranks, which):
    first, second = (result[which] for result in ranks[1])
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
def test_two_processes_without_mixing_do_what_one_does(ranks, tmp_path):
    """Same batches, gradients averaged: equal up to the order of adding."""
    alone, _ = train(None, 2, tmp_path / "run.pt", plain=True)
    together = ranks[1][0]["plain"]
    start = seeded(0, lambda: MLP(2, (8,), 2)).state_dict()
    for name, weight in alone.state_dict().items():
        assert torch.allclose(weight, together[name], atol=1e-6)
        assert not torch.allclose(weight, start[name], atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", MIXERS)
def test_two_processes_take_the_step_of_one_with_the_same_plan(ranks, name):
    first, second = (result["mixed"][name] for result in ranks[1])
    alone = mixed(Fabric(accelerator="cpu", devices=1), Replayed(first["plans"], second["plans"]), MIXERS[name][1])
    start = seeded(0, lambda: MLP(2, (8,), 2)).state_dict()
    for weight, expected in alone.items():
        assert torch.allclose(first["weights"][weight], expected, atol=1e-6)
        assert not torch.allclose(expected, start[weight], atol=1e-3)


def matchings(shares: int, across: bool, k: int = 2, epochs: int = 3000) -> dict[tuple[int, ...], int]:
    """How often each way to pair four samples came up, in batches of four in so many shares."""
    values = torch.tensor([0.0, 1.0, 3.0, 7.0])
    order, partner, mixing = (torch.Generator().manual_seed(10 * shares + purpose) for purpose in range(3))
    counted = Counter()
    for _ in range(epochs):
        rows, others = torch.randperm(4, generator=order), torch.randperm(4, generator=partner)
        partners = torch.empty(4, dtype=torch.int64)
        for rank in range(shares):
            own = rows[rank::shares]
            theirs = others[rank::shares] if across else own
            found = mb.OptimalTransport(k).pair(values[own, None], values[theirs, None] if across else None, mixing)
            partners[own] = theirs[found]
        counted[tuple(partners.tolist())] += 1
    return counted


def disagreement(first: dict, second: dict) -> float:
    """Chi-square of two counts of as many draws, over its degrees of freedom: about 1 where they have the same law."""
    outcomes = first.keys() | second.keys()
    return sum((first[o] - second[o]) ** 2 / (first[o] + second[o]) for o in outcomes) / (len(outcomes) - 1)


@pytest.mark.parametrize("k", [1, 2])
def test_across_batches_the_pairs_of_shares_have_the_law_of_one_process(k):
    assert disagreement(matchings(1, True, k), matchings(2, True, k)) < 2.5


def test_within_a_batch_they_have_not_and_a_sample_meets_itself_more_often():
    one, two = matchings(1, False, k=1), matchings(2, False, k=1)
    assert disagreement(one, two) > 20
    alone, shared = (sum(n * sum(i == p for i, p in enumerate(m)) for m, n in c.items()) / 3000 / 4 for c in (one, two))
    assert alone == pytest.approx(1 / 4, abs=0.02) and shared == pytest.approx(2 / 4, abs=0.02)


def test_a_block_that_no_share_holds_breaks_the_law():
    assert disagreement(matchings(1, True, 4), matchings(2, True, 2)) > 20


@pytest.mark.slow
def test_a_run_in_two_processes_resumes_exactly(ranks):
    _, (first, _) = ranks
    assert all(torch.equal(first["resumed"][name], first["whole"][name]) for name in first["whole"])


@pytest.mark.slow
def test_another_number_of_processes_is_refused(ranks):
    with pytest.raises(CheckpointError, match="made by 2 processes, but this run has 1"):
        train(None, 4, ranks[0] / "whole.pt")


def test_a_batch_that_cannot_be_shared_out_is_refused(tmp_path):
    class Three(Fabric):
        world_size = 3

    with pytest.raises(ValueError, match="batch_size must be a multiple of the 3 processes, got 16"):
        train(Three(accelerator="cpu", devices=1), 1, tmp_path / "run.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
