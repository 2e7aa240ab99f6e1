"""How fast ``fit`` trains, beside the floor and beside a plain loop over a ``DataLoader``; by turns, on random images.

``python -m mixbook.benchmarks.speed.train`` measures on the CPU and stores it for the book's page on speed.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from time import perf_counter
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

from mixbook import vision
from mixbook.benchmarks.home import stored_results
from mixbook.benchmarks.speed.stopwatch import Comparison, compare, store
from mixbook.data.pixels import Pixels
from mixbook.data.resident import Resident
from mixbook.mixing.mixer import kmixup, multimix
from mixbook.models import LeNet, PreActResNet, WideResNet, seeded
from mixbook.training import Recipe, fit
from mixbook.training.extras import one_device

CLASSES = 10
ERM, MIXED = 0.97, 0.95  # least shares of the floor's images per second that were asked for
MATCHED = 1 / 1.02  # of those of k = 1, which mixes without matching: at most 2% more time for a step
LOADED = 1.2  # times as fast as the DataLoader loop that was asked for


@dataclass(frozen=True)
class Case:
    """A network, and the steps that it takes in a round.

    Args:
        what: in words.
        make: the network.
        shape: of an image.
        steps: in one round.
        ks: block sizes of the k-mixups that are timed besides training without mixing.
        batch_size: samples in a batch, B.
        shift, flip: how images are augmented in our loop; the floor always sees the same finished batch.
        precision: of both sides.
        loader: compare with the DataLoader loop too.
        images_per_second: that were asked for without mixing, if any.
        draws: K of the multi-mixes that are timed too.
    """

    what: str
    make: Callable[[], nn.Module]
    shape: tuple[int, int, int]
    steps: int
    ks: tuple[int, ...] = (16,)
    batch_size: int = 128
    shift: int = 0
    flip: bool = False
    precision: Literal["fp32", "bf16"] = "fp32"
    loader: bool = False
    images_per_second: float | None = None
    draws: tuple[int, ...] = ()

    @property
    def images(self) -> int:
        """Images of a round."""
        return self.steps * self.batch_size

    def pixels(self) -> Pixels:
        """Random images, as many as a round sees."""
        generator = torch.Generator().manual_seed(0)
        x = torch.randint(256, (self.images, *self.shape), generator=generator, dtype=torch.uint8)
        return Pixels(x, torch.randint(CLASSES, (self.images,), generator=generator), CLASSES, self.what)

    def data(self) -> Resident:
        """The same as our loop takes them."""
        return Resident(self.pixels(), shift=self.shift, flip=self.flip, mean=(0.5,), std=(0.25,))

    def recipe(self) -> Recipe:
        """One pass."""
        return Recipe(1, self.batch_size, 0.001, precision=self.precision, channels_last=True)


CPU = (
    Case("LeNet, 1 x 28 x 28", LeNet, (1, 28, 28), 150, loader=True),
    Case("PreActResNet-18, 3 x 32 x 32", PreActResNet, (3, 32, 32), 2, shift=4, flip=True),
)
_WIDE = partial(WideResNet, 16, 8)
GPU = (
    CPU[0],
    Case(
        "PreActResNet-18, 3 x 32 x 32, bf16, B = 512",
        PreActResNet,
        (3, 32, 32),
        60,
        (16, 32),
        512,
        4,
        True,
        "bf16",
        images_per_second=40_000,
    ),
    # The batch of k-mixup's CIFAR-10: k = 1 mixes without matching. And K = 5 is multi-mix's.
    Case(
        "PreActResNet-18, 3 x 32 x 32, bf16, B = 128",
        PreActResNet,
        (3, 32, 32),
        120,
        (1, 32),
        128,
        4,
        True,
        "bf16",
        draws=(5,),
    ),
    Case("WRN-16-8, 3 x 32 x 32, bf16, B = 512", _WIDE, (3, 32, 32), 40, (16,), 512, 4, True, "bf16", False, 20_000),
)


def ours(case: Case, k: int | None, device: torch.device, draws: int | None = None) -> Callable[[], Any]:
    """``fit`` for a round, all that it does before and after its steps included; with k-mixup, multi-mix, or neither."""
    model, data, fabric = seeded(0, case.make), case.data().to(device), one_device(device, case.precision)
    mixer = multimix(draws, 1.0, CLASSES) if draws else kmixup(k, 1.0, CLASSES) if k else None
    return lambda: fit(model, data, case.recipe(), mixer=mixer, fabric=fabric, progress=False)


def floor(case: Case, device: torch.device) -> Callable[[], None]:
    """Forward, backward and step, again and again on one batch that lies ready on the device."""
    model, optimizer = _plain(case, device)
    x, y = case.data().to(device).batch(torch.arange(case.batch_size))
    x = x.contiguous(memory_format=torch.channels_last)

    def loop() -> None:
        for _ in range(case.steps):
            _step(case, model, optimizer, x, y)

    return loop


def loaded(case: Case, device: torch.device) -> Callable[[], None]:
    """Torchvision's reference style: PIL images through transforms one by one, collated by a ``DataLoader``.

    It loads in the process that trains, as there is no core left over for workers, and asks for the loss at every step.
    """
    vision.load()
    v2 = import_module("torchvision.transforms.v2")
    changes = v2.Compose([v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5], [0.25])])
    model, optimizer = _plain(case, device)
    loader = DataLoader(_Pictures(case.pixels(), changes), case.batch_size, shuffle=True, drop_last=True)

    def loop() -> None:
        for x, y in loader:
            x = x.to(device, memory_format=torch.channels_last)
            _step(case, model, optimizer, x, y.to(device)).item()

    return loop


class _Pictures(Dataset[tuple[Tensor, int]]):
    """Images as torchvision's data sets give them: made a PIL image, then transformed."""

    def __init__(self, pixels: Pixels, changes: Callable[[Any], Tensor]) -> None:
        self._x, self._y, self._changes = pixels.x.permute(0, 2, 3, 1).squeeze(-1).numpy(), pixels.y.tolist(), changes

    def __len__(self) -> int:
        return len(self._y)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        from PIL import Image

        return self._changes(Image.fromarray(self._x[row])), self._y[row]


def _plain(case: Case, device: torch.device) -> tuple[nn.Module, torch.optim.Optimizer]:
    model = seeded(0, case.make).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model, case.recipe().make_optimizer(model.parameters())


def _step(case: Case, model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> Tensor:
    optimizer.zero_grad()
    with torch.autocast(x.device.type, torch.bfloat16) if case.precision == "bf16" else nullcontext():
        loss = cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


def training(device: str = "cpu", rounds: int = 5, cases: tuple[Case, ...] | None = None) -> list[Comparison]:
    """Seconds for an image, forward, backward and step included: ours, against the floor and the DataLoader loop."""
    place, found = torch.device(device), []
    for case in cases or (CPU if place.type == "cpu" else GPU):
        limit = None if case.images_per_second is None else 1 / case.images_per_second

        def against(reference: str, k: int | None, theirs: Callable[[], Any], case: Case = case) -> Comparison:
            method = f"k-mixup, k={k}" if k else "ERM"
            what = f"training an image, {case.what}: {method}{', against k=1' if reference == 'k=1' else ''}"
            return compare(what, reference, ours(case, k, place), theirs, rounds).scaled(1 / case.images)

        bare = floor(case, place)
        found.append(replace(against("bare loop", None, bare), wanted=ERM, limit=limit))
        found += [replace(against("bare loop", k, bare), wanted=MIXED) for k in case.ks]
        if 1 in case.ks:
            unmatched = ours(case, 1, place)
            found += [replace(against("k=1", k, unmatched), wanted=MATCHED) for k in case.ks if k > 1]
        for draws in case.draws:
            # The network sees K mixtures of each image, so the floor is the same network on K times as many images.
            many = case.batch_size * draws
            what = f"training an image, {case.what}: multi-mix, K={draws}, against steps of {many} images"
            mixed, bare = ours(case, None, place, draws), floor(replace(case, batch_size=many), place)
            timed = compare(what, f"bare loop, {many} images a step", mixed, bare, rounds)
            found.append(replace(timed.scaled(1 / case.images), wanted=MIXED))
        if case.loader:
            found.append(replace(against("DataLoader loop", None, loaded(case, place)), wanted=LOADED))
    return found


def memory(device: str, cases: tuple[Case, ...] = GPU) -> list[dict[str, Any]]:
    """Most memory in use, bytes, of our loop and of the bare one; of CUDA devices only.

    A CPU keeps no such count: the resident size of a process holds what allocators have not given back.
    """
    place = torch.device(device)
    if place.type != "cuda":
        return []

    def peak(make: Callable[[], Callable[[], Any]]) -> int:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(place)
        before = torch.cuda.memory_allocated(place)
        make()()
        return torch.cuda.max_memory_allocated(place) - before

    return [
        {
            "what": f"{case.what}: {f'k-mixup, k={k}' if k else 'ERM'}",
            "ours": peak(partial(ours, case, k, place)),
            "theirs": peak(partial(floor, case, place)),
            "wanted": 1.1,
        }
        for case in cases
        for k in (None, *case.ks)
    ]


if __name__ == "__main__":
    began = perf_counter()
    store(stored_results() / "speed" / "train.json", training())
    print(f"measured in {perf_counter() - began:.0f} s")
