"""``mixbook doctor``: what is here, what is missing, and what for."""

import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from pathlib import Path

import mixbook
from mixbook.benchmarks.environment import version_of
from mixbook.cli.valid_json import dumps
from mixbook.data import store
from mixbook.data.sources import SOURCES


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    Args:
        what: its name.
        found: a version, a place, or a number; None if it is not there.
        needed_for: what does not work without it.
        advice: how to get it.
    """

    what: str
    found: str | None
    needed_for: str
    advice: str = ""


def doctor(*, json: bool = False) -> None:
    """Say what is installed, on which devices, and what is missing for what.

    Args:
        json: print everything as JSON.
    """
    found = look()
    if json:
        print(dumps([vars(each) for each in found]))
        return
    width = max(len(each.what) for each in found)
    for each in found:
        if each.found is not None:
            print(f"ok       {each.what:{width}}  {each.found}")
        else:
            print(f"missing  {each.what:{width}}  for {each.needed_for}: {each.advice}")


def look() -> list[Finding]:
    """Look for the package, what it builds on, what extras and recipes need, devices, data, a browser and the book."""
    found = [
        Finding("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}", "everything"),
        Finding("mixbook", mixbook.__version__, "everything"),
    ]
    for package in ("torch", "numpy", "scipy"):
        found.append(Finding(package, version_of(package), "every mixing method", f"pip install {package}"))
    for extra, purpose in {
        "train": "mixbook.training",
        "vision": "torchvision's data sets and networks",
        "bench": "the command line and the papers' tables",
        "book": "making the book",
        "test": "the tests",
    }.items():
        missing = _missing(extra)
        advice = f"pip install '.[{extra}]' in the clone (without: {', '.join(missing)})"
        found.append(Finding(f"extra {extra!r}", None if missing else "complete", purpose, advice))
    for package, recipe in {
        "lightning": "Lightning",
        "transformers": "Hugging Face's Trainer",
        "timm": "timm's scripts",
    }.items():
        found.append(Finding(package, version_of(package), f"the recipe for {recipe}", f"pip install {package}"))
    found += [*_devices(), _data()]
    browser = next((name for name in ("chromium", "chromium-browser", "google-chrome") if shutil.which(name)), None)
    found.append(Finding("Chromium", browser, "the browser test of the book", "apt-get install chromium"))
    found.append(Finding("the book", _book(), "mixbook bench run", "run it in a clone of the repository"))
    return found


def _missing(extra: str) -> list[str]:
    """Packages of an extra, and of the extras that it includes, that are not installed."""
    try:
        needed = requires("mixbook") or []
    except PackageNotFoundError:
        return ["mixbook itself: it is imported from a folder, not installed"]
    names: list[str] = []
    for line in needed:
        requirement, _, condition = line.partition(";")
        if f'extra == "{extra}"' not in condition.replace("'", '"'):
            continue
        name = requirement.strip()
        if name.startswith("mixbook["):
            for inner in name[len("mixbook[") : name.index("]")].split(","):
                names += _missing(inner.strip())
            continue
        end = next((n for n, letter in enumerate(name) if not (letter.isalnum() or letter in "-_.")), len(name))
        if version_of(name[:end]) is None:
            names.append(name[:end])
    return sorted(set(names))


def _devices() -> list[Finding]:
    if find_spec("torch") is None:
        return []
    import torch

    threads = Finding("processor", f"torch uses {torch.get_num_threads()} threads", "everything")
    names = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    advice = "the rest works on the processor alone"
    return [threads, Finding("CUDA", ", ".join(names) or None, "training on a GPU and the tests marked gpu", advice)]


def _data() -> Finding:
    purpose = "experiments on data sets that are downloaded"
    try:
        here = [name for name, source in SOURCES.items() if store.present(source)]
    except store.DataError as error:
        return Finding("data", None, purpose, str(error))
    words = f"{len(here)} of {len(SOURCES)} sets in {store.root()}: {', '.join(here)}" if here else None
    return Finding("data", words, purpose, "mixbook data get NAME, such as mnist")


def _book() -> str | None:
    """The folder of the book, seen from here, if this is inside a checkout."""
    here = Path.cwd()
    roots = [folder for folder in (here, *here.parents) if (folder / "_toc.yml").is_file() and (folder / "book").is_dir()]
    return str(roots[0].relative_to(here.parent)) if roots[:1] == [here] else (roots[0].name if roots else None)
