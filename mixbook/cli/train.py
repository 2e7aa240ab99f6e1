"""``mixbook train``: one network, one way of mixing, one recipe; resumes where it was stopped."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from mixbook.benchmarks import BenchmarkError
from mixbook.cli import run_folder
from mixbook.cli.device import device_of

if TYPE_CHECKING:
    from mixbook.training.job import Ready


class TrainingFailed(BenchmarkError):
    """The run could not go on."""

    exit_code = 1


def command() -> Callable[..., None]:
    """Build the command; what it needs is imported now."""
    from tyro.conf import OmitArgPrefixes, arg

    from mixbook.training.job import Job

    def train(
        job: Annotated[OmitArgPrefixes[Job], arg(name="")],
        *,
        out: Path = Path("runs/latest"),
        fresh: bool = False,
        device: str | None = None,
        tensorboard: bool = False,
    ) -> None:
        """Train a network of the papers on one of their data sets or on your own, mixed as you say, and test it.

        For example: mixbook train --data photos --size 32 --alpha 1 --k 16 --out runs/photos

        On several GPUs: torchrun --nproc-per-node 2 -m mixbook train ...

        Args:
            job: what to train.
            out: folder for job.json, checkpoint.pt and, at the end, result.json, of one run at a time. The same command
                goes on from the checkpoint; mixbook evaluate takes the folder, and in Python mixbook.training.load_run.
            fresh: start again and replace the checkpoint.
            device: cpu, cuda or cuda:1; the best that there is by default.
            tensorboard: write curves to the folder too; needs the package tensorboard.
        """
        import torch

        from mixbook.benchmarks import environment
        from mixbook.data.store import DataError
        from mixbook.training import CheckpointError, Diverged
        from mixbook.training.extras import this_process
        from mixbook.training.job import run
        from mixbook.training.trained import said_in_result

        found: list[Ready] = []
        lock = ExitStack()
        try:
            fabric = this_process(device_of(device), job.recipe.precision)
            if fabric.is_global_zero:
                lock.enter_context(run_folder.alone(out))
            log = _writer(out) if tensorboard and fabric.is_global_zero else None
            goes_on, known = (out / "checkpoint.pt").exists() and not fresh, run_folder.says_job(out)
            if goes_on and known:
                run_folder.check_same_job(out, job)
            begun = run_folder.put_back(out, fresh=fresh) if fabric.is_global_zero else nullcontext()

            def begin(ready: "Ready") -> None:
                found.append(ready)
                if fabric.is_global_zero and job.is_own:
                    for line in _read_lines(ready):
                        print(line)
                if fabric.is_global_zero and (known or not goes_on):  # of an unknown checkpoint the run says if it fits
                    run_folder.describe(out, job, fresh=fresh)

            with begun:
                checkpoint = out / "checkpoint.pt"
                _, history, scores = run(job, checkpoint, resume=not fresh, fabric=fabric, log=log, begin=begin)
            if not fabric.is_global_zero:
                return
            made = {**environment.describe(), "device": str(fabric.device), "processes": fabric.world_size}
            result = {"job": job.as_dict(), "scores": scores, "history": list(history.records), "made_with": made}
            run_folder.write(out, "result.json", result | said_in_result(found[0]))
            if fresh:
                run_folder.describe(out, job)  # by now nothing is there of the run before
        except CheckpointError as error:
            raise BenchmarkError(_as_typed(str(error))) from error
        except (ValueError, OSError, DataError, ImportError) as error:
            raise BenchmarkError(str(error)) from error
        except KeyboardInterrupt as stopped:
            again = ", without --fresh," if fresh else ""
            stopped.add_note(f"The same command{again} goes on from the last checkpoint in {out}, if there is one")
            raise
        except (Diverged, torch.OutOfMemoryError) as error:
            raise TrainingFailed(str(error)) from error
        finally:
            lock.close()
        print(f"test error {scores['error']:.2f} %, nll {scores['nll']:.3f}, ece {scores['ece']:.2f} %")
        print(f"checkpoint and result are in {out}")

    return train


def _read_lines(ready: "Ready") -> list[str]:
    """What was read of data of one's own."""
    train, test = ready.train, ready.test
    counts = f"{len(train)} samples to train on and {len(test)} to test on, of {train.num_classes} classes"
    label = [] if ready.label is None else [f"label: {ready.label} (--label)"]
    return [f"{train.name}: {counts}", *label]


def _as_typed(advice: str) -> str:
    """What is wrong with a checkpoint, with the options of this command in the place of arguments of ``fit``."""
    return advice.replace("give another file", "give another folder with --out").replace("resume=False", "--fresh")


def _writer(folder: Path) -> Callable[[Mapping[str, float]], None]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError("curves need the package tensorboard: pip install tensorboard") from error
    writer: Any = SummaryWriter(str(folder))

    def log(record: Mapping[str, float]) -> None:
        for name, value in record.items():
            if name != "epoch":
                writer.add_scalar(name, value, int(record["epoch"]))
        writer.flush()

    return log
