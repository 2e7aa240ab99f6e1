"""The mixtures of N networks in one step: what is drawn for each, matched for all, and mixed at each one's layer."""

from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mixbook.mixing.blend.linear import Linear
from mixbook.mixing.block import is_blind
from mixbook.mixing.checks import built_in
from mixbook.mixing.matching import Matching, solve
from mixbook.mixing.mixer import Mixer, Mixes
from mixbook.mixing.pairing import OptimalTransport, Pairing, RandomPairing
from mixbook.mixing.place import INPUT, ManifoldMixer
from mixbook.mixing.ratio import lambdas
from mixbook.training.trials.network import Networks
from mixbook.training.trials.trial import AnyMixer

Batch = tuple[Tensor, Tensor]  # x (N, B, ...) and y (N, B)
Part = tuple[Tensor | None, Tensor, Tensor]  # which networks (None for all), their logits (n, M, C) and targets (n, M, C)

HUGE = 1e9  # what no network in use has: the sums of its products are not numbers any more


def mixes_together(mixer: Mixes) -> bool:
    """Whether batches of many networks can be mixed by one operation: near or random partners, blended linearly."""
    # Exactly these: the operation would leave out what a reader derives from them.
    inner = mixer.mixer if type(mixer) is ManifoldMixer else mixer
    return is_blind(inner) and type(inner.pairing) in (RandomPairing, OptimalTransport) and type(inner.blend) is Linear


def mixes_beforehand(mixer: Mixes, *, of_network: bool = False) -> bool:
    """Whether the mixtures depend on the data alone, so that they can be made before any network runs.

    Args:
        mixer: is asked for them.
        of_network: whether it was made for one network, which a pairing of a reader's own may then look at.
    """
    return is_blind(mixer) and (built_in(mixer.pairing) or not of_network)


class StackedMixer:
    """Mixes a batch for each of N networks, network n as ``mixers[n].outputs`` would with the same generator.

    Args:
        mixers: one for each network; all at the input, or all at hidden layers; with equally many draws and classes.

    Raises:
        ValueError: if the number of classes is not given; when mixing, as the mixers themselves do for a batch.
    """

    def __init__(self, mixers: Sequence[AnyMixer]) -> None:
        self._mixers = list(mixers)
        self._inner = [cast(Mixer, each.mixer) if isinstance(each, ManifoldMixer) else each for each in mixers]
        self._together = all(map(mixes_together, mixers))
        classes = self._inner[0].num_classes
        if classes is None:
            raise ValueError("num_classes is needed for integer labels, got None: e.g. mixup(alpha=1.0, num_classes=10)")
        self._classes = classes

    def outputs(
        self, network: Networks, batch: Batch, partner: Batch | None, generators: Sequence[torch.Generator]
    ) -> Iterator[Part]:
        """The networks' outputs on their mixtures, and the targets: in parts of networks that mix at the same layer.

        Args:
            network: the networks.
            batch: a batch for each.
            partner: second batches that partners come from; the batches themselves if None.
            generators: the source of each one's randomness.
        """
        if not self._together:
            mixed, targets = self._one_by_one(batch, partner, generators)
            yield None, network.run(mixed), targets
            return
        size = batch[0].shape[1]
        drawn = [self._draw(n, size, generator) for n, generator in enumerate(generators)]
        layers = [layer for layer, _, _ in drawn]
        for layer in dict.fromkeys(layers):
            here = [n for n, other in enumerate(layers) if other == layer]
            which = None if len(here) == len(layers) else torch.tensor(here, device=batch[0].device)
            candidates = torch.stack([drawn[n][1] for n in here]).to(batch[0].device)
            lam = torch.stack([drawn[n][2] for n in here]).to(batch[0].device)
            before, after = network.stages(None if layer == INPUT else layer)
            x, x2 = _through(network, before, which, batch[0], None if partner is None else partner[0])
            pairings = [self._inner[n].pairing for n in here]
            chosen = partners(x, x2, candidates, pairings, within=partner is None)
            mixed = _mix(x, x2, chosen, lam)
            y, y2 = (self._one_hot(each[1], which) for each in (batch, batch if partner is None else partner))
            yield which, network.run(mixed, after, which), _mix(y, y2, chosen, lam)

    def _one_hot(self, y: Tensor, which: Tensor | None) -> Tensor:
        return F.one_hot(y if which is None else y[which], self._classes).float()

    def _draw(self, n: int, size: int, generator: torch.Generator) -> tuple[str, Tensor, Tensor]:
        """Of network n: where it mixes, the order of the candidates (B,), and lambda (K, B); drawn as it draws itself."""
        mixer, inner = self._mixers[n], self._inner[n]
        layer = mixer.draw_layer(generator) if isinstance(mixer, ManifoldMixer) else INPUT
        return layer, torch.randperm(size, generator=generator), lambdas(inner.ratio, size, generator)

    def _one_by_one(self, batch: Batch, partner: Batch | None, generators: Sequence[torch.Generator]) -> Batch:
        as_it_is = nn.Identity()
        made = [
            mixer.outputs(
                as_it_is,
                batch[0][n],
                batch[1][n],
                partner=None if partner is None else (partner[0][n], partner[1][n]),
                generator=generators[n],
            )
            for n, mixer in enumerate(self._inner)
        ]
        return torch.stack([x for x, _ in made]), torch.stack([targets for _, targets in made])


def partners(x: Tensor, other: Tensor, candidates: Tensor, pairings: Sequence[Pairing], *, within: bool) -> Tensor:
    """Partners of all networks, int64 (n, B): rows of their ``other``, matched for all networks of one pairing at once.

    Args:
        x, other: rows that look for partners, and those that they are chosen from, (n, B, ...).
        candidates: a permutation for each network, (n, B).
        pairings: that of each network, random or by transport.
        within: whether ``other`` is the same batch.

    Raises:
        ValueError: if a pairing refuses a batch of that size.
    """
    found, size = candidates.clone(), x.shape[1]
    matchings, places = [], []
    for pairing in dict.fromkeys(each for each in pairings if isinstance(each, OptimalTransport)):
        k = pairing.block_size(size, within=within)
        rows = torch.tensor([n for n, each in enumerate(pairings) if each == pairing], device=x.device)
        left, right = (_rows(each if len(rows) == len(each) else each[rows]) for each in (x, other))
        for part, block in ((slice(0, size - size % k), k), (slice(size - size % k, None), size % k)):
            if block > 1:
                nominated = right.gather(1, candidates[rows, part, None].expand(-1, -1, right.shape[2])).flatten(0, 1)
                count = torch.arange(len(nominated), device=x.device)
                matchings.append(Matching(left[:, part].flatten(0, 1), nominated, count, block, pairing.cost))
                places.append((rows, part))
    for (rows, part), order in zip(places, _solve(matchings), strict=True):
        nominated = candidates[rows, part]
        start = nominated.shape[1] * torch.arange(len(rows), device=x.device)[:, None]
        found[rows, part] = nominated.gather(1, order.view_as(nominated) - start)
    return found


def _solve(matchings: list[Matching]) -> list[Tensor]:
    try:
        return solve(matchings)
    except ValueError:  # a network that diverges has no distances, and must not stop the others
        return solve([Matching(_tame(m.x), _tame(m.other), m.candidates, m.k, m.cost) for m in matchings])


def _tame(x: Tensor) -> Tensor:
    """Rows with numbers whose products are no numbers any more, as zeros."""
    return x.where(x.abs().amax(dim=1, keepdim=True) < HUGE, 0)


def _rows(x: Tensor) -> Tensor:
    return x.detach().flatten(2)


def _through(network: Networks, stage: slice, which: Tensor | None, x: Tensor, x2: Tensor | None) -> tuple[Tensor, Tensor]:
    """What comes out of the first layers for the batch, and for the rows that partners come from."""
    both = x if x2 is None else torch.cat([x, x2], dim=1)
    out = network.run(both if which is None else both[which], stage, which)
    return (out, out) if x2 is None else (out[:, : x.shape[1]], out[:, x.shape[1] :])


def _mix(x: Tensor, other: Tensor, chosen: Tensor, lam: Tensor) -> Tensor:
    """Mixtures (n, K B, ...) of rows (n, B, ...) with the chosen rows of ``other``, lam (n, K, B) of the former."""
    shape = x.shape[2:]
    x, other = x.flatten(2), other.flatten(2)
    taken = other.gather(1, chosen[..., None].expand(-1, -1, other.shape[2]))
    if lam.shape[1] == 1:
        return taken.lerp_(x, lam[:, 0, :, None]).unflatten(2, shape)
    return torch.lerp(taken[:, None], x[:, None], lam[..., None]).flatten(1, 2).unflatten(2, shape)
