"""What `mixbook doctor` says is here is here, and what is missing it names with a way to get it."""

import importlib.metadata
import json
import subprocess
import sys

import torch

import mixbook
from mixbook import cli
from mixbook.benchmarks import environment
from mixbook.cli import doctor


def findings():
    return {finding.what: finding for finding in doctor.look()}


def test_it_tells_versions_and_devices(capsys):
    cli.main(["doctor", "--json"])
    said = {finding["what"]: finding["found"] for finding in json.loads(capsys.readouterr().out)}
    assert said["torch"] == importlib.metadata.version("torch")
    assert (said["CUDA"] is None) == (not torch.cuda.is_available())


def test_it_names_a_missing_package_the_extra_that_needs_it_and_the_command(monkeypatch, capsys):
    real = environment.version

    def without_tqdm(package):
        if package == "tqdm":
            raise importlib.metadata.PackageNotFoundError(package)
        return real(package)

    monkeypatch.setattr(environment, "version", without_tqdm)
    missing = {name for name, finding in findings().items() if finding.found is None}
    assert {"extra 'train'", "extra 'bench'", "extra 'test'"} <= missing  # bench and test include train
    assert "extra 'vision'" not in missing
    cli.main(["doctor"])
    assert "pip install '.[train]' in the clone (without: tqdm)" in capsys.readouterr().out


def test_it_counts_the_data_sets_that_are_here(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXBOOK_DATA", str(tmp_path))
    empty = findings()["data"]
    assert empty.found is None and "mixbook data get" in empty.advice
    monkeypatch.setattr(doctor.store, "present", lambda source: source is doctor.SOURCES["cifar10"])
    assert findings()["data"].found == f"1 of {len(doctor.SOURCES)} sets in {tmp_path}: cifar10"


def test_without_a_home_the_data_are_missing_and_the_way_out_is_said(monkeypatch):
    def nowhere():
        raise doctor.store.DataError("name another in MIXBOOK_DATA")

    monkeypatch.setattr(doctor.store, "root", nowhere)
    found = findings()["data"]
    assert found.found is None and found.advice == "name another in MIXBOOK_DATA"


def test_it_knows_the_libraries_of_the_recipes(monkeypatch):
    monkeypatch.setattr(doctor, "version_of", lambda package: {"timm": "1.0"}.get(package))
    found = findings()
    assert found["timm"].found == "1.0" and found["lightning"].found is None
    assert "Lightning" in found["lightning"].needed_for and "pip install" in found["lightning"].advice


def test_it_says_where_there_is_no_book(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert findings()["the book"].found is None


WITHOUT_EXTRAS = """
import sys

class Nothing:
    def find_spec(self, name, *_):
        if name.split(".")[0] in ("tyro", "tqdm", "lightning_fabric", "matplotlib", "papermill", "filelock"):
            raise ImportError(name)

sys.meta_path.insert(0, Nothing())
from mixbook import cli
cli.main(sys.argv[1:])
"""


def test_it_runs_where_its_advice_is_needed_with_no_extra_installed():
    said = [
        subprocess.run([sys.executable, "-c", WITHOUT_EXTRAS, *arguments], capture_output=True, text=True)
        for arguments in (["doctor"], ["doctor", "--json"], ["--version"], ["data", "list"])
    ]
    plain, as_json, version, other = said
    assert plain.returncode == 0 and "torch" in plain.stdout
    assert "mixbook" in [finding["what"] for finding in json.loads(as_json.stdout)]
    assert version.stdout == f"mixbook {mixbook.__version__}\n"
    assert other.returncode == 2 and "pip install '.[bench]' in the clone" in other.stderr
