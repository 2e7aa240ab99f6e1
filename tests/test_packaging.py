"""One list of versions for everything that installs; and a wheel that works where nothing else of ours is."""

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins() -> dict[str, str]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines())
    parts = [line.split("==") for line in lines if line]
    assert all(len(part) == 2 for part in parts), "requirements.txt holds exact versions only"
    return {canonicalize_name(name): version for name, version in parts}


LARGE = ("ray",)  # an extra for those who have a cluster; nothing else here needs it, and it is not pinned


def ranges() -> list[Requirement]:
    extras = [item for name, items in PROJECT["optional-dependencies"].items() if name not in LARGE for item in items]
    return [Requirement(item) for item in PROJECT["dependencies"] + extras]


@pytest.mark.parametrize("requirement", ranges(), ids=str)
def test_ranges_admit_the_pins(requirement):
    name = canonicalize_name(requirement.name)
    if name == PROJECT["name"]:
        assert requirement.extras <= PROJECT["optional-dependencies"].keys()
    else:
        assert requirement.specifier.contains(pins()[name]), f"{requirement} and {name}=={pins()[name]}"


def test_everything_installs_from_the_same_list():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    through_pip = next(item["pip"] for item in conda if isinstance(item, dict))
    assert through_pip == ["-r requirements.txt", "-e ."]
    python = next(item for item in conda if str(item).startswith("python="))
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(python.removeprefix("python="))

    installs = re.findall(r"-m pip install (.*)", (ROOT / "Makefile").read_text())
    assert [line for line in installs if "--requirement requirements.txt" in line]
    assert all("--requirement requirements.txt" in line or "--editable ." in line for line in installs)

    ci = (ROOT / ".ci" / "run").read_text()
    assert not re.search(r"\bpip\b", ci)
    assert re.findall(r"^make (\w+)", ci, re.MULTILINE) == ["test", "smoke"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


# What comes with something that is declared, and what is declared for notebooks rather than imported.
BROUGHT = {"IPython": "ipykernel", "PIL": "torchvision", "cycler": "matplotlib", "nbclient": "papermill"}
FOR_NOTEBOOKS = {"jupytext", "ipykernel"}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    extras = PROJECT["optional-dependencies"]
    items = [
        *PROJECT["dependencies"],
        *(item for name in ("train", "vision", "bench", "slurm", *LARGE) for item in extras[name]),
    ]
    declared = {Requirement(item).name for item in items} - {PROJECT["name"]}
    nodes = [node for path in (ROOT / "mixbook").rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    names = [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]
    names += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
    others = {name.split(".")[0] for name in names} - sys.stdlib_module_names - {PROJECT["name"]}
    assert {BROUGHT[name] for name in others & BROUGHT.keys()} <= declared
    called = {"sklearn": "scikit-learn"}
    assert {called.get(name, name.replace("_", "-")) for name in others - BROUGHT.keys()} == declared - FOR_NOTEBOOKS


def test_make_help_lists_what_one_expects():
    listed = subprocess.run(["make", "-C", str(ROOT), "--no-print-directory"], capture_output=True, text=True, check=True)
    targets = set(re.findall(r"^  make (\w+)", listed.stdout, re.MULTILINE))
    assert targets >= {
        "book",
        "preview",
        "notebooks",
        "zip",
        "pdf",
        "test",
        "smoke",
        "serve",
        "lab",
        "bench",
        "lint",
        "clean",
        "help",
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_package_and_its_data(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "mixbook/py.typed" in names
    tracked = {p.relative_to(ROOT).as_posix() for p in (ROOT / "mixbook").rglob("*") if p.suffix in (".py", ".csv")}
    assert tracked <= set(names)
    assert not [name for name in names if name.startswith(("book/", "tests/", "scripts/"))]


USE = """
import sys
from pathlib import Path

import mixbook as mb
import torch
from mixbook.data.arrays import Arrays
from mixbook.evaluation.evaluate import evaluate
from mixbook.training.loop import fit
from mixbook.training.recipe import Recipe

assert Path(mb.__file__).is_relative_to(sys.prefix), mb.__file__
noise = torch.randn(96, 4, generator=torch.Generator().manual_seed(0))
y = torch.arange(96) % 3
data = Arrays(noise + 4 * torch.eye(3, 4)[y], y, num_classes=3, name="three blobs")

mix = mb.kmixup(k=8, alpha=1.0, num_classes=3)
mixed, targets = mix(data.x, data.y)
assert mixed.shape == data.x.shape and torch.allclose(targets.sum(1), torch.ones(96))

model = torch.nn.Linear(4, 3)
fit(model, data, Recipe(epochs=10, batch_size=32), mixer=mix, progress=False)
print(evaluate(model, data)["accuracy"])
"""


@pytest.mark.slow
def test_the_wheel_works_in_an_empty_environment_outside_the_repository(wheel, tmp_path):
    home = tmp_path / "empty"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True)
    # Its dependencies are this environment's: a .pth adds the folder, but not the editable install that lies in it.
    own = next(home.glob("lib/python*/site-packages"))
    (own / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run([python, "-c", USE], cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.splitlines()[-1]) > 0.9  # four standard deviations apart, a third by chance
    version = subprocess.run(
        [home / "bin" / "mixbook", "--version"], cwd=tmp_path, env=clean, capture_output=True, text=True
    )
    assert PROJECT["version"] in version.stdout, version.stderr
