import pytest
import torch
from tiny_files import jpeg, write

from mixbook.data import centre_view, cub200, loader, store


@pytest.fixture
def two_species(home):
    top = home / "CUB_200_2011"
    write(top / "classes.txt", "1 001.Red\n3 003.Green\n")
    write(top / "images.txt", "1 001.Red/a.jpg\n2 001.Red/b.jpg\n7 003.Green/c.jpg\n")
    write(top / "image_class_labels.txt", "1 1\n2 1\n7 3\n")
    write(top / "train_test_split.txt", "1 1\n2 0\n7 1\n")
    write(top / "bounding_boxes.txt", "1 1.0 2.0 3.0 4.0\n2 5.0 6.0 7.0 8.0\n7 9.5 1.0 2.0 3.0\n")
    for name, colour, size in [("001.Red/a", (250, 0, 0), (30, 20)), ("003.Green/c", (0, 250, 0), (20, 30))]:
        write(top / "images" / f"{name}.jpg", jpeg(colour, size))


def test_the_official_tables_become_images_labels_and_boxes(two_species):
    train, test = cub200("train"), cub200("test")
    assert train.y.tolist() == [0, 2]
    assert test.y.tolist() == [0]
    assert train.num_classes == 200
    assert train.name == "cub200 (2 of 200 classes)"
    assert train.boxes.tolist() == [[1, 2, 3, 4], [9.5, 1, 2, 3]]
    assert test.boxes.tolist() == [[5, 6, 7, 8]]
    assert [train[row][0].shape[1:] for row in range(2)] == [(20, 30), (30, 20)]


def test_a_folder_that_is_not_whole_is_named(two_species, home):
    (home / "CUB_200_2011" / "bounding_boxes.txt").unlink()
    with pytest.raises(store.DataError, match=r"not whole: .*bounding_boxes.txt missing"):
        cub200("train")


def test_batches_come_through_a_loader(two_species):
    (batch,) = loader(cub200("train", centre_view(16)), 2, seed=1, shuffle=False)
    x, y = batch
    assert x.shape == (2, 3, 16, 16)
    assert x.float().mean(dim=(2, 3)).argmax(dim=1).tolist() == [0, 1]
    assert y.tolist() == [0, 2]


def test_it_trains_for_an_epoch(two_species):
    from mixbook.models import MLP
    from mixbook.training import Recipe, fit

    data = loader(cub200("train", centre_view(16)), 2, seed=1)
    recipe, bytes_to_float = Recipe(epochs=1, batch_size=2), lambda x, y, generator: (x.float() / 255, y)
    (record,) = fit(MLP(3 * 16 * 16, (8,), 200), data, recipe, augment=bytes_to_float, progress=False).records
    assert record["loss"] > 0


@pytest.mark.parametrize("real_data", ["cub200"], indirect=True)
def test_boxes_of_the_real_set_lie_in_their_images(real_data):
    data = cub200("train")
    for row in torch.linspace(0, len(data) - 1, 20).long().tolist():
        left, top, width, height = data.boxes[row].tolist()
        _, high, wide = data[row][0].shape
        assert left + width <= wide
        assert top + height <= high
