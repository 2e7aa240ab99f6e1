"""mixbook: training neural networks on mixtures of samples.

Every method answers four questions: who is mixed with whom (pairing), how much of each (ratio), at which layer (place),
and how two samples are put together (blend)::

    import mixbook as mb

    mix = mb.kmixup(k=16, alpha=1.0, num_classes=10)
    x, targets = mix(x, y)

Names are imported when they are first used, so that ``import mixbook`` is quick and a reader of the code, or of a chapter's
stamp, sees which modules are really needed.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "MixPlan": "mixbook.mixing.plan",
    "RandomPairing": "mixbook.mixing.pairing",
    "OptimalTransport": "mixbook.mixing.pairing",
    "NearestNeighbour": "mixbook.mixing.pairing",
    "ByClass": "mixbook.mixing.pairing",
    "Beta": "mixbook.mixing.ratio",
    "TruncatedBeta": "mixbook.mixing.ratio",
    "Uniform": "mixbook.mixing.ratio",
    "Fixed": "mixbook.mixing.ratio",
    "Linear": "mixbook.mixing.blend.linear",
    "CutMix": "mixbook.mixing.blend.cutmix",
    "FMix": "mixbook.mixing.blend.fmix",
    "PuzzleMix": "mixbook.mixing.blend.puzzlemix",
    "CoMixup": "mixbook.mixing.blend.comixup",
    "SaliencyMix": "mixbook.mixing.blend.saliencymix",
    "GradientSaliency": "mixbook.mixing.blend.saliency",
    "Mixer": "mixbook.mixing.mixer",
    "OneOf": "mixbook.mixing.oneof",
    "mixup": "mixbook.mixing.mixer",
    "kmixup": "mixbook.mixing.mixer",
    "multimix": "mixbook.mixing.mixer",
    "cutmix": "mixbook.mixing.mixer",
    "fmix": "mixbook.mixing.mixer",
    "puzzlemix": "mixbook.mixing.mixer",
    "comixup": "mixbook.mixing.mixer",
    "GuidedMixer": "mixbook.mixing.guided",
    "AdversarialNoise": "mixbook.mixing.guided",
    "PlanAhead": "mixbook.mixing.ahead",
    "plan_many": "mixbook.mixing.block",
    "ManifoldMixer": "mixbook.mixing.place",
    "manifold_mixup": "mixbook.mixing.place",
    "alpha_at_constant_xi": "mixbook.mixing.transport",
    "InfeasibleXi": "mixbook.mixing.transport",
    "mixed_cross_entropy": "mixbook.mixing.losses",
    "bce_of_softmax": "mixbook.mixing.losses",
    "mixed_accuracy": "mixbook.mixing.losses",
    "dominant_accuracy": "mixbook.mixing.losses",
    "evaluate": "mixbook.evaluation.evaluate",
    "advise": "mixbook.advice",
}

_ROOMS = ("benchmarks", "compat", "data", "evaluation", "mixing", "models", "plots", "theory", "training", "vision")

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:  # mb.training.fit works whatever was imported before
        return import_module(f"mixbook.{name}")
    if name not in _HOME:
        has = f"{', '.join(sorted(_HOME))}, and the modules {', '.join(_ROOMS)}"
        raise AttributeError(f"module 'mixbook' has no attribute {name!r}: it has {has}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS])
