import pytest
import torch
from tiny_archives import zip_
from tiny_files import jpeg

from mixbook.data import store, tiny_imagenet


@pytest.fixture
def two_classes(home, monkeypatch):
    """An archive of two classes in the official layout, in the data folder."""
    home.mkdir()
    red, green = jpeg((250, 0, 0)), jpeg((0, 250, 0))
    top = "tiny-imagenet-200"
    zip_(
        home / "tiny-imagenet-200.zip",
        (f"{top}/wnids.txt", b"n02\nn01\n"),
        (f"{top}/train/n01/n01_boxes.txt", b"n01_0.JPEG\t1\t2\t11\t22\nn01_1.JPEG\t0\t0\t63\t63\n"),
        (f"{top}/train/n01/images/n01_0.JPEG", red),
        (f"{top}/train/n01/images/n01_1.JPEG", red),
        (f"{top}/train/n02/n02_boxes.txt", b"n02_0.JPEG\t5\t5\t6\t6\n"),
        (f"{top}/train/n02/images/n02_0.JPEG", green),
        (f"{top}/val/val_annotations.txt", b"val_0.JPEG\tn02\t0\t1\t2\t3\nval_1.JPEG\tn01\t0\t0\t1\t1\n"),
        (f"{top}/val/images/val_0.JPEG", green),
        (f"{top}/val/images/val_1.JPEG", red),
    )
    monkeypatch.setattr(store, "matches", lambda path, file: path.suffix == ".zip")
    monkeypatch.setenv("MIXBOOK_OFFLINE", "1")


def test_the_official_archive_becomes_images_labels_and_boxes(two_classes):
    train, val = tiny_imagenet("train"), tiny_imagenet("val")
    assert train.y.tolist() == [0, 0, 1]  # n01 is before n02, whatever wnids.txt says
    assert val.y.tolist() == [1, 0]
    assert train.boxes.tolist() == [[1, 2, 11, 21], [0, 0, 64, 64], [5, 5, 2, 2]]  # the last pixel counts
    for part in (train, val):
        assert part.name == "tiny_imagenet (2 of 200 classes)"
        colours = part.pixels().x.float().mean(dim=(2, 3))
        assert torch.equal(colours[:, :2].argmax(dim=1), part.y)


def test_fewer_classes_are_those_that_the_list_names_in_both_parts(two_classes, home):
    tiny_imagenet("train")
    (home / "tiny-imagenet-200" / "wnids.txt").write_text("n02\n")
    assert tiny_imagenet("train").y.tolist() == tiny_imagenet("val").y.tolist() == [0]


def test_a_folder_that_is_not_whole_is_named(two_classes, home):
    tiny_imagenet("train")
    (home / "tiny-imagenet-200" / "val" / "val_annotations.txt").unlink()
    with pytest.raises(store.DataError, match=r"not whole: .*val_annotations.txt missing. Move it away"):
        tiny_imagenet("val")


def test_it_trains_for_an_epoch(two_classes):
    from mixbook.models import MLP
    from mixbook.training import Recipe, fit

    history = fit(MLP(3 * 64 * 64, (8,), 2), tiny_imagenet("train").pixels().arrays(), Recipe(epochs=1, batch_size=2))
    assert len(history.records) == 1


def test_it_is_trained_on_by_name_and_tested_on_the_validation_part(two_classes):
    from mixbook.training import Recipe
    from mixbook.training.job import Job, run

    job = Job("tiny_imagenet", "slim_preact_resnet18", recipe=Recipe(epochs=1, batch_size=3), shift=2, flip=True)
    train, test = job.parts()
    assert (len(train), len(test), test.shape, train.num_classes) == (3, 2, (3, 64, 64), 2)
    assert not job.is_own and set(run(job, progress=False)[2]) == {"error", "nll", "ece"}


@pytest.mark.parametrize("real_data", ["tiny_imagenet"], indirect=True)
def test_the_real_set_has_500_and_50_of_each_class(real_data):
    train, val = tiny_imagenet("train"), tiny_imagenet("val")
    assert train.y.bincount().tolist() == [500] * train.num_classes
    assert val.y.bincount().tolist() == [50] * val.num_classes
    image, _ = train[len(train) - 1]
    assert image.shape == (3, 64, 64)
    assert ((train.boxes[:, :2] + train.boxes[:, 2:]) <= 64).all()
    # the object fills more of the picture than not, which another order of the numbers would not show
    assert 0.3 < (train.boxes[:, 2] * train.boxes[:, 3] / 64**2).mean() < 0.8
