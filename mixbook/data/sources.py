"""Where the data sets that must be downloaded come from, and how their files are recognised. A table, no more.

Paths are relative to the data folder, see ``mixbook.data.store``. Checksums of MNIST, CIFAR, SVHN and ImageNet are the ones
that their publishers or torchvision give (MD5); those of the UCI sets are of the files that UCI serves (SHA-256).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    """One file that can be checked.

    Args:
        path: where it lies, relative to the data folder.
        checksums: ``"md5:..."`` or ``"sha256:..."``; a file is right if one of them is its own.
        url: where it is served; empty if it comes out of an archive, or may not be downloaded without an account.
        size: in bytes, None if it is not known for sure.
    """

    path: str
    checksums: tuple[str, ...]
    url: str = ""
    size: int | None = None


@dataclass(frozen=True)
class Source:
    """One data set: the files that its loader reads, and the archives that they come out of.

    Args:
        name: what its loader and ``mixbook data get`` call it.
        title: what it is, for people.
        files: checked one by one at every load. Each has a URL, unless there is an archive.
        archives: checked before they are unpacked.
        folder: where the archives are unpacked to. That it is there means that they were unpacked whole.
        inside: the folder in the archives that becomes ``folder``; empty if that is all that they hold.
        home: the web page with the terms of use, for people.
    """

    name: str
    title: str
    home: str
    files: tuple[File, ...] = ()
    archives: tuple[File, ...] = ()
    folder: str = ""
    inside: str = ""


_UCI = "https://archive.ics.uci.edu/ml/machine-learning-databases"
_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist"
_TORONTO = "https://www.cs.toronto.edu/~kriz"


def _mnist(part: str, md5: str, size: int) -> File:
    name = f"{part}-ubyte.gz"
    return File(f"mnist/{name}", (f"md5:{md5}",), f"{_MNIST}/{name}", size)


def _cifar(classes: int, archive_md5: str, archive_size: int, files: dict[str, tuple[str, int]]) -> Source:
    folder = {10: "cifar-10-batches-py", 100: "cifar-100-python"}[classes]
    archive = f"cifar-{classes}-python.tar.gz"
    return Source(
        f"cifar{classes}",
        f"CIFAR-{classes}: 60,000 colour images of 32 x 32 pixels",
        f"{_TORONTO}/cifar.html",
        tuple(File(f"{folder}/{name}", (f"md5:{md5}",), size=size) for name, (md5, size) in files.items()),
        (File(archive, (f"md5:{archive_md5}",), f"{_TORONTO}/{archive}", archive_size),),
        folder,
        folder,
    )


def _uci(name: str, title: str, number: int, file: str, size: int, sha256: str, *, folder: str = "") -> Source:
    url = f"{_UCI}/{folder or name}/{file.replace(' ', '%20')}"
    raw = File(f"tabular/{name}/{file}", (f"sha256:{sha256}",), url, size)
    return Source(name, title, f"https://archive.ics.uci.edu/dataset/{number}", (raw,))


_SOURCES = (
    Source(
        "mnist",
        "MNIST: 70,000 handwritten digits of 28 x 28 pixels",
        "http://yann.lecun.com/exdb/mnist/",
        (
            _mnist("train-images-idx3", "f68b3c2dcbeaaa9fbdd348bbdeb94873", 9912422),
            _mnist("train-labels-idx1", "d53e105ee54ea40749a09fcbcd1e9432", 28881),
            _mnist("t10k-images-idx3", "9fb629c4189551a2d022fa330f9573f3", 1648877),
            _mnist("t10k-labels-idx1", "ec29112dd5afa0611ce80d1b7f02629c", 4542),
        ),
    ),
    _cifar(
        10,
        "c58f30108f718f92721af3b95e74349a",
        170498071,
        {
            "data_batch_1": ("c99cafc152244af753f735de768cd75f", 31035704),
            "data_batch_2": ("d4bba439e000b95fd0a9bffe97cbabec", 31035320),
            "data_batch_3": ("54ebc095f3ab1f0389bbae665268c751", 31035999),
            "data_batch_4": ("634d18415352ddfa80567beed471001a", 31035696),
            "data_batch_5": ("482c414d41f54cd18b22e5b47cb7c3cb", 31035623),
            "test_batch": ("40351d587109b95175f43aff81a1287e", 31035526),
        },
    ),
    _cifar(
        100,
        "eb9058c3a382ffc7106e4002c42a8d85",
        169001437,
        {
            "train": ("16019d7e3df5f24257cddd939b257f8d", 155249918),
            "test": ("f0ef6b0ae62326f3e7ffdfab6717acfc", 31049707),
        },
    ),
    _uci(
        "abalone",
        "Abalone (UCI): 4,177 shells, 8 features, 28 counts of rings",
        1,
        "abalone.data",
        191873,
        "de37cdcdcaaa50c309d514f248f7c2302a5f1f88c168905eba23fe2fbc78449f",
    ),
    _uci(
        "arrhythmia",
        "Arrhythmia (UCI): 452 electrocardiograms, 279 features, 13 classes",
        5,
        "arrhythmia.data",
        402355,
        "a7f0f4ca289a4c58b5ed85a9adb793189acd38425828ce3dfbb70adb45f30169",
    ),
    _uci(
        "phishing",
        "Phishing Websites (UCI): 11,055 web sites, 30 features, 2 classes",
        327,
        "Training Dataset.arff",
        800856,
        "0dfcd84ccdedca6e1be2ce26452c1f1089ac3f839b9a1b0ab1cdcf6d895f9a70",
        folder="00327",
    ),
    Source(
        "htru2",
        "HTRU2 (UCI): 17,898 pulsar candidates, 8 features, 2 classes",
        "https://archive.ics.uci.edu/dataset/372",
        (
            File(
                "tabular/htru2/HTRU_2.csv",
                # As Unix ends its lines, and the same as Windows and old Macs do: it circulates with more than one.
                (
                    "sha256:c68b172018b211f819d96e2515bf1e0c6de804a1134014b3711a554fe8287f98",
                    "sha256:ac76e6c9ade45c4688ec27aafff3df7ba7e76195a1e49291f05899ca7cff37b5",
                    "sha256:9d871117715b1d3e532aba46bdc916193ad13dd7eb33bfda3ae11f5fd03640c1",
                ),
            ),
        ),
        (
            File(
                "tabular/HTRU2.zip",
                ("sha256:ba442c076dd22a8952700f26e38499fc1806037dcf7bea0e125e6bfba393f379",),
                f"{_UCI}/00372/HTRU2.zip",
            ),
        ),
        "tabular/htru2",
    ),
)

SOURCES: dict[str, Source] = {source.name: source for source in _SOURCES}
