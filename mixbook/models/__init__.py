"""The networks of the papers. Plain modules: mixing in hidden layers names their parts, it does not live in them.

``PreActResNet``, ``WideResNet``, ``ResNet18``, ``ResNeXt29``, ``DenseNetBC`` and ``LeNet`` are for small images;
``resnet50`` and ``wide_resnet101`` are torchvision's; ``SpeechLeNet``, ``CommandsLeNet`` and ``SpeechVGG11`` take
spectrograms; ``MLP`` and ``BottleneckMLP`` take anything; :mod:`mixbook.models.gan` has a generator and a discriminator.
``named`` makes a network of a paper from its name.
"""

from mixbook.models.bottleneck import BottleneckMLP
from mixbook.models.densenet import DenseNetBC
from mixbook.models.imagenet import resnet50, wide_resnet101
from mixbook.models.lenet import LeNet
from mixbook.models.mlp import MLP
from mixbook.models.named import named
from mixbook.models.normalise import Normalise
from mixbook.models.preact_resnet import PreActResNet
from mixbook.models.resnet import ResNet18, ResNeXt29
from mixbook.models.seeded import seeded
from mixbook.models.side_by_side import SideBySide
from mixbook.models.speech import CommandsLeNet, SpeechLeNet, SpeechVGG11
from mixbook.models.wide_resnet import WideResNet

__all__ = [
    "MLP",
    "BottleneckMLP",
    "CommandsLeNet",
    "DenseNetBC",
    "LeNet",
    "Normalise",
    "PreActResNet",
    "ResNeXt29",
    "ResNet18",
    "SideBySide",
    "SpeechLeNet",
    "SpeechVGG11",
    "WideResNet",
    "named",
    "resnet50",
    "seeded",
    "wide_resnet101",
]
