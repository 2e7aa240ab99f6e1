"""Rows as tables."""

import re

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.tables import columns, html, latex, protocol_rows

ROWS = [{"what": "a<b", "n": "1"}, {"what": "c", "n": "20"}]


def test_html_escapes_and_keeps_every_cell():
    text = html(ROWS)
    assert re.findall(r"<t[hd] [^>]*>(.*?)</t[hd]>", text) == ["what", "n", "a&lt;b", "1", "c", "20"]
    assert text.count("text-align: right") == 3  # the column of numbers, header included


def test_columns_line_up_with_numbers_to_the_right():
    assert columns(ROWS).splitlines() == ["what   n", "a<b    1", "c     20"]


def test_no_rows_make_no_table():
    assert html([]) == columns([]) == latex([]) == ""


def test_latex_escapes_what_has_a_meaning_there_and_sets_numbers_as_such():
    rows = [{"share [%]": "-1.50\u00a0±\u00a00.25", "a_b": r"#1 & \x {^~}"}, {"share [%]": "", "a_b": "5 of 6"}]
    assert latex(rows).splitlines() == [
        r"\begin{tabular}{rl}",
        r"\toprule",
        r"share [\%] & a\_b \\",
        r"\midrule",
        r"$-1.50 \pm 0.25$ & \#1 \& \textbackslash{}x \{\textasciicircum{}\textasciitilde{}\} \\",
        r" & 5 of 6 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_the_protocol_names_every_setting_once_with_its_reason():
    for experiment in EXPERIMENTS.values():
        rows = protocol_rows(experiment)
        assert [row["setting"] for row in rows] == [setting.name for setting in experiment.settings]
        assert sum(row["why"].startswith("our choice: ") for row in rows) == sum(not s.stated for s in experiment.settings)
