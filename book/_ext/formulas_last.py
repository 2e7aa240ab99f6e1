"""Formulas are typeset when all else on a page answers, and the Tab key passes them by: they only have a menu.

`_static/mathjax_later.js` stands where MathJax would.
"""

from sphinx.application import Sphinx
from sphinx.config import Config


def wait(app: Sphinx, config: Config) -> None:
    config.mathjax_path = "mathjax_later.js"  # in _config.yml, sphinx-mathjax-offline would overwrite it
    config.mathjax3_config = {"options": {"menuOptions": {"settings": {"inTabOrder": False}}}}


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", wait)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
