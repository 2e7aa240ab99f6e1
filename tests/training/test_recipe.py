import json

import pytest
import torch
from torch import nn

from mixbook.training import Recipe


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("epochs", 0, "at least 1"),
        ("batch_size", 0, "at least 1"),
        ("lr", 0.0, "positive and finite"),
        ("lr", float("nan"), "positive and finite"),
        ("optimizer", "lbfgs", "'sgd' or 'adam'"),
        ("momentum", 1.0, r"in \[0, 1\)"),
        ("weight_decay", -1e-4, "at least 0"),
        ("milestones", (0, 5), "epochs, at least 1"),
        ("decay", 0.0, r"in \(0, 1\]"),
        ("pairs", "both", "'within' or 'across'"),
    ],
)
def test_bad_values_are_named(name, value, wanted):
    with pytest.raises(ValueError, match=rf"{name} must be {wanted}.*got "):
        Recipe(**({"epochs": 1} | {name: value}))


def test_nesterov_needs_momentum():
    with pytest.raises(ValueError, match="nesterov must be False where momentum is 0"):
        Recipe(epochs=1, momentum=0.0, nesterov=True)


def test_json_there_and_back():
    recipe = Recipe(epochs=3, milestones=(1, 2), optimizer="adam", pairs="across", seed=7)
    assert Recipe(**json.loads(json.dumps(recipe.as_dict()))) == recipe


def test_the_learning_rate_falls_as_torch_lets_it_fall():
    recipe = Recipe(epochs=12, lr=0.4, milestones=(3, 8), decay=0.25)
    optimizer = recipe.make_optimizer([nn.Parameter(torch.zeros(1))])
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 8], gamma=0.25)
    for epoch in range(12):
        assert recipe.lr_at(epoch) == pytest.approx(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize(
    ("recipe", "kind"), [(Recipe(1, nesterov=True), torch.optim.SGD), (Recipe(1, optimizer="adam"), torch.optim.Adam)]
)
def test_the_optimizer_takes_the_values_of_the_recipe(recipe, kind):
    optimizer = recipe.make_optimizer([nn.Parameter(torch.zeros(1))])
    assert type(optimizer) is kind
    for name in {"lr", "momentum", "weight_decay", "nesterov"} & set(optimizer.defaults):
        assert optimizer.defaults[name] == getattr(recipe, name)
