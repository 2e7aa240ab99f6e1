"""Modes come back as they were, each module's own."""

import pytest
from torch import nn

from mixbook.modes import evaluation_mode, modes_kept


def test_each_module_gets_its_own_mode_back_also_after_an_error():
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.BatchNorm1d(2), nn.Dropout()))
    model[1][0].eval()
    before = [module.training for module in model.modules()]
    with pytest.raises(KeyError), modes_kept(model.modules()):
        model.eval()
        model[1].train()
        raise KeyError
    assert [module.training for module in model.modules()] == before == [True, True, True, False, True]


def test_only_what_is_given_is_put_back():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    with modes_kept([model[1]]):
        model.eval()
    assert [module.training for module in model.modules()] == [False, False, True]


def test_in_evaluation_mode_all_modules_are_and_then_each_has_its_own_back():
    model = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2).eval())
    with pytest.raises(KeyError), evaluation_mode(model):
        assert not any(module.training for module in model.modules())
        raise KeyError
    assert [module.training for module in model.modules()] == [True, True, False]
