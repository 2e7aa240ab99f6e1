"""How large each figure is, in its tag: the text below it keeps its place while the picture is on its way."""

import re
import struct
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

IMAGE = re.compile(r'<img(?![^>]*\swidth=)(?=[^>]*\ssrc="([^"]+\.png)")')


def size_of(png: Path) -> tuple[int, int]:
    """Width and height in pixels, which stand at the head of the file."""
    with png.open("rb") as file:
        return struct.unpack(">16x2I", file.read(24))


def sized(body: str, files: dict[str, Path]) -> str:
    """The HTML of a page with the sizes of its PNG images, whose names are looked up in ``files``."""

    def with_size(tag: re.Match[str]) -> str:
        file = files.get(tag[1].rsplit("/", 1)[-1])
        return tag[0] if file is None else '<img width="{}" height="{}"'.format(*size_of(file))

    return IMAGE.sub(with_size, body)


def add(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    if "body" in context:
        files = {name: Path(app.srcdir, source) for source, name in app.builder.images.items()}
        context["body"] = sized(context["body"], files)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
