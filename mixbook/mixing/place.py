"""At which layer: mixing hidden representations of any network, by forward hooks."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, cast

import torch
from torch import Tensor, nn

from mixbook.mixing.blend.saliency import GradientSaliency
from mixbook.mixing.checks import another_network, check_batch, check_batches, check_mixer, check_names, name_of
from mixbook.mixing.mixer import Mixer
from mixbook.mixing.oneof import OneOf
from mixbook.mixing.pairing import OptimalTransport, RandomPairing
from mixbook.mixing.plan import IGNORED, MixPlan, check_labels
from mixbook.mixing.ratio import Beta
from mixbook.mixing.route import Replay, Route, now
from mixbook.mixing.scope import Scope, check_probabilities, check_scope, draw_index

INPUT = "input"
_TRANSFORMERS = (
    nn.Transformer,
    nn.TransformerEncoder,
    nn.TransformerEncoderLayer,
    nn.TransformerDecoder,
    nn.TransformerDecoderLayer,
)


class ManifoldMixer:
    """Mixes a batch at a layer drawn anew for each batch: manifold mixup (Verma et al. 2019, Section 2).

    The layers up to the drawn one run once on the batch; what comes out of that layer is mixed, and the rest of the network
    runs on the mixtures. So K interpolations share the first layers, and a transport pairing matches activations.
    In eval mode nothing is mixed. Activation checkpointing may recompute any layer: it is mixed there as it was.

    Everything must flow through a layer that is named: what a skip connection carries around it is not mixed. A layer that
    runs several times in a pass mixes in its first run only: where that is one branch of several, the others are not mixed.

    A network may be compiled by ``torch.compile``: each named layer ends a graph, whichever is drawn, and blocks with a
    ``forward`` of their own are compiled one by one. A plain ``nn.Sequential`` that holds such a layer is not compiled.

    Args:
        model: any network that gives one tensor, with a row for each row of its input.
        layers: where mixing may happen: ``"input"``, or names from ``model.named_modules()`` whose output is one tensor,
            batch first. Each is equally likely; a mapping ``{"input": 0.5, "layer1": 0.25, "layer2": 0.25}`` gives
            probabilities.
        mixer: who, how much, and how.
        per: ``"batch"`` draws one layer for a batch, as published; ``"pair"`` one for each sample, which is then mixed with
            others that drew the same, so a transport pairing needs ``strict=False`` or large batches: of a batch of B and L
            layers a share of up to k L / B is matched with itself, and not mixed. For a random layer and lambda "per
            example" (Section 2) the ratio must be per pair too: ``manifold_mixup(..., per="pair")``.
        stop_gradient: train only the layers that follow a mixture, the ablation of the paper's Section 5.1. In several
            processes, ``DistributedDataParallel`` then needs ``find_unused_parameters=True``.

    Raises:
        ValueError: if ``layers`` is empty, names one twice or none of the model's modules, probabilities are negative or do
            not sum to 1, ``per`` is neither, ``"input"`` is also the name of a module that does something, a layer is a
            transformer of torch's with ``batch_first=False``, or a layer is hidden and a blend asks a network, which knows
            images, for its saliency.
        TypeError: if ``mixer`` mixes no batch, as what mixes inside a network.

    Example:
        >>> import torch, mixbook as mb
        >>> model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
        >>> hidden = mb.ManifoldMixer(model, ["input", "1"], mb.mixup(alpha=2.0, num_classes=3))
        >>> logits, targets = hidden(torch.rand(4, 8), torch.tensor([0, 1, 2, 0]))
        >>> logits.shape, targets.shape
        (torch.Size([4, 3]), torch.Size([4, 3]))
    """

    def __init__(
        self,
        model: nn.Module,
        layers: Sequence[str] | Mapping[str, float],
        mixer: Mixer | OneOf,
        *,
        per: Scope = "batch",
        stop_gradient: bool = False,
    ) -> None:
        check_names("layers", layers, INPUT)
        modules = dict(model.named_modules())
        if len(set(layers)) < len(layers):
            raise ValueError(f"layers must be different, got {list(layers)}: a mapping gives some a larger probability")
        unknown = [name for name in layers if name != INPUT and (name == "" or name not in modules)]
        if unknown:
            known = ", ".join([INPUT, *(name for name in modules if name)])
            raise ValueError(f"layers {unknown} are not in the model: it has {known}")
        if INPUT in layers and not isinstance(modules.get(INPUT, nn.Identity()), nn.Identity):  # which gives what it got
            raise ValueError(
                f"layer {INPUT!r} is the batch itself, and the model has a module of that name: rename the module"
            )
        time_first = [name for name in layers if name != INPUT and _is_time_first(modules[name])]
        if time_first:
            raise ValueError(
                f"layers {time_first} give steps first, (T, B, ...), and rows are mixed: make them with batch_first=True, "
                "or steps would be mixed and not samples"
            )
        check_mixer(mixer)
        _check_sees_layers(mixer, layers)
        check_scope(per)
        self.model = model
        self.layers = tuple(layers)
        self.probabilities = None
        if isinstance(layers, Mapping):
            self.probabilities = check_probabilities("the probabilities of layers", tuple(layers.values()), dict(layers))
        self.mixer = mixer
        self.per = per
        self.stop_gradient = stop_gradient
        self._modules = {name: modules[name] for name in layers if name != INPUT}

    def __repr__(self) -> str:
        layers = self.layers if self.probabilities is None else dict(zip(self.layers, self.probabilities, strict=True))
        return f"ManifoldMixer(layers={layers}, mixer={self.mixer}, per={self.per!r}, stop_gradient={self.stop_gradient})"

    def __call__(
        self,
        x: Tensor,
        y: Tensor,
        x2: Tensor | None = None,
        y2: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Outputs of the model on the mixtures (N, C), and their targets, float32 (N, C).

        Of the model itself: a wrapper around it, such as ``DistributedDataParallel``, is for :meth:`outputs`.

        Args:
            x, y, x2, y2, generator: as for a call of :class:`~mixbook.mixing.mixer.Mixer`.

        Raises:
            ValueError: if only one of ``x2`` and ``y2`` is given, and as :meth:`outputs`.
            RuntimeError: as :meth:`outputs`.
        """
        if (x2 is None) != (y2 is None):
            raise ValueError("x2 and y2 must be given together: the second batch needs its targets too")
        partner = None if x2 is None or y2 is None else (x2, y2)
        return self.outputs(self.model, x, y, partner=partner, generator=generator)

    def outputs(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        partner: tuple[Tensor, Tensor] | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As :meth:`Mixer.outputs`; ``model`` is the network that was given at first, or a wrapper around it.

        Raises:
            ValueError: as the mixer does, for the rows that it is given, and if ``model`` is another network in training.
            RuntimeError: if a drawn layer did not run, or its output or the model's is not a tensor with a row for each
                sample or mixture; also if the network was compiled in a pass without this mixer.
        """
        for each in (y, None if partner is None else partner[1]):
            check_labels(each, self.mixer.num_classes)  # here none may be ignored, as the targets have no word for it
        logits, plan = self.with_plan(model, x, y, partner=partner, generator=generator)
        labels = y if partner is None or plan.rows == len(y) else torch.cat([y, partner[1]])
        return logits, plan.targets(labels, self.mixer.num_classes)

    def with_plan(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        partner: tuple[Tensor, Tensor] | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, MixPlan]:
        """The model's outputs on the mixtures (N, ...), and the plan they follow, for any other targets or losses.

        Row n of the outputs is row n of the plan, also where each sample drew a layer of its own. The plan is for the batch
        ``x``, or for ``torch.cat([x, x2])`` with a second one; in eval mode it is the identity, on ``x``. Where rows had
        masks at several layers, by a spatial blend and ``per="pair"``, it knows the weights alone, and refuses maps.

        Args:
            model, x, y, partner, generator: as for :meth:`outputs`; ``y`` is only looked at by pairings and blends that
                do, and labels are checked as by :meth:`Mixer.plan`.

        Raises:
            ValueError, RuntimeError: as :meth:`outputs`.
        """
        check_batch(x, y)
        if partner is not None:
            check_batch(*partner, ("x2", "y2"))
        check_batches(x, None if partner is None else partner[0])
        for each in (y, None if partner is None else partner[1]):  # before the pass, which moves statistics
            check_labels(each, getattr(self.mixer, "num_classes", None), IGNORED)
        training = self.model.training or getattr(model, "training", False)
        if training and another_network(self.model, model, self._modules.values()):
            raise ValueError(
                "model must be the network that the mixer was made for, or a wrapper that has it among its modules, got "
                f"{name_of(model)}, which has not: make a mixer for each network, ManifoldMixer(model, layers, mixer)"
            )
        if not self.model.training:
            return model(x), MixPlan.identity(x)
        generator = self.mixer.generator if generator is None else generator
        rows, y2 = (x, None) if partner is None else (torch.cat([x, partner[0]]), partner[1])
        places, since = self._draw(len(x), generator), now()
        route = Route(self.mixer, places, y, y2, generator, self.stop_gradient)
        drawn = {place: self.layers[place] for place in places.unique().tolist()}
        for place, name in drawn.items():
            if name == INPUT:  # before there are hooks, which a saliency that runs the model would meet
                rows = route.mix(place, rows)
        inside = [(place, name, self._modules[name]) for place, name in drawn.items() if name != INPUT]
        outputs = self._run(model, rows, _mixing(route, {module: (place, name) for place, name, module in inside}))
        silent = [name for place, name in drawn.items() if place not in route.steps]
        if silent:
            raise RuntimeError(
                f"layers {silent} did not run in this forward pass, so nothing was mixed there. (A compiled network that "
                "ran without this mixer before does not see its hooks: call torch.compiler.reset() in between)"
            )
        _check_rows("the model", outputs, len(route))
        if inside and outputs.requires_grad:
            steps = [(name, module, route.steps[place]) for place, name, module in inside]
            outputs.register_hook(Replay(steps, since))
        return outputs, route.plan()

    def unmixed(self, model: nn.Module, x: Tensor) -> Tensor:
        """The model's outputs on a batch as it is, for loops that mix some batches only.

        Of a compiled network nothing else will do: it keeps what it meets at the layers in its first pass.
        """
        return cast(Tensor, self._run(model, x, _mixing(None, {})))

    def state_dict(self) -> dict[str, Any]:
        """State of the mixer's generator: see :meth:`Mixer.state_dict`."""
        return self.mixer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave."""
        self.mixer.load_state_dict(state)

    def draw_layer(self, generator: torch.Generator | None = None) -> str:
        """The layer at which a whole batch is mixed: the draw that :meth:`outputs` begins with where ``per="batch"``."""
        return self.layers[int(self._draw(1, generator))]

    def _run(self, model: nn.Module, rows: Tensor, hook: Any) -> Any:
        with ExitStack() as hooks:
            for module in self._modules.values():  # those not drawn too: a compiled network keeps the hooks it first met
                hooks.enter_context(module.register_forward_hook(hook))
            return model(rows)

    def _draw(self, batch_size: int, generator: torch.Generator | None) -> Tensor:
        """Number of the layer at which each sample is mixed, int64 (B,), on the CPU."""
        count = batch_size if self.per == "pair" else 1
        return draw_index(len(self.layers), self.probabilities, count, generator).expand(batch_size)


def manifold_mixup(
    model: nn.Module,
    layers: Sequence[str] | Mapping[str, float],
    alpha: float = 2.0,
    num_classes: int | None = None,
    *,
    k: int = 1,
    draws: int = 1,
    per: Scope = "batch",
    strict: bool = True,
    stop_gradient: bool = False,
    generator: torch.Generator | None = None,
) -> ManifoldMixer:
    """Manifold mixup (Verma et al. 2019): random pairs mixed at a random one of ``layers``; alpha = 2 as in its tables.

    ``per="pair"`` draws a layer and a lambda for each pair instead of each batch. With ``k`` above 1 it is manifold k-mixup
    (Greenewald et al. 2021): pairs matched by optimal transport of what the layer gives, in blocks of k; ``strict=False``
    accepts fewer rows than k.

    Example:
        >>> import torch, mixbook as mb
        >>> from mixbook.models import MLP
        >>> model = MLP(8, (16, 16), 3)
        >>> mix = mb.manifold_mixup(model, ["input", "layer1"], num_classes=3)
        >>> logits, targets = mix(torch.rand(4, 8), torch.tensor([0, 1, 2, 0]))
        >>> logits.shape, targets.shape
        (torch.Size([4, 3]), torch.Size([4, 3]))
    """
    pairing = RandomPairing() if k == 1 else OptimalTransport(k, strict)
    mixer = Mixer(pairing, Beta(alpha, draws, per), num_classes=num_classes, generator=generator)
    return ManifoldMixer(model, layers, mixer, per=per, stop_gradient=stop_gradient)


def _mixing(route: Route | None, drawn: Mapping[nn.Module, tuple[int, str]]) -> Any:
    def mix(module: nn.Module, inputs: Any, output: Any) -> Tensor | None:
        if route is None or module not in drawn:
            return None
        place, name = drawn[module]
        _check_rows(f"layer {name!r}", output, len(route))
        return route.mix(place, output)

    # Planning looks at values: traced by the compiler it would be cut into many small graphs, for each layer anew.
    return torch.compiler.disable(mix)


def _is_time_first(module: nn.Module) -> bool:
    """Whether it is one of torch's transformers, and gives steps before samples."""
    if not isinstance(module, _TRANSFORMERS):
        return False
    return any(getattr(part, "batch_first", None) is False for part in module.modules())


def _check_sees_layers(mixer: Mixer | OneOf, layers: Iterable[str]) -> None:
    """Refuse a blend that would show a network what comes out of one of its layers, as if that were images."""
    hidden = [name for name in layers if name != INPUT]
    for each in mixer.mixers if isinstance(mixer, OneOf) else (mixer,):
        blend = getattr(each, "blend", None)
        if hidden and isinstance(getattr(blend, "saliency", None), GradientSaliency):
            name = type(blend).__name__
            raise ValueError(
                f"layers must be [{INPUT!r}] with {name}(GradientSaliency(...)), made for images, got {list(layers)}: "
                f"at hidden layers take {name}(), whose saliency is how large the values are"
            )


def _check_rows(who: str, output: Any, rows: int) -> None:
    if not isinstance(output, Tensor) or output.ndim == 0 or len(output) != rows:
        got = f"a tensor of shape {tuple(output.shape)}" if isinstance(output, Tensor) else type(output).__name__
        advice = "batch first" if isinstance(output, Tensor) else "wrap it in a module that returns the tensor"
        raise RuntimeError(f"{who} must give one tensor with {rows} rows, got {got}: {advice}")
