import pytest
import torch

from mixbook.models import Normalise


def test_each_channel_gets_mean_zero_and_variance_one(generator):
    x = torch.rand(64, 3, 9, 7, generator=generator) * torch.tensor([1.0, 0.5, 0.1]).view(3, 1, 1)
    mean, std = x.mean(dim=(0, 2, 3)), x.std(dim=(0, 2, 3))
    out = Normalise(mean.tolist(), std.tolist())(x)
    torch.testing.assert_close(out.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.std(dim=(0, 2, 3)), torch.ones(3), atol=1e-5, rtol=0)


def test_settings_are_no_weights():
    layer = Normalise((0.5,), (0.25,))
    assert not layer.state_dict()
    assert "mean=[0.5], std=[0.25]" in repr(layer)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(((0.5,), (0.2, 0.2)), "got 1 and 2"), (((), ()), "got 0 and 0"), (((0.5,), (0.0,)), "std must be positive")],
)
def test_bad_settings_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Normalise(*arguments)


def test_other_channels_are_refused():
    with pytest.raises(ValueError, match=r"x must have 3 channels in its second axis, got shape \(2, 1, 4, 4\)"):
        Normalise((0.5,) * 3, (0.2,) * 3)(torch.zeros(2, 1, 4, 4))


def test_bytes_become_255ths(generator):
    x = torch.randint(256, (4, 3, 5, 5), generator=generator, dtype=torch.uint8)
    layer = Normalise((0.5,) * 3, (0.2,) * 3)
    torch.testing.assert_close(layer(x), layer(x.float() / 255))
