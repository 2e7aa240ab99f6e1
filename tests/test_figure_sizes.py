"""The tag of each picture has its size, so that nothing moves when it arrives."""

import re
import struct

import figure_sizes


def png(folder, name, width, height):
    path = folder / name
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s2I", 13, b"IHDR", width, height))
    return path


def test_a_picture_without_a_size_gets_that_of_its_file(tmp_path):
    files = {"a.png": png(tmp_path, "one.png", 640, 480)}
    body = '<img alt="a &gt; b" src="../_images/a.png" /><img src="b.png"/><img width="5" src="a.png"/><img src="a.svg"/>'
    assert figure_sizes.sized(body, files) == body.replace("<img alt", '<img width="640" height="480" alt', 1)


def test_every_figure_of_the_book_has_its_size(built_book):
    pages = list((built_book / "book").rglob("*.html"))
    pictures = [
        tag for page in pages for tag in re.findall(r'<img\b[^>]*src="[^"]*_images/[^"]*\.png"[^>]*>', page.read_text())
    ]
    assert len(pictures) > 100
    assert not [tag for tag in pictures if not re.search(r'width="\d+" height="\d+"', tag)]
