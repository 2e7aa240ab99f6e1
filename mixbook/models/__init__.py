"""The networks of the papers. Plain modules: mixing in hidden layers names their parts, it does not live in them."""

from mixbook.models.lenet import LeNet
from mixbook.models.mlp import MLP
from mixbook.models.normalise import Normalise
from mixbook.models.seeded import seeded
from mixbook.models.side_by_side import SideBySide

__all__ = ["MLP", "LeNet", "Normalise", "SideBySide", "seeded"]
