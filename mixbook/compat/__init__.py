"""For training scripts that exist already: the signatures of torchvision and timm, a collate function, Lightning."""

from mixbook.compat.loops import LightningMixing, MixCollate, Schedule
from mixbook.compat.peers import CutMix, MixUp, Mixup

__all__ = ["CutMix", "LightningMixing", "MixCollate", "MixUp", "Mixup", "Schedule"]
