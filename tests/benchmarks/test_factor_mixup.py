"""One trial of the rendered images."""

import pytest
import torch

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.spec import Cell, Profile
from mixbook.benchmarks.trials.factor_mixup import StridedCNN, batch, trial
from mixbook.data.strokes import Law

TASK_A, TASK_C = (EXPERIMENTS[f"manifold-table8-task-{task}"] for task in "ac")
LAW = Law(((-70.0, -50.0), (50.0, 80.0)))


def drawn(method: str, seed: int = 0, size: int = 16):
    return batch(method, 64, LAW, size, torch.Generator().manual_seed(seed))


def test_mixed_pixels_leave_the_images_and_mixed_factors_do_not():
    paper, ink = 1.0, 76 / 255

    def greys(images):  # pixels that are neither black, ink nor paper
        off = torch.stack([(images - level).abs() for level in (0.0, ink, paper)]).amin(0)
        return (off > 0.05).double().mean().item()

    plain, pixels, factors = (greys(drawn(method, size=64)[0]) for method in ("erm", "mixup", "factor_mixup"))
    assert pixels > 2 * plain
    assert factors < 1.3 * plain  # smoothed edges alone


def test_targets_are_labels_or_their_mixtures():
    hard, soft = drawn("erm")[1], drawn("mixup")[1]
    assert set(hard.tolist()) == {0.0, 1.0}
    assert torch.equal(soft, drawn("factor_mixup")[1])
    between = (soft > 0) & (soft < 1)
    assert 0.3 < between.double().mean() < 0.7  # pairs of different labels
    with pytest.raises(ValueError, match="got 'kmixup'"):
        drawn("kmixup")


def test_pixels_mix_the_images_that_plain_training_sees():
    g = torch.Generator().manual_seed(1)
    mixtures, targets = batch("mixup", 64, LAW, 16, g)
    originals, labels = drawn("erm", 1)
    same = (targets - labels).abs() < 0.02  # mixtures that are nearly the first image
    assert same.any() and (mixtures[same] - originals[same]).abs().mean() < (mixtures - originals).abs().mean()


def test_the_network_halves_the_image_with_each_convolution():
    model = StridedCNN((4, 8, 16, 32), 5, 64)
    assert model(torch.rand(3, 1, 64, 64)).shape == (3,)
    assert model[-2].in_features == 32 * 4 * 4


@pytest.mark.parametrize("cell", TASK_A.cells, ids=str)
def test_a_trial_is_a_function_of_its_number(cell):
    short = Profile(trials=1, epochs=4, stand_in=True)
    first = trial(TASK_A, cell, 5, short)
    assert first == trial(TASK_A, cell, 5, short)
    assert first["nll"] != trial(TASK_A, cell, 6, short)["nll"]
    assert {row.metric for row in TASK_A.printed} <= set(first)
    assert {"accuracy@1", "accuracy@2", "accuracy@3"} <= set(first)


def test_white_corners_change_the_images_alone():
    short, white = Profile(trials=1, epochs=2, stand_in=True), EXPERIMENTS["manifold-white-corners"]
    found = trial(white, white.cells[0], 0, short)
    assert found != trial(TASK_A, TASK_A.cells[0], 0, short)
    black, plain = (batch("erm", 8, LAW, 16, torch.Generator().manual_seed(0), grey) for grey in (0.0, 1.0))
    assert torch.equal(black[1], plain[1]) and (plain[0] >= black[0] - 1e-6).all() and plain[0].min() > 0.25


def test_training_learns_the_angles_it_sees():
    found = trial(TASK_A, Cell("erm", ""), 0, Profile(trials=1, epochs=60, stand_in=True))
    assert found["train_accuracy"] > 95


def test_task_c_labels_the_digit():
    assert TASK_C["label"] == "digit" and TASK_A["label"] == "angle"
    found = trial(TASK_C, Cell("erm", ""), 0, Profile(trials=1, epochs=60, stand_in=True))
    assert found["train_accuracy"] > 80
