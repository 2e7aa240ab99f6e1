"""What `mixbook doctor` says is here is here, and what is missing it names with a way to get it."""

import importlib.metadata
import json

import torch

from mixbook import cli
from mixbook.cli import doctor


def findings():
    return {finding.what: finding for finding in doctor.look()}


def test_it_tells_versions_and_devices(capsys):
    cli.main(["doctor", "--json"])
    said = {finding["what"]: finding["found"] for finding in json.loads(capsys.readouterr().out)}
    assert said["torch"] == importlib.metadata.version("torch")
    assert (said["CUDA"] is None) == (not torch.cuda.is_available())


def test_it_names_a_missing_package_the_extra_that_needs_it_and_the_command(monkeypatch, capsys):
    real = doctor.version

    def without_tqdm(package):
        if package == "tqdm":
            raise importlib.metadata.PackageNotFoundError(package)
        return real(package)

    monkeypatch.setattr(doctor, "version", without_tqdm)
    missing = {name for name, finding in findings().items() if finding.found is None}
    assert {"extra 'train'", "extra 'bench'", "extra 'test'"} <= missing  # bench and test include train
    assert "extra 'vision'" not in missing
    cli.main(["doctor"])
    assert "pip install 'mixbook[train]' (without: tqdm)" in capsys.readouterr().out


def test_it_says_where_there_is_no_book(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert findings()["the book"].found is None
