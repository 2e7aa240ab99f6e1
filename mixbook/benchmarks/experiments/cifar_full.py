"""Ours: CIFAR-10 whole, PreActResNet-18, for a GPU: errors of the methods, and the time that training takes to 94%."""

from mixbook.benchmarks.experiments.cifar_small import DECIDED, SHARED
from mixbook.benchmarks.spec import Cell, Experiment, Profile, Setting

_OWN = (
    Setting("network", "preact_resnet18", "that of manifold mixup's code, which multi-mix's protocol has too"),
    Setting("samples", None, "all 50,000 training images"),
    Setting("batch_size", 128, "the usual one; holds eight blocks of 16"),
    Setting("equal", "passes", "every method sees each image 30 times; multi-mix computes five gradients for each"),
    Setting("precision", "bf16", "what such GPUs are fast at; weights stay in float32"),
    Setting("points", 30, "of the curve of the test error: one for each epoch, to see when it reaches 94%"),
    Setting("watched", 10_000, "test images for the curve: all"),
)

EXPERIMENTS = (
    Experiment(
        name="cifar10-full",
        title="ours: CIFAR-10, PreActResNet-18, 30 epochs: errors, and the time to 94%",
        dataset="cifar10",
        model="preact_resnet18",
        settings=(*_OWN, *SHARED),
        decided=DECIDED,
        profiles={
            "smoke": Profile(1, 1, every=5, stand_in=True, note="two methods on a slim network and generated images"),
            "gpu": Profile(trials=5, epochs=30, note="5 trials of 30 epochs"),
        },
        trial="mixbook.benchmarks.trials.cifar:trial",
        # The first two answer how long training takes to 94% with and without mixing.
        own_cells=(
            Cell("erm", ""),
            Cell("mixup", "alpha=1"),
            Cell("kmixup", "k=16;alpha=1"),
            Cell("kmixup", "k=4;alpha=1"),
            Cell("manifold_mixup", "alpha=1;layers=input+layer1+layer2"),
            Cell("multimix", "alpha=1;K=5"),
        ),
    ),
)
