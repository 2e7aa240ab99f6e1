"""Keep the rendered book on the reader's own machine, and its pages free of the theme's errors.

Jupyter Book loads sphinx-thebe in every book. It declares one constant twice on each page, which browsers report as an
error, and would fetch the code that runs cells from a CDN. This book's cells are run in Jupyter, so thebe goes away. The
theme's other two errors are mended in `_config.yml` (`html_context.default_mode`, `html.favicon`), where the scripts
that would come from CDNs are turned off or served from the book itself too.
"""

from typing import Any

from sphinx.application import Sphinx


def without_thebe(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    def is_thebe(asset: Any) -> bool:
        inline = (getattr(asset, "attributes", None) or {}).get("body") or ""
        return "thebe" in str(getattr(asset, "filename", asset)) or "THEBE_JS_URL" in inline

    for kind in ("script_files", "css_files"):
        context[kind] = [asset for asset in context[kind] if not is_thebe(asset)]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", without_thebe, priority=900)  # after the extensions that add scripts
    return {"parallel_read_safe": True, "parallel_write_safe": True}
