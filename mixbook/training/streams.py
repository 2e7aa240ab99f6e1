"""The randomness of a training run: one named generator per purpose, so that changing one leaves the others alone."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from mixbook.training.checkpoint import CheckpointError

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Streams:
    """Generators derived from one seed.

    ``order`` shuffles the samples and ``partner`` the second batch; they are the same in every process. ``mixing`` is the
    mixer's and ``augmenting`` the augmentation's; they differ between processes. All live on the CPU, so that every device
    sees the same draws. Noise inside the network (dropout) takes no generator in torch: within ``ambient`` the global ones
    are lent to it, and put back.
    """

    def __init__(self, seed: int, fabric: "Fabric") -> None:
        self.fabric = fabric
        self.order = torch.Generator().manual_seed(derive(seed, "order"))
        self.partner = torch.Generator().manual_seed(derive(seed, "partner"))
        self.mixing = torch.Generator().manual_seed(derive(seed, "mixing", fabric.global_rank))
        self.augmenting = torch.Generator().manual_seed(derive(seed, "augmenting", fabric.global_rank))
        self._noise = derive(seed, "noise", fabric.global_rank)

    @contextmanager
    def ambient(self) -> Iterator[None]:
        """Seed torch's global generators for noise inside the network; afterwards they are as they were before."""
        cuda = self.fabric.device.type == "cuda"
        with torch.random.fork_rng(devices=[self.fabric.device] if cuda else []):
            torch.default_generator.manual_seed(self._noise)
            if cuda:
                torch.cuda.manual_seed(self._noise)
            yield

    def state_dict(self, mixing: Tensor | None = None) -> dict[str, Tensor]:
        """State of every generator, uint8; of those that differ between processes, one row per process.

        Every process must call this, within ``ambient``; each may give an earlier state of ``mixing`` to be kept.
        """
        mixing = self.mixing.get_state() if mixing is None else mixing
        own = {"mixing": mixing, "augmenting": self.augmenting.get_state(), "noise": torch.get_rng_state()}
        if self.fabric.device.type == "cuda":
            own["noise_cuda"] = torch.cuda.get_rng_state(self.fabric.device)
        gathered = cast(dict[str, Tensor], self.fabric.all_gather(own))
        rows = {name: state.reshape(-1, len(own[name])).cpu() for name, state in gathered.items()}
        return {"order": self.order.get_state(), "partner": self.partner.get_state(), **rows}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from what ``state_dict`` gave; within ``ambient``.

        Raises:
            CheckpointError: if the state comes from another number of processes.
        """
        world = len(state["mixing"])
        if world != self.fabric.world_size:
            raise CheckpointError(
                f"the checkpoint was made by {world} processes, but this run has {self.fabric.world_size}: "
                f"continue with {world}, or give another file"
            )
        # Copied out of the gathered rows: torch crashes on a state that does not start at its storage's start.
        own = {name: rows[self.fabric.global_rank].clone() for name, rows in state.items() if rows.ndim == 2}
        self.order.set_state(state["order"])
        self.partner.set_state(state["partner"])
        self.mixing.set_state(own["mixing"])
        self.augmenting.set_state(own["augmenting"])
        torch.set_rng_state(own["noise"])
        if "noise_cuda" in own and self.fabric.device.type == "cuda":
            torch.cuda.set_rng_state(own["noise_cuda"], self.fabric.device)


def derive(seed: int, purpose: str, rank: int = 0) -> int:
    """A seed for one purpose: seeds that differ by 1, or purposes of one seed, give unrelated streams."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{rank}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
