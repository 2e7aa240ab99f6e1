"""Data sets of a few samples that a test writes in the official layout."""

import io
from pathlib import Path

import numpy as np


def jpeg(colour: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> bytes:
    """An image of one colour (red, green, blue), width x height."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG", quality=95)
    return out.getvalue()


def write(path: Path, contents: bytes | str) -> Path:
    """Write a file, its folder too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    return path


def wav(path: Path, samples: np.ndarray, rate: int = 16_000) -> Path:
    """A wav file of 16-bit samples."""
    from scipy.io import wavfile

    path.parent.mkdir(parents=True, exist_ok=True)
    wavfile.write(path, rate, samples)
    return path
