"""Alt texts that depend on results are filled from what the cells of the page glued."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from pages import glued
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="


def recorded(name, text):
    """What `glue(name, ..., display=False)` leaves in a notebook; `text` is the value as it is written in Python."""
    scrapbook = {"name": name, "mime_prefix": "application/papermill.record/"}
    return new_output("display_data", {"application/papermill.record/text/plain": text}, metadata={"scrapbook": scrapbook})


def page(alt):
    settings = {"figure": {"caption": "Both fall."}, "image": {"alt": alt}}
    picture = new_output("display_data", {"image/png": PIXEL})
    cell = new_code_cell("draw()", outputs=[picture], execution_count=1, metadata={"mystnb": settings})
    numbers = [recorded("fall", "3.25"), recorded("which", repr('mixup\'s curve is "lowest"'))]
    return new_notebook(cells=[new_code_cell("measure()", outputs=numbers, execution_count=2), cell])


def rendered(alt, folder):
    """The HTML of a page with one figure."""
    (folder / "in").mkdir()
    nbformat.write(page(alt), folder / "in" / "index.ipynb")
    settings = {"extensions": ["myst_nb", "figure_alts"], "nb_execution_mode": "off"}
    app = Sphinx(folder / "in", None, folder / "out", folder / "trees", "html", settings, status=None, warning=None)
    app.build()
    return (folder / "out" / "index.html").read_text()


def test_glued_texts_and_numbers_are_found_by_name():
    assert glued(page("")) == {"fall": "3.25", "which": repr('mixup\'s curve is "lowest"')}


def test_names_in_an_alt_text_become_what_was_glued(tmp_path):
    html = rendered("Two curves: {which}, and they fall by {fall}.", tmp_path)
    assert 'alt="Two curves: mixup\'s curve is &quot;lowest&quot;, and they fall by 3.25."' in html.replace("&#x27;", "'")


def test_a_name_that_no_cell_glued_is_an_error(tmp_path):
    with pytest.raises(ExtensionError, match="'nothing'"):
        rendered("A curve: {nothing}.", tmp_path)
