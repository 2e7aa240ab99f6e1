"""Run every chapter again and compare with its committed outputs (nbval): two at a time, a line each."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import contents
from chapters import CELL_TIMEOUT, ENVIRONMENT
from contents import ROOT

AT_A_TIME = 2
# Errors fail anywhere; outputs are compared in cells tagged nbval-check-output, since figures and times may differ.
NBVAL = [
    "-m",
    "pytest",
    "--nbval-lax",
    "--nbval-current-env",
    f"--nbval-cell-timeout={CELL_TIMEOUT}",
    f"--nbval-sanitize-with={ROOT / 'scripts' / 'nbval_sanitize.cfg'}",
    "-p",
    "no:cacheprovider",
]


def check(notebook: Path) -> tuple[str, float]:
    """What nbval has to say about a notebook (nothing if all is well), and the seconds that it took."""
    start = time.perf_counter()
    command = [sys.executable, *NBVAL, str(notebook)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True)
    return (done.stdout + done.stderr if done.returncode else ""), time.perf_counter() - start


def main() -> None:
    notebooks = [path.with_suffix(".ipynb") for path in contents.chapters()]
    failed = []
    with ThreadPoolExecutor(min(AT_A_TIME, os.cpu_count() or 1)) as pool:
        tasks = {pool.submit(check, notebook): notebook for notebook in notebooks}
        for done, task in enumerate(as_completed(tasks), 1):
            said, seconds = task.result()
            name = tasks[task].relative_to(ROOT)
            print(f"[{done}/{len(tasks)}] {name}  {seconds:5.1f} s{'  FAILED' if said else ''}", flush=True)
            if said:
                failed.append(f"{name}\n\n{said}")
    sys.exit("\n\n".join(failed) if failed else 0)


if __name__ == "__main__":
    main()
