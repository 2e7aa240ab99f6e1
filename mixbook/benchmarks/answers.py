"""The four answers that a cell of our own tables spells out, and the mixer that they make."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from mixbook.benchmarks.spec import Cell
from mixbook.mixing.blend import Blend
from mixbook.mixing.blend.cutmix import CutMix
from mixbook.mixing.blend.linear import Linear
from mixbook.mixing.mixer import Mixer
from mixbook.mixing.pairing import OptimalTransport, RandomPairing
from mixbook.mixing.place import INPUT, ManifoldMixer
from mixbook.mixing.ratio import Beta

# Boxes stay whole: as published they are cut off at the edges, and on maps of 4 x 4 never cover more than a quarter.
BLENDS: dict[str, Blend] = {"linear": Linear(), "cutmix": CutMix(inside=True)}


@dataclass(frozen=True)
class Answers:
    """Who, how much, where and how.

    Args:
        k: block size of optimal transport; 1 is random pairing.
        alpha: lambda ~ Beta(alpha, alpha).
        draws: K, interpolations of each pair.
        layers: where mixing may happen, each equally likely.
        blend: a key of :data:`BLENDS`.
        per: ``pair`` draws a lambda and, with hidden layers, a layer for each pair instead of each batch; ``pair_lambda`` a
            lambda alone.
    """

    k: int = 1
    alpha: float = 1.0
    draws: int = 1
    layers: tuple[str, ...] = (INPUT,)
    blend: str = "linear"
    per: str = "batch"

    @classmethod
    def of(cls, cell: Cell) -> "Answers":
        """Those of a cell such as ``k=16;alpha=1;K=5;layers=input+layer1;blend=cutmix``; mixup's where one is absent."""
        given = cell.answers()
        return cls(
            int(given.get("k", 1)),
            float(given["alpha"]),
            int(given.get("K", 1)),
            tuple(given.get("layers", INPUT).split("+")),
            given.get("blend", "linear"),
            given.get("per", "batch"),
        )

    def mixer(self, num_classes: int) -> Mixer | Callable[[nn.Module], ManifoldMixer]:
        """The mixer; for hidden layers, what makes one for a network.

        A batch smaller than k is matched as one block.
        """
        pairing = OptimalTransport(self.k, strict=False) if self.k > 1 else RandomPairing()
        ratio = Beta(self.alpha, self.draws, "batch" if self.per == "batch" else "pair")
        mixer = Mixer(pairing, ratio, BLENDS[self.blend], num_classes)
        if self.layers == (INPUT,):
            return mixer
        return lambda model: ManifoldMixer(model, self.layers, mixer, per="pair" if self.per == "pair" else "batch")
