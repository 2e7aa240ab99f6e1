"""The README's picture is the front page's figure: taken out of its executed notebook, so that the two never differ."""

import base64
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "book" / "_static" / "verdict.png"


def front_figure() -> bytes:
    """The first PNG among the outputs of the front page."""
    cells = json.loads((ROOT / "book" / "index.ipynb").read_text(encoding="utf-8"))["cells"]
    images = (
        output["data"]["image/png"]
        for c in cells
        for output in c.get("outputs", [])
        if "image/png" in output.get("data", {})
    )
    return base64.b64decode(next(images))


if __name__ == "__main__" and (not PICTURE.exists() or PICTURE.read_bytes() != front_figure()):
    PICTURE.write_bytes(front_figure())
    print(f"refreshed {PICTURE.relative_to(ROOT)}")
