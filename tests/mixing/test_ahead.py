"""Plans that are made ahead are those that are made in turn, whatever the loop does."""

import threading

import pytest
import torch

import mixbook as mb
from mixbook.compat import Schedule

MIXERS = {
    "mixup": lambda g: mb.mixup(1.0, 3, generator=g),
    "kmixup": lambda g: mb.kmixup(4, 1.0, 3, generator=g),
    "cutmix": lambda g: mb.cutmix(1.0, 3, draws=2, generator=g),
}
NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
DEVICES = ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_GPU])]


def batches(device="cpu", n=7):
    g = torch.Generator().manual_seed(1)
    return [
        (torch.rand(8, 3, 6, 6, generator=g).to(device), torch.randint(0, 3, (8,), generator=g).to(device))
        for _ in range(n)
    ]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("ahead", [1, 2, 20])
@pytest.mark.parametrize("name", MIXERS)
def test_plans_are_those_of_planning_in_turn(name, ahead, device):
    loader = batches(device)
    in_turn = MIXERS[name](torch.Generator().manual_seed(0))
    wanted = [in_turn.plan(x, y) for x, y in loader]
    background = MIXERS[name](torch.Generator().manual_seed(0))
    found = list(mb.PlanAhead(loader, background, ahead))
    assert len(found) == len(loader)
    for (x, _, plan), (same, _), want in zip(found, loader, wanted, strict=True):
        assert x is same
        torch.testing.assert_close(plan.sources, want.sources)
        torch.testing.assert_close(plan.apply(x), want.apply(x))
    assert torch.equal(background.generator.get_state(), in_turn.generator.get_state())


def test_planning_happens_while_the_loop_is_busy():
    planned = threading.Event()

    class Telling(type(mb.mixup())):
        def plan(self, x, y=None, **other):
            plan = super().plan(x, y, **other)
            count.append(1)
            if len(count) == 2:
                planned.set()
            return plan

    count = []
    loop = iter(mb.PlanAhead(batches(), Telling(num_classes=3), ahead=2))
    next(loop)
    assert planned.wait(10), "the second batch must be planned before it is asked for"
    loop.close()


def test_leaving_early_ends_the_thread():
    before = threading.active_count()
    for _ in mb.PlanAhead(batches(), mb.mixup(), ahead=3):
        break
    assert threading.active_count() == before


def test_an_error_in_planning_is_raised_in_the_loop():
    with pytest.raises(ValueError, match="k=16 is larger than the batch of 8"):
        list(mb.PlanAhead(batches(), mb.kmixup(16)))
    with pytest.raises(ValueError, match="ahead must be at least 1"):
        mb.PlanAhead([], mb.mixup(), ahead=0)


def test_an_empty_loader_gives_nothing_and_length_is_the_loader_s():
    assert list(mb.PlanAhead([], mb.mixup())) == []
    assert len(mb.PlanAhead(batches(), mb.mixup())) == 7


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (lambda: mb.manifold_mixup(torch.nn.Linear(2, 3), ["input"]), "ManifoldMixer"),
        (lambda: Schedule(mb.mixup(num_classes=3)), "Schedule"),
        (lambda: mb.Mixer, "type"),
        (lambda: mb.mixup, "function"),
    ],
    ids=lambda what: what if isinstance(what, str) else "",
)
def test_what_plans_no_batches_is_refused_before_any_is_loaded(make, got):
    for plan in (lambda: mb.PlanAhead(batches(), make()), lambda: mb.plan_many(make(), batches())):
        with pytest.raises(TypeError, match=f"mixer must be of type Mixer or OneOf, got {got}"):
            plan()


def test_several_mixers_by_turns_plan_many_batches_too():
    def mix():
        return mb.OneOf([mb.kmixup(4), mb.cutmix()], generator=torch.Generator().manual_seed(0))

    in_turn = mix()
    for plan, (x, y) in zip(mb.plan_many(mix(), batches()), batches(), strict=True):
        torch.testing.assert_close(plan.apply(x), in_turn.plan(x, y).apply(x))


def test_which_of_several_mixers_it_is_must_not_come_from_what_the_loop_draws_from():
    mixers = [mb.mixup(generator=torch.Generator().manual_seed(n)) for n in (1, 2)]
    with pytest.raises(ValueError, match="Give OneOf a generator too"):
        mb.PlanAhead([], mb.OneOf(mixers))
    assert list(mb.PlanAhead([], mb.OneOf(mixers, generator=torch.Generator()))) == []


def test_a_loop_that_draws_too_gets_the_same_plans_from_the_same_seed():
    def run():
        torch.manual_seed(1)
        found = []
        for x, _, plan in mb.PlanAhead([(torch.ones(64, 256), torch.zeros(64, dtype=torch.int64))] * 8, mb.kmixup(16)):
            found.append(plan.weights[0, 0].item())
            torch.nn.functional.dropout(x)
        return tuple(found)

    runs = {run() for _ in range(10)}
    assert len(runs) == 1 and len(set(*runs)) == 8
