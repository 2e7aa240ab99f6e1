"""``mixbook data``: the data sets that are downloaded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mixbook.benchmarks import BenchmarkError


def commands() -> dict[str, Callable[..., None]]:
    """The data sets that are downloaded: which there are, get them, check them."""
    from mixbook.data import store
    from mixbook.data.sources import SOURCES

    def list_() -> None:
        """Show the data sets, and which of them are in the data folder."""
        with _explained():
            print(f"data folder: {store.root()}")
        for wanted in SOURCES.values():
            print(f"{'here' if store.present(wanted) else '-':5} {wanted.name:15} {wanted.title}")

    def get(names: tuple[str, ...], /) -> None:
        """Download data sets, as far as they are not in the data folder, and check them.

        Args:
            names: which; `mixbook data list` shows them.
        """
        if not names:
            raise BenchmarkError(f"which data set? There are: {', '.join(SOURCES)}")
        with _explained():
            for wanted in [store.source(name) for name in names]:
                store.files(wanted.name)
                for place in [archive.folder for archive in wanted.archives] or [file.path for file in wanted.files]:
                    print(f"{wanted.name}: {store.root() / place}")

    def verify(names: tuple[str, ...] = (), /) -> None:
        """Compare files in the data folder with the published checksums. Exits with 2 if one differs or is absent.

        Args:
            names: which data sets, which must be there; by default all that are there, of which there must be one.
        """
        wrong, incomplete, some = [], [], False
        with _explained():
            chosen, home = [store.source(name) for name in names or SOURCES], store.root()
        for wanted in chosen:
            found, absent = False, False
            there = {archive.file: archive.folder for archive in wanted.archives if store.unpacked(archive)}
            for file in (*wanted.files, *(archive.file for archive in wanted.archives)):
                path = home / file.path
                if path.is_file():
                    right = store.matches(path, file)
                    print(f"{'ok' if right else 'WRONG':6} {file.path}", flush=True)
                    wrong += [] if right else [str(path)]
                    found = True
                elif file not in there:
                    print(f"absent {file.path}")
                    absent = True
                elif not wanted.files:  # which are checked themselves
                    found = True
                    print(f"not checked {there[file]}: unpacked, no archive {file.path}")
            incomplete += [wanted.name] if absent and (names or found) else []
            some = some or found
        if wrong:
            raise BenchmarkError(f"not the published files: {', '.join(wrong)}. Remove them, then `mixbook data get`")
        if incomplete:
            raise BenchmarkError(f"not all there: {', '.join(incomplete)}. `mixbook data get {' '.join(incomplete)}`")
        if not some:
            raise BenchmarkError(f"no data set is in {home}: `mixbook data list` shows which there are")

    return {"list": list_, "get": get, "verify": verify}


@contextmanager
def _explained() -> Iterator[None]:
    from mixbook.data.store import DataError

    try:
        yield
    except DataError as error:
        raise BenchmarkError(str(error)) from error
