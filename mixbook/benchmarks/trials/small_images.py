"""Small images as our own experiments use them: few samples to train on, many to test on."""

import torch

from mixbook.data import Arrays, digits, mnist, stand_in
from mixbook.training.streams import derive


def small_images(dataset: str, train_size: int, seed: int, *, real: bool = True) -> tuple[Arrays, Arrays]:
    """A random training part, and a test part: all other digits, or MNIST's official test images.

    Args:
        dataset: "digits", which scikit-learn ships, or "mnist".
        train_size: samples in the training part; at most 1,000 of what stands in for MNIST.
        seed: decides the training part.
        real: False puts enlarged digits in place of MNIST, which must be downloaded.

    Raises:
        ValueError: if ``dataset`` is neither, or has too few samples.
        mixbook.data.store.DataError: if MNIST is not there and cannot be downloaded.
    """
    generator = torch.Generator().manual_seed(derive(seed, "split"))
    if dataset not in ("digits", "mnist"):
        raise ValueError(f"dataset must be 'digits' or 'mnist', got {dataset!r}")
    if dataset == "digits":
        whole = digits()
        return whole.split(len(whole) - train_size, generator)
    if not real:
        whole = stand_in("mnist")
        return whole.split(len(whole) - min(train_size, 1000), generator)
    whole = mnist("train")
    return whole[torch.randperm(len(whole), generator=generator)[:train_size]], mnist("test")
