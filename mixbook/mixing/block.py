"""Planning a block of batches at once: all matchings are solved together."""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import TypeGuard, cast

import torch
from torch import Tensor

from mixbook.mixing.blend.cutmix import CutMix
from mixbook.mixing.blend.fmix import FMix
from mixbook.mixing.blend.linear import Linear
from mixbook.mixing.checks import check_batch, check_mixer
from mixbook.mixing.matching import begin_solving
from mixbook.mixing.mixer import Mixer
from mixbook.mixing.oneof import OneOf
from mixbook.mixing.pairing import OptimalTransport
from mixbook.mixing.plan import IGNORED, MixPlan, check_labels
from mixbook.mixing.ratio import lambdas

Batch = tuple[Tensor, Tensor | None]

# Their weights and masks are the same whoever the partner is, so partners may be found later.
_BLIND = (Linear, CutMix, FMix)


def plan_many(
    mixer: Mixer | OneOf, batches: Iterable[tuple[Tensor, Tensor | None]], *, generator: torch.Generator | None = None
) -> list[MixPlan]:
    """Plans of several batches ``(x, y)``: those that ``mixer.plan(x, y)`` gives one after the other, from the same draws.

    With :class:`~mixbook.mixing.pairing.OptimalTransport` the costs of all batches come to the host in one copy, so a GPU
    is waited for once in a block, and not once in a batch. Other pairings, blends that look at the partners, and mixers by
    turns are planned in turn.

    Args:
        mixer: plans them.
        batches: ``x`` (B, ...) with targets ``y``, or None for those.
        generator: used instead of the mixer's own.

    Raises:
        TypeError: if ``mixer`` plans no batches, as what mixes inside a network.
        ValueError: as for :meth:`Mixer.plan`.

    Example:
        >>> import torch, mixbook as mb
        >>> batches = [(torch.rand(32, 8), torch.randint(0, 3, (32,))) for _ in range(4)]
        >>> plans = mb.plan_many(mb.kmixup(k=8), batches)
        >>> len(plans), len(plans[0])
        (4, 32)
    """
    return begin_plans(mixer, ((batch, None) for batch in batches), generator=generator)()


def begin_plans(
    mixer: Mixer | OneOf,
    batches: Iterable[tuple[Batch, Batch | None]],
    *,
    generator: torch.Generator | None = None,
    pool: Executor | None = None,
) -> Callable[[], list[MixPlan]]:
    """Draw for several batches and ask for the costs of their matchings; the plans come when what is returned is called.

    On a GPU nothing is waited for here, so it can be given other work before the plans are needed.

    Args:
        mixer: as for :func:`plan_many`.
        batches: each with a second one that its partners come from, or None.
        generator: as for :func:`plan_many`.
        pool: of threads, one of which solves the matchings meanwhile.

    Example:
        >>> import torch, mixbook as mb
        >>> from mixbook.mixing.block import begin_plans
        >>> finish = begin_plans(mb.kmixup(k=8), [((torch.rand(32, 8), None), None)])
        >>> len(finish())
        1
    """
    check_mixer(mixer)
    if not in_blocks(mixer):
        plans = []
        for (x, y), second in batches:
            x2, y2 = second or (None, None)
            plans.append(mixer.plan(x, y, x2=x2, y2=y2, generator=generator))
        return lambda: plans
    pairing = cast(OptimalTransport, mixer.pairing)
    generator = mixer.generator if generator is None else generator
    matchings, drafts = [], []
    for (x, y), second in batches:
        check_batch(x, y)
        if second is not None:
            check_batch(*second, ("x2", "y2"))
        for labels in (y, None if second is None else second[1]):
            check_labels(labels, mixer.num_classes, IGNORED)
        matching = pairing.begin(x, None if second is None else second[0], generator)
        lam = lambdas(mixer.ratio, len(x), generator)
        before = 0 if second is None else len(x)  # rows of the batch itself that lie before its partners' rows
        rows = x[:1].expand(before + len(x), *x.shape[1:])  # only their number and size are looked at
        matchings.append(matching)
        drafts.append((before, mixer.blend.plan(rows, matching.candidates, lam, generator, y)))
    partners = begin_solving(matchings, pool)

    def finish() -> list[MixPlan]:
        return [
            MixPlan.of_pairs(partner + before, draft.weights, draft.rows, masks=draft.masks)
            for (before, draft), partner in zip(drafts, partners(), strict=True)
        ]

    return finish


def in_blocks(mixer: object) -> TypeGuard[Mixer]:
    """Whether plans of several batches gain from being made together: a matching, and a blend that needs no partner yet.

    Example:
        >>> import mixbook as mb
        >>> from mixbook.mixing.block import in_blocks
        >>> in_blocks(mb.kmixup(k=8)), in_blocks(mb.mixup())
        (True, False)
    """
    return is_blind(mixer) and type(mixer.pairing) is OptimalTransport


def is_blind(mixer: object) -> TypeGuard[Mixer]:
    """Whether a mixer is a :class:`Mixer` with a blend that looks neither at the partners nor at a network.

    Example:
        >>> import mixbook as mb
        >>> from mixbook.mixing.block import is_blind
        >>> is_blind(mb.cutmix()), is_blind(mb.Mixer(blend=mb.SaliencyMix()))
        (True, False)
    """
    # Exactly these: what a reader derives from them may look at more, and is asked in turn.
    return type(mixer) is Mixer and type(mixer.blend) in _BLIND
