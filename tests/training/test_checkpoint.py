import os
import resource

import pytest
import torch

from mixbook.training import CheckpointError
from mixbook.training.checkpoint import check_writable, frozen_weights, load, save

CONTENT = {"model": {"weight": torch.arange(5000.0)}, "records": [{"loss": 0.5}], "run": {"mixer": "None"}}


@pytest.fixture
def path(tmp_path):
    save(tmp_path / "run.pt", CONTENT)
    return tmp_path / "run.pt"


def test_what_is_saved_is_what_is_loaded_and_torch_reads_it_without_unpickling_code(path):
    for content in (load(path), torch.load(path, weights_only=True)):
        assert torch.equal(content["model"]["weight"], CONTENT["model"]["weight"])
        assert content["records"] == [{"loss": 0.5}]
    assert os.listdir(path.parent) == ["run.pt"]


def test_a_full_disk_leaves_the_old_file(path):
    """The operating system refuses to let a file grow beyond a limit, as it does on a full disk."""
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(OSError, match=r"cannot write checkpoint .*run\.pt.*unchanged"):
            save(path, CONTENT | {"records": []})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["run.pt"]


def test_the_file_is_on_the_disk_before_it_takes_its_name(path, monkeypatch):
    done = []
    fsync, replace = os.fsync, type(path).replace
    monkeypatch.setattr(os, "fsync", lambda handle: (done.append("fsync"), fsync(handle)))
    monkeypatch.setattr(type(path), "replace", lambda self, to: (done.append("rename"), replace(self, to)))
    save(path, CONTENT)
    assert done == ["fsync", "rename", "fsync"]  # the file, its name, the folder


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
def test_a_half_written_file_is_named(path, keep):
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(CheckpointError, match=r"run\.pt is damaged.*start afresh"):
        load(path)


def test_one_changed_byte_among_the_weights_is_noticed(path):
    content = bytearray(path.read_bytes())
    where = content.find(torch.arange(1000.0, 1010.0).numpy().tobytes())
    assert where > 0
    content[where] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="checksum"):
        load(path)


def test_a_directory_that_is_said_to_be_elsewhere_is_named(path):
    """Of a place before the beginning the system says that it is no valid argument, and not of which file."""
    whole = path.read_bytes()
    for place in range(len(whole) - 50, len(whole) - 42):  # where the directory begins
        content = bytearray(whole)
        content[place] ^= 0x80
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"run\.pt is damaged"):
            load(path)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "text.pt").write_text("not a checkpoint")
    torch.save({"weight": torch.zeros(2)}, tmp_path / "other.pt")
    torch.save({"format": "mixbook checkpoint 4", **CONTENT}, tmp_path / "older.pt")
    torch.save({"format": "mixbook checkpoint 999"}, tmp_path / "newer.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    for name, message in [
        ("text", "damaged or no checkpoint"),
        ("other", "must have format 'mixbook checkpoint 6', got None"),
        ("older", "must have format 'mixbook checkpoint 6', got 'mixbook checkpoint 4'"),
        ("newer", "got 'mixbook checkpoint 999'"),
        ("list", "got None"),
    ]:
        with pytest.raises(CheckpointError, match=message):
            load(tmp_path / f"{name}.pt")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing.pt")


def test_a_file_that_would_run_code_is_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "sprung"),))

    torch.save({"format": "mixbook checkpoint 2", "trap": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(CheckpointError):
        load(tmp_path / "trap.pt")
    assert not (tmp_path / "sprung").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"checkpoint .*file/run\.pt cannot be written.*Give a file in a folder"):
        check_writable(tmp_path / "file" / "run.pt")
    with pytest.raises(OSError, match="it is a folder"):
        check_writable(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match=r"run\.pt cannot be written"):
        check_writable(tmp_path / "run.pt")


def test_looking_whether_a_place_can_be_written_leaves_nothing(path):
    before = path.read_bytes()
    check_writable(path)
    assert os.listdir(path.parent) == ["run.pt"]
    assert path.read_bytes() == before
    check_writable(path.parent / "new" / "folder" / "run.pt")
    assert os.listdir(path.parent / "new" / "folder") == []


def test_which_weights_are_frozen_counts_and_not_their_values_alone():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    model[1].load_state_dict(model[0].state_dict())
    model[0].requires_grad_(False)
    first = frozen_weights(model)
    model[0].requires_grad_(True)
    assert frozen_weights(model) == ""
    model[1].requires_grad_(False)
    assert first.startswith("2 weights, ") and frozen_weights(model) != first
