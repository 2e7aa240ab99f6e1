import pytest
import torch
from torch import nn

from mixbook.data import digits
from mixbook.evaluation import evaluate
from mixbook.models import MLP, seeded


def test_scores_do_not_depend_on_the_batch_size():
    data = digits()
    model = seeded(0, lambda: MLP(64, (16,), 10))
    whole, cut = evaluate(model, data, batch_size=len(data)), evaluate(model, data, batch_size=100)
    assert whole == pytest.approx(cut, rel=1e-6)
    assert set(whole) == {"accuracy", "nll", "brier", "ece"}


def test_noise_is_off_and_every_module_is_put_back_into_its_mode():
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.BatchNorm1d(64), nn.Linear(64, 10))
    model.train()
    model[2].eval()  # a frozen batch norm in a network that trains
    before = model[2].running_mean.clone()
    assert evaluate(model, digits()) == evaluate(model, digits())
    assert [m.training for m in model] == [True, True, False, True]
    assert model.training
    assert torch.equal(model[2].running_mean, before)


def test_the_mode_is_put_back_after_an_error():
    model = nn.Sequential(nn.Flatten(), nn.Linear(63, 10))
    with pytest.raises(RuntimeError):
        evaluate(model, digits())
    assert model.training


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        evaluate(MLP(64, (), 10), digits(), batch_size=0)
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 9\), got 0 to 9"):
        evaluate(MLP(64, (), 9), digits())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_the_data_follow_the_model():
    model, data = seeded(0, lambda: MLP(64, (16,), 10)), digits()
    on_cpu = evaluate(model, data)
    assert evaluate(model.cuda(), data) == pytest.approx(on_cpu, rel=1e-3)
