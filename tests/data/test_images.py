import gzip
import pickle
import struct

import numpy as np
import pytest
import torch

from mixbook.data import cifar10, cifar100, images, mnist, pixels_of, svhn


@pytest.mark.parametrize(
    ("load", "part", "shape", "real_data"),
    [
        (mnist, "train", (60000, 1, 28, 28), "mnist"),
        (mnist, "test", (10000, 1, 28, 28), "mnist"),
        (cifar10, "test", (10000, 3, 32, 32), "cifar10"),
        (cifar100, "test", (10000, 3, 32, 32), "cifar100"),
    ],
    indirect=["real_data"],
)
def test_sizes_are_those_of_the_published_sets(load, part, shape, real_data):
    data = load(part)
    assert data.x.shape == shape
    assert data.x.min() == 0
    assert data.x.max() == 1
    assert data.y.unique().tolist() == list(range(data.num_classes))
    assert data.name == load.__name__


@pytest.mark.parametrize("real_data", ["mnist"], indirect=True)
def test_mnist_is_what_torchvision_reads(real_data, tmp_path):
    from mixbook.data import store
    from mixbook.vision import load

    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for path in store.files("mnist"):
        (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    theirs = load().datasets.MNIST(tmp_path, train=False)
    ours = mnist("test")
    assert torch.equal((ours.x[:, 0] * 255).round().byte(), theirs.data)
    assert torch.equal(ours.y, theirs.targets)


@pytest.mark.parametrize("real_data", ["cifar10"], indirect=True)
def test_cifar10_is_what_torchvision_reads(real_data):
    from mixbook.data import store
    from mixbook.vision import load

    theirs = load().datasets.CIFAR10(store.root(), train=False)
    ours = cifar10("test")
    assert np.array_equal((ours.x * 255).round().byte().permute(0, 2, 3, 1).numpy(), theirs.data)
    assert ours.y.tolist() == theirs.targets


def test_tiny_files_in_the_official_formats(monkeypatch, tmp_path):
    pixels = np.arange(2 * 28 * 28).astype(np.uint8)
    for name, header, values in [
        ("x", struct.pack(">4i", 2051, 2, 28, 28), pixels),
        ("y", struct.pack(">2i", 2049, 2), np.array([7, 3], np.uint8)),
    ]:
        (tmp_path / name).write_bytes(gzip.compress(header + values.tobytes()))
    monkeypatch.setattr(images.store, "files", lambda name: (tmp_path / "x", tmp_path / "y") * 2)
    assert (mnist("test").x.flatten() * 255).round().tolist() == pixels.tolist()
    assert mnist("test").y.tolist() == [7, 3]

    data = np.arange(2 * 3072).reshape(2, 3072).astype(np.uint8)
    batch = {b"data": data, b"labels": [4, 1], b"fine_labels": [40, 99]}
    (tmp_path / "batch").write_bytes(pickle.dumps({key.decode(): value for key, value in batch.items()}))
    monkeypatch.setattr(images.store, "files", lambda name: (tmp_path / "batch",) * (6 if name == "cifar10" else 2))
    assert len(cifar10("train")) == 10
    assert cifar10("test").y.tolist() == [4, 1]
    assert cifar100("test").y.tolist() == [40, 99]
    # a row is all red values, then all green, then all blue
    assert (cifar100("test").x[1, 1].flatten() * 255).round().tolist() == data[1, 1024:2048].tolist()


def test_no_pickle_is_opened_before_its_checksum_was_found_right(home, monkeypatch):
    class Evil:
        def __reduce__(self):
            return (open, (str(home / "evil"), "w"))

    monkeypatch.setenv("MIXBOOK_OFFLINE", "1")
    folder = home / "cifar-100-python"
    folder.mkdir(parents=True)
    for name in ("train", "test"):
        (folder / name).write_bytes(pickle.dumps(Evil()))
    with pytest.raises(images.store.DataError, match="not the published file"):
        cifar100("test")
    assert not (home / "evil").exists()


def test_svhn_from_tiny_matlab_files(monkeypatch, tmp_path):
    from scipy.io import savemat

    x = np.arange(32 * 32 * 3 * 4).reshape(32, 32, 3, 4).astype(np.uint8)  # rows, columns, colours, samples
    for name in ("train", "test", "extra"):
        savemat(tmp_path / name, {"X": x, "y": np.array([[1], [10], [9], [10]], np.uint8)}, appendmat=False)
    places = {"svhn": (tmp_path / "train", tmp_path / "test"), "svhn_extra": (tmp_path / "extra",)}
    monkeypatch.setattr(images.store, "files", places.__getitem__)
    for part in ("train", "test", "extra"):
        data = pixels_of("svhn", part)
        assert data.y.tolist() == [1, 0, 9, 0]  # the digit 0 is 10 in the files
        assert np.array_equal(data.x[2].permute(1, 2, 0).numpy(), x[..., 2])
    assert svhn("test").x.shape == (4, 3, 32, 32)


def test_unknown_images_list_the_known_ones():
    with pytest.raises(ValueError, match=r"no small images 'imagenet'. There are: mnist, cifar10"):
        pixels_of("imagenet")
