"""``mixbook advise``: what mixing would do to somebody's own data."""

from pathlib import Path
from typing import Literal

from mixbook.benchmarks import BenchmarkError
from mixbook.cli.valid_json import dumps


def advise(
    file: Path,
    /,
    *,
    label: str | None = None,
    scale: Literal["columns", "none"] = "columns",
    plot: Path | None = None,
    json: bool = False,
    seed: int = 0,
) -> None:
    """Suggest k, alpha and place for mixing your data, with the reason for each. Nothing is trained.

    The columns of a file are scaled first, as their units are seldom those that a network sees. In Python `mb.advise` takes
    samples as they are, unless it is called with scale="columns".

    Args:
        file: a .csv with a row for each sample, or an .npz with arrays x and y.
        label: the column (name, or number from 0) or array with the classes; the last column, or y, by default.
        scale: columns gives each feature mean 0 and deviation 1 first; none takes them as they are.
        plot: write the figure of the diagnostics to this file, such as advice.png.
        json: print everything as JSON.
        seed: of the random draws.
    """
    from mixbook import advice
    from mixbook.data.files import read_table

    try:
        table = read_table(file, label, gaps=False)
        found = advice.advise(table.x, table.y, scale=scale, seed=seed)
        if plot is not None:
            found.show().savefig(plot, dpi=150)
    except OSError as error:
        raise BenchmarkError(f"cannot use {error.filename or file}: {error.strerror or error}") from None
    except (TypeError, ValueError) as error:
        raise BenchmarkError(f"{error}") from None
    if json:
        print(dumps({**found.as_dict(), "classes": table.classes}))
        return
    print(f"{len(table.y)} samples, classes {', '.join(table.classes[:12])}{' ...' if len(table.classes) > 12 else ''}")
    print(f"label: {table.label} (--label)")
    print(f"features {'scaled column by column' if scale == 'columns' else 'as they are'} (--scale)\n")
    print(found)
    if plot is not None:
        print(f"\nthe figure is {plot}")
