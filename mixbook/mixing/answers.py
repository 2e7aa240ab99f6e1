"""The four answers in plain values, for a command line, a table of results or a file, and the mixer that they make."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Literal, get_args

from torch import nn

from mixbook.mixing.blend import Blend
from mixbook.mixing.blend.cutmix import CutMix
from mixbook.mixing.blend.fmix import FMix
from mixbook.mixing.blend.linear import Linear
from mixbook.mixing.blend.puzzlemix import PuzzleMix
from mixbook.mixing.blend.saliency import GradientSaliency
from mixbook.mixing.mixer import Mixer
from mixbook.mixing.pairing import OptimalTransport, RandomPairing
from mixbook.mixing.place import INPUT, ManifoldMixer
from mixbook.mixing.ratio import Beta

BlendName = Literal["linear", "cutmix", "whole_cutmix", "fmix", "puzzlemix"]
Per = Literal["batch", "pair", "pair_lambda"]
# Boxes as published are cut off at the edges, and on maps of 4 x 4 never cover more than a quarter; whole ones stay inside.
_BLENDS: dict[BlendName, Callable[[], Blend]] = {
    "linear": Linear,
    "cutmix": CutMix,
    "whole_cutmix": lambda: CutMix(inside=True),
    "fmix": FMix,
}
_GUIDED = "puzzlemix"  # looks where the loss of the network in training looks, so there is no blend without a network


@dataclass(frozen=True)
class Answers:
    """Who, how much, where and how; with ``alpha=None`` nothing is mixed.

    Args:
        alpha: how much: lambda ~ Beta(alpha, alpha).
        k: who: partners matched by optimal transport in blocks of k; 1 pairs at random.
        draws: K, interpolations of each pair.
        layers: where: "input", or layers of the network by name, each equally likely.
        blend: how two samples are put together; ``puzzlemix`` is for images as they come in, not for hidden layers.
        per: ``pair`` draws a lambda and, with hidden layers, a layer for each pair instead of each batch; ``pair_lambda`` a
            lambda alone.

    Raises:
        ValueError: if ``k`` is less than 1, ``blend`` or ``per`` is none of these, ``blend`` is ``puzzlemix`` and a layer
            is hidden, or another answer is given without ``alpha``.
    """

    alpha: float | None = None
    k: int = 1
    draws: int = 1
    layers: tuple[str, ...] = (INPUT,)
    blend: BlendName = "linear"
    per: Per = "batch"

    def __post_init__(self) -> None:
        for name, known in (("blend", BlendName), ("per", Per)):
            if (value := getattr(self, name)) not in get_args(known):
                raise ValueError(f"{name} must be one of {', '.join(get_args(known))}, got {value!r}")
        if self.k < 1:
            raise ValueError(f"k must be at least 1, got {self.k}: 1 pairs at random")
        if self.blend == _GUIDED and self.layers != (INPUT,):
            raise ValueError(
                f"layers must be ('{INPUT}',) with blend={_GUIDED!r}, which looks at images, got {self.layers}"
            )
        given = [f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if getattr(self, f.name) != f.default]
        if self.alpha is None and given:
            raise ValueError(
                f"alpha is needed with {', '.join(given)}, for nothing is mixed without it: 1.0 is a good start"
            )

    def mixer(self, num_classes: int) -> Mixer | Callable[[nn.Module], Mixer | ManifoldMixer] | None:
        """The mixer; where it needs a network (hidden layers, Puzzle Mix), what makes one for it.

        A batch smaller than k, such as the last of an epoch, is matched as one block: see :meth:`check_batch`.
        """
        if self.alpha is None:
            return None
        pairing = OptimalTransport(self.k, strict=False) if self.k > 1 else RandomPairing()
        ratio = Beta(self.alpha, self.draws, "batch" if self.per == "batch" else "pair")
        if self.blend == _GUIDED:
            return lambda model: Mixer(pairing, ratio, PuzzleMix(GradientSaliency(model)), num_classes)
        mixer = Mixer(pairing, ratio, _BLENDS[self.blend](), num_classes)
        if self.layers == (INPUT,):
            return mixer
        return lambda model: ManifoldMixer(model, self.layers, mixer, per="pair" if self.per == "pair" else "batch")

    def check_batch(self, batch_size: int) -> None:
        """Refuse batches of which nothing would be mixed: one block of k or fewer samples is matched with itself.

        Args:
            batch_size: samples that are mixed with one another; with ``per="pair"`` they are spread over the layers.

        Raises:
            ValueError: if k makes one block of them, or of those that draw the same layer.
        """
        layers = len(self.layers) if self.per == "pair" else 1
        if self.k > 1 and self.k * layers >= batch_size:
            drawn = f" ({batch_size} over {layers} layers, with per='pair')" if layers > 1 else ""
            raise ValueError(
                f"k must be much smaller than the {batch_size // layers} samples{drawn} that are mixed with one another, "
                f"got {self.k}: one block of them all is matched with itself, and nothing would be mixed. Take a smaller "
                "k, a larger batch_size (each process, and each part of accumulate, mixes its own share), or pairs='across'"
                + (", or per='pair_lambda'" if layers > 1 else "")
            )

    def mixer_for(self, model: nn.Module, num_classes: int) -> Mixer | ManifoldMixer | None:
        """The mixer of a network."""
        made = self.mixer(num_classes)
        return made if made is None or isinstance(made, Mixer) else made(model)
