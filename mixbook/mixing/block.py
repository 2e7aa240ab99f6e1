"""Planning a block of batches at once: all matchings are solved together."""

from collections.abc import Iterable

import torch
from torch import Tensor

from mixbook.mixing.blend.cutmix import CutMix
from mixbook.mixing.blend.fmix import FMix
from mixbook.mixing.blend.linear import Linear
from mixbook.mixing.checks import check_batch
from mixbook.mixing.matching import solve
from mixbook.mixing.mixer import Mixer
from mixbook.mixing.pairing import OptimalTransport
from mixbook.mixing.plan import MixPlan

# Their weights and masks are the same whoever the partner is, so partners may be found later.
_BLIND = (Linear, CutMix, FMix)


def plan_many(
    mixer: Mixer, batches: Iterable[tuple[Tensor, Tensor | None]], *, generator: torch.Generator | None = None
) -> list[MixPlan]:
    """Plans of several batches ``(x, y)``: those that ``mixer.plan(x, y)`` gives one after the other, from the same draws.

    With :class:`~mixbook.mixing.pairing.OptimalTransport` the costs of all batches come to the host in one copy, so a GPU
    is waited for once in a block, and not once in a batch. Other pairings, and blends that look at the partners, are
    planned in turn.

    Args:
        mixer: plans them.
        batches: ``x`` (B, ...) with targets ``y``, or None for those.
        generator: used instead of the mixer's own.

    Raises:
        ValueError: as for :meth:`Mixer.plan`.

    Example:
        >>> import torch, mixbook as mb
        >>> batches = [(torch.rand(32, 8), torch.randint(0, 3, (32,))) for _ in range(4)]
        >>> plans = mb.plan_many(mb.kmixup(k=8), batches)
        >>> len(plans), len(plans[0])
        (4, 32)
    """
    if not isinstance(mixer.pairing, OptimalTransport) or not isinstance(mixer.blend, _BLIND):
        return [mixer.plan(x, y, generator=generator) for x, y in batches]
    generator = mixer.generator if generator is None else generator
    matchings, drafts = [], []
    for x, y in batches:
        check_batch(x, y)
        matching = mixer.pairing.begin(x, None, generator)
        lam = mixer.ratio.sample(len(x), generator)
        matchings.append(matching)
        drafts.append(mixer.blend.plan(x, matching.candidates, lam, generator, y))
    return [
        MixPlan.of_pairs(partner, draft.weights, draft.rows, masks=draft.masks)
        for draft, partner in zip(drafts, solve(matchings), strict=True)
    ]
