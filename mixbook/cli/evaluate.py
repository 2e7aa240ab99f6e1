"""``mixbook evaluate``: a network that ``mixbook train`` made, tested on more than it was tested on then."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixbook.benchmarks import BenchmarkError
from mixbook.cli.device import device_of
from mixbook.cli.valid_json import dumps

if TYPE_CHECKING:
    from torch import nn

    from mixbook.data import Batched
    from mixbook.training.inputs import Inputs
    from mixbook.training.job import Job
    from mixbook.training.trained import Run


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
                normalisation, "fgsm@0.03 normalised"; without the /255, as fgsm@0.1, unclipped and in units of the inputs.
            deform: such as rotation_20, shear_28.6, zoomin_60, zoomout_140.
            top: also how often the label is among so many largest logits.
            data: another data set or path, of the same shape and classes, whose test part is taken: all images of a folder
                that has test/ (or val/) alone; of a table, or a folder without parts, the third that would be kept. Or
                where data of your own are now, if they were moved.
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
        from mixbook.training.trained import Run

        try:
            run, data = _found_again(Run.read(checkpoint), data)
            model, held_out = _network_and_data(run, data)
            held_out = _first(held_out, samples)
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
        job, epochs = run.job, len(run.content["records"])
        if json:
            about = {"checkpoint": str(checkpoint), "job": job.as_dict(), "epochs": epochs, "data": held_out.name}
            print(dumps({**about, "samples": len(held_out), "scores": scores}))
            return
        print(f"{job.model} after {epochs} epochs on {job.data}, {_mixing(job)}")
        print(f"{len(held_out)} test samples of {held_out.name}\n")
        for line in _lines(scores):
            print(line)

    return evaluate


def _found_again(run: "Run", data: str | None) -> "tuple[Run, str | None]":
    """Data of one's own that are no longer where they were are taken from ``data``; what else is to be tested on.

    Raises:
        BenchmarkError: if they are not there, and nothing says where they are.
    """
    from mixbook.data.own import has_test_alone

    job = run.job
    if not job.is_own or Path(job.data).exists() or (data is not None and has_test_alone(data) and run.says_inputs()):
        return run, data
    if data is None or not job.on(data).is_own:
        raise BenchmarkError(f"{job.data} is not there, on which this was trained: if it was moved, say where with --data")
    return replace(run, job=replace(job, data=data)), None


def _network_and_data(run: "Run", other: str | None) -> "tuple[nn.Module, Batched]":
    """The network, and the test data: those of its run, or of another set. It takes pixels, but scaled tables.

    Raises:
        BenchmarkError: if the network is for other data.
        ValueError: if the data of the run, where they are needed, or the weights are not what they were.
    """
    from mixbook.training.job import in_pixels

    job, there = run.job, run.job if other is None else run.job.on(other)
    if there.data == job.data:
        ready = job.ready()
        run.check_same_data(ready.train)
        inputs, classes, held_out = ready.inputs, ready.classes, in_pixels(ready.test)
    else:
        inputs, classes = run.description()
        held_out = _of_another(job, there, inputs, classes)
    model = run.network(inputs.shape, len(classes))
    return model if len(inputs.shape) == 1 else inputs.in_front_of(model), held_out


def _of_another(job: "Job", there: "Job", inputs: "Inputs", classes: tuple[str, ...]) -> "Batched":
    """The test part of another set than the job's, as a network with these inputs and classes sees it.

    Raises:
        BenchmarkError: if the network is for other data.
    """
    import torch

    from mixbook.data import Arrays, Resident
    from mixbook.data.own import has_test_alone, read_test
    from mixbook.training.job import in_pixels

    scaled, named = None, None
    held_out: Batched
    if there.is_own and has_test_alone(there.data):
        known = classes if job.is_own else None
        held_out = Resident(read_test(there.data, known, size=there.size, colour=there.colour))
    else:
        ready = there.ready()
        held_out, scaled, named = in_pixels(ready.test), ready.inputs, ready.classes
    theirs = tuple(held_out.batch(torch.zeros(1, dtype=torch.int64))[0].shape[1:])
    if inputs.shape != theirs or len(classes) != held_out.num_classes:
        raise BenchmarkError(
            f"the network is for samples {inputs.shape} of {len(classes)} classes ({job.data}); {there.data} has samples "
            f"{theirs} of {held_out.num_classes} classes"
        )
    if job.is_own and there.is_own and named not in (None, classes):
        raise BenchmarkError(f"the network is for the classes {', '.join(classes)}; {there.data} has {', '.join(named)}")
    if scaled is not None and isinstance(held_out, Arrays) and len(theirs) == 1:  # by its own columns, not the network's
        return replace(held_out, x=inputs.seen(held_out.x, scaled))
    return held_out


def _first(data: "Batched", samples: int | None) -> "Batched":
    """All of the samples, or the first so many.

    Raises:
        BenchmarkError: if there are not so many.
    """
    import torch

    from mixbook.data import Arrays

    if samples is None:
        return data
    if not 1 <= samples <= len(data):
        raise BenchmarkError(f"--samples must be from 1 to {len(data)}, got {samples}")
    return Arrays(*data.batch(torch.arange(samples)), data.num_classes, data.name)


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
