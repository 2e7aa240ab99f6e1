"""Networks that train at once on their whole sets, against the loop that somebody would write for one of them."""

import pytest
import torch
from torch import nn

from mixbook.theory.full_batch import descend, initial_weights, logits

NETWORKS, N, STEPS = 3, 7, 25


def generators():
    return [torch.Generator().manual_seed(seed) for seed in range(NETWORKS)]


@pytest.fixture
def data(generator):
    samples = torch.randn(NETWORKS, N, 2, generator=generator)
    labels = torch.randint(3, (NETWORKS, N), generator=generator)
    lam = torch.rand(STEPS, NETWORKS, generator=generator)
    partner = torch.randint(N, (STEPS, NETWORKS, N), generator=generator)
    return samples, labels, lam, partner


def trained(data, zero_grad):
    samples, labels, lam, partner = data
    weights = initial_weights(2, 16, 3, generators())
    steps = list(descend(weights, samples, torch.eye(3)[labels], zip(lam, partner, strict=True), zero_grad, lr=0.01))
    assert steps == list(range(1, STEPS + 1))
    return weights


def by_hand(data, which, resets):
    """One network, two cross entropies, and an optimizer that forgets its gradient or does not."""
    samples, labels, lam, partner = (part[:, which] if part.shape[0] == STEPS else part[which] for part in data)
    into, bias, out, offset = (weight.detach()[which] for weight in initial_weights(2, 16, 3, generators()))
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3))
    for own, given in zip(model.parameters(), (into.T, bias[0], out.T, offset[0]), strict=True):
        own.data.copy_(given)
    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    for share, other in zip(lam, partner, strict=True):
        answers = model(share * samples + (1 - share) * samples[other])
        losses = [nn.functional.cross_entropy(answers, wanted) for wanted in (labels, labels[other])]
        if resets:
            adam.zero_grad()
        (share * losses[0] + (1 - share) * losses[1]).backward()
        adam.step()
    return model


@pytest.mark.parametrize("zero_grad", [(True, True, True), (True, False, True), (False, False, False)])
def test_each_network_is_what_a_loop_of_its_own_gives(data, zero_grad):
    weights = trained(data, zero_grad)
    places = data[0]
    for which, resets in enumerate(zero_grad):
        alone = by_hand(data, which, resets)(places[which])
        torch.testing.assert_close(logits(places, weights)[which], alone, atol=1e-4, rtol=1e-4)


def test_a_gradient_that_is_not_reset_changes_its_own_network_alone(data):
    right, faulty = (trained(data, (True, second, True)) for second in (True, False))
    moved = [(a - b).detach().abs().amax(dim=(1, 2)) for a, b in zip(right, faulty, strict=True)]
    assert all(float(m[0]) == float(m[2]) == 0 and float(m[1]) > 1e-2 for m in moved)


def test_initial_weights_are_as_wide_as_those_of_torch():
    weights = initial_weights(2, 4000, 3, generators())
    layers = nn.Linear(2, 4000), nn.Linear(4000, 3)
    for ours, theirs in zip(weights[::2], layers, strict=True):
        assert ours.std().item() == pytest.approx(theirs.weight.std().item(), rel=0.05)
        assert ours.abs().max() <= theirs.in_features**-0.5


@pytest.mark.parametrize("shared", [True, False])
def test_a_second_run_goes_on_with_the_moments_that_it_is_given_and_starts_anew_without(data, shared):
    samples, labels, lam, partner = data
    weights = initial_weights(2, 16, 3, generators())
    start = [weight.detach().clone() for weight in weights]
    adam = torch.optim.Adam(weights, lr=0.01)
    run = weights, samples, torch.eye(3)[labels]
    for _ in range(2):
        with torch.no_grad():
            for weight, new in zip(weights, start, strict=True):
                weight.copy_(new)
        list(descend(*run, zip(lam, partner, strict=True), [True] * NETWORKS, lr=0.01, adam=adam if shared else None))
    again = [
        bool(torch.equal(weight, first)) for weight, first in zip(weights, trained(data, [True] * NETWORKS), strict=True)
    ]
    assert again == [not shared] * 4
    assert {int(state["step"]) for state in adam.state.values()} == ({2 * STEPS} if shared else set())
