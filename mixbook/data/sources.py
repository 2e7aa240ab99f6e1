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
class Archive:
    """A file that is checked and unpacked.

    Args:
        file: the archive itself.
        folder: where it is unpacked to, relative to the data folder. That it is there means that it was unpacked whole.
        inside: the folder in the archive that becomes ``folder``; empty if that is all that it holds.
        nested: it is a tar of tars.
    """

    file: File
    folder: str
    inside: str = ""
    nested: bool = False


@dataclass(frozen=True)
class Source:
    """One data set: the files that its loader reads, and the archives that they come out of.

    Args:
        name: what its loader and ``mixbook data get`` call it.
        title: what it is, for people.
        home: the web page with the terms of use, for people.
        files: checked one by one at every load. Each has a URL, unless there is an archive.
        archives: checked before they are unpacked.
    """

    name: str
    title: str
    home: str
    files: tuple[File, ...] = ()
    archives: tuple[Archive, ...] = ()


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
        (Archive(File(archive, (f"md5:{archive_md5}",), f"{_TORONTO}/{archive}", archive_size), folder, folder),),
    )


def _svhn(part: str, md5: str, size: int) -> File:
    name = f"{part}_32x32.mat"
    return File(f"svhn/{name}", (f"md5:{md5}",), f"http://ufldl.stanford.edu/housenumbers/{name}", size)


def _imagenet(part: str, file: str, md5: str, *, inside: str = "", nested: bool = False) -> Archive:
    """An archive of ImageNet: given to people with an account only, so without a URL."""
    return Archive(File(f"ILSVRC2012_{file}", (f"md5:{md5}",)), f"imagenet/{part}", inside, nested)


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
            Archive(
                File(
                    "tabular/HTRU2.zip",
                    ("sha256:ba442c076dd22a8952700f26e38499fc1806037dcf7bea0e125e6bfba393f379",),
                    f"{_UCI}/00372/HTRU2.zip",
                ),
                "tabular/htru2",
            ),
        ),
    ),
    Source(
        "svhn",
        "SVHN: 73,257 training and 26,032 test house numbers of 32 x 32 pixels",
        "http://ufldl.stanford.edu/housenumbers/",
        (
            _svhn("train", "e26dedcc434d2e4c54c9b2d4a06d8373", 182040794),
            _svhn("test", "eb5a983be6a315427106f1b164d9cef3", 64275384),
        ),
    ),
    Source(
        "svhn_extra",
        "SVHN, the extra part: 531,131 easier house numbers",
        "http://ufldl.stanford.edu/housenumbers/",
        (_svhn("extra", "a93ce644f1a588dc4d68dda5feec44a7", 1329278602),),
    ),
    Source(
        "tiny_imagenet",
        "Tiny ImageNet: 200 classes, 100,000 training and 10,000 validation images of 64 x 64 pixels",
        "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
        archives=(
            Archive(
                File(
                    "tiny-imagenet-200.zip",
                    ("md5:90528d7ca1a48142e341f4ef8d21d0de",),
                    "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
                    248100043,
                ),
                "tiny-imagenet-200",
                "tiny-imagenet-200",
            ),
        ),
    ),
    Source(
        "imagenet",
        "ImageNet-1k (ILSVRC 2012): 1000 classes, 1.28 million training and 50,000 validation images",
        "https://image-net.org/challenges/LSVRC/2012/2012-downloads.php",
        archives=(
            _imagenet("train", "img_train.tar", "1d675b47d978889d74fa0da5fadfb00e", nested=True),
            _imagenet("val", "img_val.tar", "29b22e2961454d5413ddabcf34fc5622"),
        ),
    ),
    Source(
        "imagenet_devkit",
        "ImageNet-1k (ILSVRC 2012), the development kit: the classes of the validation images",
        "https://image-net.org/challenges/LSVRC/2012/2012-downloads.php",
        archives=(
            _imagenet("devkit", "devkit_t12.tar.gz", "fa75699e90414af021442c21a62c3abf", inside="ILSVRC2012_devkit_t12"),
        ),
    ),
    Source(
        "speech_commands",
        "Speech Commands v0.01: 64,721 utterances of 30 words, one second each",
        "https://www.tensorflow.org/datasets/catalog/speech_commands",
        archives=(
            Archive(
                File(
                    "speech_commands_v0.01.tar.gz",
                    ("sha256:743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d",),
                    "http://download.tensorflow.org/data/speech_commands_v0.01.tar.gz",
                    1489096277,
                ),
                "speech_commands",
            ),
        ),
    ),
    Source(
        "cub200",
        "CUB-200-2011: 11,788 birds of 200 species, with bounding boxes",
        "https://www.vision.caltech.edu/datasets/cub_200_2011/",
        archives=(
            Archive(
                File(
                    "CUB_200_2011.tgz",
                    ("md5:97eceeb196236b17998738112f37df78",),
                    "https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz",
                    1150585339,
                ),
                "CUB_200_2011",
                "CUB_200_2011",
            ),
        ),
    ),
)

SOURCES: dict[str, Source] = {source.name: source for source in _SOURCES}
