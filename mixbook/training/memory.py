"""How much memory a run takes."""

import torch


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
