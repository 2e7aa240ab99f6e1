"""Formulas are typeset when all else on a page answers: `_static/mathjax_later.js` stands where MathJax would."""

from sphinx.application import Sphinx
from sphinx.config import Config


def wait(app: Sphinx, config: Config) -> None:
    config.mathjax_path = "mathjax_later.js"  # in _config.yml, sphinx-mathjax-offline would overwrite it


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", wait)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
