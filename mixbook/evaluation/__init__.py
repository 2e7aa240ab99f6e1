"""How good a trained network is, on clean data and under attack. Stands beside training and knows no method."""

from mixbook.evaluation.attacks import PGD, attacked_error, fgsm, fgsm_error, unbounded
from mixbook.evaluation.evaluate import evaluate
from mixbook.evaluation.metrics import accuracy, brier, expected_calibration_error, nll, reliability

__all__ = [
    "PGD",
    "accuracy",
    "attacked_error",
    "brier",
    "evaluate",
    "expected_calibration_error",
    "fgsm",
    "fgsm_error",
    "nll",
    "reliability",
    "unbounded",
]
