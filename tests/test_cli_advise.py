"""``mixbook advise``, as somebody types it."""

import json

import numpy as np
import pytest

from mixbook import cli
from mixbook.advice import advise


@pytest.fixture
def table(tmp_path, generator):
    """A class between two clusters of another, as a CSV with a header and words for labels; and the arrays."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 0], 40)
    x = np.round(rng.normal(scale=0.2, size=(120, 2)) + np.repeat([[-4, 0], [0, 0], [4, 0]], 40, axis=0), 3)
    rows = [f"{a},{b},{'inner' if label else 'outer'}" for (a, b), label in zip(x, y, strict=True)]
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(["across,up,kind", *rows]) + "\n")
    return path, x, y


def test_it_says_what_the_function_finds(table, capsys):
    path, x, y = table
    cli.main(["advise", str(path)])
    said = capsys.readouterr().out
    assert said.startswith(
        "120 samples, classes inner, outer\nlabel: column 'kind' (--label)\nfeatures scaled column by column (--scale)\n"
    )
    assert str(advise(x, y, scale="columns")) in said
    cli.main(["advise", str(path), "--scale", "none"])
    said = capsys.readouterr().out
    assert "\nfeatures as they are (--scale)\n" in said and str(advise(x, y)) in said
    cli.main(["advise", str(path), "--scale", "none", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["classes"] == ["inner", "outer"]
    cli.main(["advise", str(path), "--seed", "1", "--json"])
    shares = [row["contradicted"] for row in json.loads(capsys.readouterr().out)["at"]]
    seeds = [[row.contradicted for row in advise(x, y, scale="columns", seed=seed).at] for seed in (0, 1)]
    assert shares == seeds[1] != seeds[0]
    assert found["k"] == advise(x, y).k and found["at"][0]["contradicted"] == advise(x, y).at[0].contradicted


def test_arrays_and_a_figure(table, tmp_path, capsys):
    _, x, y = table
    np.savez(tmp_path / "mine.npz", x=x, target=y)
    cli.main(["advise", str(tmp_path / "mine.npz"), "--label", "target", "--plot", str(tmp_path / "advice.png")])
    assert (tmp_path / "advice.png").read_bytes().startswith(b"\x89PNG")
    assert "advice.png" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("1,2,a\n" * 30, [], "at least two classes"),
        ("1,2,a\n3,4,b\n", [], "at least 20 samples"),
        ("len,mass,kind\n" + "1,2,a\n3,4,b\n" * 20 + "1,,a\n", [], "row 42, column 'mass' of mine.csv must be a finite"),
        ("1,2,a\n3,red,b\n" * 20, [], "got 'red'"),
        ("1,2,a\n3,4,b\n" * 20, ["--label", "kind"], "no column 'kind'"),
        ("1,2,a\n3,4,b\n" * 20, ["--plot", "/nowhere/a.png"], "cannot use"),
        (None, [], "No such file"),
    ],
)
def test_bad_files_are_explained_without_a_traceback(tmp_path, capsys, text, arguments, said):
    path = tmp_path / "mine.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SystemExit) as left:
        cli.main(["advise", str(path), *arguments])
    assert left.value.code == 2
    assert said in capsys.readouterr().err


def test_of_a_folder_of_images_it_is_said_what_is_taken(tmp_path, capsys):
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    with pytest.raises(SystemExit):
        cli.main(["advise", str(tmp_path / "photos")])
    assert "photos is a folder, and this takes a .csv or .npz file: of images" in capsys.readouterr().err
