"""The rendered book as one file: `_build/mixbook.zip`, whose `index.html` opens from a folder, without a network."""

import sys
import zipfile
from pathlib import Path

import viewing
from contents import ROOT

ZIP = ROOT / "_build" / "mixbook.zip"


def pack(html: Path, target: Path) -> Path:
    """Everything of a rendered book but the notes that its makers keep (names with a dot in front)."""
    viewing.built(html)
    part = target.with_name(target.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(html.rglob("*")):
            inside = path.relative_to(html)
            if path.is_file() and not any(name.startswith(".") for name in inside.parts):
                archive.write(path, Path("mixbook") / inside)
    part.replace(target)
    return target


if __name__ == "__main__":
    try:
        print(f"the book as a folder: {pack(viewing.HTML, ZIP)}")
    except FileNotFoundError as error:
        sys.exit(str(error))
