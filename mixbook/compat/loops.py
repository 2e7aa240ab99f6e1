"""Where mixing goes in somebody else's loop: in the loader, in Lightning's hook, in some batches or epochs only."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import default_collate, get_worker_info

from mixbook.generators import drawn_by
from mixbook.mixing.checks import check_batch, check_inputs
from mixbook.mixing.guided import GuidedMixer
from mixbook.mixing.mixer import Mixer
from mixbook.mixing.oneof import OneOf
from mixbook.mixing.place import ManifoldMixer
from mixbook.mixing.plan import MixPlan

Mixing = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

_WITH_NETWORK = (ManifoldMixer, GuidedMixer)  # they give outputs of a network, and no mixed batch


@dataclass(frozen=True)
class MixCollate:
    """A ``collate_fn`` that mixes: ``DataLoader(data, 128, shuffle=True, collate_fn=MixCollate(mb.mixup(1.0, 10)))``.

    With worker processes leave the mixer without a generator of its own: torch seeds its global one anew in each worker
    and epoch, but each worker has the same copy of a generator that was handed over, and again in each epoch.

    Use it for training only. A loop that takes one collate function for training and evaluation, as Hugging Face's
    ``Trainer`` does, would mix what it evaluates.

    Args:
        mixer: anything that takes ``(x, y)`` and gives them mixed.
        collate: makes a batch of a list of samples: ``(x, y)``, or a mapping.
        keys: for batches that are mappings, the names of the inputs and of the targets: ``("pixel_values", "labels")``.
            What else is in the batch stays as it is.

    Raises:
        TypeError: if ``mixer`` gives outputs of a network, as ``ManifoldMixer`` does.
        ValueError: when called, if the batch is neither ``(x, y)`` nor a mapping, if it is one and ``keys`` are missing or
            not in it, or if a mixer that gives another number of rows than it gets (K > 1) would leave the rest of the
            mapping behind.

    Example:
        >>> import torch, mixbook as mb
        >>> from mixbook.compat import MixCollate
        >>> data = [(torch.rand(3), label) for label in (0, 1, 1, 0)]
        >>> loader = torch.utils.data.DataLoader(data, 4, collate_fn=MixCollate(mb.mixup(1.0, 2)))
        >>> [(x.shape, targets.shape) for x, targets in loader]
        [(torch.Size([4, 3]), torch.Size([4, 2]))]
    """

    mixer: Mixing
    collate: Callable[[list[Any]], Any] = default_collate
    keys: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        _check_mixes_batches(self.mixer)

    def __call__(self, samples: list[Any]) -> Any:
        """Samples as a mixed batch: ``(x, y)``, or a dictionary where the batch is a mapping."""
        if get_worker_info() is not None and not _draws_globally(self.mixer):
            warnings.warn(
                "the mixer has a generator of its own, of which each worker has the same copy, again in each epoch: leave "
                "it out, and pass generator= to the DataLoader",
                stacklevel=2,
            )
        batch = self.collate(samples)
        if not isinstance(batch, Mapping):
            return self.mixer(*_pair(batch, "give collate= a function that makes them"))
        if self.keys is None or not set(self.keys) <= set(batch):
            raise ValueError(
                f"keys must name the inputs and the targets of a batch with {sorted(batch)}, got {self.keys}: "
                "e.g. keys=('pixel_values', 'labels')"
            )
        at_x, at_y = self.keys
        x, y = self.mixer(batch[at_x], batch[at_y])
        others = sorted(set(batch) - set(self.keys))
        if others and len(x) != len(batch[at_x]):
            raise ValueError(
                f"the mixer makes {len(x)} rows of {len(batch[at_x])}, so {others} would no longer fit: leave them out of "
                "the batch, or mix in the training step"
            )
        return {**batch, at_x: x, at_y: y}


@dataclass
class Schedule:
    """Mixes only some batches, or only until an epoch: many recipes switch mixing off at the end.

    A batch that is not mixed comes out in the same form: itself once, with dense targets. So the loss need not know. In
    evaluation use the data as they are, without a mixer.

    Args:
        mixer: the mixer, also one that gives outputs of a network: these are then outputs on the batch as it is, and
            ``GuidedMixer.loss`` is their loss alone. Also a ``MixUp``, ``CutMix`` or ``Mixup`` of this package, for calls.
        probability: of mixing a batch, in [0, 1].
        until: how many epochs are mixed, the first ones; None for all.
        epoch: which epoch it is, counted from 0: the loop says so, ``schedule.epoch = 7``; ``mixbook.training.fit``
            does. Workers of a loader learn it too, also those that persist.

    Raises:
        ValueError: if ``probability`` is not in [0, 1].
        TypeError: if ``mixer`` has no ``num_classes`` or ``generator``, which a batch that is not mixed needs too.

    Example:
        >>> import torch, mixbook as mb
        >>> from mixbook.compat import Schedule
        >>> mix = Schedule(mb.mixup(1.0, num_classes=2), until=80)
        >>> mix.epoch = 80  # the first epoch without mixing
        >>> mix(torch.rand(2, 3), torch.tensor([0, 1]))[1]
        tensor([[1., 0.],
                [0., 1.]])
    """

    mixer: Mixer | OneOf | ManifoldMixer | GuidedMixer
    probability: float = 1.0
    until: int | None = None
    epoch: int = 0
    _shared: Tensor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must lie in [0, 1], got {self.probability}")
        known = all(hasattr(self._inner, name) for name in ("num_classes", "generator"))
        if isinstance(self.mixer, type) or not known:
            raise TypeError(
                "mixer must have num_classes and a generator, as Mixer, OneOf, ManifoldMixer or GuidedMixer, "
                f"got {getattr(self.mixer, '__name__', type(self.mixer).__name__)}: e.g. mb.mixup(1.0, num_classes=10)"
            )
        # In memory that processes share: a worker that outlives an epoch has a copy of everything else.
        self._shared = torch.tensor(self.epoch).share_memory_()

    def __copy__(self) -> "Schedule":
        """One of its own, whose epoch is its own too."""
        other = object.__new__(type(self))
        vars(other).update(vars(self), _shared=torch.tensor(self.epoch).share_memory_())
        return other

    def __setstate__(self, state: dict[str, Any]) -> None:
        """As it was: a deep copy, or one from a file, shares its epoch anew; what torch sends to a worker still does."""
        vars(self).update(state)
        if not self._shared.is_shared():
            vars(self)["_shared"] = torch.tensor(self.epoch).share_memory_()

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; the epoch in all processes."""
        super().__setattr__(name, value)
        if name == "epoch" and "_shared" in vars(self):
            self._shared.fill_(value)

    def __call__(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """A batch, mixed or not: see :class:`~mixbook.mixing.mixer.Mixer`; or outputs, where the mixer gives these."""
        if isinstance(self.mixer, _WITH_NETWORK):
            return self.outputs(self.mixer.model, x, y)
        return self.mixer(x, y) if self._mixes(self.mixer.generator) else (x, self._dense(x, y))

    def outputs(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        partner: tuple[Tensor, Tensor] | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The model's outputs on a batch, mixed or not, and their targets: as :meth:`Mixer.outputs`."""
        if self._mixes(self._inner.generator if generator is None else generator):
            return self.mixer.outputs(model, x, y, partner=partner, generator=generator)
        outputs = self.mixer.unmixed(model, x) if isinstance(self.mixer, _WITH_NETWORK) else model(x)
        return outputs, self._dense(x, y)

    @property
    def draws_globally(self) -> bool:
        """Whether draws are from torch's global generator."""
        return _draws_globally(self._inner)

    def state_dict(self) -> dict[str, Any]:
        """State of the mixer, and the epoch."""
        return {"mixer": self.mixer.state_dict(), "epoch": self.epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave."""
        self.mixer.load_state_dict(state["mixer"])
        self.epoch = state["epoch"]

    @property
    def _inner(self) -> Mixer | OneOf:
        """What draws, and knows the classes."""
        return self.mixer.mixer if isinstance(self.mixer, _WITH_NETWORK) else self.mixer

    def _mixes(self, generator: torch.Generator | None) -> bool:
        if self.until is not None and self._shared >= self.until:
            return False
        return self.probability == 1 or bool(torch.rand((), **drawn_by(generator)) < self.probability)

    def _dense(self, x: Tensor, y: Tensor) -> Tensor:
        """Targets of a batch that is not mixed, in the form of those that are, and refused where those would be."""
        check_batch(x, y)
        if not isinstance(self.mixer, ManifoldMixer):  # whose inputs may be words
            check_inputs(x)
        return MixPlan.identity(x).targets(y, self._inner.num_classes)


class LightningMixing:
    """Mixes training batches, and no others, of a LightningModule, on the device where the batch is used.

    Name it before the module's class, and set ``mixer``::

        class Net(LightningMixing, LightningModule):
            def __init__(self):
                super().__init__()
                self.mixer = mb.kmixup(k=16, num_classes=10)

    ``training_step`` then gets dense targets (``mb.mixed_cross_entropy`` takes them), ``validation_step`` labels as before.

    Raises:
        TypeError: when the class is made, if it is named behind what has the same hook, and so would mix nothing.
    """

    mixer: Mixing

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse an order of the bases in which this would never be called."""
        super().__init_subclass__(**options)
        # A class's own hook calls the next one by super(); what counts is who comes first behind such hooks.
        others = (base for base in cls.__mro__ if base is LightningMixing or not issubclass(base, LightningMixing))
        called = next(base for base in others if "on_after_batch_transfer" in vars(base))
        if called is not LightningMixing:
            raise TypeError(f"name LightningMixing before {called.__name__}: class {cls.__name__}(LightningMixing, ...)")

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Lightning's hook: the batch ``(x, y)``, mixed while training."""
        batch = super().on_after_batch_transfer(batch, dataloader_idx)  # type: ignore[misc]
        if not self.trainer.training:  # type: ignore[attr-defined]
            return batch
        _check_mixes_batches(self.mixer)
        return self.mixer(*_pair(batch, "put them in order in on_after_batch_transfer, and call super() with them"))


def _check_mixes_batches(mixer: Mixing) -> None:
    """Refuse what would put outputs of a network in the place of its inputs.

    Raises:
        TypeError: if it does.
    """
    inner = mixer.mixer if isinstance(mixer, Schedule) else mixer
    if isinstance(inner, _WITH_NETWORK):
        raise TypeError(
            f"mixer must give a mixed batch, got {type(inner).__name__}, which gives outputs of a network: call "
            "mixer.outputs(model, x, y) in the training step"
        )


def _draws_globally(mixer: Mixing) -> bool:
    return getattr(mixer, "draws_globally", getattr(mixer, "generator", None) is None)


def _pair(batch: Any, advice: str) -> tuple[Tensor, Tensor]:
    """Inputs and targets, where a batch is just these.

    Raises:
        ValueError: if it is anything else.
    """
    if isinstance(batch, Sequence) and len(batch) == 2:
        return batch[0], batch[1]
    got = f"{len(batch)} parts" if isinstance(batch, Sequence) else type(batch).__name__
    raise ValueError(f"a batch must be (x, y) to be mixed, got {got}: {advice}")
