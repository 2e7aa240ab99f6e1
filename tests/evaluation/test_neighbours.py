import pytest
import torch

from mixbook.evaluation import knn_error


@pytest.mark.parametrize("k", [1, 3, 8, 100])
def test_it_agrees_with_scikit_learn_where_no_classes_draw(k, generator):
    neighbours = pytest.importorskip("sklearn.neighbors")
    x, y = torch.randn(100, 3, generator=generator), torch.randint(4, (100,), generator=generator)
    test, labels = torch.randn(60, 3, generator=generator), torch.randint(4, (60,), generator=generator)
    model = neighbours.KNeighborsClassifier(k).fit(x.numpy(), y.numpy())
    votes = model.predict_proba(test.numpy())
    clear = torch.from_numpy((votes == votes.max(1, keepdims=True)).sum(1) == 1)
    assert clear.sum() > 20
    expected = 1 - model.score(test[clear].numpy(), labels[clear].numpy())
    assert knn_error(x, y, test[clear], labels[clear], k, batch_size=7) == pytest.approx(expected)


def test_where_classes_draw_the_nearer_neighbour_wins():
    x, y = torch.tensor([[1.0], [2.0], [3.0], [4.0]]), torch.tensor([1, 0, 0, 1])
    origin = torch.zeros(1, 1)
    assert knn_error(x, y, origin, torch.tensor([1]), k=4) == 0  # two votes each, and class 1 is nearest
    assert knn_error(x, y, origin, torch.tensor([1]), k=3) == 1  # one against two
    x, y = torch.arange(1.0, 2001)[:, None], torch.tensor([1] + [0] * 1000 + [1] * 999)
    assert knn_error(x, y, origin, torch.tensor([1]), k=2000) == 0  # far too many for a power of one half to tell


def test_what_is_no_number_has_no_neighbours():
    x, y = torch.tensor([[1.0], [torch.nan]]), torch.tensor([0, 1])
    with pytest.raises(ValueError, match="states must be finite"):
        knn_error(x, y, x[:1], y[:1], k=1)
    with pytest.raises(ValueError, match="test_states must be finite"):
        knn_error(x[:1], y[:1], x, y, k=1)


def test_a_large_offset_hides_no_small_distance(generator):
    x, test = 0.1 * torch.randn(200, 2, generator=generator), 0.1 * torch.randn(100, 2, generator=generator)
    found = [
        knn_error(move + x, x[:, 0].sign().long() + 1, move + test, test[:, 0].sign().long() + 1, 5) for move in (0, 1000)
    ]
    assert found[1] == pytest.approx(found[0], abs=0.02)


def test_the_training_samples_are_their_own_nearest(generator):
    x, y = torch.randn(50, 2, generator=generator), torch.randint(3, (50,), generator=generator)
    assert knn_error(x, y, x, y, k=1) == 0
    assert 0 < knn_error(x, y, x, y, k=15) < 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 0}, "k must lie between 1 and the 5 training samples, got 0"),
        ({"k": 6}, "got 6"),
        ({"y": torch.zeros(4).long()}, r"states must be \(n, units\) with n labels, got \(5, 2\) and \(4,\)"),
        ({"test_states": torch.zeros(3, 4)}, "states must have the units of test_states, 4, got 2"),
        ({"test_states": torch.zeros(0, 2), "test_y": torch.zeros(0).long()}, r"test_states must be .* got \(0, 2\)"),
    ],
)
def test_bad_input_is_named(changes, message):
    given = dict(
        states=torch.zeros(5, 2), y=torch.zeros(5).long(), test_states=torch.zeros(3, 2), test_y=torch.zeros(3).long(), k=1
    )
    with pytest.raises(ValueError, match=message):
        knn_error(**given | changes)


@pytest.mark.parametrize("labels", [torch.uint8, torch.int32, torch.int64])
@pytest.mark.parametrize(
    ("states", "test_states"), [(torch.float16,) * 2, (torch.bfloat16,) * 2, (torch.float32, torch.float64)], ids=str
)
def test_any_floats_and_any_integers_will_do(states, test_states, labels, generator):
    x, y = torch.randint(9, (30, 2), generator=generator), torch.randint(3, (30,), generator=generator)
    test, test_y = torch.randint(9, (20, 2), generator=generator), torch.randint(3, (20,), generator=generator)
    expected = knn_error(x.float(), y, test.float(), test_y, k=3)
    assert knn_error(x.to(states), y.to(labels), test.to(test_states), test_y.to(labels), k=3) == expected


def test_labels_that_are_no_integers_are_refused():
    x = torch.zeros(2, 1)
    with pytest.raises(TypeError, match=r"labels must be integers, got torch\.float32"):
        knn_error(x, torch.zeros(2), x, torch.zeros(2), k=1)
