"""Somebody's own table: what is read, and what is refused with which words."""

import numpy as np
import pytest

from mixbook.data.files import read_table


def written(tmp_path, text, name="data.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["height,weight,kind\n", ""])
def test_words_are_labels_in_alphabetical_order(tmp_path, separator, header):
    text = (header + "1,2.5,dog\n3,4,cat\n5,,dog\n").replace(",", separator)
    table = read_table(written(tmp_path, text))
    assert table.classes == ("cat", "dog")
    assert table.y.tolist() == [1, 0, 1]
    np.testing.assert_array_equal(table.x, [[1, 2.5], [3, 4], [5, np.nan]])  # a gap is seen by who uses the table


@pytest.mark.parametrize("label", ["kind", "0", "-3"])
def test_the_label_may_be_any_column(tmp_path, label):
    table = read_table(written(tmp_path, "kind,a,b\n7,1,2\n3,3,4\n"), label)
    assert table.classes == ("3", "7") and table.y.tolist() == [1, 0]
    np.testing.assert_array_equal(table.x, [[1, 2], [3, 4]])


def test_numbers_as_labels_keep_their_order(tmp_path):
    assert read_table(written(tmp_path, "0,10\n0,9\n0,10.0\n")).classes == ("9", "10")


def test_npz(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, X=np.zeros((3, 2, 2)), y=np.array([5, 5, 2]))
    table = read_table(path)
    assert table.x.shape == (3, 2, 2) and table.y.tolist() == [1, 1, 0] and table.classes == ("2", "5")


@pytest.mark.parametrize(
    ("text", "label", "said"),
    [
        ("", None, "is empty"),
        ("a,b\n", None, "header and no rows"),
        ("1\n2\n", None, "a feature and a label"),
        ("1,2,a\n1,b\n", None, "row 2 .* must have 3 columns as the first, got 2"),
        ("x,z,c\n1,2,a\n1,red,b\n", None, "row 3, column 'z' .* got 'red'"),
        ("1,2,a\n1,red,b\n", None, "row 2, column '1' .* got 'red'"),
        ("x,z,c\n1,2,a\n", "d", "no column 'd' for the label. It has: x, z, c"),
        ("1,2,a\n", "9", "numbers from 0 to 2"),
        ("1,2.5\n1,3\n", None, "labels must be whole numbers or words"),
        ("1,a\n1,\n", None, "label 2 is missing"),
    ],
)
def test_what_is_wrong_with_a_csv_is_said(tmp_path, text, label, said):
    with pytest.raises(ValueError, match=said):
        read_table(written(tmp_path, text), label)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\.csv or \.npz file, got '\.xlsx'"):
        read_table(written(tmp_path, "", "data.xlsx"))
    with pytest.raises(ValueError, match="is no NPZ file"):
        read_table(written(tmp_path, "no zip", "data.npz"))
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match="must hold arrays x and y, got a"):
        read_table(tmp_path / "other.npz")
    (tmp_path / "latin.csv").write_bytes("1,ä\n".encode("latin1"))
    with pytest.raises(ValueError, match="UTF-8"):
        read_table(tmp_path / "latin.csv")
    with pytest.raises(OSError):
        read_table(tmp_path / "none.csv")
