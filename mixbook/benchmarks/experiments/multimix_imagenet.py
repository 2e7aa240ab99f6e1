"""Multi-mix on ImageNet: one set of ResNet-50s behind Tables III to VI and VIII, and what section IV-C says of them."""

from typing import Any

from mixbook.benchmarks.experiments.image_protocols import DECIDED
from mixbook.benchmarks.experiments.multimix_images import METHODS, PREACT
from mixbook.benchmarks.spec import Experiment, Profile, Setting, changed
from mixbook.evaluation.localisation import CUB, TEXT

_READ = "mixbook.benchmarks.trials.reading:read"

_WHERE = "section IV-C"
_CHANGES = (
    Setting("loss", "cross entropy", "not stated; that of Puzzle Mix's and Co-Mixup's ImageNet code"),
    Setting("alpha_mixup", 0.2, "not stated; mixup's paper finds 0.1 to 0.4 best on ImageNet"),
    Setting("alpha_manifold_mixup", 0.2, "not stated; that of input mixup"),
)
_KNOTS = (
    *((0, 0.5), (8, 1.0), (15, 0.125)),
    *((15, 0.2), (40, 0.02)),
    *((65, 0.02), (65, 0.002), (90, 0.002), (90, 0.0002), (100, 0.0002)),
)
# The code whose protocol this is falls on lines.
_LINES = (*_KNOTS[:5], (65, 0.002), (90, 0.0002), (100, 0.00002))

NETWORKS = Experiment(
    name="multimix-imagenet",
    title="ImageNet, ResNet-50, 100 epochs with images that grow: ten methods, and all that is measured of them",
    paper="multimix",
    dataset="imagenet",
    model="resnet50",
    settings=(
        Setting(
            "sizes",
            (128, 224),
            f"not stated: {_WHERE} says 160, then 352 pixels, to which the code's files are resized; "
            "its random crops have these sizes",
        ),
        Setting("batches", (1024, 448), "not stated; those of the code that the paper follows"),
        Setting("grow", 0.15, f"{_WHERE}: at epoch 15 of 100", stated=True),
        Setting("knots", _KNOTS, f"learning rates by epoch, {_WHERE}", stated=True, released=_LINES),
        Setting("momentum", 0.9, "not stated; that of the same code"),
        Setting("weight_decay", 1e-4, "not stated; that of the same code"),
        Setting("mean", (0.485, 0.456, 0.406), "of each channel, to normalise pixels; the usual ones"),
        Setting("std", (0.229, 0.224, 0.225), "of each channel; the usual ones"),
        Setting("augmentation", "random crops and mirroring", _WHERE, stated=True),
        *changed(METHODS, *_CHANGES),
        Setting("clean_puzzlemix", 1.0, "that of Puzzle Mix's ImageNet code in two of three phases; kept in the third"),
        Setting("cutout", 56, "side of the square in pixels, not stated; a quarter of the image, as in Cutout's paper"),
        Setting("view", "the middle 224 pixels of images of 256", "for testing; not stated, the usual one"),
        Setting(
            "overlap",
            "more than 0.25 with one of the boxes",
            "section IV-D; its predecessor's code is kept beside it",
            stated=True,
        ),
        Setting(
            "map_threshold",
            TEXT.threshold,
            "of a map's box; not stated, that of the paper that introduced the maps",
        ),
        Setting("backgrounds", "what lies in no box", "section IV-E took files whose recipe is not published"),
        Setting("birds", "Adam, 1e-4, last block and a new head, batches of 32", "section IV-F; the batch is not stated"),
        Setting("steps", "epochs of fine-tuning", "section IV-F: 'steps' 1 to 10, and 'a maximum of 10 epochs'"),
        Setting("bird_threshold", CUB.threshold, "section IV-F", stated=True),
        Setting("workers", 8, "section IV-B1: loader processes", stated=True),
        Setting("chosen_by", "last epoch", "nothing is selected on the validation part, which is what is reported"),
    ),
    decided=DECIDED,
    profiles={
        "smoke": Profile(1, 1, every=9, stand_in=True, note="two methods, one epoch on generated images: it runs"),
        "gpu": Profile(1, 18, note="1 trial of 18 epochs, the schedule squeezed: most of a day on one GPU for each method"),
        "paper": Profile(1, 100, note="1 trial of 100 epochs, as printed: days on several GPUs for each method"),
    },
    trial="mixbook.benchmarks.trials.imagenet:trial",
    own_cells=PREACT.cells,
)


def _read(table: str, title: str, name: str, derive: str = _READ, **changes: Any) -> Experiment:
    return NETWORKS.read_by(derive, name=name, title=title, table=table, **changes)


EXPERIMENTS = (
    NETWORKS,
    _read("Table III", "ImageNet, ResNet-50: validation error", "multimix-table3", band=0.5),
    _read("Table IV", "ImageNet, ResNet-50: where it looks", "multimix-table4", band=1.0),
    _read("Table V", "ImageNet, ResNet-50: corrupted backgrounds", "multimix-table5", band=2.0),
    _read("Table VI", "CUB-200-2011: boxes after each step of fine-tuning", "multimix-table6", band=5.0, dataset="cub200"),
    _read("Table VIII", "ImageNet, ResNet-50: calibration", "multimix-table8", band=1.0),
    _read(
        "text Sec IV-C",
        "ImageNet, ResNet-50: what the text says of Co-Mixup",
        "multimix-section4c",
        derive="mixbook.benchmarks.trials.gains:gain",
    ),
)
