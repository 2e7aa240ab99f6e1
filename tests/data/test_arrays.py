import numpy as np
import pytest
import torch

from mixbook.data import Arrays, impute, min_max, shuffled_batches


def numbered(n: int, num_classes: int = 3) -> Arrays:
    """Sample i holds the number i, so that rows can be followed."""
    rows = torch.arange(n)
    return Arrays(rows[:, None].float(), rows % num_classes, num_classes, "numbered")


@pytest.mark.parametrize(("test", "expected"), [(7, 7), (0.25, 10), (0.19, 8), (39, 39), (1, 1)])
def test_split_keeps_every_sample_once_with_its_label(test, expected, generator):
    train, held_out = numbered(40).split(test, generator)
    assert len(held_out) == expected
    rows = torch.cat([train.x, held_out.x]).flatten().long()
    assert rows.sort().values.tolist() == list(range(40))
    assert torch.equal(torch.cat([train.y, held_out.y]), rows % 3)


def test_split_depends_on_the_generator_alone(generator):
    state = generator.get_state()
    first, _ = numbered(40).split(10, generator)
    torch.rand(5)  # the global generator moves on
    again, _ = numbered(40).split(10, generator.set_state(state))
    other, _ = numbered(40).split(10, generator)
    assert torch.equal(first.x, again.x)
    assert not torch.equal(first.x, other.x)


@pytest.mark.parametrize("test", [0, 40, -1, 0.0, 1.0, 0.001])
def test_split_refuses_an_empty_part(test, generator):
    with pytest.raises(ValueError, match=rf"test must leave both parts of numbered non-empty, got {test} of 40"):
        numbered(40).split(test, generator)


@pytest.mark.parametrize(
    ("x", "y", "num_classes", "error", "message"),
    [
        (torch.zeros(3, 2), torch.tensor([0, 1, 2]), 2, ValueError, r"labels must lie in \[0, 2\), got 0 to 2"),
        (torch.zeros(3, 2), torch.tensor([0, -1, 1]), 2, ValueError, r"labels must lie in \[0, 2\), got -1 to 1"),
        (torch.zeros(3, 2), torch.tensor([0, 1]), 2, ValueError, r"y must have shape \(3,\) as x does, got \(2,\)"),
        (torch.zeros(0, 2), torch.zeros(0).long(), 2, ValueError, r"x is empty, shape \(0, 2\)"),
        (torch.tensor([[0.0], [torch.nan]]), torch.tensor([0, 1]), 2, ValueError, "1 of 2 samples hold NaN.*row 1"),
        (torch.tensor([[torch.inf], [0.0]]), torch.tensor([0, 1]), 2, ValueError, "NaN or infinity.*row 0"),
        (torch.zeros(2, 2), torch.tensor([0, 0]), 1, ValueError, "num_classes must be at least 2, got 1"),
        (torch.zeros(2), torch.tensor([0, 1]), 2, ValueError, r"x must have shape \(n, ...\), got \(2,\)"),
        (torch.zeros(2, 2).double(), torch.tensor([0, 1]), 2, TypeError, "x must be float32, got torch.float64"),
        (torch.zeros(2, 2), torch.tensor([0.0, 1.0]), 2, TypeError, "y must be int64 class labels, got torch.float32"),
    ],
)
def test_bad_data_are_named(x, y, num_classes, error, message):
    with pytest.raises(error, match=f"^bad: .*{message}"):
        Arrays(x, y, num_classes, "bad")


def test_min_max_is_fitted_on_the_training_part(generator):
    x = torch.rand(30, 4, generator=generator) * torch.tensor([1.0, 100.0, 1e-3, 0.0]) + 5
    train, held_out = Arrays(x, torch.arange(30) % 2, 2).split(10, generator)
    held_out.x[0, 0] = 7.0  # beyond what training saw
    scaled, scaled_test = min_max(train, held_out)
    assert torch.allclose(scaled.x[:, :3].amin(0), torch.zeros(3))
    assert torch.allclose(scaled.x[:, :3].amax(0), torch.ones(3))
    assert scaled_test.x[0, 0] > 1
    assert (scaled.x[:, 3] == 0).all()  # a constant feature does not become NaN
    # one affine map for both parts: differences are scaled alike
    ratio = (scaled.x[0] - scaled_test.x[1])[:3] / (train.x[0] - held_out.x[1])[:3]
    assert torch.allclose(ratio, 1 / (train.x.amax(0) - train.x.amin(0))[:3], rtol=1e-3)


def test_checksum_sees_samples_order_and_labels():
    data = numbered(12)
    changed = [
        data[torch.arange(11)],
        data[torch.arange(12).flip(0)],
        Arrays(data.x + 1, data.y, 3),
        Arrays(data.x, (data.y + 1) % 3, 3),
    ]
    assert len({data.checksum(), *(c.checksum() for c in changed)}) == 5
    assert numbered(12).checksum() == data.checksum()


@pytest.mark.parametrize("world", [1, 2, 4])
@pytest.mark.parametrize("drop_last", [False, True])
def test_processes_share_out_the_same_batches(world, drop_last, generator):
    state = generator.get_state()

    def epoch(rank: int, world: int) -> list[list[int]]:
        generator.set_state(state)
        rows = shuffled_batches(43, 8, generator, drop_last=drop_last, rank=rank, world=world)
        return [batch.tolist() for batch in rows]

    alone = epoch(0, 1)
    assert [len(batch) for batch in alone] == [8] * 5 + ([] if drop_last else [3])
    shares = [epoch(rank, world) for rank in range(world)]
    for together, *parts in zip(alone, *shares, strict=False):
        assert len({len(part) for part in parts}) == 1
        seen = sorted(row for part in parts for row in part)
        assert len(set(seen)) == len(seen)
        assert set(seen) <= set(together)
        assert len(together) - len(seen) < world
    assert sum(len(b) for b in shares[0]) * world > 43 - (8 if drop_last else world)


def test_each_epoch_has_a_new_order(generator):
    first, second = (torch.cat(list(shuffled_batches(50, 8, generator))) for _ in range(2))
    assert not torch.equal(first, second)
    assert first.sort().values.tolist() == second.sort().values.tolist() == list(range(50))


def with_gaps() -> tuple[Arrays, Arrays]:
    nan = float("nan")
    x = torch.tensor([[1.0, nan, nan], [3.0, 10.0, nan], [nan, 30.0, nan], [8.0, 20.0, nan]])
    train = Arrays(x, torch.tensor([0, 1, 0, 1]), 2, missing=True)
    return train, Arrays(torch.tensor([[nan, nan, 7.0], [5.0, 6.0, nan]]), torch.tensor([0, 1]), 2, missing=True)


def test_impute_fills_with_medians_of_the_training_part():
    train, test = impute(*with_gaps())
    assert not train.missing and not test.missing
    assert train.x.tolist() == [[1, 20, 0], [3, 10, 0], [3, 30, 0], [8, 20, 0]]
    assert test.x.tolist() == [[3, 20, 7], [5, 6, 0]]


def test_impute_leaves_a_full_set_alone():
    full = Arrays(torch.rand(4, 2), torch.tensor([0, 1, 0, 1]), 2)
    assert impute(full)[0] is full


def test_gaps_in_the_test_part_alone_are_filled_too():
    _, test = with_gaps()
    train = Arrays(torch.tensor([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]), torch.tensor([0, 1]), 2)
    with pytest.raises(ValueError, match="impute"):
        min_max(train, test)
    same, filled = impute(train, test)
    assert same is train and not filled.missing
    assert filled.x.tolist() == [[2, 3, 7], [5, 6, 4]]


def test_arrays_of_numpy_are_named(generator):
    x, y = np.zeros((3, 2), dtype=np.float32), np.array([0, 1, 0])
    with pytest.raises(TypeError, match=r"data: x must be a tensor, got ndarray: use torch.as_tensor\(x\)"):
        Arrays(x, y, 2)
    with pytest.raises(TypeError, match="y must be a tensor"):
        Arrays(torch.from_numpy(x), y, 2)


def test_a_count_may_be_numpys_and_is_no_truth_value(generator):
    data = Arrays(torch.rand(40, 2), torch.arange(40) % 2, 2)
    assert len(data.split(np.int64(10), generator)[1]) == 10
    with pytest.raises(TypeError, match="a count or a fraction, got True"):
        data.split(True)


def test_a_set_with_gaps_survives_a_split_but_not_a_scale(generator):
    whole, _ = with_gaps()
    train, test = whole.split(1, generator)
    assert train.missing and test.missing
    with pytest.raises(ValueError, match="impute"):
        min_max(train, test)
    with pytest.raises(ValueError, match="impute"):
        train.batch(torch.tensor([0]))


def test_gaps_must_be_announced_and_infinity_never_passes():
    x = torch.tensor([[float("nan")], [1.0]])
    with pytest.raises(ValueError, match=r"row 0: remove them, or set missing=True and impute"):
        Arrays(x, torch.tensor([0, 1]), 2)
    with pytest.raises(ValueError, match="finite"):
        Arrays(torch.tensor([[float("inf")], [1.0]]), torch.tensor([0, 1]), 2, missing=True)


@pytest.mark.parametrize("change", [min_max, impute])
@pytest.mark.parametrize("width", [1, 5])
def test_parts_with_other_features_are_refused(change, width):
    wide, other = (
        Arrays(torch.rand(6, 3), torch.arange(6) % 3, 3, "wide"),
        Arrays(torch.rand(4, width), torch.arange(4) % 3, 3),
    )
    with pytest.raises(
        ValueError, match=rf"data must have the features of wide, got samples of shape \({width},\) and \(3,\)"
    ):
        change(wide, other)
