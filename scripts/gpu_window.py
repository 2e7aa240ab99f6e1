"""Do the GPU work that is still missing, most valuable first, within the minutes given: tests, speed tables, result tables.

Everything goes to one folder: ``steps.json`` (what was done), ``log/``, ``tests.xml`` and ``book/results/``, which is laid
out as the book's own, whose pages then show it. Each step has a limit of its own, and one that fails or ends too early
stops no other. Call it again with the same folder and it goes on: what is done stays done, result tables continue after
their last finished cell, and steps that failed come last. No network is needed; data sets are found where ``MIXBOOK_DATA``
says.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent.parent


class Table(NamedTuple):
    """An experiment to run, the cells to run of it (all if none are named), and in how many processes (its own choice)."""

    name: str
    only: tuple[str, ...] = ()
    jobs: int | None = None


# Of the result tables, the most valuable first, with the cells to begin with where not all; what stands together is run at
# the same time. Networks of which many printed values are read (of the twelve at alpha = 0.5 two tables under attack, of
# those mixed in hidden layers two whole tables), then what also times training to 94%, then each paper's largest table. All
# the others follow, in the order of `mixbook bench list`.
FIRST: tuple[tuple[Table, ...], ...] = (
    (
        Table("cifar10-preactresnet18-constant-xi", ("erm", "alpha=0.5")),
        Table("cifar10-preactresnet18-fixed-alpha", ("alpha=0.5",)),
        Table("manifold-cifar10-preactresnet18"),
    ),
    (Table("cifar10-preactresnet18-hidden", ("layers=0+1",), 12),),
    (Table("cifar10-full"),),
    (Table("multimix-table1-preactresnet18"),),
    (Table("cifar10-preactresnet18-constant-xi"),),
    (Table("mnist-lenet-constant-xi"),),
)
GRACE = 20.0  # seconds for a step that is out of time to put away what it has
SHORTEST = 10.0  # seconds that are not worth starting a step for


@dataclass(frozen=True)
class Step:
    """Commands that run at the same time, usually one.

    Args:
        name: in the record and of the log.
        commands: arguments for Python, of each.
        minutes: the most it may take.
        into: file, within the folder, for what is printed, if it succeeds.
        shares: whether there are several processes, whose work on the GPU should overlap.
    """

    name: str
    commands: Sequence[Sequence[str]]
    minutes: float
    into: str | None = None
    shares: bool = False


def steps(options: argparse.Namespace) -> list[Step]:
    """All steps, in order of value."""
    bench = ("-m", "mixbook", "bench")
    found = []
    if not options.results_only:
        pytest = ("-m", "pytest", "-m", "gpu", "-rs", f"--junit-xml={options.folder / 'tests.xml'}")
        which = "+".join(["tests", options.device, *(Path(test).stem for test in options.tests)])
        found.append(Step(which, [(*pytest, "--continue-on-collection-errors", *options.tests)], 6))
        for what in options.speed:
            kind, _, networks = what.partition("-")
            timed = (*bench, "speed", kind, *(["--networks", networks] if networks else []), "--device", options.device)
            into = f"book/results/speed/{options.device}-{what}.json"
            found.append(Step(f"speed-{options.device}-{what}", [(*timed, "--json")], 6, into))
    for tables in options.experiments:
        commands = []
        for table in tables:
            command = [*bench, "run", table.name, "--profile", options.profile, "--book", str(options.folder)]
            command += ["--only", *table.only] if table.only else []
            commands.append(command + ([] if table.jobs is None else ["--jobs", str(table.jobs)]))
        label = "+".join(f"{table.name}-{options.profile}{'-first' if table.only else ''}" for table in tables)
        found.append(Step(label, commands, 60, shares=options.device == "cuda"))
    return found


class Window:
    """A stretch of time, and the record of what was done in it and before.

    Args:
        folder: for everything that is to be brought back.
        seconds: that there are from now on.
    """

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder, self._end = folder, time.monotonic() + seconds
        self._file = folder / "steps.json"
        (folder / "log").mkdir(parents=True, exist_ok=True)
        self.record: dict[str, dict[str, Any]] = json.loads(self._file.read_text("utf-8")) if self._file.exists() else {}

    def left(self) -> float:
        """Seconds."""
        return self._end - time.monotonic()

    def state(self, step: Step) -> str:
        """Of a step: "done", "failed", "out of time" or "not tried"."""
        return self.record.get(step.name, {}).get("state", "not tried")

    def work(self, chosen: Sequence[Step]) -> None:
        """Take the steps that are not done, those that failed before at last."""
        for step in sorted(chosen, key=lambda step: self.state(step) == "failed"):
            if self.state(step) == "done":
                continue
            if self.left() < SHORTEST + GRACE:
                print(f"no time left for {step.name}", flush=True)
                continue
            self.take(step)

    def take(self, step: Step) -> None:
        """Run one step, and write down how it went."""
        limit = min(60 * step.minutes, self.left() - GRACE)
        print(f"{step.name}: at most {limit:.0f} s", flush=True)
        began, printed = time.monotonic(), self.folder / "log" / f"{step.name}.out"
        overlapping = overlap() if step.shares else nullcontext()
        state = "out of time"  # so it stays where this script is stopped meanwhile
        try:
            with printed.open("wb") as out, (self.folder / "log" / f"{step.name}.log").open("ab") as log, overlapping:
                state = run(step.commands, limit, out, log)
            if state == "done" and step.into:
                target = self.folder / step.into
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(printed, target)
        finally:
            tries = self.record.get(step.name, {}).get("tries", 0) + 1
            self.record[step.name] = {"state": state, "seconds": round(time.monotonic() - began, 1), "tries": tries}
            fresh = self._file.with_suffix(".new")
            fresh.write_text(json.dumps(self.record, indent=1) + "\n", encoding="utf-8")
            fresh.replace(self._file)
        print(f"{step.name}: {state}", flush=True)


@contextmanager
def overlap() -> Iterator[None]:
    """Several processes use the GPU at once, where CUDA's server for that (MPS) can be started; else they take turns.

    One that is killed while the GPU works for it can stop all the others for good, without an error: so each step has a
    server of its own, and nothing that ends its processes, as tests do, runs beside networks that train.
    """
    server = shutil.which("nvidia-cuda-mps-control")
    with TemporaryDirectory() as folder:
        places = dict.fromkeys(("CUDA_MPS_PIPE_DIRECTORY", "CUDA_MPS_LOG_DIRECTORY"), folder)
        os.environ |= places
        started = server is not None and subprocess.run([server, "-d"], check=False).returncode == 0
        try:
            yield
        finally:
            if server is not None and started:
                subprocess.run([server], input=b"quit\n", check=False)
            for name in places:
                del os.environ[name]


def run(commands: Sequence[Sequence[str]], limit: float, out: IO[bytes], log: IO[bytes]) -> str:
    """Run Python with each command, all at once, for at most ``limit`` seconds: "done", "failed" or "out of time".

    Out of time they are interrupted as by Ctrl-C, after which result tables keep their finished cells, and then killed.
    """
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {"MIXBOOK_OFFLINE": "1", **os.environ, "PYTHONPATH": paths}
    end, processes = time.monotonic() + limit, list[subprocess.Popen[bytes]]()
    hears = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell starts background jobs deaf to it
    try:
        for command in commands:
            started = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=environment,
                stdout=out,
                stderr=log,
                start_new_session=True,
                preexec_fn=hears,
            )
            processes.append(started)
        codes = [process.wait(max(0.0, end - time.monotonic())) for process in processes]
        return "failed" if any(codes) else "done"
    except subprocess.TimeoutExpired:
        for process in processes:
            process.send_signal(signal.SIGINT)
        return "out of time"
    finally:  # also when this script itself is interrupted
        stop(processes)


def stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait a little for processes, then kill them with all that they started."""
    end = time.monotonic() + GRACE / 2
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, end - time.monotonic()))
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def prepare_book(folder: Path, names: Iterable[str], profile: str) -> None:
    """The notebooks that run experiments, and results that the book has already: only what is missing is to be computed."""
    from mixbook.benchmarks.experiments import get_experiment

    shutil.copytree(ROOT / "book" / "benchmarks", folder / "book" / "benchmarks", dirs_exist_ok=True)
    for name in {each.name for e in map(get_experiment, names) for each in e.trained}:
        for path in (ROOT / "book" / "results" / name).glob(f"{profile}.*"):
            target = folder / "book" / "results" / name / path.name
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


def with_profile(profile: str) -> list[tuple[Table, ...]]:
    """The experiments that train with a profile, the most valuable first. The others are read from these."""
    from mixbook.benchmarks.experiments import all_experiments

    names = [e.name for e in all_experiments() if profile in e.profiles and not e.sources]
    first = [tables for tables in FIRST if all(table.name in names for table in tables)]
    whole = {table.name for tables in first for table in tables if not table.only}
    return first + [(Table(name),) for name in names if name not in whole]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="gpu_window.sh", description=__doc__.split("\n")[0])
    parser.add_argument("minutes", type=float, help="time that there is")
    parser.add_argument("--folder", type=Path, default=Path("gpu_window"), help="for all that is to be brought back")
    parser.add_argument("--profile", default="gpu", help="of the experiments")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="of the speed tables")
    parser.add_argument("--tests", nargs="*", default=[], help="files with tests; all of them by default")
    parser.add_argument("--speed", nargs="*", default=["train", "mixing", "trials", "trials-200"], help="speed tables")
    parser.add_argument("--experiments", nargs="*", help="result tables; all that have the profile by default")
    parser.add_argument("--results-only", action="store_true", help="no tests and no speed tables: where minutes are few")
    options = parser.parse_args(arguments)
    if not options.minutes > 0:
        parser.error(f"MINUTES must be positive, got {options.minutes:g}")
    if options.device == "cuda":
        import torch

        if not torch.cuda.is_available():
            parser.error("torch finds no GPU here; --device cpu --profile smoke rehearses without one")
    options.folder = options.folder.resolve()
    named = options.experiments
    options.experiments = with_profile(options.profile) if named is None else [(Table(name),) for name in named]
    return options


def ended(number: int, frame: object) -> NoReturn:
    """What ends this script from outside is taken as Ctrl-C, so that its step does not live on."""
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> None:
    """Work until everything is done or the time is over. Exits with 1 where something is left."""
    began = time.monotonic()
    sys.path.insert(0, str(ROOT))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs deaf to it
    signal.signal(signal.SIGTERM, ended)
    options = parse(arguments)
    if "MIXBOOK_DATA" in os.environ:
        os.environ["MIXBOOK_DATA"] = str(Path(os.environ["MIXBOOK_DATA"]).resolve())
    prepare_book(options.folder, (table.name for tables in options.experiments for table in tables), options.profile)
    window = Window(options.folder, 60 * options.minutes - (time.monotonic() - began))
    chosen = steps(options)
    window.work(chosen)
    left = [f"{step.name} ({window.state(step)})" for step in chosen if window.state(step) != "done"]
    print(f"{len(chosen) - len(left)} of {len(chosen)} steps are done. Bring back {options.folder}", flush=True)
    if left:
        sys.exit(f"left: {', '.join(left)}")


if __name__ == "__main__":
    main()
