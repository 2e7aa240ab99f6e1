"""Somebody's own data: which layouts are read, and what is refused with which words."""

import shutil

import numpy as np
import pytest
import torch

from mixbook.data import Arrays, Pixels
from mixbook.data.own import has_test_alone, read_own, read_test


def image(path, value=(200, 0, 0), size=(8, 8), mode="RGB"):
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)
    return path


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def photos(tmp_path):
    """Two classes of six images; the shade of each is its number."""
    for place, name in enumerate(["cat", "dog"]):
        for number in range(6):
            image(tmp_path / "photos" / name / f"{number}.png", (place * 100, number, 0))
    (tmp_path / "photos" / "README.txt").write_text("mine")
    (tmp_path / "photos" / ".cache").mkdir()
    return tmp_path / "photos"


def rows(part):
    """Class and number of each image, by its pixels; and that its label says so too."""
    found = [(int(x[0, 0, 0]) // 100, int(x[1, 0, 0])) for x in part.x]
    assert [place for place, _ in found] == part.y.tolist()
    return found


def test_a_folder_is_split_by_the_generator_into_parts_that_share_nothing(photos):
    own = read_own(photos, generator=seeded())
    assert own.classes == ("cat", "dog") and own.train.num_classes == 2 and own.train.name == "photos"
    assert len(own.test) == 4 and own.train.x.dtype == torch.uint8
    assert sorted(rows(own.train) + rows(own.test)) == [(place, number) for place in range(2) for number in range(6)]
    assert rows(read_own(photos, generator=seeded()).test) == rows(own.test)
    assert rows(read_own(photos, generator=seeded(1)).test) != rows(own.test)


@pytest.mark.parametrize("held_out", ["test", "val"])
def test_parts_that_are_there_are_taken(photos, held_out, tmp_path):
    (tmp_path / "parts").mkdir()
    photos.rename(tmp_path / "parts" / "train")
    image(tmp_path / "parts" / held_out / "dog" / "only.png", (100, 77, 0))
    with pytest.warns(UserWarning, match=rf"{held_out} has no images of 1 of the classes that are .*, such as cat"):
        own = read_own(tmp_path / "parts", generator=seeded())
    assert len(rows(own.train)) == 12 and rows(own.test) == [(1, 77)]  # numbered as in training
    assert own.test.num_classes == 2


@pytest.mark.parametrize("names", [("Train", "Test"), ("train", "valid"), ("TRAIN", "Validation")])
def test_parts_have_the_names_that_people_give_them(photos, names, tmp_path):
    for name in names:
        shutil.copytree(photos, tmp_path / "parts" / name)
    own = read_own(tmp_path / "parts")
    assert own.classes == ("cat", "dog") and len(own.train) == len(own.test) == 12


def test_of_three_parts_the_one_that_is_left_out_is_named(photos, tmp_path):
    for name in ("train", "test", "val"):
        shutil.copytree(photos, tmp_path / "parts" / name)
    with pytest.warns(UserWarning, match=r"parts only train and test are read, not val"):
        read_own(tmp_path / "parts")


@pytest.mark.parametrize("seed", range(5))
def test_each_class_is_trained_on_and_tested_on(photos, seed, tmp_path):
    for number in range(2):
        image(photos / "ant" / f"{number}.png")
    own = read_own(photos, generator=seeded(seed))
    assert own.train.y.bincount().tolist() == [1, 4, 4] and own.test.y.bincount().tolist() == [1, 2, 2]
    path = csv(tmp_path, [f"{n},1,{'xy'[n % 2]}" for n in range(60)] + ["1,2,rare", "2,2,rare", "3,2,rare"])
    assert read_own(path, generator=seeded(seed)).train.y.bincount().tolist() == [2, 20, 20]


def test_the_test_part_is_not_sorted_by_class(tmp_path):
    path = csv(tmp_path, [f"{n},1,{'xy'[n % 2]}" for n in range(60)])
    own = read_own(path, generator=seeded())
    assert all(len(part.y[:8].unique()) == 2 for part in (own.train, own.test))  # `--samples` are the first ones


def test_a_class_with_one_sample_cannot_be_split(photos, tmp_path):
    image(photos / "ant" / "0.png")
    with pytest.raises(ValueError, match="photos has one sample of the class ant: a class needs two"):
        read_own(photos)
    with pytest.raises(ValueError, match=r"mine\.csv has one sample of the class rare"):
        read_own(csv(tmp_path, ["1,1,x", "2,1,y"] * 4 + ["3,3,rare"]))


def test_what_is_left_out_of_a_folder_is_said(photos):
    (photos / "dog" / "6.heic").write_bytes(b"an iPhone's")
    image(photos / "loose.png")
    with pytest.warns(UserWarning, match=r"2 files in .*photos are not read, such as loose\.png: images end in \.bmp, "):
        read_own(photos)


def test_images_are_files_in_the_folder_of_their_class(photos):
    (photos / "cat" / "5.png").rename(photos / "cat" / "5.JFIF")
    (photos / "dog" / "folder.png").mkdir()
    image(photos / "__MACOSX" / "cat" / "0.png")
    own = read_own(photos)
    assert own.classes == ("cat", "dog") and len(own.train) + len(own.test) == 12
    image(photos / "dog" / "more" / "deep" / "0.png")
    with pytest.raises(ValueError, match=r"dog/more/deep/0\.png lies too deep: images of a class are in its folder"):
        read_own(photos)


def test_photos_are_seen_as_a_viewer_shows_them(tmp_path):
    """Above white and below black in the file; turned by a quarter when it is shown."""
    from PIL import Image

    for name in ("cat", "dog"):
        for number in range(3):
            photo = Image.new("RGB", (8, 4))
            photo.paste("white", (0, 0, 8, 2))
            turned = Image.Exif()
            turned[0x112] = 6
            path = image(tmp_path / name / f"{number}.png")
            photo.save(path, exif=turned)
    image(tmp_path / "dog" / "upright.png", size=(4, 8))
    x = read_own(tmp_path, generator=seeded()).train.x.float().mean(dim=(0, 1, 2))
    assert read_own(tmp_path).train.x.shape[1:] == (3, 8, 4) and x[2:].min() > x[:2].max()


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_lies_on_white(tmp_path, mode):
    from PIL import Image

    for name in ("cat", "dog"):
        for number in range(3):
            path = image(tmp_path / name / f"{number}.png")
            drawing = Image.new("RGBA", (8, 8))
            drawing.paste((0, 0, 0, 255), (2, 2, 6, 6))
            drawing.convert(mode).save(path)
    x = read_own(tmp_path).train.x
    assert x[:, :, 3, 3].unique().tolist() == [0] and x[:, :, 0, 0].unique().tolist() == [255]
    assert x.shape[1] == (3 if mode == "RGBA" else 1)


def test_a_class_may_be_called_train(tmp_path):
    for name in ("car", "train"):
        image(tmp_path / name / "1.png")
        image(tmp_path / name / "2.png")
    assert read_own(tmp_path).classes == ("car", "train")


def test_grey_images_have_one_channel_unless_they_are_to_be_colour(tmp_path):
    for name, shade in (("cat", 10), ("dog", 90)):
        for number in range(2):
            image(tmp_path / name / f"{number}.png", shade, mode="L")
    assert read_own(tmp_path).train.x.shape[1:] == (1, 8, 8)
    coloured = read_own(tmp_path, colour=True).train
    assert coloured.x.shape[1:] == (3, 8, 8) and set(coloured.x.unique().tolist()) <= {10, 90}
    image(tmp_path / "dog" / "red.png")
    with pytest.raises(ValueError, match=r"as .*cat/0\.png and .*dog/red\.png: --colour"):
        read_own(tmp_path)
    assert read_own(tmp_path, colour=True).train.x.shape[1] == 3


def test_images_of_other_sizes_need_one(photos):
    image(photos / "dog" / "wide.png", size=(20, 10))
    with pytest.raises(ValueError, match=r"cat/0\.png has 8 x 8 pixels and .*wide\.png 20 x 10: .* --size 64"):
        read_own(photos)
    assert read_own(photos, size=5).train.x.shape[1:] == (3, 5, 5)


def spoil(photos, how):
    if how == "damaged":
        path = photos / "dog" / "3.png"
        path.write_bytes(path.read_bytes()[:-30])
    elif how == "text":
        (photos / "dog" / "0.jpg").write_text("no image")
    elif how == "one":
        (photos / "dog").rename(photos / ".dog")
    elif how == "empty":
        (photos / "fox").mkdir()
    elif how == "none":
        for name in ("cat", "dog"):
            (photos / name).rename(photos / f".{name}")
    elif how == "train":
        (photos / "train").mkdir()
    elif how == "unknown":
        image(photos / "train" / "cat" / "1.png")
        image(photos / "train" / "dog" / "1.png")
        image(photos / "test" / "fox" / "1.png")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("damaged", r"dog/3\.png cannot be read as an image"),
        ("text", r"dog/0\.jpg cannot be read as an image"),
        ("one", "photos must have two classes at least, got cat alone"),
        ("empty", "photos has classes without images, such as fox"),
        ("none", "photos has no folders of images: put"),
        ("train", "has train, but no test or val beside it: add one, or give .*train alone"),
        ("unknown", "test has a class that train has not, fox"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said(photos, how, said):
    spoil(photos, how)
    with pytest.raises((ValueError, OSError), match=said) as error:
        read_own(photos)
    assert "\n" not in str(error.value)


def csv(tmp_path, rows):
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(["a,b,kind", *rows]) + "\n")
    return path


def test_a_table_is_split_and_large_numbers_keep_their_digits(tmp_path):
    path = csv(tmp_path, [f"{1_700_000_000 + n},{n},{'xy'[n % 2]}" for n in range(30)])  # seconds since 1970
    own = read_own(path, generator=seeded())
    assert isinstance(own.train, Arrays) and own.classes == ("x", "y") and own.train.name == "mine.csv"
    assert (len(own.train), len(own.test)) == (20, 10)
    both = torch.cat([own.train.x, own.test.x])
    torch.testing.assert_close(both[:, 0], both[:, 1])
    assert len(both[:, 0].unique()) == 30
    labelled = read_own(path, label="kind", generator=seeded())
    assert torch.equal(labelled.train.x, own.train.x) and torch.equal(labelled.train.y, own.train.y)


@pytest.mark.parametrize(
    ("x", "kind", "shape"),
    [
        (np.zeros((9, 4)), Arrays, (4,)),
        (np.full((9, 4, 5), 255), Pixels, (1, 4, 5)),
        (np.full((9, 3, 4, 5), 7, np.uint8), Pixels, (3, 4, 5)),
        (np.full((9, 3, 4, 5), 0.5), Arrays, (3, 4, 5)),
        (np.full((9, 4, 8, 8), 7, np.uint8), Pixels, (4, 8, 8)),
    ],
)
def test_arrays_are_tables_or_images(tmp_path, x, kind, shape):
    np.savez(tmp_path / "mine.npz", x=x, y=np.arange(9) % 2)
    own = read_own(tmp_path / "mine.npz")
    assert isinstance(own.train, kind) and own.train.x.shape == (6, *shape)
    assert own.train.x.unique().tolist() == [x.flat[0]]


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (np.zeros((4, 2)), [0, 0, 0, 0], "two classes at least, got 0 alone"),
        (np.zeros((0, 2)), [], "two classes at least, got no samples"),
        (np.zeros((4, 2)), [0, 1, 2, 3], "4 classes for 4 samples: are these class labels"),
        (np.zeros(4), [0, 0, 1, 1], r"must be \(n, d\), or images .* got \(4,\)"),
        (np.zeros((4, 8, 8, 3)), [0, 0, 1, 1], r"must be \(n, channels, H, W\), got .*transpose\(0, 3, 1, 2\)"),
        (np.zeros((4, 32, 32, 4), np.uint8), [0, 0, 1, 1], r"got \(4, 32, 32, 4\): try x\.transpose\(0, 3, 1, 2\)"),
        (
            np.zeros((4, 12, 8, 8)),
            [0, 0, 1, 1],
            r"with 1 to 4 channels, got \(4, 12, 8, 8\): .* x\.reshape\(len\(x\), -1\)",
        ),
        (
            np.zeros((4, 3, 100)),
            [0, 0, 1, 1],
            r"must be \(n, H, W\), got \(4, 3, 100\): series .* x\.reshape\(len\(x\), -1\)",
        ),
        (np.full((4, 8, 8), 200.0), [0, 0, 1, 1], "whole numbers from 0 to 255, or numbers in .0, 1., got 200 to 200"),
        (np.full((4, 8, 8), -1), [0, 0, 1, 1], "got -1 to -1"),
        (np.full((4, 2), np.nan), [0, 0, 1, 1], "got NaN or infinity in 4 of 4 samples, the first at 0"),
    ],
)
def test_what_is_wrong_with_arrays_is_said(tmp_path, x, y, said):
    np.savez(tmp_path / "mine.npz", x=x, y=np.array(y, dtype=int))
    with pytest.raises(ValueError, match=said):
        read_own(tmp_path / "mine.npz")


def test_gaps_and_missing_columns_of_a_table_are_said(tmp_path):
    path = csv(tmp_path, ["1,2,x", "3,,y"] * 4)
    with pytest.raises(ValueError, match=r"row 3, column 'b' of mine\.csv must be a finite number, got ''"):
        read_own(path)
    with pytest.raises(ValueError, match=r"has no column 'sort' for the label\. It has: a, b, kind"):
        read_own(path, label="sort")


def test_options_of_the_other_kind_and_nothing_at_all_are_refused(photos, tmp_path):
    path = csv(tmp_path, ["1,2,x", "3,4,y"] * 4)
    with pytest.raises(ValueError, match="label is for tables"):
        read_own(photos, label="kind")
    for option in ({"size": 8}, {"colour": True}):
        with pytest.raises(ValueError, match=r"size and colour are for a folder of images, not for mine\.csv"):
            read_own(path, **option)
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        read_own(photos, size=0)
    with pytest.raises(FileNotFoundError, match=r"there is no file or folder .*nowhere"):
        read_own(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["test", "Val"])
def test_a_test_part_alone_is_for_testing_and_read_whole(photos, name, tmp_path):
    shutil.copytree(photos, tmp_path / "new" / name)
    with pytest.raises(ValueError, match=rf"new has {name}, but no train beside it.* `mixbook evaluate --data` takes all"):
        read_own(tmp_path / "new")
    assert has_test_alone(tmp_path / "new") and not has_test_alone(photos) and not has_test_alone(tmp_path / "nowhere")
    part = read_test(tmp_path / "new")
    assert rows(part) == [(place, number) for place in range(2) for number in range(6)] and part.name == "new"
    with pytest.warns(UserWarning, match=r"has no images of 1 of the classes .*, such as ant"):
        known = read_test(tmp_path / "new", ("ant", "cat", "dog"))
    assert known.num_classes == 3 and known.y.tolist() == [1] * 6 + [2] * 6  # numbered as the network has them
    with pytest.raises(ValueError, match="has a class that the network does not know, dog: it knows ant, cat"):
        read_test(tmp_path / "new", ("ant", "cat"))
    with pytest.raises(ValueError, match="photos must have test or val and nothing to train on"):
        read_test(photos)


def test_of_two_test_parts_the_one_that_is_left_out_is_named(photos, tmp_path):
    for name in ("test", "val"):
        shutil.copytree(photos, tmp_path / "new" / name)
    with pytest.warns(UserWarning, match=r"new only test is read, not val"):
        assert len(read_test(tmp_path / "new")) == 12


def test_classes_may_be_called_as_parts_are(tmp_path):
    for name in ("test", "val"):
        image(tmp_path / name / "1.png")
        image(tmp_path / name / "2.png")
    assert not has_test_alone(tmp_path)
    assert read_own(tmp_path).classes == ("test", "val")


def test_of_a_table_it_is_known_how_each_column_was_scaled(tmp_path):
    own = read_own(csv(tmp_path, [f"{1_700_000_000 + n},7,{'xy'[n % 2]}" for n in range(30)]), generator=seeded())
    assert own.offset == (1_700_000_000, 7) and own.scale == (29, 1) and own.label == "column 'kind'"
