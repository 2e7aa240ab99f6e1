"""One file from the network: with a progress bar, and going on where a broken download stopped."""

from contextlib import nullcontext
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

_CHUNK = 1 << 18
_TIMEOUT = 30  # seconds without a byte


class Interrupted(OSError):
    """A download ended early. What came is kept, and the next try goes on from there."""


def download(url: str, part: Path, size: int | None = None) -> None:
    """Fetch ``url`` into ``part``, appending to what is there already if the server can go on from it.

    Nothing is promised about the contents: a caller checks them before it gives the file its final name.

    Args:
        url: where from.
        part: the unfinished file; its folder exists.
        size: how many bytes it will have, None to believe the server.

    Raises:
        OSError: if the server cannot be reached, refuses, or breaks off (``Interrupted``), or the disk is full.
    """
    have = part.stat().st_size if part.exists() else 0
    if have and have == size:
        return
    headers = {"User-Agent": "mixbook", **({"Range": f"bytes={have}-"} if have else {})}
    try:
        with urlopen(Request(url, headers=headers), timeout=_TIMEOUT) as reply:
            start = have if reply.status == 206 else 0
            length = reply.headers.get("Content-Length")
            total = size or (start + int(length) if length else None)
            with part.open("ab" if start else "wb") as out, _bar(part, start, total) as bar:
                while chunk := reply.read(_CHUNK):
                    out.write(chunk)
                    if bar is not None:
                        bar.update(len(chunk))
    except HTTPError as error:
        if error.code != 416:  # "range not satisfiable": everything had come, so the checksum decides
            raise
        return
    except HTTPException as error:
        raise Interrupted(f"the connection broke: {error!r}") from error
    came = part.stat().st_size
    if total is not None and came < total:
        raise Interrupted(f"the connection broke after {came:,} of {total:,} bytes")


def _bar(part: Path, start: int, total: int | None) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:
        return nullcontext()
    # disable=None: no bar where nobody looks at a terminal
    return tqdm(desc=part.stem, initial=start, total=total, unit="B", unit_scale=True, disable=None)
