"""Somebody's own table: a CSV or NPZ file as samples and labels, with errors that say which row and column is wrong."""

import csv
import errno
import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np

_NO_LABEL = ("", "?", "na", "n/a", "nan", "null")
_FILL = "fill it in, or remove the row"
_LABEL_NAMES = ("category", "class", "label", "labels", "species", "target")
_UNNAMED = re.compile("|Unnamed: [0-9]+")  # by pandas: as it writes its index, and what it calls that when it has read it


@dataclass(frozen=True)
class Table:
    """Labelled samples from a file.

    Args:
        x: samples, float64 (n, d), or of any shape (n, ...) from NPZ; as they are, so NaN may be among them.
        y: labels, int64 (n,) from 0.
        classes: what each label was called in the file.
        label: where the labels were, such as ``"column 'kind'"``.
    """

    x: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]
    label: str


def read_table(path: str | Path, label: str | int | None = None, *, gaps: bool = True) -> Table:
    """Read ``.csv`` (comma, semicolon or tab; a header or none) or ``.npz`` (arrays ``x`` and ``y``).

    Args:
        path: the file.
        label: CSV: name of the label's column in the header, or its number, from 0 or as -1 from the end; the last column
            if None, with a warning where another one is called as labels usually are and the last is not. Labels may be
            words; everything else must be numbers. NPZ: name of the array of labels, "y" if None.
        gaps: empty cells become NaN, and NaN and infinity stay as they are. Else they are an error.

    Raises:
        ValueError: if the file is no such table: of another kind, empty, with rows of different lengths, with text where a
            number should be, with the row numbers that pandas writes, or without the label. The message names row (its line
            in the file, from 1) and column; of NPZ the sample, from 0.
        OSError: if it cannot be read.
    """
    path, label = Path(path), None if label is None else str(label)
    if path.is_dir():
        raise ValueError(
            f"{path} is a folder, and this takes a .csv or .npz file: of images of one size write an .npz with "
            "np.savez(file, x=x, y=y), x of shape (n, channels, H, W)"
        )
    if path.suffix.lower() == ".npz":
        return _npz(path, label or "y", gaps)
    if path.suffix.lower() not in (".csv", ".tsv", ".txt", ".data"):
        raise ValueError(f"{path.name} must be a .csv or .npz file, got {path.suffix or 'no ending'!r}")
    return _csv(path, label, gaps)


def _npz(path: Path, label: str, gaps: bool) -> Table:
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError(f"{path.name} is no NPZ file, which np.savez writes")
    x, y = (_array(path, name) for name in _names(path, label))
    if y.ndim != 1 or x.shape[:1] != y.shape:
        raise ValueError(f"x must be (n, ...) and {label} (n,), got {x.shape} and {y.shape} in {path.name}")
    if y.dtype.kind == "S":
        y = _words(path, label, y)
    if x.dtype.kind not in "biuf":
        raise ValueError(f"x of {path.name} must hold numbers, got {x.dtype}: encode words as numbers")
    bad = ~np.isfinite(x).all(axis=tuple(range(1, x.ndim)))
    if bad.any() and not gaps:
        where = f"{int(bad.sum())} of {len(x)} samples, the first at {int(bad.argmax())}"
        raise ValueError(f"x of {path.name} must be finite, got NaN or infinity in {where}: {_FILL}")
    return _coded(x, y.tolist(), f"array {label!r}")


def _names(path: Path, label: str) -> tuple[str, str]:
    """What the arrays of samples and labels are called, in the file's own spelling."""
    with _readable(path), np.load(path, allow_pickle=False) as arrays:
        names = {name.lower(): name for name in arrays.files}
    if "x" not in names or label.lower() not in names:
        there = ", ".join(names.values()) or "none"
        raise ValueError(f"{path.name} must hold arrays x and {label}, got {there}: try np.savez(file, x=x, y=y)")
    return names["x"], names[label.lower()]


def _array(path: Path, name: str) -> np.ndarray:
    with _readable(path), np.load(path, allow_pickle=False) as arrays:
        found = arrays[name]
    if not isinstance(found, np.ndarray):  # numpy gives the bytes of what is no array
        raise ValueError(f"{name} of {path.name} is no array: write it with np.savez")
    return found


def _words(path: Path, label: str, y: np.ndarray) -> np.ndarray:
    """Labels that are bytes, as text."""
    try:
        return np.char.decode(y, "utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{label} of {path.name} must be text in UTF-8: {error}") from None


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # a damaged archive fails in many ways; one is to look at a place before its beginning
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise ValueError(f"{path.name} cannot be read ({error}): write it again with np.savez") from error


def _csv(path: Path, label: str | None, gaps: bool) -> Table:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} must be text in UTF-8: {error}") from None
    lines, rows = _rows(path, text)
    width = len(rows[0])
    if width < 2:
        raise ValueError(f"{path.name} must have a feature and a label, separated by commas, got one column")
    for line, row in zip(lines, rows, strict=True):
        if len(row) != width:
            raise ValueError(f"row {line} of {path.name} must have {width} columns as the first, got {len(row)}")
    header = rows[0] if _has_header(rows, label) else None
    if header is not None:
        lines, rows = lines[1:], rows[1:]
    if not rows:
        raise ValueError(f"{path.name} holds a header and no rows")
    at = _column(path, label, header, width)
    if label is None and header is not None:
        _warn_of_another_label(path, header)
    if header is not None and header.count(header[at]) > 1:
        raise ValueError(f"{path.name} has {header.count(header[at])} columns {header[at]!r}: leave one")
    names = header or [str(column) for column in range(width)]
    x = np.empty((len(rows), width - 1))
    features = [column for column in range(width) if column != at]
    for number, (line, row) in enumerate(zip(lines, rows, strict=True)):
        if row[at].lower() in _NO_LABEL:
            got = f", {row[at]!r}" if row[at] else ""
            raise ValueError(f"row {line} of {path.name} has no label{got}: remove it, or name its class otherwise")
        for place, column in enumerate(features):
            try:
                x[number, place] = _number(row[column] or "nan")
            except ValueError:
                where = f"row {line}, column {names[column]!r} of {path.name}"
                raise ValueError(
                    f"{where} must be a number, got {row[column]!r}: encode words as numbers, or say which column is the "
                    "label with --label"
                ) from None
            if not gaps and not isfinite(x[number, place]):
                where = f"row {line}, column {names[column]!r} of {path.name}"
                raise ValueError(f"{where} must be a finite number, got {row[column]!r}: {_FILL}")
    for place, column in enumerate(features):
        _check_no_index(path, column, names[column], x[:, place])
    return _coded(x, [row[at] for row in rows], f"column {at if header is None else repr(names[at])}")


def _rows(path: Path, text: str) -> tuple[list[int], list[list[str]]]:
    """The rows that are not blank, and the line of the file where each begins, from 1."""
    first = next((line for line in text.splitlines() if line.strip()), None)
    if first is None:
        raise ValueError(f"{path.name} is empty")
    bare = [re.sub(r'"[^"]*"', "", line) for line in text.splitlines() if line.strip()]  # in quotes nothing separates

    def fitness(separator: str) -> tuple[int, bool]:
        # Of as many commas as semicolons, those separate that are as many in all rows: others belong to 1,5 or to words.
        return bare[0].count(separator), len({line.count(separator) for line in bare}) == 1

    separator = max(";,\t", key=fitness)
    # Strictly, or a quote that is not closed would take all rows after it into one cell.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    lines, rows, line = list[int](), list[list[str]](), 1
    try:
        for row in reader:
            if separator.join(row).strip():
                lines.append(line)
                rows.append([cell.strip() for cell in row])
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"row {line} of {path.name} is no row of a CSV file ({error}): is a quote left open?") from None
    return lines, rows


def _has_header(rows: list[list[str]], label: str | None) -> bool:
    """A header has no number in it, while a first row of data has, whatever its label is called.

    Or it counts: pandas calls columns without names 0, 1, 2, ..., behind an index without any. Then what stands over the
    labels is itself no label. Or years are the names of features, and a usual name, or a word over numbers, stands over the
    labels.
    """
    first, others = rows[0], rows[1:]
    if not any(_is_number(cell) for cell in first):
        return True
    place = _place(label or "-1")
    if place is None and label in first:
        return True
    at = (-1 if place is None else place) % len(first)
    below = [row[at] for row in others]
    features = first[:at] + first[at + 1 :]
    years = len(set(features)) == len(features) and all(re.fullmatch("[12][0-9]{3}", name) for name in features)
    if years and below and not _is_number(first[at]) and first[at].lower() not in _NO_LABEL:
        named = first[at].lower() in _LABEL_NAMES and first[at] not in below
        if named or all(map(_is_number, below)):
            return True
    places = [str(place) for place in range(len(first))]
    counts = features in (places[:-1], places[:at] + places[at + 1 :], ["", *places[:-2]])
    return counts and not any(_same(cell, first[at]) for cell in below)


def _place(label: str) -> int | None:
    """The number of a column, if a label is one rather than a name."""
    return int(label) if re.fullmatch("-?[0-9]+", label) else None


def _same(one: str, other: str) -> bool:
    """Whether two cells say the same label."""
    return one == other or (_is_number(one) and _is_number(other) and _number(one) == _number(other))


def _column(path: Path, label: str | None, header: list[str] | None, width: int) -> int:
    if label is None:
        return width - 1
    if header and label in header:
        return header.index(label)
    place = _place(label)
    if place is not None and -width <= place < width:
        return place % width
    known = ", ".join(header) if header else f"no header, so columns are numbers from 0 to {width - 1}"
    raise ValueError(f"{path.name} has no column {label!r} for the label. It has: {known}")


def _warn_of_another_label(path: Path, header: list[str]) -> None:
    """Say that the last column is taken for the label where another one is called so."""
    called = [name for name in header if name.lower() in _LABEL_NAMES]
    if called and header[-1] not in called:
        what = f"the last column of {path.name}, {header[-1]!r}, is taken for the label, and {called[0]!r} for a feature"
        warnings.warn(f"{what}: --label {called[0]} takes that for the label", stacklevel=4)


def _check_no_index(path: Path, column: int, name: str, values: np.ndarray) -> None:
    """Refuse a column without a name in which each row has a whole number of its own: where rows are in the order of their
    classes, it is the label."""
    if _UNNAMED.fullmatch(name) and (values == np.floor(values)).all() and len(np.unique(values)) == len(values):
        raise ValueError(
            f"column {column} of {path.name} has no name and numbers the rows, as pandas' index does: write the file with "
            "index=False, or name the column if it is a feature"
        )


def _coded(x: np.ndarray, values: list, label: str) -> Table:
    """Labels as 0, 1, ... in the order of the numbers, or of the alphabet. Fractions stay what they are, to be refused."""
    if all(_is_number(str(value)) for value in values):
        numbers = [_whole(str(value)) for value in values]
        classes = sorted(set(numbers))
        place = {value: number for number, value in enumerate(classes)}
        return Table(x, np.array([place[value] for value in numbers], dtype=np.int64), tuple(map(str, classes)), label)
    if "" in values:
        raise ValueError(f"label {values.index('') + 1} is missing: remove the row")
    names, y = np.unique(np.array([str(value) for value in values]), return_inverse=True)
    return Table(x, y.astype(np.int64), tuple(names.tolist()), label)


def _whole(text: str) -> int:
    """A label that is a number, exactly: codes of many digits differ in the last."""
    try:
        return int(text)
    except ValueError:
        number = float(text)
    if not number.is_integer():
        raise ValueError("labels must be whole numbers or words, got fractions or NaN: classes are meant")
    return int(number)


def _number(text: str) -> float:
    """Not as Python's own source has it, where 1_000 is a thousand: in a table that is a code, or a mistake."""
    if "_" in text:
        raise ValueError(f"{text!r} is no number")
    return float(text)


def _is_number(text: str) -> bool:
    try:
        _number(text)
    except ValueError:
        return False
    return True
