"""Plans of the next batches, begun before the network trains on these: what a GPU was asked last is never waited for."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from mixbook.mixing.block import begin_plans
from mixbook.mixing.mixer import Mixer
from mixbook.mixing.plan import MixPlan
from mixbook.training.loaded import Pair
from mixbook.transfer import together_on


def thread_beside(device: torch.device) -> Executor | None:
    """A thread that solves matchings while a GPU trains; none beside a CPU, whose cores the network wants."""
    return ThreadPoolExecutor(1, "matching") if device.type == "cuda" else None


@dataclass(frozen=True)
class _Block:
    """Batches whose plans have been begun, the number of the first, and the generator's state before them."""

    first: int
    state: Tensor
    batches: list[Pair]
    plans: Callable[[], list[MixPlan]]


class Plans:
    """Batches with their plans: those that the mixer makes batch by batch, from the same draws.

    The generator runs ahead of the training. What a checkpoint keeps is its state before the block that training is in, and
    the number of that block's first batch.

    Args:
        mixer: one whose plans can be made in blocks.
        generator: source of its draws.
        mark: called with "data" when batches have come and with "forward" when something has been planned.
        in_memory: whether several batches come as fast as one; else each is a block.
        pool: of threads, one of which solves the matchings of the next block while the network trains.
    """

    def __init__(
        self,
        mixer: Mixer,
        generator: torch.Generator,
        mark: Callable[[str], None],
        *,
        in_memory: bool = True,
        pool: Executor | None = None,
    ) -> None:
        self._mixer, self._generator, self._mark, self._in_memory = mixer, generator, mark, in_memory
        self._pool = pool
        self.first, self.state = 0, generator.get_state()

    def of(self, batches: Iterator[Pair], first: int) -> Iterator[tuple[Pair, MixPlan]]:
        """Every batch from number ``first`` on, for which the generator is as it should be, with its plan."""
        batches = islice(batches, first, None)
        following = self._begin(batches, first)
        while (block := following).batches:
            following = self._begin(batches, block.first + len(block.batches))
            self.first, self.state = block.first, block.state
            plans = block.plans()
            self._mark("forward")
            yield from zip(block.batches, plans, strict=True)

    def close(self) -> None:
        """Let the thread go; what it has not begun is not needed any more."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _begin(self, batches: Iterator[Pair], first: int) -> _Block:
        block = list(islice(batches, 1))
        if block and self._in_memory:
            (x, _), _ = block[0]
            block += islice(batches, together_on(x.device, x.nbytes) - 1)
        self._mark("data")
        state = self._generator.get_state()
        plans = begin_plans(self._mixer, block, generator=self._generator, pool=self._pool)
        self._mark("forward")
        return _Block(first, state, block, plans)
