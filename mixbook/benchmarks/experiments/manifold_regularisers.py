"""Manifold mixup beside other regularisers: PreActResNet-50 on CIFAR-10, 600 epochs (section 5.1)."""

from mixbook.benchmarks.experiments.image_protocols import DECIDED, drops, images, measures
from mixbook.benchmarks.experiments.manifold_images import TRIAL, optimisation, profiles
from mixbook.benchmarks.spec import Experiment, Setting

EXPERIMENTS = (
    Experiment(
        name="manifold-regularisers",
        title="CIFAR-10, PreActResNet-50, 600 epochs: dropout, Cutout, input and manifold mixup",
        paper="manifold",
        table="text Sec 5.1",
        dataset="cifar10",
        model="preactresnet50",
        settings=(
            *images("cifar10", "preactresnet50"),
            *optimisation(),
            drops((1 / 3, 2 / 3), "section 5.1 gives the length alone; the shares of Table 1", stated=False),
            Setting(
                "dropout",
                0.3,
                "share of what the last map gets; the paper chose it on a validation part and does not say what came out",
            ),
            Setting("cutout", 16, "side of the square in pixels: that of Cutout's paper on CIFAR-10; not chosen either"),
            Setting("alpha_mixup", 1.0, "appendix C: that of input mixup on CIFAR", stated=True),
            Setting("alpha_manifold_mixup", 2.0, "appendix C: that of manifold mixup on CIFAR", stated=True),
            Setting("layers", "0+1+2", "appendix C: the input and the first two stages", stated=True),
            *measures(),
        ),
        decided=DECIDED,
        profiles=profiles(600, 3, every=3),
        trial=TRIAL,
        band=0.5,
    ),
)
