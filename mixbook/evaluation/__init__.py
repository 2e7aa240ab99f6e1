"""How good a trained network is: on clean data, under attack, on deformed images, and inside. Knows no method.

:func:`evaluate` does most of it in one call, for arrays or a loader.
"""

from mixbook.evaluation.attacks import PGD, attack, attacked_error, fgsm, fgsm_error, unbounded
from mixbook.evaluation.boxes import iou
from mixbook.evaluation.corruptions import NoisyBackground, OtherBackground, corrupted_accuracy
from mixbook.evaluation.deformations import deform, deformation
from mixbook.evaluation.evaluate import evaluate
from mixbook.evaluation.frechet import frechet_distance
from mixbook.evaluation.hidden import hidden_states
from mixbook.evaluation.localisation import Reading, activation_maps, boxes_of, localisation, localised
from mixbook.evaluation.metrics import (
    accuracy,
    brier,
    expected_calibration_error,
    nll,
    reliability,
    temperature,
    top_accuracy,
)
from mixbook.evaluation.neighbours import knn_error
from mixbook.intervals import interval

__all__ = [
    "PGD",
    "NoisyBackground",
    "OtherBackground",
    "Reading",
    "accuracy",
    "activation_maps",
    "attack",
    "attacked_error",
    "boxes_of",
    "brier",
    "corrupted_accuracy",
    "deform",
    "deformation",
    "evaluate",
    "expected_calibration_error",
    "fgsm",
    "fgsm_error",
    "frechet_distance",
    "hidden_states",
    "interval",
    "iou",
    "knn_error",
    "localisation",
    "localised",
    "nll",
    "reliability",
    "temperature",
    "top_accuracy",
    "unbounded",
]
