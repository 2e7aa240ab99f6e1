"""Planning ahead: the next batches are planned in the background while the network trains on this one."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from mixbook.mixing.checks import check_mixer
from mixbook.mixing.mixer import Mixer
from mixbook.mixing.oneof import OneOf
from mixbook.mixing.plan import MixPlan

Planned = tuple[Tensor, Tensor, MixPlan]


@dataclass(frozen=True)
class PlanAhead:
    """A loader whose batches come with their plans: ``for x, y, plan in PlanAhead(loader, mixer): ...``.

    One thread plans batch after batch, so the plans are those of ``mixer.plan(x, y)`` called in turn, and the same
    generator gives the same plans. A mixer without a generator draws from one that is seeded from torch's global one when a
    loop over the batches begins: the loop itself may draw from that meanwhile. Matching spends its time in SciPy and in
    matrix products, which let other threads run: on a machine with a processor to spare, or with a GPU, transport costs
    next to nothing. On a GPU the distances are computed in a stream of their own, so that waiting for them does not hold up
    the training step.

    The mixer's generator runs up to ``ahead`` batches in front of the training: save :meth:`Mixer.state_dict` between
    epochs, when all plans have been used. Blends that ask the network in training (Puzzle Mix) need its current weights:
    plan those in turn.

    Args:
        loader: gives batches ``(x, y)``.
        mixer: plans them.
        ahead: how many batches are planned or waiting to be used, >= 1.

    Raises:
        TypeError: if ``mixer`` plans no batches, as what mixes inside a network.
        ValueError: if ``ahead`` is less than 1, or of a :class:`OneOf` only the mixers have generators. What goes wrong in
            planning is raised where the batch is asked for.

    Example:
        >>> import torch, mixbook as mb
        >>> batches = [(torch.rand(32, 8), torch.randint(0, 3, (32,))) for _ in range(4)]
        >>> for x, y, plan in mb.PlanAhead(batches, mb.kmixup(k=8)):
        ...     mixed, targets = plan.apply(x), plan.targets(y, num_classes=3)
    """

    loader: Iterable[tuple[Tensor, Tensor]]
    mixer: Mixer | OneOf
    ahead: int = 2

    def __post_init__(self) -> None:
        check_mixer(self.mixer)
        if self.ahead < 1:
            raise ValueError(
                f"ahead must be at least 1, got {self.ahead}: 2 is enough where planning is faster than training"
            )
        if isinstance(self.mixer, OneOf) and self.mixer.generator is None and not self.mixer.draws_globally:
            raise ValueError(
                "mixer is OneOf without a generator, but its mixers have some: which of them it is would come from torch's "
                "global one, which the training draws from meanwhile. Give OneOf a generator too, or give none"
            )

    def __len__(self) -> int:
        """Number of batches, where the loader knows it."""
        return len(self.loader)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Planned]:
        """Batches with their plans, in the loader's order."""
        batches, generator = iter(self.loader), None
        if self.mixer.draws_globally:
            generator = torch.Generator().manual_seed(int(torch.randint(2**62, ())))
        waiting: deque[tuple[Tensor, Tensor, Future[MixPlan]]] = deque()
        with ThreadPoolExecutor(1, thread_name_prefix="plan-ahead") as thread:
            try:
                while True:
                    for x, y in islice(batches, self.ahead - len(waiting)):
                        waiting.append((x, y, thread.submit(self._plan, x, y, generator, _arrived(x))))
                    if not waiting:
                        return
                    x, y, planned = waiting.popleft()
                    yield x, y, _usable(planned.result())
            finally:  # also where the loop is left early
                thread.shutdown(wait=True, cancel_futures=True)

    def _plan(self, x: Tensor, y: Tensor, generator: torch.Generator | None, arrived: "torch.cuda.Event | None") -> MixPlan:
        if arrived is None:
            return self.mixer.plan(x, y, generator=generator)
        aside = torch.cuda.Stream(x.device)
        with torch.cuda.stream(aside):
            aside.wait_event(arrived)
            plan = self.mixer.plan(x, y, generator=generator)
        aside.synchronize()
        return plan


def _arrived(x: Tensor) -> "torch.cuda.Event | None":
    """On a GPU, the moment when all that was asked for so far is done: the batch has been copied there."""
    if x.device.type != "cuda":
        return None
    event = torch.cuda.Event()
    event.record(torch.cuda.current_stream(x.device))
    return event


def _usable(plan: MixPlan) -> MixPlan:
    """Tell the memory of a plan that was made in another stream that this one uses it too."""
    for part in (plan.sources, plan.weights, plan.masks, plan.moves):
        if part is not None and part.device.type == "cuda":
            part.record_stream(torch.cuda.current_stream(part.device))
    return plan
