"""Checkpoints that survive a kill, a full disk and a careless reader.

Plain ``torch.save`` truncates its target before it writes, and Fabric's goes through the temporary folder: on a full disk
either can leave nothing. Here the new file takes the old one's name when it is whole (:mod:`mixbook.whole_file`).
"""

import errno
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mixbook.training.fingerprint import fingerprint
from mixbook.training.recipe import Recipe
from mixbook.whole_file import whole_file

FORMAT = "mixbook checkpoint 6"


class CheckpointError(RuntimeError):
    """A checkpoint cannot be used: it is damaged, of another format, or belongs to another run."""


def save(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values to ``path``; if that fails, what was there before is still there.

    The file can be read by ``torch.load(path, weights_only=True)``.

    Raises:
        OSError: if it cannot be written.
    """
    try:
        with whole_file(path) as file:
            torch.save({"format": FORMAT, **content}, file)
    except (OSError, RuntimeError) as error:  # torch reports a failed write as a RuntimeError
        raise OSError(f"cannot write checkpoint {path}: {error}. What was there before is unchanged") from error


def load(path: Path) -> dict[str, Any]:
    """Read what ``save`` wrote, onto the CPU.

    Raises:
        CheckpointError: if the file is damaged, cut short, or not of this format.
        OSError: if it cannot be read.
    """
    advice = "move it away to start afresh, or restore a copy"
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch itself does not look at the checksums
        if damaged:
            raise CheckpointError(f"checkpoint {path} is damaged: the checksum of {damaged} is wrong. {advice}")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except Exception as error:  # a damaged archive fails in many ways; one is to look at a place before its beginning
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise CheckpointError(f"checkpoint {path} is damaged or no checkpoint ({error}): {advice}") from error
    found = content.get("format") if isinstance(content, dict) else None
    if not isinstance(content, dict) or found != FORMAT:
        raise CheckpointError(f"checkpoint {path} must have format {FORMAT!r}, got {found!r}: {advice}")
    return content


def result_of(content: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The weights that are the result of the run so far: those of the chosen epoch, or the moving average, or the last."""
    if content["best"]["weights"]:
        return dict(content["best"]["weights"])
    average = {name.removeprefix("module."): value for name, value in content["average"].items() if name != "n_averaged"}
    return average or dict(content["model"])


def check_writable(path: Path) -> None:
    """Make the folder of ``path`` and try to write into it, so that a run fails before its first step, not after it.

    Raises:
        OSError: if that cannot be done.
    """
    trial = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError("it is a folder, and must be a file")
        trial.touch()
        trial.unlink(missing_ok=True)  # another process of the same run may have been quicker
    except OSError as error:
        raise type(error)(f"checkpoint {path} cannot be written: {error}. Give a file in a folder you can write") from error


def identify(data: str, recipe: Recipe, **parts: object) -> dict[str, Any]:
    """What a run must share with a checkpoint to continue from it, in plain values: ``parts`` are mixer, loss ..."""
    known = {name: part if isinstance(part, str) else fingerprint(part) for name, part in parts.items()}
    return {"recipe": recipe.as_dict(), **known, "data": data}


def frozen_weights(model: nn.Module) -> str:
    """How many weights do not train, and a checksum of which they are and of their values; empty if all do."""
    frozen = {name: weight for name, weight in model.named_parameters() if not weight.requires_grad}
    digest = 0
    for name, weight in frozen.items():
        digest = zlib.crc32(weight.detach().cpu().double().numpy().tobytes(), zlib.crc32(name.encode(), digest))
    return f"{len(frozen)} weights, {digest:08x}" if frozen else ""


def still_modules(model: nn.Module) -> set[nn.Module]:
    """Those in evaluation mode within a network that is in training mode: ``fit`` leaves them so."""
    return {module for module in model.modules() if model.training and not module.training}


def evaluating(model: nn.Module, still: set[nn.Module]) -> str:
    """How many modules stay in evaluation mode, and a checksum of their names; empty if none does."""
    names = sorted(name for name, module in model.named_modules() if module in still)
    return f"{len(names)} modules, {zlib.crc32(' '.join(names).encode()):08x}" if names else ""


def check_same_run(path: Path, saved: dict[str, Any], run: dict[str, Any]) -> None:
    """Refuse a checkpoint of another run: going on from it would silently give neither run's result.

    Raises:
        CheckpointError: if anything but the number of epochs differs, or the checkpoint has more of them.
    """
    changed = differences(saved, run)
    if changed:
        advice = "give another file, or resume=False to start again and replace it"
        raise CheckpointError(f"checkpoint {path} belongs to another run ({'; '.join(changed)}): {advice}")


def differences(saved: dict[str, Any], run: dict[str, Any]) -> list[str]:
    """In what a run is another one than the saved one, in words; nothing if it may go on from there.

    Args:
        saved, run: plain values by name, among them those of ``recipe``. More epochs are no difference, unless the schedule
            depends on how many there are.
    """
    before, now = ({**r["recipe"], **{name: r[name] for name in r if name != "recipe"}} for r in (saved, run))
    names = [name for name in {**now, **before} if name != "epochs" and before.get(name) != now.get(name)]
    changed = [f"{name}: {before.get(name)!r}, now {now.get(name)!r}" for name in names]
    if before["epochs"] > now["epochs"] or (now["schedule"] == "cosine" and before["epochs"] != now["epochs"]):
        changed.append(f"epochs: {before['epochs']}, now {now['epochs']}")
    return changed
