"""Tables of the UCI repository that are downloaded: unscaled, in the published order; see ``impute`` and ``min_max``.

With Iris and Breast Cancer (``mixbook.data.tabular``) they are the tables of k-mixup (v1, Figure 4; TMLR, Table 5).
"""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import torch

from mixbook.data import store
from mixbook.data.arrays import Arrays

Codes = Mapping[str, tuple[float, ...]]  # the columns that stand for a word

_SEX: dict[str, Codes] = {
    "code": {"F": (0.0,), "I": (1.0,), "M": (2.0,)},
    "one_hot": {"F": (1.0, 0.0, 0.0), "I": (0.0, 1.0, 0.0), "M": (0.0, 0.0, 1.0)},
}


def abalone(sex: Literal["code", "one_hot"] = "code") -> Arrays:
    """Abalone: 4177 shells, sex, three lengths (mm / 200) and four weights (g / 200); the class is the number of rings.

    Every number of rings that occurs is a class: 28 of them, 1 to 27 and 29, numbered from 0 in this order. Seven classes
    have one or two members, so a random split often has classes in one part alone. Two shells have height 0.

    Args:
        sex: as one column, F 0, I (infant) 1, M 2 in alphabetical order (8 features, what k-mixup states), or as three
            columns of 0 and 1 (10 features).

    Raises:
        mixbook.data.store.DataError: if the file is not there and cannot be downloaded.
    """
    if sex not in _SEX:
        raise ValueError(f"sex must be 'code' or 'one_hot', got {sex!r}")
    return _arrays("abalone", _SEX[sex])


def arrhythmia() -> Arrays:
    """Arrhythmia: 452 electrocardiograms, 279 features, 13 diagnoses; 408 values are missing.

    Of the 16 published classes 11, 12 and 13 have no member; the others are numbered from 0 in the published order, so
    class 0 is "normal" (245 of 452). Missing values, 376 of them in column 13 (angle of J), are NaN and the set is
    ``missing``: ``impute`` fills them after the split. 17 columns are constant; they are kept, and ``min_max`` makes
    them 0.

    Raises:
        mixbook.data.store.DataError: if the file is not there and cannot be downloaded.
    """
    return _arrays("arrhythmia", {"?": (float("nan"),)}, missing=True)


def phishing() -> Arrays:
    """Phishing Websites: 11,055 web sites, 30 features with values in {-1, 0, 1}; class 0 is phishing, 1 is legitimate.

    -1 stands for a sign of phishing, 0 for a doubtful and 1 for a harmless one (one feature, Redirect, has 0 and 1); the
    codes are taken as numbers, as published.

    Raises:
        mixbook.data.store.DataError: if the file is not there and cannot be downloaded.
    """
    return _arrays("phishing")


def htru2() -> Arrays:
    """HTRU2: 17,898 pulsar candidates, 8 statistics of their profiles; class 1 (1,639 of them) is a pulsar.

    In k-mixup v1, no longer in TMLR.

    Raises:
        mixbook.data.store.DataError: if the file is not there and cannot be downloaded.
    """
    return _arrays("htru2")


UCI: dict[str, Callable[[], Arrays]] = {"abalone": abalone, "arrhythmia": arrhythmia, "phishing": phishing, "htru2": htru2}


def _arrays(name: str, codes: Codes | None = None, *, missing: bool = False) -> Arrays:
    """A set whose last column is the class, and whose other values are numbers or one of the words of ``codes``."""
    codes, rows = codes or {}, _rows(name)
    x = [[number for value in row[:-1] for number in codes.get(value) or (float(value),)] for row in rows]
    classes, y = torch.tensor([int(row[-1]) for row in rows]).unique(return_inverse=True)
    return Arrays(torch.tensor(x, dtype=torch.float32), y, len(classes), name, missing)


def _rows(name: str) -> list[list[str]]:
    """The comma-separated rows of a set's only file, without an ARFF header."""
    (path,) = store.files(name)
    lines = _lines(path)
    starts = [number for number, line in enumerate(lines) if line.lower() == "@data"]
    return list(csv.reader(lines[starts[0] + 1 :] if starts else lines))


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text("ascii").splitlines() if line]
