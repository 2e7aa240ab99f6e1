"""Only the icons that the book shows: the theme's script draws two thousand, which no page should have to load."""

import re
from pathlib import Path

from sphinx.application import Sphinx

SCRIPT = "_static/scripts/fontawesome.js"
# One icon: name:[width, height, [other names], "code point", "path" or [paths]]
ICON = r'(?:"[\w-]+"|\w+):\[\d+,\d+,\[[^\]]*\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\]'
ICONS = re.compile(rf"\{{({ICON}(?:,{ICON})*)\}}")
SHOWN = re.compile(r"\bfa-([a-z0-9-]+)")


def subset(script: str, shown: set[str]) -> str:
    """The script with the icons that are shown under any of their names, and no others."""

    def names(icon: str) -> set[str]:
        head = icon[: icon.index("]")]
        return {icon.split(":", 1)[0].strip('"'), *re.findall(r'"([\w-]+)"', head)}

    def kept(icons: re.Match[str]) -> str:
        return "{" + ",".join(icon for icon in re.findall(ICON, icons[1]) if names(icon) & shown) + "}"

    return ICONS.sub(kept, script)


def reduce(app: Sphinx, error: Exception | None) -> None:
    script = Path(app.outdir) / SCRIPT
    if error or not script.is_file():
        return
    pages = [*Path(app.outdir).rglob("*.html"), *(Path(app.outdir) / "_static").rglob("*.js")]
    shown = {name for page in pages if page != script for name in SHOWN.findall(page.read_text(encoding="utf-8"))}
    script.write_text(subset(script.read_text(encoding="utf-8"), shown), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", reduce, priority=900)  # after the theme has put it there
    return {"parallel_read_safe": True, "parallel_write_safe": True}
