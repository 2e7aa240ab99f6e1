"""``mixbook evaluate``: a network that ``mixbook train`` made, tested on more than it was tested on then."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixbook.benchmarks import BenchmarkError
from mixbook.cli.device import device_of
from mixbook.cli.run_folder import job_of
from mixbook.cli.valid_json import dumps

if TYPE_CHECKING:
    from torch import nn

    from mixbook.data import Batched
    from mixbook.training.job import Job


def command() -> Any:
    """Build the command; what it needs is imported now."""
    from tyro.conf import UseAppendAction

    def evaluate(
        checkpoint: Path,
        /,
        *,
        attack: UseAppendAction[tuple[str, ...]] = (),
        deform: UseAppendAction[tuple[str, ...]] = (),
        top: UseAppendAction[tuple[int, ...]] = (),
        data: str | None = None,
        samples: int | None = None,
        batch_size: int = 256,
        device: str | None = None,
        seed: int = 0,
        json: bool = False,
    ) -> None:
        """Test a network of `mixbook train`: on clean data, under attack, on deformed images.

        Args:
            checkpoint: the folder that `mixbook train --out` named, or the checkpoint.pt in it.
            attack: such as fgsm@8/255, pgd20@8/255 (20 steps), pgd20x3@8/255 (3 restarts), unbounded200, or, behind the
                normalisation, "fgsm@0.03 normalised".
            deform: such as rotation_20, shear_28.6, zoomin_60, zoomout_140.
            top: also how often the label is among so many largest logits.
            data: another data set or path, of the same shape and classes, whose test part is taken; or where data of your
                own are now, if they were moved.
            samples: only the first so many of the test part; all by default.
            batch_size: samples at once.
            device: cpu, cuda or cuda:1; the best that there is by default.
            seed: of random starts and of deformations.
            json: print everything as JSON.
        """
        import torch

        from mixbook import evaluation
        from mixbook.data.store import DataError
        from mixbook.training.checkpoint import CheckpointError
        from mixbook.training.extras import one_device
        from mixbook.training.job import in_pixels, on_pixels

        try:
            job, content = _load(checkpoint)
            job, data = _found_again(job, data)
            train, test = job.parts()
            _check_same_data(checkpoint, job, content, train)
            model = on_pixels(_network(checkpoint, job, content, train), train)
            held_out = _test_part(job, in_pixels(test), data, samples)
            fabric = one_device(device_of(device))
            scores = evaluation.evaluate(
                model.to(fabric.device),
                held_out,
                batch_size,
                top=top,
                attacks=attack,
                deformations=deform,
                generator=torch.Generator().manual_seed(seed),
            )
        except (ValueError, TypeError, RuntimeError, OSError, CheckpointError, DataError, ImportError) as error:
            raise BenchmarkError(str(error)) from error
        epochs = len(content["records"])
        if json:
            about = {"checkpoint": str(checkpoint), "job": job.as_dict(), "epochs": epochs, "data": held_out.name}
            print(dumps({**about, "samples": len(held_out), "scores": scores}))
            return
        print(f"{job.model} after {epochs} epochs on {job.data}, {_mixing(job)}")
        print(f"{len(held_out)} test samples of {held_out.name}\n")
        for line in _lines(scores):
            print(line)

    return evaluate


def _load(checkpoint: Path) -> "tuple[Job, dict[str, Any]]":
    """What a run was, and its checkpoint.

    Raises:
        BenchmarkError: if there is no such checkpoint, or nothing says what was trained.
        CheckpointError: if the checkpoint is damaged.
    """
    from mixbook.training import checkpoint as checkpoints

    file = checkpoint / "checkpoint.pt" if checkpoint.is_dir() else checkpoint
    if not file.is_file():
        raise BenchmarkError(f"no checkpoint {file}: give the folder that `mixbook train --out` named")
    return job_of(file.parent), checkpoints.load(file)


def _found_again(job: "Job", data: str | None) -> "tuple[Job, str | None]":
    """Data of one's own that are no longer where they were are taken from ``data``; what else is to be tested on.

    Raises:
        BenchmarkError: if they are not there, and nothing says where they are.
    """
    if not job.is_own or Path(job.data).exists():
        return job, data
    if data is None or not job.on(data).is_own:
        raise BenchmarkError(f"{job.data} is not there, on which this was trained: if it was moved, say where with --data")
    return replace(job, data=data), None


def _network(checkpoint: Path, job: "Job", content: dict[str, Any], data: "Batched") -> "nn.Module":
    """The network of a run, for samples as ``data`` has them, with the weights of its checkpoint.

    Raises:
        BenchmarkError: if the weights do not fit.
    """
    from mixbook.training.checkpoint import result_of

    model = job.network(data)
    try:
        model.load_state_dict(result_of(content))
    except RuntimeError as error:
        raise BenchmarkError(
            f"{checkpoint} has the weights of another network than job.json beside it says, {job.model}: {error}"
        ) from error
    return model


def _check_same_data(checkpoint: Path, job: "Job", content: dict[str, Any], train: "Batched") -> None:
    """Of data that have changed, what is a test sample today may have been trained on.

    Raises:
        BenchmarkError: if data of one's own are not those of the run.
    """
    if job.is_own and train.checksum() not in content["run"]["data"]:
        raise BenchmarkError(
            f"{job.data} has changed since {checkpoint} was trained on it, or is other data, so its test part may have "
            "been trained on: put back what was there, or train again"
        )


def _test_part(job: "Job", own: "Batched", other: str | None, samples: int | None) -> "Batched":
    """The test data: the job's ``own``, or those of another set; all of them, or the first ``samples``."""
    import torch

    from mixbook.data import Arrays
    from mixbook.training.job import in_pixels

    held_out, there = own, job if other is None else job.on(other)
    if there.data != job.data:
        held_out = in_pixels(there.parts()[1])
        ours, theirs = (tuple(each.batch(torch.zeros(1, dtype=torch.int64))[0].shape[1:]) for each in (own, held_out))
        if ours != theirs or own.num_classes != held_out.num_classes:
            raise BenchmarkError(
                f"the network is for samples {ours} of {own.num_classes} classes ({job.data}); {other} has samples "
                f"{theirs} of {held_out.num_classes} classes"
            )
        if job.is_own and there.is_own and (mine := job.own().classes) != (others := there.own().classes):
            raise BenchmarkError(f"the network is for the classes {', '.join(mine)}; {other} has {', '.join(others)}")
    if samples is None:
        return held_out
    if not 1 <= samples <= len(held_out):
        raise BenchmarkError(f"--samples must be from 1 to {len(held_out)}, got {samples}")
    return Arrays(*held_out.batch(torch.arange(samples)), held_out.num_classes, held_out.name)


def _mixing(job: "Job") -> str:
    mixing = job.mixing
    if mixing.alpha is None:
        return "not mixed"
    place = ", ".join(mixing.layers)
    return f"mixed at {place}: alpha {mixing.alpha:g}, k {mixing.k}, {mixing.draws} per pair, {mixing.blend}"


def _lines(scores: dict[str, float]) -> list[str]:
    rows = [("error", 100 * (1 - scores["accuracy"]), "%")]
    for name, value in scores.items():
        kind, _, change = name.partition("@")
        if name.startswith("accuracy_top"):
            rows.append((f"top-{name.removeprefix('accuracy_top')} error", 100 * (1 - value), "%"))
        elif change:
            rows.append((f"error under {change}", 100 * (1 - value if kind == "accuracy" else value), "%"))
        elif name == "ece":
            rows.append((name, 100 * value, "%"))
        elif name != "accuracy":
            rows.append((name, value, "nats" if name == "nll" else ""))
    width = max(len(name) for name, _, _ in rows)
    return [
        f"{name:{width}}  {value:7.3f} {unit}".rstrip() if unit != "%" else f"{name:{width}}  {value:7.2f} %"
        for name, value, unit in rows
    ]
