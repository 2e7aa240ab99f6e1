"""Mixing what a GAN's discriminator sees: real samples and fake ones (manifold mixup, Appendix E)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mixbook.generators import drawn_by
from mixbook.mixing.mixer import Mixer
from mixbook.mixing.place import ManifoldMixer
from mixbook.mixing.ratio import Uniform


@dataclass(frozen=True)
class RealFake:
    """Real with fake, fake with real, fake with fake, and never real with real, whose mixtures are not real.

    Each real sample gets a fake partner. As many fakes get a real partner, all others a fake one. So a batch of n real and
    2 n fake samples, or of n real ones and n fakes twice, gives the three kinds in equal parts, as the released code does;
    the paper does not say in which. The mixed target is then y(lambda; x1, x2) of its equation 4 by itself: lambda,
    1 - lambda or 0.

    Raises:
        ValueError: when pairing, if there is a second batch, labels are missing or not 1 (real) or 0 (fake), or there are
            fewer fakes than real samples.

    Example:
        >>> import torch
        >>> from mixbook.mixing.gan import RealFake
        >>> y = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0, 0.0])  # two real samples, then four fakes
        >>> partner = RealFake().pair(torch.rand(6, 3), y=y)
        >>> y[partner[:2]], int(y[partner].sum())
        (tensor([0., 0.]), 2)
    """

    def pair(
        self,
        x: Tensor,
        other: Tensor | None = None,
        generator: torch.Generator | None = None,
        y: Tensor | None = None,
        y2: Tensor | None = None,
    ) -> Tensor:
        """Partners, int64 (B,): see :class:`~mixbook.mixing.pairing.Pairing`. ``y`` is (B,) or (B, 1), 1 for real."""
        if other is not None:
            raise ValueError("a second batch has no place here: real and fake samples are told apart by y")
        if y is None or y.numel() != len(x) or not bool(((y == 0) | (y == 1)).all()):
            got = None if y is None else f"shape {tuple(y.shape)}"
            raise ValueError(f"y must be 1 for each real and 0 for each fake of the {len(x)} samples, got {got}")
        is_real = y.flatten().cpu() == 1
        real, fake = is_real.nonzero().flatten(), (~is_real).nonzero().flatten()
        if len(fake) < len(real):
            raise ValueError(f"there must be as many fakes as real samples, got {len(fake)} and {len(real)}")
        partner = torch.empty(len(x), dtype=torch.int64)
        fake = fake[_shuffled(len(fake), generator)]
        partner[real] = fake[_shuffled(len(fake), generator)][: len(real)]
        with_real, with_fake = fake.split([len(real), len(fake) - len(real)])
        partner[with_real] = real[_shuffled(len(real), generator)]
        partner[with_fake] = with_fake[_shuffled(len(with_fake), generator)]
        return partner.to(x.device)


def gan_mixup(
    discriminator: nn.Module,
    layers: Sequence[str] | Mapping[str, float] = ("input", "layer1", "layer2"),
    alpha: float = 0.5,
    *,
    generator: torch.Generator | None = None,
) -> ManifoldMixer:
    """Mixing for a discriminator: lambda uniform on (0, alpha) for each pair, at a random one of ``layers``.

    By default mixes the pixels or what comes out of the first two resblocks, at alpha = 0.5, the best of Appendix E. There
    lambda is the weight of x1; the released code draws it for each pair.

    Args:
        discriminator: gives logits (B, 1).
        layers: as for :class:`~mixbook.mixing.place.ManifoldMixer`.
        alpha: in (0, 1].
        generator: source of randomness.

    Raises:
        ValueError: if ``alpha`` is not in (0, 1], or a layer is not in the discriminator.

    Example:
        >>> import torch
        >>> from mixbook.mixing.gan import gan_mixup
        >>> from mixbook.models.gan import Discriminator
        >>> mix = gan_mixup(Discriminator(width=8), layers=["input", "layer1"])
        >>> logits, targets = mix(torch.rand(6, 3, 32, 32), torch.tensor([[1.0]] * 2 + [[0.0]] * 4))
        >>> logits.shape, targets.shape
        (torch.Size([6, 1]), torch.Size([6, 1]))
    """
    if not 0 < alpha <= 1:
        raise ValueError(f"alpha must lie in (0, 1], got {alpha}: lambda is uniform between 0 and alpha")
    return ManifoldMixer(discriminator, layers, Mixer(RealFake(), Uniform(0.0, alpha, per="pair"), generator=generator))


def _shuffled(count: int, generator: torch.Generator | None) -> Tensor:
    return torch.randperm(count, **drawn_by(generator)).cpu()
