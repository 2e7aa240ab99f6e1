from collections.abc import Iterator
from pathlib import Path

import pytest
import torch


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(20261120)


@pytest.fixture(scope="session")
def built_book() -> Path:
    """The folder of the book's pages, rendered once from the committed outputs, with warnings as errors."""
    import make_book

    return make_book.preview_for_tests()


@pytest.fixture
def real_data(request: pytest.FixtureRequest) -> None:
    """Skips a test of real data where they are not in the data folder. Parametrise indirectly with the set's name."""
    from mixbook.data import store

    if not store.present(store.source(request.param)):
        pytest.skip(f"{request.param} is not in the data folder {store.root()}")


@pytest.fixture(scope="module")
def site(built_book: Path) -> Iterator[str]:
    """The address of the built book, with a slash at the end."""
    import viewing

    with viewing.serve(built_book) as address:
        yield address


@pytest.fixture(scope="module")  # no longer: its event loop would stand in the way of tests that run notebooks
def chromium() -> Iterator[object]:
    import viewing

    with viewing.launch() as browser:
        yield browser
