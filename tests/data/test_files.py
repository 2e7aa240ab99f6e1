"""Somebody's own table: what is read, and what is refused with which words."""

import zipfile

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


@pytest.mark.parametrize("label", ["kind", "0", "-3", 0, -3])
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
        ("1,a\n1,\n", None, "row 2 of data.csv has no label: remove it"),
        ("1,a\n1,NA\n", None, "row 2 of data.csv has no label, 'NA': remove it"),
        ("1,NaN\n1,0\n", None, "row 1 of data.csv has no label, 'NaN'"),
        ("1,?\n1,0\n", None, "row 1 of data.csv has no label, '[?]'"),
        ("a,y,y\n1,0,0\n2,1,1\n", "y", "has 2 columns 'y': leave one"),
        ("1,5;0\n2,5;1\n", None, "row 1, column '0' .* got '1,5'"),
        ("x,z,c\n\n\n1,2,a\n\n1,red,b\n", None, "row 6, column 'z'"),
        ('x,z,c\n1,2,"a\nb"\n1,red,b\n', None, "row 4, column 'z'"),
        ('x,z,c\n1,2,"a\n' + "1,2,b\n" * 3, None, "row 2 of data.csv is no row of a CSV file .* quote left open"),
        ('x,z,c\n1,2,"a\n' + "1,2,b\n" * 40000, None, "row 2 of data.csv is no row of a CSV file .*field limit"),
        ("1,2,a\n", "²", "no column '²'"),
        ("1,2,a\n", "--1", "no column '--1'"),
        ("1,inf\n1,3\n", None, "labels must be whole numbers or words"),
    ],
)
def test_what_is_wrong_with_a_csv_is_said(tmp_path, text, label, said):
    with pytest.raises(ValueError, match=said):
        read_table(written(tmp_path, text), label)


def test_codes_as_labels_keep_all_their_digits(tmp_path):
    table = read_table(written(tmp_path, "1,1000001\n2,1000002\n3,9007199254740993\n4,9007199254740992\n"))
    assert table.classes == ("1000001", "1000002", "9007199254740992", "9007199254740993")
    assert table.y.tolist() == [0, 1, 3, 2]


@pytest.mark.parametrize(("header", "label"), [("0,1,2", None), ("0,1,kind", None), ("kind,0,1", "kind"), ("0,1,2", "2")])
def test_a_header_that_counts_as_pandas_does_is_no_sample(tmp_path, header, label):
    rows = ["5,6,0", "6,5,1", "5,5,1"]
    if header.startswith("kind"):
        rows = [",".join([row[-1], row[:3]]) for row in rows]
    table = read_table(written(tmp_path, "\n".join([header, *rows])), label)
    np.testing.assert_array_equal(table.x, [[5, 6], [6, 5], [5, 5]])
    assert table.classes == ("0", "1")


@pytest.mark.parametrize("rows", ["5,6,0\n6,5,1\n5,5,1", "5,6,a\n6,5,b\n5,5,b"])
def test_years_may_be_names_of_features(tmp_path, rows):
    table = read_table(written(tmp_path, f"2019,2020,class\n{rows}\n"))
    np.testing.assert_array_equal(table.x, [[5, 6], [6, 5], [5, 5]])
    assert len(table.classes) == 2


def test_a_space_before_a_quote_is_no_part_of_a_word(tmp_path):
    table = read_table(written(tmp_path, '"a", "kind"\n1, "cat"\n2, "dog"\n'), "kind")
    assert table.classes == ("cat", "dog")


@pytest.mark.parametrize("row", ["1,2,Y", "1,2,class", "1,2,10+"])
def test_the_only_one_of_its_class_is_no_header(tmp_path, row):
    below = "1" if "10" in row else "N"
    assert len(read_table(written(tmp_path, f"{row}\n3,4,{below}\n2,2,{below}\n")).y) == 3


def test_of_two_separators_that_one_separates_which_is_in_all_rows(tmp_path):
    np.testing.assert_array_equal(read_table(written(tmp_path, "a,note;more\n1,0\n2,1\n")).x, [[1], [2]])


@pytest.mark.parametrize("first", ["0,1,cat", "0,1,2", "0,2,9"])
def test_a_sample_that_counts_is_no_header(tmp_path, first):
    """Its label is one that others have, or its numbers do not go on by one."""
    label = first.split(",")[-1].replace("9", "3")
    assert len(read_table(written(tmp_path, f"{first}\n4,4,{label}\n5,5,7\n")).y) == 3


def test_separators_in_quotes_separate_nothing(tmp_path):
    table = read_table(written(tmp_path, '"a, b";"c, d, e";kind\n1;2;x\n3;4;y\n'))
    np.testing.assert_array_equal(table.x, [[1, 2], [3, 4]])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_npz_is_named(tmp_path, save):
    path = tmp_path / "data.npz"
    save(path, x=np.arange(150.0).reshape(50, 3), y=np.arange(50) % 2)
    whole = path.read_bytes()
    for damaged in (whole[:300] + bytes([whole[300] ^ 255]) + whole[301:], whole[:200] + whole[400:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"data\.npz cannot be read"):
            read_table(path)


def test_an_npz_that_calls_its_compression_by_another_name_is_named(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, x=np.arange(6.0).reshape(3, 2), y=np.arange(3))
    whole = bytearray(path.read_bytes())
    whole[8] = whole[whole.index(b"PK\x01\x02") + 10] = zipfile.ZIP_BZIP2  # which it is not
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"data\.npz cannot be read \(Invalid data stream"):
        read_table(path)


def test_what_is_no_array_in_an_npz_is_named(tmp_path):
    for name, said in (("x.npy", "x of data.npz is no array"), ("x.txt", "must hold arrays x and y")):
        with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
            for member in (name, "y.npy"):
                archive.writestr(member, b"garbage")
        with pytest.raises(ValueError, match=said):
            read_table(tmp_path / "data.npz")
    np.savez(tmp_path / "data.npz", x=np.array([[1, "a"]], dtype=object), y=np.array([1]))
    with pytest.raises(ValueError, match=r"data\.npz cannot be read .*Object arrays"):
        read_table(tmp_path / "data.npz")


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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b,c\n1,2,x\n1,,y\n", "row 3, column 'b' of data.csv .* got ''"),
        ("1,2,x\ninf,2,y\n", "row 2, column '0' of data.csv .* got 'inf'"),
    ],
)
def test_gaps_are_refused_where_nothing_fills_them(tmp_path, text, said):
    path = written(tmp_path, text)
    assert not np.isfinite(read_table(path).x).all()
    with pytest.raises(ValueError, match=said):
        read_table(path, gaps=False)


def test_gaps_in_arrays_are_refused_where_nothing_fills_them(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, x=np.array([[[1.0]], [[np.nan]], [[2.0]]]), y=[0, 1, 1])
    assert np.isnan(read_table(path).x).sum() == 1
    with pytest.raises(ValueError, match="got NaN or infinity in 1 of 3 samples, the first at 1"):
        read_table(path, gaps=False)


def test_words_in_arrays_are_no_samples(tmp_path):
    np.savez(tmp_path / "data.npz", x=np.array([["red"], ["blue"]]), y=[0, 1])
    with pytest.raises(ValueError, match=r"x of data\.npz must hold numbers, got <U4"):
        read_table(tmp_path / "data.npz")


def test_bytes_are_labels_as_text(tmp_path):
    np.savez(tmp_path / "mine.npz", x=np.ones((3, 2)), y=np.array(["b", "ä", "b"]))
    words = read_table(tmp_path / "mine.npz").classes
    np.savez(tmp_path / "mine.npz", x=np.ones((3, 2)), y=np.char.encode(["b", "ä", "b"], "utf-8"))
    assert read_table(tmp_path / "mine.npz").classes == words == ("b", "ä")
    np.savez(tmp_path / "mine.npz", x=np.ones((2, 2)), y=np.array([b"a", b"\xff"]))
    with pytest.raises(ValueError, match=r"y of mine\.npz must be text in UTF-8"):
        read_table(tmp_path / "mine.npz")


def test_an_underscore_makes_no_thousand(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("a,kind\n1_000,x\n2,y\n")
    with pytest.raises(ValueError, match=r"row 2, column 'a' of mine\.csv must be a number, got '1_000'"):
        read_table(path)
    path.write_text("a,kind\n1,1_0\n2,10\n")
    assert read_table(path).classes == ("10", "1_0")  # words


@pytest.mark.parametrize("order", ["012345", "123456", "503214", "024689"])
@pytest.mark.parametrize("header", [",f,kind", "Unnamed: 0,f,kind", ",0,1"])
def test_the_row_numbers_of_pandas_are_no_feature(tmp_path, header, order):
    """Where rows are in the order of their classes, they say the label."""
    rows = [f"{number},{place % 2}.5,{'ab'[place // 3]}" for place, number in enumerate(order)]
    path = written(tmp_path, "\n".join([header, *rows]), "pd.csv")
    with pytest.raises(ValueError, match=r"^column 0 of pd\.csv has no name and numbers the rows.* index=False, or name"):
        read_table(path)


@pytest.mark.parametrize("header", ["f,g,kind", "Unnamed: 0,g,kind", ",g,kind", "id,g,kind"])
def test_a_column_with_a_name_may_count_and_one_without_may_be_a_feature(tmp_path, header):
    second = 1 if header.startswith(("f", "id")) else 0
    np.testing.assert_array_equal(read_table(written(tmp_path, f"{header}\n0,5,a\n{second},6,b\n")).x[:, 0], [0, second])
    assert read_table(written(tmp_path, ",f,kind\n.5,1,a\n2,2,b\n")).x.tolist() == [[0.5, 1], [2, 2]]


def test_the_index_may_be_the_label(tmp_path):
    assert read_table(written(tmp_path, ",f,g\n0,1,2\n1,3,4\n"), "0").classes == ("0", "1")


@pytest.mark.parametrize("name", ["label", "Class", "species"])
def test_where_another_column_than_the_last_is_called_label_that_is_said(tmp_path, name, recwarn):
    path = written(tmp_path, f"{name},len,sex\n3,.5,0\n1,.25,1\n")
    with pytest.warns(UserWarning, match=rf"last column .*, 'sex', is taken for the label, and '{name}' .*--label {name}"):
        assert read_table(path).classes == ("0", "1")
    recwarn.clear()
    assert read_table(path, "sex").classes == ("0", "1") and read_table(path, name).classes == ("1", "3")
    assert read_table(written(tmp_path, f"{name},len,target\n3,.5,0\n1,.25,1\n")).label == "column 'target'"
    assert not recwarn.list


def test_where_the_labels_were_is_said(tmp_path):
    path = written(tmp_path, "a,kind\n1,x\n2,y\n")
    assert read_table(path).label == read_table(path, "1").label == read_table(path, "kind").label == "column 'kind'"
    assert read_table(written(tmp_path, "1,x\n2,y\n")).label == "column 1"
    np.savez(tmp_path / "data.npz", x=np.ones((2, 2)), kind=[0, 1])
    assert read_table(tmp_path / "data.npz", "kind").label == "array 'kind'"


def test_of_a_folder_it_is_said_what_is_taken(tmp_path):
    with pytest.raises(ValueError, match=r"is a folder, and this takes a \.csv or \.npz file: of images .* np\.savez"):
        read_table(tmp_path)
