"""One training loop for every network and every way of mixing, with checkpoints from which it resumes exactly.

What the papers compare mixing with is not mixing, and is where a training script has it:

==============================  ==========================================================================================
comparator                      in ``fit(model, data, recipe, ...)``
==============================  ==========================================================================================
cutout                          ``augment=Augment(Cutout(16))`` (:mod:`mixbook.data`)
input noise                     ``augment=Augment(InputNoise(0.1))``
label smoothing                 ``loss=partial(mixed_cross_entropy, label_smoothing=0.1)``, with a mixer or without
weight decay                    ``Recipe(300, weight_decay=5e-4)``
dropout                         ``MLP(64, (32,), 10, dropout=0.5)``, or your own network's
large-batch training            ``Recipe(300, batch_size=5 * 100)`` without a mixer
large-batch mixup               ``Recipe(300, batch_size=5 * 100)`` and ``mixer=mb.mixup(1.0, 10)``: one lambda for all
batch augmentation              ``augment=Augment(Shift(4), Flip(), Rotate(15), repeats=5)``
batch augmentation with mixup   the same and ``mixer=mb.mixup(1.0, 10)``
multi-mix, for comparison       ``mixer=mb.multimix(5, 1.0, 10)``: five lambdas, each for the whole batch of 100
==============================  ==========================================================================================

The last five rows are those of multi-mix's Table II, at 500 gradients in each step. On networks without dropout or
normalisation, :mod:`mixbook.theory.gradient_noise` measures how noisy the step of each is.

Several processes: ``torchrun --nproc-per-node 4 script.py``, where the script calls ``fit`` as for one. Process r of W
takes every W-th sample of each batch, mixes within this share by random numbers of its own, and gradients are averaged. The
step is that of one process with the same pairs and ratios. It *is* the step of one process (W x B / W does what 1 x B does)
where the pairs and ratios of the shares have the law that one process would draw them from:

=============================================  ===========================================================================
how a batch is mixed                           in W shares
=============================================  ===========================================================================
not at all                                     the same step
``pairs="across"``, lambda for each pair       the same law: mixup and multi-mix; k-mixup where k divides B / W
``pairs="within"``                             partners come from the share, so a sample meets itself W times as often
one lambda for a batch                         one for each share: more even steps, the same gradient on average
one box or mask (CutMix, FMix), one layer      one for each share too (manifold mixup draws the layer)
nearest neighbours, by class, Co-Mixup         chosen within the share, from fewer candidates
batch norm, with any of them                   statistics of the share, unless the network has ``SyncBatchNorm``
=============================================  ===========================================================================

Random shifts and flips are drawn in each process; they have the same law. ``Recipe(accumulate=W)`` in one process cuts
batches in the same way, one share after the other.
"""

from mixbook.training.checkpoint import CheckpointError
from mixbook.training.fine_tune import fine_tune
from mixbook.training.history import History, epochs_until
from mixbook.training.loop import fit
from mixbook.training.recipe import Recipe
from mixbook.training.stop import Diverged, DivergenceWarning
from mixbook.training.trained import load_run
from mixbook.training.watch import GradientNorm, loss_by_layer

__all__ = [
    "CheckpointError",
    "Diverged",
    "DivergenceWarning",
    "GradientNorm",
    "History",
    "Recipe",
    "epochs_until",
    "fine_tune",
    "fit",
    "load_run",
    "loss_by_layer",
]
