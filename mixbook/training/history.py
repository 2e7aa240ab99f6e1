"""What a training run leaves behind besides the weights."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class History:
    """One record per epoch: ``loss`` (mean over the samples trained on), ``lr``, ``seconds`` (wall clock, validation
    included) and whatever ``validate`` returned."""

    records: tuple[Mapping[str, float], ...]

    def __getitem__(self, name: str) -> list[float]:
        """One value per epoch, e.g. ``history["loss"]``."""
        if self.records and name not in self.records[0]:
            raise KeyError(f"{name!r} was not recorded: there is {', '.join(self.records[0])}")
        return [record[name] for record in self.records]

    def __len__(self) -> int:
        return len(self.records)
