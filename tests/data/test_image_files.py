import pytest
import torch
from tiny_files import jpeg, write

from mixbook.data import ImageFiles, centre_view, random_view


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


def test_a_broken_image_is_named(files):
    files.paths[1].write_bytes(files.paths[1].read_bytes()[:200])
    with pytest.raises(OSError, match=r"1\.jpg cannot be read as an image"):
        files[1]


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


def test_labels_and_images_must_agree(files):
    with pytest.raises(ValueError, match="one label"):
        ImageFiles(files.paths, torch.tensor([0, 1]), 2, "colours")
    with pytest.raises(ValueError, match="no images"):
        ImageFiles((), torch.tensor([]), 2, "none")
