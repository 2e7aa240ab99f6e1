"""Multi-mix on a few classes of sets that are too large for a CPU: three words of speech, and eight classes with boxes."""

from dataclasses import replace

from mixbook.benchmarks.experiments.cifar_small import SHARED
from mixbook.benchmarks.experiments.image_protocols import DECIDED, ONE_LAW, images, measures
from mixbook.benchmarks.experiments.multimix_speech import NETWORKS
from mixbook.benchmarks.spec import Cell, Experiment, Profile, Setting, changed

SPEECH = replace(
    NETWORKS,
    name="multimix-speech-3-words",
    title="bed, cat and happy of Speech Commands, a narrow VGG-11: ten methods (Table VII, in small)",
    settings=(
        Setting(
            "subset",
            "speech_commands (3 of 30 words)",
            "bed, cat and happy, 400 utterances of each: 997 to train on, 109 to validate and 94 to test, by the official "
            "rule. The network still has 30 outputs",
        ),
        *changed(
            NETWORKS.settings,
            Setting("size", (80, 100), "the lower half of the frequencies, up to 4 kHz as on the telephone: half the time"),
            Setting("cutout", 20, "side of the square; a quarter of the frequencies"),
            Setting("batch_size", 20, "50 steps an epoch, where a batch of 100 leaves 10"),
            Setting("network_options", (("width", 8),), "8 channels at first instead of 64"),
            Setting("channels_last", True, "faster convolutions, the same arithmetic"),
        ),
    ),
    profiles={
        "smoke": NETWORKS.profiles["smoke"],
        "laptop": Profile(3, 6, note="3 trials of 300 steps on 997 utterances of 3 words"),
        "gpu": Profile(20, 30, note="20 trials of 30 epochs"),
    },
    surrogate=True,
    own_cells=tuple(sorted(NETWORKS.cells, key=lambda cell: cell.method == "comixup")),  # the slowest but one comes last
)

_KEPT = ("lr", "momentum", "nesterov", "weight_decay", "schedule", "pairs", "channels_last")

LOCALISED = Experiment(
    name="multimix-localisation-8-classes",
    title="8 classes of Tiny ImageNet, a narrow PreActResNet-18: objects found by activation maps (Table IV, in small)",
    paper="multimix",
    dataset="tiny_imagenet",
    model="preactresnet18",
    settings=(
        Setting(
            "subset",
            "tiny_imagenet (8 of 200 classes)",
            "500 training images of each class, and 50 validation images with a box around the object to test on",
        ),
        *changed(
            (*images("tiny_imagenet", "preactresnet18"), *(s for s in SHARED if s.name in _KEPT)),
            Setting(
                "network_options",
                (("stem_stride", 2), ("width", 8)),
                "a stem for 64 pixels; 8 channels at first instead of 64",
            ),
            Setting("channels_last", False, "PyTorch 2.13 can fail in the other layout on a CPU"),
        ),
        Setting("batch_size", 20, "200 steps an epoch"),
        Setting("loss", "cross entropy", "the usual one"),
        Setting("equal", "epochs", "as in Table IV: multi-mix computes K = 5 times as many gradients as the others"),
        *ONE_LAW,
        Setting(
            "maps",
            "layer4",
            "4 x 4 places, of the predicted class. Both readings of 0.25: an overlap that is exceeded, of boxes at a "
            "threshold of 0.2 (the text); a threshold, with an overlap of 0.5 and the right class (Co-Mixup's code)",
        ),
        *measures("localisation", curves=("loss",)),
    ),
    decided=DECIDED,
    profiles={
        "smoke": Profile(1, 1, every=4, stand_in=True, note="two methods, one epoch on generated images: it runs"),
        "laptop": Profile(3, 7, note="3 trials of 1,400 steps, no Puzzle Mix"),
        "gpu": Profile(20, 30, note="20 trials of 30 epochs"),
    },
    trial="mixbook.benchmarks.trials.image_methods:trial",
    surrogate=True,
    own_cells=(
        Cell("erm", ""),
        Cell("mixup", ""),
        Cell("manifold_mixup", ""),
        Cell("cutmix", ""),
        Cell("multimix_mixup", "K=5"),
    ),
)

EXPERIMENTS = (SPEECH, LOCALISED)
