"""The printed values as they ship with the package."""

from collections import Counter

from mixbook.benchmarks.printed import parse_params, printed_figures, printed_values

PAPERS = {"kmixup-v1", "kmixup-tmlr", "multimix", "datadep", "manifold"}


def test_every_value_of_the_five_papers_is_a_number_with_a_home():
    rows = printed_values()
    assert len(rows) == 1447  # the count that the scoreboard starts from
    assert {row.paper for row in rows} == PAPERS
    for row in rows:
        assert row.table and row.metric and row.unit
        assert row.number == row.number  # parses, and is not NaN


def test_percentages_are_percentages():
    bounded = ("accuracy", "error")
    assert all(0 <= row.number <= 100 for row in printed_values() if row.unit == "%" and row.metric in bounded)


def test_parameters_parse_and_keep_their_printed_spelling():
    for row in printed_values():
        assert ";".join(f"{key}={value}" for key, value in parse_params(row.params).items()) == row.params


def test_no_cell_of_a_table_is_printed_twice():
    cells = Counter(
        (row.paper, row.table, row.dataset, row.model, row.method, row.params, row.metric)
        for row in printed_values()
        if not row.table.startswith("text")
    )
    assert [cell for cell, times in cells.items() if times > 1] == []


def test_figures_without_numbers_are_listed_once_and_print_none():
    figures = [(figure.paper, figure.figure) for figure in printed_figures()]
    assert len(set(figures)) == len(figures)
    assert {paper for paper, _ in figures} == PAPERS
    with_numbers = {(row.paper, row.table.rstrip("abc")) for row in printed_values()}
    assert not with_numbers & set(figures)
