"""What the folder of a run of ``mixbook train`` holds: a trained network, and how samples are shown to it."""

import hashlib
from dataclasses import dataclass
from json import JSONDecodeError, loads
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from mixbook.data import Arrays
from mixbook.training import checkpoint as checkpoints
from mixbook.training.inputs import Inputs
from mixbook.training.recipe import Recipe

if TYPE_CHECKING:
    from mixbook.data import Batched
    from mixbook.training.job import Job, Ready

FILES = ("job.json", "result.json")


def load_run(folder: str | Path) -> tuple[nn.Module, tuple[str, ...]]:
    """A network that ``mixbook train`` made, for a script of your own, and what its classes are called.

    The scaling that it was trained with is its first layer. Of images it takes numbers in [0, 1], (B, channels, H, W), and
    bytes where it was trained on bytes; of a table the columns in the order and units of the file, without the label,
    (B, d). What it gives are logits (B, C), in the order of the classes. It is in evaluation mode, on the CPU.

    A run that was stopped does not say how inputs are scaled. Then its data are read again, which have to be there,
    unchanged.

    Args:
        folder: what ``mixbook train --out`` named, or the checkpoint.pt in it.

    Raises:
        FileNotFoundError: if there is no checkpoint, or data that have to be read are not there.
        ValueError: if nothing says what was trained, the weights are another network's, or the data have changed.
        CheckpointError: if the checkpoint is damaged.

    Example:
        >>> import tempfile, torch
        >>> from mixbook import cli
        >>> from mixbook.training import load_run
        >>> folder = tempfile.TemporaryDirectory()
        >>> options = ["--data", "iris", "--model", "mlp", "--epochs", "1", "--milestones"]
        >>> options += ["--out", folder.name]
        >>> cli.main(["train", *options])  # doctest: +ELLIPSIS
        test error ...
        >>> network, classes = load_run(folder.name)
        >>> network(torch.tensor([[5.1, 3.5, 1.4, 0.2]])).shape, classes
        (torch.Size([1, 3]), ('0', '1', '2'))
    """
    run = Run.read(folder)
    inputs, classes = run.description()
    return inputs.in_front_of(run.network(inputs.shape, len(classes))).eval(), classes


@dataclass(frozen=True)
class Run:
    """A folder's checkpoint, and the job that it is of.

    Args:
        file: the checkpoint.
        job: what was trained.
        content: of the checkpoint.
    """

    file: Path
    job: "Job"
    content: dict[str, Any]

    @classmethod
    def read(cls, folder: str | Path) -> "Run":
        """The run in a folder, or of a checkpoint; see :func:`load_run` for what is raised."""
        path = Path(folder)
        file = path / "checkpoint.pt" if path.is_dir() else path
        if not file.is_file():
            raise FileNotFoundError(f"no checkpoint {file}: give the folder that `mixbook train --out` named")
        run = cls(file, job_of(file.parent), checkpoints.load(file))
        run._check_same_job()
        return run

    def _check_same_job(self) -> None:
        """What is a test sample by another run's seed or data may have been trained on.

        Raises:
            ValueError: if the checkpoint is of another run than the job.
        """
        saved, now = self.content["run"], self.job.recipe.as_dict()
        changed = checkpoints.differences({"recipe": {**Recipe(1).as_dict(), **saved["recipe"]}}, {"recipe": now})
        if not self.job.is_own and not saved["data"].startswith(f"{self.job.data} ("):
            changed.append(f"data: {saved['data']}, now {self.job.data}")
        if changed:
            raise ValueError(
                f"{self.file} is of another run than job.json beside it says ({'; '.join(changed)}): two runs wrote into "
                "that folder, or a new one was stopped before its first checkpoint. Train again, each run in a folder of "
                "its own"
            )

    def network(self, shape: tuple[int, ...], num_classes: int) -> nn.Module:
        """The network with its weights, for scaled samples of this shape.

        Raises:
            ValueError: if the weights do not fit.
        """
        model = self.job.network_for(shape, num_classes)
        try:
            model.load_state_dict(checkpoints.result_of(self.content))
        except RuntimeError as error:
            raise ValueError(
                f"{self.file} has the weights of another network than job.json beside it says, {self.job.model}: {error}"
            ) from error
        return model

    def description(self) -> tuple[Inputs, tuple[str, ...]]:
        """What the network takes, and what its classes are called: as the run says it, or else as its data do.

        Raises:
            FileNotFoundError: if the run does not say it and its data are not there.
            ValueError: if they have changed.
        """
        if (said := self._said()) is not None:
            return said
        if self.job.is_own and not Path(self.job.data).exists():
            raise FileNotFoundError(
                f"{self.job.data} is not there, on which {self.file} was trained, and no result.json beside it says how "
                "samples were scaled: put the data back, or train to the end"
            )
        ready = self.job.ready()
        self.check_same_data(ready.train)
        return ready.inputs, ready.classes

    def says_inputs(self) -> bool:
        """Whether the run itself says what the network takes, so that its data are not needed."""
        return self._said() is not None

    def check_same_data(self, train: "Batched") -> None:
        """Of data that have changed, what is a test sample today may have been trained on.

        Raises:
            ValueError: if data that were split at random, as data of one's own may be, are not those of the run.
        """
        # Images of the papers come in parts, and are scaled by means that machines add up in another order.
        if (self.job.is_own or isinstance(train, Arrays)) and not self._is_of(train.checksum()):
            raise ValueError(
                f"{self.job.data} has changed since {self.file.parent} was trained on it, or is other data, so its test "
                "part may have been trained on: put back what was there, or train again"
            )

    def _is_of(self, checksum: str) -> bool:
        return checksum in self.content["run"]["data"]

    def _said(self) -> tuple[Inputs, tuple[str, ...]] | None:
        """From ``result.json``, if it is there, says it, and is of the data that the checkpoint is of."""
        try:
            result = loads((self.file.parent / "result.json").read_text(encoding="utf-8"))
            said, classes = result["inputs"], tuple(result["classes"])
            found = Inputs(*(tuple(said[name]) for name in ("shape", "offset", "scale")))
            return (found, classes) if self._is_of(said["data"]) else None
        except (OSError, KeyError, TypeError, ValueError):
            return None


def said_in_result(ready: "Ready") -> dict[str, Any]:
    """What ``result.json`` says about a network's inputs and classes, so that its data are not needed with it."""
    inputs = {**vars(ready.inputs), "data": ready.train.checksum()}
    return {"classes": ready.classes, "inputs": inputs}


def file_digest(path: Path) -> str:
    """What tells a file from others, whatever they are called."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def job_of(folder: Path) -> "Job":
    """What was trained in a folder.

    Where a fresh run has begun and has not replaced the checkpoint of the one before yet, that one.

    Raises:
        ValueError: if nothing says it.
    """
    from mixbook.training.job import Job

    for name in FILES:
        if not (folder / name).is_file():
            continue
        try:
            content = loads((folder / name).read_text(encoding="utf-8"))
            job = content if name == "job.json" else content["job"]
            replaces = job.pop("replaces", None)
            if replaces and (folder / "checkpoint.pt").is_file():
                still_there = file_digest(folder / "checkpoint.pt") == replaces["checkpoint"]
                job = replaces["job"] if still_there else job
            if job is None:
                raise ValueError("the checkpoint is of an earlier run, of which nothing says it")
            return Job.from_dict(job)
        except (JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{folder / name} does not say what was trained: {error!r}") from error
    raise ValueError(
        f"{folder} has neither job.json nor result.json, which say what was trained: from them networks of `mixbook train` "
        "are rebuilt. For a network of your own call mixbook.evaluate(model, data, ...)"
    )
