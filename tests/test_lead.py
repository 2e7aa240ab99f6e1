"""The lead of the other classes: the cross entropy that it makes, and its gradient where a network is sure."""

import pytest
import torch
from torch.nn import functional as F

from mixbook.lead import lead


@pytest.mark.parametrize("classes", [2, 10])
def test_it_is_what_the_cross_entropy_is_made_of(classes, generator):
    logits = 5 * torch.randn(50, classes, generator=generator, dtype=torch.float64)
    y = torch.randint(classes, (50,), generator=generator)
    torch.testing.assert_close(F.softplus(lead(logits, y)), F.cross_entropy(logits, y, reduction="none"))


@pytest.mark.parametrize("ahead", [20.0, 80.0])
def test_its_gradient_is_the_law_of_the_other_classes_however_sure_a_network_is(ahead):
    """In single precision the softmax of these logits is 1 at the label, and its usual gradient there is 0."""
    logits = torch.tensor([[ahead, 0.0, 1.0]], requires_grad=True)
    lead(logits, torch.tensor([0])).sum().backward()
    others = torch.tensor([0.0, 1.0]).softmax(0)
    torch.testing.assert_close(logits.grad[0], torch.cat([torch.tensor([-1.0]), others]))


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(half, generator):
    logits, y = torch.randn(5, 4, generator=generator).to(half), torch.arange(5) % 4
    assert torch.equal(lead(logits, y), lead(logits.float(), y))
    assert lead(logits.double(), y).dtype == torch.float64
