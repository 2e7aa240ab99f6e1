"""How good a trained network is, on clean data. Stands beside training and knows no method."""

from mixbook.evaluation.evaluate import evaluate
from mixbook.evaluation.metrics import accuracy, brier, expected_calibration_error, nll, reliability

__all__ = ["accuracy", "brier", "evaluate", "expected_calibration_error", "nll", "reliability"]
