"""ImageNet on archives of a few images that the tests write in the official format."""

import io
import tarfile

import numpy as np
import pytest
import torch
from scipy.io import savemat
from tiny_archives import tar
from tiny_files import jpeg, write

from mixbook import vision
from mixbook.data import imagenet, loader, random_view, store

RED, GREEN = jpeg((250, 0, 0), (40, 30)), jpeg((0, 250, 0), (30, 50))


@pytest.fixture
def archives(home, tmp_path, monkeypatch):
    """The three archives: a tar of tars, a flat tar, and the development kit with its Matlab table."""
    home.mkdir()
    red = tar(tmp_path / "r", ("n01440764_10.JPEG", RED), ("n01440764_2.JPEG", RED), mode="w").read_bytes()
    green = tar(tmp_path / "g", ("n01443537_7.JPEG", GREEN), mode="w").read_bytes()
    tar(home / "ILSVRC2012_img_train.tar", ("n01443537.tar", green), ("n01440764.tar", red), mode="w")
    names = [f"ILSVRC2012_val_0000000{n}.JPEG" for n in (1, 2, 3)]
    tar(home / "ILSVRC2012_img_val.tar", *zip(names[::-1], (RED, GREEN, GREEN), strict=True), mode="w")

    fields = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("num_children", "O")]
    # Numbers of classes are not in the order of names, and the table also has nodes above the classes.
    rows = [(1, "n01443537", "green", 0), (2, "n01440764", "red", 0), (1001, "n00001740", "entity", 2)]
    meta = io.BytesIO()
    savemat(meta, {"synsets": np.array(rows, dtype=fields)[:, None]})
    kit = "ILSVRC2012_devkit_t12"
    truth = (f"{kit}/data/ILSVRC2012_validation_ground_truth.txt", b"1\n1\n2\n")
    tar(home / f"{kit}.tar.gz", (f"{kit}/data/meta.mat", meta.getvalue()), truth)
    monkeypatch.setattr(store, "matches", lambda path, file: path.name.startswith("ILSVRC2012"))
    return home


@pytest.mark.parametrize(("part", "labels"), [("train", [0, 0, 1]), ("val", [1, 1, 0])])
def test_the_official_archives_become_images_and_labels(archives, part, labels):
    for _ in range(2):  # unpacked, and found unpacked
        data = imagenet(part)
        assert data.y.tolist() == labels
        assert [int(data[row][0].float().mean(dim=(1, 2)).argmax()) for row in range(3)] == labels
        assert data.name == "imagenet (2 of 1000 classes)"


def test_boxes_of_validation_images_are_filled_up(archives):
    assert imagenet("val").boxes is None
    for number, corners in ((1, [(2, 3, 12, 23)]), (2, [(0, 0, 5, 5), (10, 10, 20, 30)]), (3, [(1, 1, 4, 4)])):
        objects = "".join(
            f"<object><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
            for a, b, c, d in corners
        )
        file = archives / "imagenet" / "boxes" / "val" / f"ILSVRC2012_val_0000000{number}.xml"
        write(file, f"<annotation>{objects}</annotation>")
    vision.load()
    from torchvision.transforms import v2

    data = imagenet("val", v2.Resize((20, 20)))
    assert data.boxes.tolist()[0] == [[2, 3, 11, 21], [0, 0, 0, 0]]
    assert data.boxes.tolist()[1] == [[0, 0, 6, 6], [10, 10, 11, 21]]
    ((x, _, boxes),) = list(data.located())
    assert x.shape == (3, 3, 20, 20) and boxes.shape == (3, 2, 4)
    assert torch.equal(boxes[0, 1], torch.zeros(4)), "what only fills up stays nothing"
    assert imagenet("train").boxes is None


def test_unreadable_boxes_are_an_error(archives):
    imagenet("val")
    write(archives / "imagenet" / "boxes" / "val" / "ILSVRC2012_val_00000001.xml", "<annotation>")
    with pytest.raises(store.DataError, match=r"boxes in .* cannot be read"):
        imagenet("val")


def test_one_part_does_not_need_the_archives_of_the_other(archives):
    (archives / "ILSVRC2012_img_val.tar").unlink()
    (archives / "ILSVRC2012_devkit_t12.tar.gz").unlink()
    assert len(imagenet("train")) == 3


def test_class_folders_that_are_there_are_taken(home, monkeypatch):
    monkeypatch.setenv("MIXBOOK_OFFLINE", "1")
    write(home / "imagenet" / "val" / "n02" / "b.JPEG", GREEN)
    write(home / "imagenet" / "val" / "n01" / "a.jpeg", RED)
    write(home / "imagenet" / "val" / "n01" / "notes.txt", "no image")
    write(home / "imagenet" / "val" / "n01" / "b.gif", "none of ImageNet's either")
    data = imagenet("val")
    assert data.y.tolist() == [0, 1]
    assert [path.name for path in data.paths] == ["a.jpeg", "b.JPEG"]


def three_classes(home, part, *names):
    for name in names:
        write(home / "imagenet" / part / name / f"{name}_0.JPEG", RED)


def test_a_subset_has_the_same_numbers_in_both_parts_and_hidden_files_have_none(home, monkeypatch):
    monkeypatch.setenv("MIXBOOK_OFFLINE", "1")
    three_classes(home, "train", "n01", "n02", "n03", ".ipynb_checkpoints")
    write(home / "imagenet" / "train" / "n01" / "._n01_0.JPEG", "what a Mac leaves behind")
    three_classes(home, "val", "n02", "n03")
    train, val = imagenet("train"), imagenet("val")
    assert (train.y.tolist(), val.y.tolist(), train.num_classes, val.num_classes) == ([0, 1, 2], [1, 2], 3, 3)
    three_classes(home, "val", "n07")
    with pytest.raises(store.DataError, match="val has 1 classes that train has not, such as n07"):
        imagenet("val")
    (home / "imagenet" / "train" / "n02" / "n02_0.JPEG").unlink()
    with pytest.raises(store.DataError, match="has classes without images, such as n02"):
        imagenet("train")


def test_of_the_official_validation_part_a_subset_takes_its_classes(archives):
    three_classes(archives, "train", "n01440764")
    val = imagenet("val")
    assert (len(val), val.y.tolist(), val.num_classes) == (1, [0], 1)


def test_batches_of_random_views_come_through_workers(archives):
    batches = list(loader(imagenet("train", random_view(16)), 2, seed=1, workers=1))
    assert [tuple(x.shape) for x, _ in batches] == [(2, 3, 16, 16), (1, 3, 16, 16)]
    for x, y in batches:
        assert torch.equal(x.float().mean(dim=(2, 3)).argmax(dim=1), y)


def test_it_trains_for_an_epoch(archives):
    from mixbook.models import MLP
    from mixbook.training import Recipe, fit

    data = loader(imagenet("train", random_view(16)), 2, seed=1)
    recipe, bytes_to_float = Recipe(epochs=1, batch_size=2), lambda x, y, generator: (x.float() / 255, y)
    (record,) = fit(MLP(3 * 16 * 16, (8,), 1000), data, recipe, augment=bytes_to_float, progress=False).records
    assert record["loss"] > 0


def test_without_the_archives_it_says_which_and_from_where(home):
    with pytest.raises(store.DataError, match="account") as error:
        imagenet("train")
    for helps in ("image-net.org", str(home / "ILSVRC2012_img_train.tar"), "mixbook data get imagenet"):
        assert helps in str(error.value)


def test_an_empty_folder_is_no_data_set(home):
    (home / "imagenet" / "train").mkdir(parents=True)
    with pytest.raises(store.DataError, match="train is there, but not whole: all files missing"):
        imagenet("train")
    (home / "imagenet" / "train" / "readme.txt").touch()
    with pytest.raises(store.DataError, match="no folders of classes"):
        imagenet("train")


def test_a_label_for_each_validation_image_is_needed(archives):
    imagenet("val")
    next((archives / "imagenet" / "val").iterdir()).unlink()
    with pytest.raises(store.DataError, match="2 images, but the development kit labels 3"):
        imagenet("val")


def test_an_inner_tar_that_leads_out_is_refused(archives, tmp_path):
    evil = tar(tmp_path / "e", ("../../evil", b""), mode="w").read_bytes()
    (archives / "ILSVRC2012_img_train.tar").unlink()
    with tarfile.open(archives / "ILSVRC2012_img_train.tar", "w") as outer:
        info = tarfile.TarInfo("n01.tar")
        info.size = len(evil)
        outer.addfile(info, io.BytesIO(evil))
    with pytest.raises(store.DataError, match=r"'../../evil', which leads out"):
        imagenet("train")
    assert not list(archives.rglob("evil"))
