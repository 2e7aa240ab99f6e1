"""Rows as tables."""

import re

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.tables import columns, html, protocol_rows

ROWS = [{"what": "a<b", "n": "1"}, {"what": "c", "n": "20"}]


def test_html_escapes_and_keeps_every_cell():
    text = html(ROWS)
    assert re.findall(r"<t[hd] [^>]*>(.*?)</t[hd]>", text) == ["what", "n", "a&lt;b", "1", "c", "20"]
    assert text.count("text-align: right") == 3  # the column of numbers, header included


def test_columns_line_up_with_numbers_to_the_right():
    assert columns(ROWS).splitlines() == ["what   n", "a<b    1", "c     20"]


def test_no_rows_make_no_table():
    assert html([]) == columns([]) == ""


def test_the_protocol_names_every_setting_once_with_its_reason():
    for experiment in EXPERIMENTS.values():
        rows = protocol_rows(experiment)
        assert [row["setting"] for row in rows] == [setting.name for setting in experiment.settings]
        assert sum(row["why"].startswith("our choice: ") for row in rows) == sum(not s.stated for s in experiment.settings)
