from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_files import jpeg, write

from mixbook.data import ImageFiles, centre_view, random_view, square_view
from mixbook.data.image_files import look, read_image


@pytest.fixture
def files(tmp_path) -> ImageFiles:
    """Two red images and one green one."""
    colours = [(250, 0, 0), (250, 0, 0), (0, 250, 0)]
    paths = tuple(write(tmp_path / f"{n}.jpg", jpeg(colour, (12, 8))) for n, colour in enumerate(colours))
    return ImageFiles(paths, torch.tensor([0, 0, 1]), 2, "colours")


def test_an_item_is_an_image_and_its_class(files):
    image, label = files[2]
    assert image.shape == (3, 8, 12)
    assert image.dtype == torch.uint8
    assert image.float().mean(dim=(1, 2)).tolist() == pytest.approx([0, 250, 0], abs=3)
    assert label == 1
    assert len(files) == 3


def test_pixels_are_the_items_in_order(files):
    data = files.pixels(threads=2)
    assert data.x.shape == (3, 3, 8, 12)
    assert all(torch.equal(data.x[row], files[row][0]) for row in range(3))
    assert (data.y.tolist(), data.num_classes, data.name) == ([0, 0, 1], 2, "colours")


def test_images_of_different_sizes_need_a_view(files, tmp_path):
    other = write(tmp_path / "other.jpg", jpeg((0, 0, 0), (20, 20)))
    mixed = ImageFiles((*files.paths, other), torch.tensor([0, 0, 1, 1]), 2, "sizes")
    with pytest.raises(ValueError, match=r"sizes: images differ in size.*give a view"):
        mixed.pixels()
    assert mixed.seen(centre_view(8)).pixels().x.shape == (4, 3, 8, 8)


def test_grey_images_become_colour(tmp_path):
    from PIL import Image

    Image.new("L", (4, 4), 77).save(tmp_path / "grey.png")
    image, _ = ImageFiles((tmp_path / "grey.png",), torch.tensor([0]), 2, "grey")[0]
    assert image.unique().tolist() == [77]
    assert image.shape == (3, 4, 4)


def test_of_16_bits_the_upper_8_are_kept(tmp_path):
    from PIL import Image

    ramp = np.array([[0, 255, 256], [3000, 40000, 65535]], dtype=np.uint16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    Image.fromarray(ramp.byteswap().view(ramp.dtype.newbyteorder())).save(tmp_path / "deep.tif")
    for name in ("deep.png", "deep.tif"):
        assert read_image(tmp_path / name)[1].tolist() == [[0, 0, 1], [11, 156, 255]]


@pytest.mark.parametrize(("kind", "mode"), [(np.int32, "I"), (np.float32, "F")])
def test_pixels_without_a_range_are_refused(tmp_path, kind, mode):
    from PIL import Image

    Image.fromarray(np.ones((4, 4), dtype=kind)).save(tmp_path / "values.tif")
    with pytest.raises(OSError, match=rf"values\.tif cannot be read as an image: its pixels, of mode {mode}, have"):
        read_image(tmp_path / "values.tif")


@pytest.mark.parametrize("damage", ["cut off", "too large"])
def test_a_broken_image_is_named(files, damage):
    if damage == "cut off":
        files.paths[1].write_bytes(files.paths[1].read_bytes()[:200])
    else:  # a header that claims more than Pillow thinks sane
        files.paths[1].write_bytes(b"P6 60000 60000 255\n")
    with pytest.raises(OSError, match=r"1\.jpg cannot be read as an image"):
        files[1]


def test_a_deep_pgm_file_has_16_bits(tmp_path):
    (tmp_path / "deep.pgm").write_bytes(b"P5 2 1 65535\n" + np.array([3000, 40000], dtype=">u2").tobytes())
    assert read_image(tmp_path / "deep.pgm")[0].tolist() == [[11, 156]]


def test_labels_that_are_no_classes_are_refused(files):
    with pytest.raises(TypeError, match="colours: y must be a tensor, got ndarray"):
        replace(files, y=np.array([0, 0, 1]))
    with pytest.raises(ValueError, match=r"colours: labels must lie in \[0, 2\), got 0 to 7"):
        replace(files, y=torch.tensor([0, 0, 7]))
    with pytest.raises(TypeError, match=r"y must be int64 class labels, got torch\.float32"):
        replace(files, y=torch.tensor([0.0, 1.0, 1.9]))


def test_views_have_their_size_and_the_random_one_follows_the_seed(files, generator):
    noise = torch.randint(256, (3, 40, 60), generator=generator, dtype=torch.uint8)
    assert centre_view(16)(noise).shape == (3, 16, 16)
    view = random_view(16)
    with torch.random.fork_rng():
        looks = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            looks.append(view(noise))
    assert looks[0].shape == (3, 16, 16)
    assert torch.equal(looks[0], looks[1])
    assert not torch.equal(looks[0], looks[2])


def test_the_square_view_is_all_of_a_square_image_and_the_middle_of_others(generator):
    square = torch.randint(256, (3, 12, 12), generator=generator, dtype=torch.uint8)
    assert torch.equal(square_view(12)(square), square)
    wide = torch.cat([torch.zeros_like(square), square, torch.zeros_like(square)], dim=2)
    assert torch.equal(square_view(12)(wide), square)
    assert square_view(5)(wide).shape == (3, 5, 5)


@pytest.mark.parametrize(
    ("mode", "grey"), [("L", True), ("1", True), ("LA", True), ("I;16", True), ("RGB", False), ("P", False)]
)
def test_a_look_at_a_file_says_its_kind_and_size(tmp_path, mode, grey):
    from PIL import Image

    Image.new(mode, (5, 3)).save(tmp_path / "one.png")
    assert look(tmp_path / "one.png") == (grey, (5, 3))


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "tif", "lzw.tif", "deep.tif"])
def test_a_turned_photo_is_stored_in_one_way_and_shown_in_another(tmp_path, turn, ending, generator):
    from PIL import Image

    stored = torch.randint(256, (3, 4), generator=generator, dtype=torch.uint8).numpy()
    turned = Image.Exif()
    turned[0x0112] = turn
    path, options = tmp_path / f"one.{ending}", {"compression": "tiff_lzw"} if ending == "lzw.tif" else {}
    Image.fromarray(stored.astype(np.uint16) * 256 if "deep" in ending else stored).save(path, exif=turned, **options)
    sides = {1: "", 2: "x", 3: "xy", 4: "y", 5: "t", 6: "tx", 7: "txy", 8: "ty"}[turn]  # by the standard of EXIF
    shown = stored.T if "t" in sides else stored
    shown = shown[:: -1 if "y" in sides else 1, :: -1 if "x" in sides else 1]
    assert read_image(path)[0].tolist() == stored.tolist()
    assert read_image(path, as_shown=True)[0].tolist() == shown.tolist()
    assert look(path) == (True, (4, 3))
    assert look(path, as_shown=True) == (True, shown.shape[::-1])


def test_a_look_at_what_is_no_image_names_it(tmp_path):
    (tmp_path / "one.png").write_text("text")
    with pytest.raises(OSError, match=r"one\.png cannot be read as an image"):
        look(tmp_path / "one.png")


def test_labels_and_images_must_agree(files):
    with pytest.raises(ValueError, match="one label"):
        ImageFiles(files.paths, torch.tensor([0, 1]), 2, "colours")
    with pytest.raises(ValueError, match="no images"):
        ImageFiles((), torch.tensor([]), 2, "none")


def squares(folder) -> ImageFiles:
    """A white square on black at a known place, in images of two sizes."""
    from PIL import Image

    paths, boxes = [], []
    for number, (width, height, left, top) in enumerate([(60, 40, 20, 10), (80, 50, 30, 20)]):
        image = Image.new("RGB", (width, height))
        image.paste((255, 255, 255), (left, top, left + 16, top + 16))
        image.save(folder / f"{number}.png")
        paths.append(folder / f"{number}.png")
        boxes.append([left, top, 16, 16])
    return ImageFiles(tuple(paths), torch.tensor([0, 1]), 2, "squares", boxes=torch.tensor(boxes).float())


def test_the_centre_is_seven_eighths_of_the_image(generator):
    noise = torch.randint(256, (3, 32, 32), generator=generator, dtype=torch.uint8)
    assert torch.equal(centre_view(28)(noise), noise[:, 2:-2, 2:-2])


def test_a_random_view_is_mirrored_half_the_time():
    brighter = torch.arange(40, dtype=torch.uint8).mul(6).expand(3, 30, 40)  # to the right
    with torch.random.fork_rng():
        torch.manual_seed(0)
        views = [random_view(16)(brighter).float() for _ in range(200)]
    assert 70 < sum(bool(view[:, :, 0].mean() > view[:, :, -1].mean()) for view in views) < 130


@pytest.mark.parametrize("view", [centre_view(32), random_view(32)], ids=["centre", "random"])
def test_boxes_follow_the_view(tmp_path, view):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        for _ in range(5):
            x, y, boxes = next(squares(tmp_path).seen(view).located())
            assert x.shape == (2, 3, 32, 32)
            assert y.tolist() == [0, 1]
            for image, (left, top, width, height) in zip(x, boxes.tolist(), strict=True):
                if image.max() < 0.5:  # the view has cut the square off
                    assert min(width, height) < 1
                    continue
                rows, columns = (image[0] > 0.5).nonzero().T
                found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                assert [float(side) for side in found] == pytest.approx([left, top, left + width, top + height], abs=1)


def test_boxes_without_a_view_are_those_of_the_file(tmp_path, files):
    data = squares(tmp_path)
    batches = list(data.located(batch_size=1))
    assert torch.cat([boxes for _, _, boxes in batches]).equal(data.boxes)
    assert [x.shape[2:] for x, _, _ in batches] == [(40, 60), (50, 80)]
    orders = {tuple(int(y) for _, y, _ in data.located(1, seed=seed)) for seed in range(8)}
    assert orders == {(0, 1), (1, 0)}  # a random one by each seed
    for _, y, boxes in data.located(1, seed=3):
        assert boxes.equal(data.boxes[y])
    with pytest.raises(ValueError, match="squares: images differ in size"):
        next(data.located(2))
    with pytest.raises(ValueError, match="colours has no boxes"):
        next(files.located())
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        next(data.located(0))
    with pytest.raises(TypeError, match=r"view must be of torchvision\.transforms\.v2"):
        next(data.seen(lambda image: image).located(1))
