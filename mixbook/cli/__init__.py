"""The command line: ``mixbook bench``, ``data``, ``theory``, ``train``, ``evaluate``, ``advise``, ``doctor``. It prints.

Each group of commands is a file with a function that returns its commands; :func:`_app` lists them.
"""

import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import mixbook
from mixbook.benchmarks import BenchmarkError
from mixbook.cli import doctor

_NARROWEST = 20  # columns; in a few tyro looks without end for a place to break lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. Exits with 2 where the person who typed it can put it right, with 1 where a run failed."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        try:
            with _ended_as_by_ctrl_c():
                _run(arguments)
        finally:
            sys.stdout.flush()  # here, where a reader that has left is no error; Python itself would make it one at the end
    except BenchmarkError as error:
        _leave(str(error), error.exit_code)
    except KeyboardInterrupt as stopped:
        code = stopped.args[0] if stopped.args else 130
        _leave(". ".join(["stopped", *getattr(stopped, "__notes__", ())]), code)  # commands note what they keep
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader, such as head, has seen enough


@contextmanager
def _ended_as_by_ctrl_c() -> Iterator[None]:
    """Within it SIGTERM, from a scheduler or a container that is stopped, ends things as Ctrl-C does; exit status 143."""

    def end(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(arguments: list[str]) -> None:
    if arguments == ["--version"]:
        print(f"mixbook {mixbook.__version__}")
    elif arguments[:1] == ["doctor"] and set(arguments[1:]) <= {"--json"}:
        doctor.doctor(json="--json" in arguments)  # without tyro: it is asked what is missing where something is
    else:
        if shutil.get_terminal_size().columns < _NARROWEST:
            os.environ["COLUMNS"] = str(_NARROWEST)
        _app().cli(prog="mixbook", args=arguments, config=_flags(), description=f"mixbook {mixbook.__version__}")


def _app() -> Any:
    try:
        from tyro.extras import SubcommandApp
    except ImportError:
        _leave("the command line needs tyro: pip install '.[bench]' in the clone", 2)
    from mixbook.cli import advise, bench, data, evaluate, theory, train  # which may need it

    groups = {"bench": bench.commands, "data": data.commands, "theory": theory.commands}
    single = {"advise": advise.advise, "doctor": doctor.doctor, "train": train.command(), "evaluate": evaluate.command()}
    app = SubcommandApp()
    for name, group in groups.items():
        commands = SubcommandApp()
        for command, function in group().items():
            commands.command(name=command)(function)
        app.command(commands, name=name, help=group.__doc__)
    for name, function in single.items():
        app.command(name=name)(function)
    return app


def _flags() -> Sequence[Any]:
    import tyro

    return (tyro.conf.FlagCreatePairsOff,)


def _leave(message: str, code: int) -> None:
    print(f"mixbook: {message}", file=sys.stderr)
    raise SystemExit(code)
