"""How much memory a run takes, and what to say where there is too little."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks


def kept_for_backward(model: nn.Module, x: Tensor) -> int:
    """Bytes that the network keeps of a batch until its backward pass, weights aside. It runs once, in training mode."""
    own = {each.untyped_storage().data_ptr() for each in chain(model.parameters(), model.buffers())}
    kept: dict[int, Tensor] = {}  # by their places; they are held, or others would take these

    def note(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    model.train()
    with torch.random.fork_rng(devices=[x.device] if x.is_cuda else []), saved_tensors_hooks(note, lambda tensor: tensor):
        _ = model(x.clone())  # a part of a larger tensor would count as that
    return sum(tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in own)


@contextmanager
def advice_on_memory(advice: str) -> Iterator[None]:
    """Within it a GPU or a CPU whose memory runs out says what to do.

    Raises:
        torch.OutOfMemoryError: with the advice before what torch says.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        # NumPy raises a MemoryError; torch has a class of its own for a GPU, and for a CPU a message.
        if not isinstance(error, torch.OutOfMemoryError | MemoryError) and "DefaultCPUAllocator" not in str(error):
            raise
        raise torch.OutOfMemoryError(f"{advice}. {error}") from error


class Peak:
    """The most memory of a GPU that was in use since a run began; nothing on a CPU.

    It starts torch's own count anew, ``torch.cuda.max_memory_allocated``, which is one for the whole process.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    def record(self) -> dict[str, float]:
        """``gigabytes``, for the record of an epoch."""
        return {"gigabytes": torch.cuda.max_memory_allocated(self._device) / 1e9} if self._device.type == "cuda" else {}
