"""What a cell of our own tables spells out, as the four answers."""

from typing import cast

from mixbook.benchmarks.spec import Cell
from mixbook.mixing.answers import Answers, BlendName, Per
from mixbook.mixing.place import INPUT

# In a small map, a box that is cut off at the edges, as published, covers too little.
_BLENDS: dict[str, BlendName] = {
    "linear": "linear",
    "cutmix": "whole_cutmix",
    "clipped_cutmix": "cutmix",
}


def answers_of(cell: Cell) -> Answers:
    """Those of a cell such as ``k=16;alpha=1;K=5;layers=input+layer1;blend=cutmix``; mixup's where one is absent.

    ``erm`` mixes nothing.
    """
    if cell.method == "erm":
        return Answers()
    given = cell.answers()
    return Answers(
        alpha=float(given["alpha"]),
        k=int(given.get("k", 1)),
        draws=int(given.get("K", 1)),
        layers=tuple(given.get("layers", INPUT).split("+")),
        blend=_BLENDS[given.get("blend", "linear")],
        per=cast(Per, given.get("per", "batch")),
    )
