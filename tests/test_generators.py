"""Where numbers are drawn: samples that follow a seed on every device, and noise where the samples are."""

import numpy as np
import pytest
import torch

import mixbook as mb
from mixbook.data.augment import Cutout, Flip, InputNoise, Rotate, Shift
from mixbook.evaluation.corruptions import NoisyBackground, OtherBackground
from mixbook.evaluation.deformations import Rotation, deform
from mixbook.generators import draw_device, drawn_by

META = torch.device("meta")  # holds no numbers, so that a draw there leaves the CPU's generator as it was
X, BOXES = torch.empty(4, 1, 8, 8, device=META), torch.tensor([[0.0, 0.0, 1.0, 1.0]] * 4)
ON_THE_CPU = {
    **{type(change).__name__: change for change in (Cutout(2), Flip(), InputNoise(0.1), Rotate(20.0), Shift(1))},
    "OtherBackground": lambda x: OtherBackground()(x, BOXES),
    "deform": lambda x: deform(x, Rotation(20.0)),
}


def test_a_generator_draws_where_it_lives_and_the_global_one_where_it_is_said():
    generator = torch.Generator("cpu")
    assert draw_device(generator, META) == draw_device(generator) == torch.device("cpu")
    assert draw_device(None) == torch.device("cpu") and draw_device(None, META) == META
    assert torch.rand(2, **drawn_by(None, META)).device == META and torch.rand(2, **drawn_by(generator, META)).is_cpu


@pytest.mark.parametrize("seed", [0, np.random.default_rng(0)])
def test_a_seed_is_no_generator_and_is_told_how_to_be_one(seed):
    with pytest.raises(TypeError, match=r"generator must be a torch.Generator, got .*manual_seed"):
        draw_device(seed)
    for mixer in (mb.mixup(1.0, 3), mb.kmixup(2, 1.0, 3), mb.cutmix(num_classes=3)):
        with pytest.raises(TypeError, match=r"generator must be a torch\.Generator"):
            mixer(torch.rand(4, 1, 8, 8), torch.tensor([0, 1, 2, 0]), generator=seed)


def test_a_generator_draws_the_numbers_that_it_draws_by_itself():
    numbers, same = (torch.Generator().manual_seed(3) for _ in range(2))
    assert torch.equal(torch.randperm(9, **drawn_by(numbers)), torch.randperm(9, generator=same))
    assert torch.equal(numbers.get_state(), same.get_state())


@pytest.mark.parametrize("change", ON_THE_CPU.values(), ids=ON_THE_CPU)
def test_without_a_generator_samples_follow_the_seed_of_the_cpu_on_every_device(change):
    before = torch.get_rng_state()
    change(X)
    assert not torch.equal(torch.get_rng_state(), before)


def test_without_a_generator_noise_for_every_pixel_is_drawn_where_the_pixels_are():
    before = torch.get_rng_state()
    NoisyBackground()(X, BOXES)
    assert torch.equal(torch.get_rng_state(), before)
