"""Somebody's own table: a CSV or NPZ file as samples and labels, with errors that say which row and column is wrong."""

import csv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Table:
    """Labelled samples from a file.

    Args:
        x: samples, float64 (n, d), or of any shape (n, ...) from NPZ; as they are, so NaN may be among them.
        y: labels, int64 (n,) from 0.
        classes: what each label was called in the file.
    """

    x: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]


def read_table(path: str | Path, label: str | None = None) -> Table:
    """Read ``.csv`` (comma, semicolon or tab; a header or none) or ``.npz`` (arrays ``x`` and ``y``).

    Args:
        path: the file.
        label: CSV: name of the label's column in the header, or its number, from 0 or as -1 from the end; the last column
            if None. Labels may be words; everything else must be numbers. NPZ: name of the array of labels, "y" if None.

    Raises:
        ValueError: if the file is no such table: of another kind, empty, with rows of different lengths, with text where a
            number should be, or without the label. The message names row (from 1, header included) and column.
        OSError: if it cannot be read.
    """
    path = Path(path)
    if path.suffix.lower() == ".npz":
        return _npz(path, label or "y")
    if path.suffix.lower() not in (".csv", ".tsv", ".txt", ".data"):
        raise ValueError(f"{path.name} must be a .csv or .npz file, got {path.suffix or 'no ending'!r}")
    return _csv(path, label)


def _npz(path: Path, label: str) -> Table:
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError(f"{path.name} is no NPZ file, which np.savez writes")
        with np.load(path, allow_pickle=False) as arrays:
            names = {name.lower(): name for name in arrays.files}
            if "x" not in names or label.lower() not in names:
                there = ", ".join(arrays.files) or "none"
                raise ValueError(f"{path.name} must hold arrays x and {label}, got {there}: try np.savez(file, x=x, y=y)")
            x, y = arrays[names["x"]], arrays[names[label.lower()]]
    if y.ndim != 1 or x.shape[:1] != y.shape:
        raise ValueError(f"x must be (n, ...) and {label} (n,), got {x.shape} and {y.shape} in {path.name}")
    return _coded(x, y.tolist())


def _csv(path: Path, label: str | None) -> Table:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} must be text in UTF-8: {error}") from None
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError(f"{path.name} is empty")
    separator = max(",;\t", key=lines[0].count)
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator)]
    width = len(rows[0])
    if width < 2:
        raise ValueError(f"{path.name} must have a feature and a label, separated by commas, got one column")
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            raise ValueError(f"row {number} of {path.name} must have {width} columns as the first, got {len(row)}")
    # A header has no number in it; a first row of data has, whatever its label is called.
    header = None if any(_is_number(cell) for cell in rows[0]) else rows.pop(0)
    if not rows:
        raise ValueError(f"{path.name} holds a header and no rows")
    at = _column(path, label, header, width)
    names = header or [str(column) for column in range(width)]
    x = np.empty((len(rows), width - 1))
    features = [column for column in range(width) if column != at]
    for number, row in enumerate(rows):
        for place, column in enumerate(features):
            try:
                x[number, place] = float(row[column] or "nan")
            except ValueError:
                where = f"row {number + 1 + (header is not None)}, column {names[column]!r} of {path.name}"
                raise ValueError(
                    f"{where} must be a number, got {row[column]!r}: encode words as numbers, or say which column is the "
                    "label with --label"
                ) from None
    return _coded(x, [row[at] for row in rows])


def _column(path: Path, label: str | None, header: list[str] | None, width: int) -> int:
    if label is None:
        return width - 1
    if header and label in header:
        return header.index(label)
    if label.lstrip("-").isdigit() and -width <= int(label) < width:
        return int(label) % width
    known = ", ".join(header) if header else f"no header, so columns are numbers from 0 to {width - 1}"
    raise ValueError(f"{path.name} has no column {label!r} for the label. It has: {known}")


def _coded(x: np.ndarray, values: list) -> Table:
    """Labels as 0, 1, ... in the order of the numbers, or of the alphabet. Fractions stay what they are, to be refused."""
    if all(_is_number(str(value)) for value in values):
        numbers = np.array([float(value) for value in values])
        if not (numbers == np.round(numbers)).all():
            raise ValueError("labels must be whole numbers or words, got fractions or NaN: advice is for classification")
        classes, y = np.unique(numbers, return_inverse=True)
        return Table(x, y.astype(np.int64), tuple(f"{value:g}" for value in classes))
    if "" in values:
        raise ValueError(f"label {values.index('') + 1} is missing: remove the row")
    names, y = np.unique(np.array([str(value) for value in values]), return_inverse=True)
    return Table(x, y.astype(np.int64), tuple(names.tolist()))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
