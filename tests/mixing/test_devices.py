"""Plans where values cannot be looked at, under the compiler, and in other layouts of memory."""

import subprocess
import sys

import pytest
import torch

import mixbook as mb
from mixbook.mixing import plan as plan_module
from mixbook.mixing.plan import MixPlan

MIXERS = {
    "mixup": mb.mixup(num_classes=3),
    "kmixup": mb.kmixup(2, num_classes=3),
    "multimix": mb.multimix(num_classes=3),
    "cutmix": mb.cutmix(num_classes=3),
}


@pytest.fixture(params=MIXERS.values(), ids=MIXERS)
def plan(request, generator):
    return request.param.plan(torch.rand(6, 2, 8, 8, generator=generator), generator=generator)


def test_channels_last_stays_channels_last(plan, generator):
    x = torch.rand(6, 2, 8, 8, generator=generator)
    mixed = plan.apply(x.to(memory_format=torch.channels_last))
    assert mixed.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(mixed, plan.apply(x))


def test_apply_compiles_as_one_graph_with_its_gradient(plan, generator):
    compiled = torch.compile(plan.apply, fullgraph=True, backend="aot_eager")
    gradients = []
    for apply in (plan.apply, compiled):
        x = torch.rand(6, 2, 8, 8, generator=generator.clone_state(), requires_grad=True)
        mixed = apply(x)
        mixed.square().sum().backward()
        gradients.append((mixed.detach(), x.grad))
    torch.testing.assert_close(*gradients)


def test_nothing_waits_for_a_value_off_the_cpu(plan):
    # Tensors on "meta" have no values: whoever asks for one, and would stall a GPU, fails.
    masks = None if plan.masks is None else plan.masks.to("meta")
    away = MixPlan(plan.sources.to("meta"), plan.weights.to("meta"), plan.rows, masks)
    x, y = torch.rand(6, 2, 8, 8, device="meta"), torch.zeros(6, dtype=torch.int64, device="meta")
    assert away.apply(x).shape == (len(plan), 2, 8, 8)
    targets = away.targets(y, 3, ignore_index=-1)
    assert away.targets(torch.rand(6, 3, device="meta")).shape == (len(plan), 3)
    assert away.pixel_targets(y[:, None, None].expand(6, 8, 8), 3, ignore_index=-1).shape == (len(plan), 3, 8, 8)
    loss = mb.mixed_cross_entropy(torch.rand_like(targets), targets, weight=torch.ones(3, device="meta"))
    assert loss.shape == ()


def test_labels_are_looked_at_later_off_the_cpu_and_in_the_same_words():
    later = plan_module._check_range_later  # on the CPU it looks at once
    for labels in ([0, 1, 2], [2]):
        later("labels", torch.tensor(labels), 3)
    for labels in ([0, 3], [-1, 0]):
        with pytest.raises(RuntimeError, match=r"labels must lie in \[0, 3\): is num_classes right"):
            later("labels", torch.tensor(labels), 3, ": is num_classes right?")


@pytest.mark.parametrize("y", [torch.zeros(6, dtype=torch.int64), torch.zeros(6, 3)], ids=["labels", "float"])
def test_looking_at_targets_later_does_not_break_a_graph(plan, y):
    away = MixPlan(plan.sources.to("meta"), plan.weights.to("meta"), plan.rows)
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    targets = torch.compile(lambda y: away.targets(y, 3), fullgraph=True, backend=backend)
    assert targets(y.to("meta")).shape == (len(plan), 3)
    assert ["_assert_async" in str(node.target) for node in graphs[0].graph.nodes].count(True) == 1


def test_float_targets_compile_as_one_graph_and_are_mapped_over(plan):
    y = torch.rand(2, 6, 3)
    expected = torch.stack([plan.targets(one) for one in y])
    compiled = torch.compile(plan.targets, fullgraph=True, backend="eager")
    torch.testing.assert_close(torch.stack([compiled(one) for one in y]), expected)
    torch.testing.assert_close(torch.func.vmap(plan.targets)(y), expected)
    away = MixPlan(plan.sources.to("meta"), plan.weights.to("meta"), plan.rows)
    assert torch.func.vmap(away.targets)(y.to("meta")).shape == expected.shape


WRONG = """
import torch, mixbook as mb
x, y = torch.rand(4, 2, device="cuda"), torch.tensor([0, 1, 2, 3], device="cuda")
soft = torch.rand(4, 3, device="cuda")
saliency = mb.GradientSaliency(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(2, 3)).cuda())
torch.cuda.set_sync_debug_mode("error")  # whatever waits for the device fails
plan = mb.mixup(1.0, 3).plan(x, y)
plan.targets(y, 4), plan.targets(soft)
{wrong}
print("not waited for")
torch.cuda.set_sync_debug_mode("default")
torch.cuda.synchronize()
"""


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("plan.targets(y, 3)", "labels must lie in [0, 3): is num_classes right?"),
        ("saliency(x[:, None, None], y)", "labels must lie in [0, 3): is num_classes right?"),
        ("plan.targets(soft / 0)", "float y must be finite"),
    ],
)
def test_a_wrong_target_on_a_gpu_is_an_error_that_nothing_waits_for(wrong, words):
    # In a process of its own: after a failed assertion the device can do no more for it.
    script = [sys.executable, "-c", WRONG.format(wrong=wrong)]
    ran = subprocess.run(script, capture_output=True, text=True, check=False)
    assert ran.returncode != 0 and "not waited for" in ran.stdout
    assert words in ran.stdout + ran.stderr


@pytest.mark.parametrize("make", [mb.mixup, mb.multimix])
def test_draws_are_made_where_the_generator_is_and_not_where_the_batch_is(make, generator):
    here = make(generator=generator.clone_state())
    away = make(generator=generator.clone_state())
    here.plan(torch.rand(6, 4))
    away.plan(torch.rand(6, 4, device="meta"))
    assert torch.equal(here.generator.get_state(), away.generator.get_state())
