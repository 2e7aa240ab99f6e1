"""The modes of a network's modules, train or eval, for a while; then back as they were."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def modes_kept(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Modes may change inside the block; then each module is put back into its own, also after an error.

    So a batch norm that was frozen in a network that trains stays frozen.

    Example:
        >>> from torch import nn
        >>> from mixbook.modes import modes_kept
        >>> model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2).eval())
        >>> with modes_kept(model.modules()):
        ...     _ = model.train()
        >>> [module.training for module in model]
        [True, False]
    """
    before = [(module, module.training) for module in modules]
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the block; then each module is put back into its own mode, as by :func:`modes_kept`.

    Example:
        >>> from torch import nn
        >>> from mixbook.modes import evaluation_mode
        >>> model = nn.Dropout()
        >>> with evaluation_mode(model):
        ...     print(model.training)
        False
        >>> model.training
        True
    """
    with modes_kept(model.modules()):
        model.eval()
        yield
