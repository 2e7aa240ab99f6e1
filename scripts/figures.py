"""Figures small enough to live in a repository: opaque, and in 256 colours, as plots rarely have more."""

import base64
import io

from nbformat import NotebookNode
from PIL import Image

COLOURS = 256


def shrink(notebook: NotebookNode) -> NotebookNode:
    """Re-encode every PNG among a notebook's outputs, in place; a chapter takes a third of the space."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = base64.b64encode(_on_white(base64.b64decode(output.data["image/png"]))).decode()
    return notebook


def _on_white(png: bytes) -> bytes:
    image = Image.open(io.BytesIO(png)).convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    # An octree rather than a median cut: it keeps the colours of thin lines, and areas of one colour without a pattern.
    few = flat.quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    small = io.BytesIO()
    few.save(small, "PNG", optimize=True)
    return small.getvalue()
