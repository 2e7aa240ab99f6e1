"""Multi-mix on speech: VGG-11 on spectrograms of Speech Commands (Table VII)."""

from mixbook.benchmarks.experiments.image_protocols import DECIDED, drops
from mixbook.benchmarks.experiments.multimix_images import METHODS, PREACT
from mixbook.benchmarks.spec import Experiment, Profile, Setting, changed

_WHERE = "section IV-G"
_LOSS = Setting("loss", "cross entropy", "not stated; of a mean over classes, 0.003 would be a tiny learning rate")

NETWORKS = Experiment(
    name="multimix-speech",
    title="Speech Commands, VGG-11: the networks behind Table VII",
    paper="multimix",
    dataset="speech_commands",
    model="vgg11",
    settings=(
        Setting("network", "speech_vgg11", "VGG-11 is stated; its last layers, which the input's size changes, are not"),
        Setting("lr", 0.003, _WHERE, stated=True),
        drops((1 / 3, 2 / 3), f"{_WHERE}: by a factor of 10 every 10 of 30 epochs"),
        Setting("decay", 0.1, _WHERE, stated=True),
        Setting("batch_size", 100, "not stated; that of the other sections, and of mixup's paper for these data"),
        Setting("momentum", 0.9, "not stated; the usual one"),
        Setting("weight_decay", 1e-4, "not stated; that of the code that the paper builds on"),
        Setting("pairs", "within", "partners come from the same batch, shuffled"),
        *changed(METHODS, _LOSS),
        Setting("clean_puzzlemix", 0.0, "weight of the loss of unmixed samples: that of CIFAR-100"),
        Setting("cutout", 40, "side of the square, not stated; a quarter of the frequencies"),
        Setting(
            "size",
            (160, 100),
            "161 x 101 cannot be cut into blocks, as Puzzle Mix and Co-Mixup do: the highest frequency and the last frame "
            "go, for all methods",
        ),
        Setting("measures", (), "errors alone are printed"),
        Setting("curves", ("loss",), "followed during training"),
        Setting("chosen_by", "validation error", f"{_WHERE}: the epoch with the least", stated=True),
    ),
    decided=DECIDED,
    profiles={
        "smoke": Profile(1, 1, every=9, stand_in=True, note="two methods, one epoch on generated spectrograms: it runs"),
        "gpu": Profile(1, 30, note="1 trial at the printed length"),
        "paper": Profile(3, 30, note="3 trials of 30 epochs; how many the paper has is not stated"),
    },
    trial="mixbook.benchmarks.trials.image_methods:trial",
    own_cells=PREACT.cells,
)

EXPERIMENTS = (
    NETWORKS,
    NETWORKS.read_by(
        "mixbook.benchmarks.trials.reading:read",
        name="multimix-table7",
        title="Speech Commands, VGG-11: ten methods",
        table="Table VII",
        dataset="google_commands",
        band=0.5,
    ),
)
