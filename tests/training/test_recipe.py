import json

import numpy as np
import pytest
import torch
from torch import nn

from mixbook.data import iris
from mixbook.training import Recipe, fit


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("epochs", 0, "a whole number, at least 1"),
        ("epochs", 3.0, "a whole number, at least 1"),
        ("batch_size", 0, "a whole number, at least 1"),
        ("batch_size", 32.0, "a whole number, at least 1"),
        ("lr", 0.0, "positive and finite"),
        ("lr", float("nan"), "positive and finite"),
        ("optimizer", "lbfgs", "'sgd' or 'adam'"),
        ("momentum", 1.0, r"in \[0, 1\)"),
        ("weight_decay", -1e-4, "at least 0"),
        ("milestones", (0, 5), "epochs, at least 1"),
        ("milestones", 5, "a list of epochs"),
        ("decay", 0.0, r"in \(0, 1\]"),
        ("pairs", "both", "'within' or 'across'"),
    ],
)
def test_bad_values_are_named(name, value, wanted):
    with pytest.raises(ValueError, match=rf"{name} must be {wanted}.*got "):
        Recipe(**({"epochs": 1} | {name: value}))


def test_a_batch_of_one_is_fine():
    assert Recipe(epochs=1, batch_size=1).steps(3) == 3


def test_nesterov_needs_momentum():
    with pytest.raises(ValueError, match="nesterov must be False where momentum is 0"):
        Recipe(epochs=1, momentum=0.0, nesterov=True)


def test_json_there_and_back():
    recipe = Recipe(epochs=3, milestones=(1, 2), optimizer="adam", pairs="across", seed=7)
    assert Recipe(**json.loads(json.dumps(recipe.as_dict()))) == recipe


def test_numbers_of_numpy_become_plain_ones():
    plain = Recipe(epochs=2, lr=0.01, milestones=(1,), nesterov=True, seed=3)
    recipe = Recipe(np.int64(2), lr=np.float64(0.01), milestones=np.array([1]), nesterov=np.bool_(True), seed=np.int64(3))
    assert recipe == plain and json.dumps(recipe.as_dict()) == json.dumps(plain.as_dict())
    assert [type(value) for value in recipe.as_dict().values()] == [type(value) for value in plain.as_dict().values()]
    assert type(recipe.milestones[0]) is int


def test_a_run_with_numbers_of_numpy_goes_on_from_its_checkpoint(tmp_path):
    for epochs in (1, 2):
        recipe = Recipe(epochs, lr=np.logspace(-2, -1, 2)[0], seed=np.int64(1))
        history = fit(nn.Linear(4, 3), iris(), recipe, checkpoint=tmp_path / "run.pt", progress=False)
    assert len(history) == 2


def test_the_learning_rate_falls_as_torch_lets_it_fall():
    recipe = Recipe(epochs=12, lr=0.4, milestones=(3, 8), decay=0.25)
    optimizer = recipe.make_optimizer([nn.Parameter(torch.zeros(1))])
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 8], gamma=0.25)
    for epoch in range(12):
        assert recipe.lr_at(epoch) == pytest.approx(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    assert Recipe(epochs=12, schedule="cosine").lr_at(18) == 0  # it stays where it ended


@pytest.mark.parametrize(
    ("recipe", "kind"), [(Recipe(1, nesterov=True), torch.optim.SGD), (Recipe(1, optimizer="adam"), torch.optim.Adam)]
)
def test_the_optimizer_takes_the_values_of_the_recipe(recipe, kind):
    optimizer = recipe.make_optimizer([nn.Parameter(torch.zeros(1))])
    assert type(optimizer) is kind
    for name in {"lr", "momentum", "weight_decay", "nesterov"} & set(optimizer.defaults):
        assert optimizer.defaults[name] == getattr(recipe, name)
