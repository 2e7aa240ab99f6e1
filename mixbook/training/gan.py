"""Training of a GAN with the Jensen-Shannon loss, and mixtures of real and fake for its discriminator.

Source: Verma et al., "Manifold Mixup" (ICML 2019), Appendix E, and its released code where the paper is silent.
"""

import math
import time
import warnings
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from mixbook.data import shuffled_batches
from mixbook.least import at_least
from mixbook.mixing.mixer import Mixes
from mixbook.training.extras import progress_bar
from mixbook.training.history import History
from mixbook.training.streams import derive


@dataclass(frozen=True)
class GanRecipe:
    """How a GAN is trained. The defaults are those of manifold mixup's released code.

    Args:
        epochs: passes over the images; 500 and 600 in the released scripts.
        batch_size: real images of a step, with as many fakes.
        lr: learning rate of both Adams, > 0.
        betas: of both Adams.
        generator_every: the generator takes a step every so many steps of the discriminator.
        noise: numbers that a fake is made from.
        seed: of the order of images, of noise and of mixing.

    Raises:
        ValueError: if a value is out of range.
    """

    epochs: int
    batch_size: int = 64
    lr: float = 2e-4
    betas: tuple[float, float] = (0.0, 0.999)
    generator_every: int = 5
    noise: int = 62
    seed: int = 0

    def __post_init__(self) -> None:
        at_least(1, epochs=self.epochs, batch_size=self.batch_size, generator_every=self.generator_every, noise=self.noise)
        if not 0 < self.lr < math.inf:
            raise ValueError(f"lr must be positive and finite, got {self.lr}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must lie in [0, 1), got {self.betas}")


def fit_gan(
    generator: nn.Module,
    discriminator: nn.Module,
    images: Tensor,
    recipe: GanRecipe,
    mixer: Mixes | None = None,
    progress: bool = True,
) -> History:
    """Train both networks, in place, on the device where the discriminator lives.

    The discriminator lowers l(d(x), 1) + l(d(g(z)), 0) + l(mixtures, their targets), with l the binary cross entropy. The
    generator lowers l(d(g(z)), 1), as is usual instead of raising l(d(g(z)), 0), and raises the term of the mixtures.

    Args:
        generator: noise (B, recipe.noise) to fakes like the images.
        discriminator: images to logits (B, 1) of being real.
        images: real ones, float32 (n, ...), for ``mixbook.models.gan`` in [-1, 1].
        recipe: hyper-parameters.
        mixer: what mixes real and fake, such as :func:`mixbook.mixing.gan.gan_mixup`; None for no term of mixtures. It gets
            the real images, the fakes and the fakes again, so that each kind of pair is one third.
        progress: show a bar.

    Returns:
        A record per epoch: means over its steps of ``d_loss``, of ``mix_loss``, which is the part of it that mixtures have,
        and of ``g_loss`` (NaN in an epoch in which the generator had no step), in nats; and ``seconds``.

    Raises:
        ValueError: if there are fewer images than a batch holds, or the discriminator does not give one logit for each.
    """
    if len(images) < recipe.batch_size:
        raise ValueError(f"images must fill a batch of {recipe.batch_size}, got {len(images)}: use a smaller batch_size")
    device = next(discriminator.parameters()).device
    order, noise, mixing = (
        torch.Generator().manual_seed(derive(recipe.seed, purpose)) for purpose in ("order", "noise", "mixing")
    )
    adams = [torch.optim.Adam(net.parameters(), lr=recipe.lr, betas=recipe.betas) for net in (generator, discriminator)]
    generator.train()
    discriminator.train()
    records: list[dict[str, float]] = []
    step = 0
    bar = progress_bar(recipe.epochs, 0, "GAN", progress)
    for epoch in range(recipe.epochs):
        started = time.perf_counter()
        sums: dict[str, list[Tensor]] = {"d_loss": [], "g_loss": [], "mix_loss": []}
        for rows in shuffled_batches(len(images), recipe.batch_size, order, drop_last=True):
            real = images[rows].to(device)
            z = torch.randn(len(real), recipe.noise, generator=noise).to(device)
            if step % recipe.generator_every == 0:
                fake = generator(z)
                loss = _generator_loss(discriminator, real, fake, mixer, mixing)
                _step(adams[0], loss)
                sums["g_loss"].append(loss.detach())
            else:
                with torch.no_grad():
                    fake = generator(z)
            plain, mixed = _discriminator_losses(discriminator, real, fake.detach(), mixer, mixing)
            _step(adams[1], plain + mixed)
            sums["d_loss"].append((plain + mixed).detach())
            sums["mix_loss"].append(mixed.detach())
            step += 1
        means = {name: float(torch.stack(each).mean()) if each else math.nan for name, each in sums.items()}
        if not math.isfinite(means["d_loss"]):
            warnings.warn(f"the loss is {means['d_loss']} in epoch {epoch}: lower lr={recipe.lr}?", stacklevel=2)
        records.append(means | {"seconds": time.perf_counter() - started})
        bar.update()
    bar.close()
    return History(tuple(records))


def _generator_loss(
    discriminator: nn.Module, real: Tensor, fake: Tensor, mixer: Mixes | None, mixing: torch.Generator
) -> Tensor:
    before = [(weight, weight.requires_grad) for weight in discriminator.parameters()]
    discriminator.requires_grad_(False)  # the gradient passes through it and leaves nothing behind
    loss = _loss(discriminator(fake), 1.0)
    if mixer is not None:
        loss = loss - _mixed_loss(mixer, discriminator, real, fake, mixing)
    for weight, required in before:
        weight.requires_grad_(required)
    return loss


def _discriminator_losses(
    discriminator: nn.Module, real: Tensor, fake: Tensor, mixer: Mixes | None, mixing: torch.Generator
) -> tuple[Tensor, Tensor]:
    plain = _loss(discriminator(real), 1.0) + _loss(discriminator(fake), 0.0)
    return plain, plain.new_zeros(()) if mixer is None else _mixed_loss(mixer, discriminator, real, fake, mixing)


def _mixed_loss(mixer: Mixes, discriminator: nn.Module, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """Mean binary cross entropy of the discriminator on mixtures of real and fake with their targets."""
    is_real = torch.cat([torch.ones(len(real), 1), torch.zeros(2 * len(fake), 1)]).to(real.device)
    logits, targets = mixer.outputs(discriminator, torch.cat([real, fake, fake]), is_real, generator=generator)
    return binary_cross_entropy_with_logits(logits, targets)


def _loss(logits: Tensor, target: float) -> Tensor:
    if logits.ndim != 2 or logits.shape[1] != 1:
        raise ValueError(f"discriminator must give one logit for each image, (B, 1), got {tuple(logits.shape)}")
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def _step(adam: torch.optim.Optimizer, loss: Tensor) -> None:
    adam.zero_grad()
    loss.backward()
    adam.step()
    torch.clear_autocast_cache()  # or under an autocast around the training all steps would see the first weights
