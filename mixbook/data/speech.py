"""Speech Commands v0.01 from its official folder, as spectrograms."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from mixbook.data import store
from mixbook.data.arrays import Arrays
from mixbook.data.store import DataError

RATE = 16_000  # samples per second
WINDOW, HOP, FRAMES = 320, 160, 101  # 20 ms, 10 ms, and what one second gives
# fmt: off
WORDS = (
    "bed", "bird", "cat", "dog", "down", "eight", "five", "four", "go", "happy", "house", "left", "marvin", "nine", "no",
    "off", "on", "one", "right", "seven", "sheila", "six", "stop", "three", "tree", "two", "up", "wow", "yes", "zero",
)
# fmt: on
_LISTS = {"val": "validation_list.txt", "test": "testing_list.txt"}


@dataclass(frozen=True, eq=False)
class Utterances(Dataset[tuple[Tensor, int]]):
    """A data set for ``loader``: item i is a spectrogram, float32 (1, 161, 101), and its word.

    Args:
        paths: the files, 16-bit wav.
        y: labels, int64 (n,).
        num_classes: classes, C.
        name: what messages and result files call it.
    """

    paths: tuple[Path, ...]
    y: Tensor
    num_classes: int
    name: str

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        return spectrogram(read_wave(self.paths[row])), int(self.y[row])

    def arrays(self) -> Arrays:
        """All spectrograms in memory: 65 kB each."""
        x = torch.stack([self[row][0] for row in range(len(self))])
        return Arrays(x, self.y, self.num_classes, self.name)


def speech_commands(part: Literal["train", "val", "test"] = "train") -> Utterances:
    """Speech Commands v0.01: 51,088 training, 6,798 validation and 6,835 test utterances of 30 words.

    Words are numbered in alphabetical order. The parts are those of the official lists, or where a folder has none, those
    of the rule that the lists were made by (``part_of``). A folder with fewer words is read too, with the same numbers,
    and named as such. Recordings of noise are left out.

    Raises:
        ValueError: if there is no such part.
        mixbook.data.store.DataError: if the data are not there and cannot be downloaded.
    """
    store.check_part("speech_commands", part, ("train", *_LISTS))
    home = store.folder("speech_commands")
    listed = {name: _read_list(home / file) for name, file in _LISTS.items() if (home / file).is_file()}
    words = [word for word in WORDS if (home / word).is_dir()]
    waves = {word: sorted((home / word).glob("[!.]*.wav")) for word in words}  # a Mac hides a ._x.wav beside each x.wav
    found = [(path, WORDS.index(word)) for word in words for path in waves[word]]

    def belongs(path: Path) -> str:
        if len(listed) < len(_LISTS):
            return part_of(path.name)
        return next((name for name, files in listed.items() if f"{path.parent.name}/{path.name}" in files), "train")

    chosen = [(path, label) for path, label in found if belongs(path) == part]
    if not chosen:
        raise DataError(
            f"speech_commands: {home} has no folders of words, such as bed, with wav files of the part {part!r}"
        )
    return Utterances(
        tuple(path for path, _ in chosen),
        torch.tensor([label for _, label in chosen]),
        len(WORDS),
        store.title("speech_commands", len(words), len(WORDS), "words"),
    )


def part_of(file: str) -> Literal["train", "val", "test"]:
    """The part of an utterance by the name of its file: 10% validation, 10% test, one speaker always in the same part.

    The rule of the data set's own README (its function ``which_set``): a hash of the speaker's code, as a percentage.
    """
    speaker = file.split("_nohash_")[0]
    largest = 2**27 - 1
    share = int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % (largest + 1) * (100 / largest)
    return "val" if share < 10 else "test" if share < 20 else "train"


def spectrogram(waves: Tensor) -> Tensor:
    """Normalised log-magnitude spectrograms, float32 (..., 1, 161, 101), of sound (..., samples) at 16 kHz.

    Short-time Fourier transform with Hamming windows of 20 ms every 10 ms, centred, reflected at the ends; log(1 +
    magnitude); cut to 101 frames or filled with zeros; then each utterance has mean 0 and standard deviation 1. k-mixup
    (TMLR) states 160 x 101, but a window of 320 samples has 161 frequencies.

    Args:
        waves: floating point, in [-1, 1].

    Example:
        >>> import torch
        >>> from mixbook.data import spectrogram
        >>> spectrogram(torch.rand(2, 16000)).shape  # two utterances of one second
        torch.Size([2, 1, 161, 101])
    """
    if not waves.is_floating_point():
        raise TypeError(f"waves must be floating point in [-1, 1], got {waves.dtype}: divide 16-bit samples by 32768")
    if waves.shape[-1] <= WINDOW // 2:  # too short to be reflected
        waves = F.pad(waves, [0, WINDOW // 2 + 1 - waves.shape[-1]])
    flat = waves.reshape(-1, waves.shape[-1])
    window = torch.hamming_window(WINDOW, dtype=waves.dtype, device=waves.device)
    spectrum = torch.stft(flat, WINDOW, HOP, window=window, center=True, pad_mode="reflect", return_complex=True)
    loud = spectrum.abs().log1p()[..., :FRAMES]
    loud = F.pad(loud, [0, FRAMES - loud.shape[-1]])
    std, mean = torch.std_mean(loud, dim=(1, 2), keepdim=True)
    loud = (loud - mean) / torch.where(std > 0, std, 1.0)
    return loud.reshape(*waves.shape[:-1], 1, *loud.shape[1:]).float()


def read_wave(path: Path) -> Tensor:
    """The samples of a 16-bit mono wav file at 16 kHz, float32 (samples,) in [-1, 1].

    Raises:
        DataError: if it is not such a file.
    """
    from scipy.io import wavfile

    try:
        rate, samples = wavfile.read(path)
    except ValueError as error:
        raise DataError(f"{path} cannot be read as a wav file: {error}") from error
    if rate != RATE or samples.ndim != 1 or samples.dtype != "int16":
        raise DataError(
            f"{path} must have one channel of 16 bits at {RATE} Hz, got {samples.dtype} {samples.shape} at {rate}"
        )
    return torch.from_numpy(samples.astype("float32") / 32768)


def _read_list(path: Path) -> frozenset[str]:
    return frozenset(path.read_text().split())
