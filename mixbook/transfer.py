"""From the host to where the batch is: what was drawn or solved there, without waiting for what a GPU has yet to do."""

import torch
from torch import Tensor


def send(tensor: Tensor, to: torch.device) -> Tensor:
    """The tensor on a device.

    A copy from ordinary memory to a GPU waits until the GPU has done all that it was asked before, and until then the host
    can ask for nothing more. From page-locked memory the copy itself waits in the queue.
    """
    if tensor.device.type == "cpu" and to.type == "cuda":
        return tensor.contiguous().pin_memory().to(to, non_blocking=True)  # what is expanded can't be pinned
    return tensor.to(to)


def together_on(device: torch.device, size: int) -> int:
    """How many batches of ``size`` bytes to make, or to plan, at once: on a GPU that starts fewer operations.

    On a CPU one, which then stays in its cache; elsewhere at most 16, and at most 64 MB.
    """
    return max(1, min(16, (64 << 20) // max(1, size))) if device.type == "cuda" else 1


class Fetched:
    """Tensors of one device on their way to the host; on a CPU they are there.

    Args:
        tensors: of one dtype, on one device.
    """

    def __init__(self, tensors: list[Tensor]) -> None:
        self._shapes = [tensor.shape for tensor in tensors]
        self._arrived: torch.cuda.Event | None = None
        if not tensors or tensors[0].device.type == "cpu":
            self._parts = tensors
            return
        together = torch.cat([tensor.flatten() for tensor in tensors])
        if together.device.type != "cuda":
            self._parts = self._split(together.cpu())
            return
        host = torch.empty(together.shape, dtype=together.dtype, device="cpu", pin_memory=True)
        host.copy_(together, non_blocking=True)
        self._parts = self._split(host)
        self._arrived = torch.cuda.Event()
        self._arrived.record(torch.cuda.current_stream(together.device))

    def tensors(self) -> list[Tensor]:
        """The tensors on the host; waits for them, and for nothing that a GPU was asked after them."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._parts

    def _split(self, together: Tensor) -> list[Tensor]:
        parts = together.split([shape.numel() for shape in self._shapes])
        return [part.view(shape) for part, shape in zip(parts, self._shapes, strict=True)]
