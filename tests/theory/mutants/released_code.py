"""Broken formulas that the checks of released code must notice: a fault that is not there, or one in what is right."""

from mutant import Mutant

from mixbook.mixing.blend.mincut import best_labels

MUTANTS = [
    Mutant(
        "datadep-figure-3-released-code",
        "the gradient is always reset",
        "mixbook.theory.moons.boundaries",
        lambda original: lambda alpha, seeds, zero_grad, **size: original(alpha, seeds, [True] * len(alpha), **size),
    ),
    Mutant(
        "datadep-figure-3-released-code",
        "the gradient is never reset",
        "mixbook.theory.moons.boundaries",
        lambda original: lambda alpha, seeds, zero_grad, **size: original(alpha, seeds, [False] * len(alpha), **size),
    ),
    Mutant(
        "datadep-figures-1-and-8-released-code",
        "every run has an Adam of its own",
        "mixbook.theory.full_batch.descend",
        lambda original: lambda *arguments, adam: original(*arguments),
    ),
    Mutant(
        "kmixup-tmlr-released-code-cost",
        "the squared cost is not squared",
        "mixbook.mixing.transport.squared_cost",
        lambda original: lambda x, y: original(x, y).sqrt(),
    ),
    Mutant(
        "kmixup-tmlr-released-code-pairs",
        "matched at the squared distance",
        "mixbook.mixing.pairing.OptimalTransport",
        lambda original: lambda k, strict, cost: original(k, strict),
    ),
    Mutant(
        "kmixup-tmlr-released-code-alpha-k",
        "alpha is multiplied by the ratio of distances",
        "mixbook.mixing.transport.alpha_at_constant_xi",
        lambda original: lambda x, k, alpha, generator: 3 * alpha,
    ),
    Mutant(
        "kmixup-tmlr-released-code-clean-pass",
        "hardly anything is mixed",
        "mixbook.mixing.mixer.mixup",
        lambda original: lambda alpha, num_classes, generator: original(0.01, num_classes=num_classes, generator=generator),
    ),
    Mutant(
        "manifold-released-code-loss",
        "summed over classes",
        "mixbook.mixing.losses.bce_of_softmax",
        lambda original: lambda logits, targets: logits.shape[1] * original(logits, targets),
    ),
    Mutant(
        "multimix-fmix-s-released-code-rows-of-the-spectrum",
        "the fault is left out",
        "mixbook.mixing.blend.fmix.smooth_noise",
        lambda original: lambda *shape, legacy, generator: original(*shape, generator=generator),
    ),
    Mutant(
        "multimix-fmix-s-released-code-real-spectrum",
        "the one fault in place of the other",
        "mixbook.mixing.blend.fmix.smooth_noise",
        lambda original: lambda *shape, legacy, generator: original(*shape, legacy=legacy and "rows", generator=generator),
    ),
    Mutant(
        "multimix-puzzle-mix-s-released-code-swap-moves",
        "each cell on its own",
        "mixbook.mixing.blend.mincut.best_labels",
        lambda original: lambda unary, down, across: unary.argmin(axis=-1),
    ),
    Mutant(
        "multimix-puzzle-mix-s-released-code-swap-moves",
        "swap moves that find the minimum",
        "mixbook.mixing.blend.swap.swap_labels",
        lambda original: lambda start, *problem: best_labels(*(each[None] for each in problem[:3]))[0],
    ),
    Mutant(
        "multimix-puzzle-mix-s-released-code-transport",
        "only those who ask are compared",
        "mixbook.theory.released.patches_by_rounds",
        lambda original: lambda cost, rounds, askers_only: original(cost, rounds),
    ),
    Mutant(
        "multimix-puzzle-mix-s-released-code-transport",
        "everybody is compared",
        "mixbook.theory.released.patches_by_rounds",
        lambda original: lambda cost, rounds, askers_only: original(cost, rounds, askers_only=False),
    ),
    Mutant(
        "multimix-co-mixup-s-released-code-box-overlap",
        "always cut off at 0",
        "mixbook.theory.released.box_overlap",
        lambda original: lambda one, other, clamped=True: original(one, other),
    ),
    Mutant(
        "multimix-co-mixup-s-released-code-box-overlap",
        "never cut off at 0",
        "mixbook.theory.released.box_overlap",
        lambda original: lambda one, other, clamped=True: original(one, other, clamped=False),
    ),
]
