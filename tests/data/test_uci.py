import pytest
import torch

from mixbook.data import abalone, arrhythmia, htru2, impute, min_max, phishing, uci


@pytest.fixture
def rows(monkeypatch, tmp_path):
    """Lets a loader read these lines in place of its file."""

    def write(text: str):
        (tmp_path / "file").write_text(text)
        monkeypatch.setattr(uci.store, "files", lambda name: (tmp_path / "file",))

    return write


@pytest.mark.parametrize(
    ("load", "shape", "classes", "real_data"),
    [
        (abalone, (4177, 8), 28, "abalone"),
        (arrhythmia, (452, 279), 13, "arrhythmia"),
        (phishing, (11055, 30), 2, "phishing"),
        (htru2, (17898, 8), 2, "htru2"),
    ],
    indirect=["real_data"],
)
def test_sizes_are_those_of_the_published_sets(load, shape, classes, real_data):
    data = load()
    assert data.x.shape == shape
    assert data.num_classes == classes
    assert data.y.unique().tolist() == list(range(classes))
    assert data.name == load.__name__


@pytest.mark.parametrize("real_data", ["arrhythmia"], indirect=True)
def test_arrhythmia_has_the_published_gaps_and_constant_columns(real_data):
    data = arrhythmia()
    gaps = data.x.isnan().sum(dim=0)
    assert gaps.nonzero().flatten().tolist() == [10, 11, 12, 13, 14]
    assert gaps.sum() == 408
    full = min_max(*impute(data))[0]
    assert (full.x == 0).all(dim=0).sum() == 17
    assert full.x.min() == 0
    assert full.x.max() == 1


@pytest.mark.parametrize("real_data", ["abalone"], indirect=True)
def test_abalone_one_hot_and_coded_sex_agree(real_data):
    coded, hot = abalone(), abalone("one_hot")
    assert torch.equal(coded.x[:, 1:], hot.x[:, 3:])
    assert torch.equal(coded.x[:, 0].long(), hot.x[:, :3].argmax(dim=1))


def test_abalone_classes_are_the_rings_that_occur(rows):
    rows("M,.4,.3,.1,.5,.2,.1,.15,15\nF,.5,.4,.1,.7,.3,.1,.2,3\n\nI,.5,.4,.1,.7,.3,.1,.2,15\n")
    data = abalone()
    assert data.y.tolist() == [1, 0, 1]
    assert data.num_classes == 2
    assert data.x[:, 0].tolist() == [2, 0, 1]
    assert abalone("one_hot").x[0, :4].tolist() == pytest.approx([0, 0, 1, 0.4])
    with pytest.raises(ValueError, match="'one_hot'"):
        abalone("onehot")


def test_question_marks_are_missing_and_the_header_of_an_arff_is_skipped(rows):
    rows("1,?,16\n2,3,1\n")
    data = arrhythmia()
    assert data.missing
    assert data.x.isnan().tolist() == [[False, True], [False, False]]
    assert data.y.tolist() == [1, 0]
    rows("@relation phishing\r\n@attribute a {-1,1}\r\n\r\n@DATA\r\n-1,1,-1\r\n1,0,1\r\n")
    assert phishing().x.tolist() == [[-1, 1], [1, 0]]
    assert phishing().y.tolist() == [0, 1]


def test_classes_are_numbered_in_the_order_of_their_values(monkeypatch):
    monkeypatch.setattr(uci, "_rows", lambda name: [["0.5", "F", value] for value in ("29", "-1", "4", "4", "29")])
    found = uci._arrays("invented", {"F": (1.0, 0.0)})
    assert found.y.tolist() == [2, 0, 1, 1, 2] and found.num_classes == 3
    assert found.x.tolist() == [[0.5, 1.0, 0.0]] * 5
