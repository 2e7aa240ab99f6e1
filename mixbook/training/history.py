"""What a training run leaves behind besides the weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class History:
    """One record per epoch: ``loss`` (mean over the samples trained on), ``lr``, ``seconds`` (wall clock, validation
    included) and whatever ``validate`` returned.

    Example:
        >>> from mixbook.training import History
        >>> history = History(({"loss": 1.0}, {"loss": 0.5}))
        >>> history["loss"], history.epochs_until("loss", 0.75)
        ([1.0, 0.5], 1.5)
    """

    records: tuple[Mapping[str, float], ...]

    def __getitem__(self, name: str) -> list[float]:
        """One value per epoch, e.g. ``history["loss"]``."""
        if self.records and name not in self.records[0]:
            raise KeyError(f"{name!r} was not recorded: there is {', '.join(self.records[0])}")
        return [record[name] for record in self.records]

    def __len__(self) -> int:
        return len(self.records)

    def epochs_until(self, name: str, goal: float) -> float:
        """When ``name`` first came down to ``goal``, in epochs: see :func:`epochs_until`.

        Of which epoch a record is says its ``epoch``, where there is one, as with ``validate_every`` of ``fit_trials``.
        """
        epochs = [record.get("epoch", number) for number, record in enumerate(self.records, start=1)]
        return epochs_until(self[name], goal, epochs)


def epochs_until(values: Sequence[float], goal: float, epochs: Sequence[float] | None = None) -> float:
    """When a curve first came down to ``goal``, in epochs, on straight lines between the values.

    These are of the ends of the ``epochs``, by default 1, 2, ... The result is the first of them where the first value is
    there already, and one more than the last where none is.

    Example:
        >>> from mixbook.training import epochs_until
        >>> epochs_until([1.0, 0.6, 0.2], goal=0.4)
        2.5
    """
    epochs = list(range(1, len(values) + 1)) if epochs is None else epochs
    reached = next((i for i, value in enumerate(values) if value <= goal), len(values))
    if reached == len(values):
        return float(epochs[-1] + 1) if values else 1.0
    if reached == 0:
        return float(epochs[0])
    before, after = values[reached - 1], values[reached]
    start, end = epochs[reached - 1], epochs[reached]
    return start + (end - start) * (before - goal) / (before - after)
