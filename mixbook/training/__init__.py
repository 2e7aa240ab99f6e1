"""One training loop for every network and every way of mixing, with checkpoints from which it resumes exactly."""

from mixbook.training.checkpoint import CheckpointError
from mixbook.training.history import History
from mixbook.training.loop import fit
from mixbook.training.recipe import Recipe

__all__ = ["CheckpointError", "History", "Recipe", "fit"]
