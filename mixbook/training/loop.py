"""The training loop, on Lightning Fabric: the same lines on a CPU, on a GPU and in several processes."""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import torch
from torch import Tensor, nn

from mixbook.least import at_least
from mixbook.mixing.block import in_blocks
from mixbook.mixing.losses import mixed_cross_entropy
from mixbook.mixing.mixer import Mixes
from mixbook.mixing.plan import MixPlan
from mixbook.mixing.transport import NotFinite
from mixbook.training import checkpoint as checkpoints
from mixbook.training.extras import check_precision, progress_bar, this_process
from mixbook.training.feed import Data, Feed, feed_of
from mixbook.training.fingerprint import code_of
from mixbook.training.history import History
from mixbook.training.keep import Average, Best, Total
from mixbook.training.loaded import Batch, Pair
from mixbook.training.memory import Peak, advice_on_memory
from mixbook.training.phases import PHASES, Phases
from mixbook.training.plans import Plans, thread_beside
from mixbook.training.recipe import Recipe
from mixbook.training.stop import Diverged, DivergenceWarning, StopRequest, Terminated, in_bounds, noticing_sigterm
from mixbook.training.streams import Streams
from mixbook.training.watch import GradientNorm

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_AGREE_EVERY = 16  # steps after which several processes ask each other whether one must stop; each time stalls a GPU

Loss = Callable[[Tensor, Tensor], Tensor]
Augments = Callable[[Tensor, Tensor, torch.Generator], Batch]
Validate = Callable[[nn.Module], Mapping[str, float]]
OnDivergence = Literal["stop", "warn"]

# What a record says of the time that an epoch took, and of its memory.
PACE = frozenset({"seconds", "samples_per_second", "gigabytes", *(f"seconds_{phase}" for phase in PHASES)})


def fit(
    model: nn.Module,
    data: Data,
    recipe: Recipe,
    *,
    mixer: Mixes | None = None,
    augment: Augments | None = None,
    loss: Loss = nn.functional.cross_entropy,
    validate: Validate | None = None,
    choose: str | None = None,
    log: Callable[[Mapping[str, float]], None] | None = None,
    checkpoint: str | Path | None = None,
    save_every: int = 1,
    resume: bool = True,
    on_divergence: OnDivergence = "stop",
    fabric: "Fabric | None" = None,
    progress: bool = True,
) -> History:
    """Train ``model`` in place and say how it went.

    A run depends on the model's weights, the data and ``recipe.seed`` alone; torch's global random state is neither used
    nor changed. The last batch of an epoch is short unless ``recipe.drop_last``; a mixer that needs more samples, such as
    k-mixup with a larger k, then raises: drop the batch, or make the mixer accept it.

    Args:
        model: the network, (B, ...) to logits (B, C). It is put into training mode; but of a network that is in it, modules
            in evaluation mode stay so, such as a batch norm whose statistics are frozen by ``eval()``.
        data: training data: ``Arrays``, or images as bytes that are shifted, mirrored and normalised on the device
            (``mixbook.data.Resident``), before ``augment``; either moves there whole. What is too large for that comes from
            ``mixbook.data.loader``, or from a function that gives the loader of each epoch, as for images that grow. The
            loader's own ``batch_size`` and ``drop_last`` count, not those of the recipe. Every process takes its share of
            each of its batches: use no ``DistributedSampler``. Bytes of a loader become numbers in [0, 1] on the device;
            ``models.Normalise`` or ``augment`` centres them.
        recipe: the hyper-parameters.
        mixer: mixes each batch with the loop's own generator; None trains on the samples as they are. One that has an
            ``epoch``, such as ``mixbook.compat.Schedule``, is told before each epoch which it is, from 0.
        augment: changes each batch before it is mixed, e.g. ``mixbook.data.Augment(Shift(4), Flip())``: from samples, their
            labels and a generator to changed samples and labels, as many or (batch augmentation) more.
        loss: from logits (N, C) and targets, float (N, C) with a mixer and int64 (N,) without, to a mean. The default is
            for one label among several classes. For several labels at once, or one logit, take
            ``F.binary_cross_entropy_with_logits``, and for regression ``F.mse_loss``.
        validate: called in every process with the model (its moving average, if there is one) after each epoch, e.g.
            ``lambda m: evaluate(m, held_out)``; what it returns is recorded. It decides nothing without ``choose``.
        choose: name of a score of ``validate``: the result is the model of the epoch where it was least, instead of that of
            the last epoch. For protocols with a validation part; never give it test data.
        log: called in the first process with the record of each epoch, e.g. to write it to TensorBoard.
        checkpoint: file to save to, whole or not at all. With one, SIGTERM saves and ends the process with status 143.
        save_every: epochs between saves; the last one is always saved.
        resume: continue from ``checkpoint`` where it exists, else start again and replace it. On a CPU the result equals
            that of an uninterrupted run bit for bit. ``recipe.epochs`` may grow; all else must be as it was: recipe, data,
            mixer, augment, loss, and with ``choose`` that and ``validate``; and what you wrote for the network
            (``forward``, and methods that this calls). Functions are compared by their code and the constants that it uses.
        on_divergence: a loss that is not finite, or weights that are not, stop the run at the end of the epoch, before the
            checkpoint is replaced; "warn" goes on, with a ``DivergenceWarning``. A batch that a mixer cannot mix because
            such weights give it no numbers has the loss NaN.
        fabric: where to run. If None, one CPU or GPU; under ``torchrun`` the processes that it started. Or pass a launched
            ``Fabric(devices=2)``. Of several processes each gets a share of every batch and mixes within it;
            :mod:`mixbook.training` says for which methods that is the step of one process. It must compute in the half
            precision that the recipe asks for; where that says "fp32", in whatever it was made for.
        progress: show a bar, where the output is a terminal.

    Returns:
        A record for each epoch: ``loss``, ``lr`` (at its end), scores, ``seconds``, ``samples_per_second``, seconds of each
        phase (``seconds_data``, ...) and on a GPU ``gigabytes``, the most memory that was in use since this call. Of an
        epoch that was interrupted, times and pace are those since it went on.

    Raises:
        TypeError: if ``mixer`` has no ``outputs``, or ``validate`` gives no mapping.
        ValueError: if the recipe does not fit the data, the number of processes or the fabric's precision, the model has
            too few outputs, the mixer's targets have another shape than cross entropy needs, under the default loss there
            is one logit alone, or targets of the first batch sum to more than 1, in float16 a ``GradientNorm`` watches,
            ``on_divergence`` is neither "stop" nor "warn", or a score of ``validate`` has the name of what is recorded
            anyway, such as ``loss``.
        Diverged: if the loss or a weight is not finite. The checkpoint is that of an earlier epoch.
        CheckpointError: if the checkpoint is damaged or belongs to another run.
        OSError: if the checkpoint cannot be written; checked before training.
        ImportError: if lightning-fabric or tqdm is missing.
        torch.OutOfMemoryError: with the batch that did not fit and what to do.

    Example:
        >>> import mixbook as mb
        >>> from mixbook.data import iris
        >>> from mixbook.models import MLP, seeded
        >>> from mixbook.training import Recipe, fit
        >>> model = seeded(0, lambda: MLP(4, (8,), 3))
        >>> recipe = Recipe(epochs=3, batch_size=50, lr=0.01)
        >>> history = fit(model, iris(), recipe, mixer=mb.mixup(1.0, num_classes=3))
        >>> len(history["loss"])
        3
    """
    if on_divergence not in get_args(OnDivergence):
        raise ValueError(f"on_divergence must be one of {get_args(OnDivergence)}, got {on_divergence!r}")
    fabric = fabric or this_process(precision=recipe.precision)
    _check(model, recipe, mixer, save_every, choose, validate, fabric)
    path = None if checkpoint is None else Path(checkpoint)
    run = _Run(model, feed_of(data, recipe, fabric), recipe, mixer, augment, loss, choose, fabric)
    if path is not None:
        checkpoints.check_writable(path)
        run.identify(choose, validate)
    with closing(run), run.streams.ambient(), noticing_sigterm(path is not None) as sigterm:
        if path is not None and resume and path.exists():
            run.load(path)
        bar = progress_bar(recipe.epochs, len(run.records), run.feed.name, progress and fabric.is_global_zero)
        for epoch in range(len(run.records), recipe.epochs):
            started = time.perf_counter()
            for batch, partner, plan in run.batches(epoch):
                run.step(batch, partner, epoch, plan)
                if path is not None and run.must_stop(sigterm, epoch):
                    run.save(path)
                    raise Terminated
            mean = run.mean_loss(epoch, on_divergence)
            with run.average.applied():
                scores = scores_of(model, validate)
            run.end_epoch(mean, scores, started)
            if log is not None and fabric.is_global_zero:
                log({"epoch": epoch + 1, **run.records[-1]})
            bar.set_postfix(loss=f"{mean:.4f}", refresh=False)
            bar.update()
            due = (epoch + 1) % save_every == 0 or epoch + 1 == recipe.epochs
            if path is not None and due:
                run.save(path)
            if path is not None and run.must_stop(sigterm, epoch):  # asked while it validated or saved
                if not due:
                    run.save(path)
                raise Terminated
        bar.close()
    model.load_state_dict(run.best.weights() or run.average.weights())
    return History(tuple(run.records))


def scores_of(model: nn.Module, validate: Validate | None) -> dict[str, float]:
    """What ``validate`` says of a network, in plain numbers; nothing without it.

    Raises:
        TypeError: if it gives no mapping.
        ValueError: if a score has the name of what a record holds anyway: one of the two would be lost, and a score called
            "loss" would be taken for that of the training, which must be finite.
    """
    said = validate(model) if validate else {}
    if not isinstance(said, Mapping):
        raise TypeError(f"validate must give scores by name, such as {{'accuracy': 0.9}}, got {type(said).__name__}")
    scores = {name: float(value) for name, value in said.items()}
    if taken := sorted(scores.keys() & {"epoch", "loss", "lr", *PACE}):
        name = taken[0]
        raise ValueError(f"a score of validate is called {name!r}, which is recorded anyway: try 'validation_{name}'")
    return scores


class _Run:
    """The state of a run, and the steps that change it."""

    def __init__(
        self,
        model: nn.Module,
        feed: Feed,
        recipe: Recipe,
        mixer: Mixes | None,
        augment: Augments | None,
        loss: Loss,
        choose: str | None,
        fabric: "Fabric",
    ) -> None:
        self.model, self.feed, self.recipe, self.fabric = model, feed, recipe, fabric
        self._mixer, self._augment, self._loss = mixer, augment, loss
        if recipe.channels_last:
            model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._peak = Peak(fabric.device)
        self._plain_optimizer = recipe.make_optimizer(model.parameters())
        compiled = cast(nn.Module, torch.compile(model)) if recipe.compile else model
        self._network, self._optimizer = fabric.setup(compiled, self._plain_optimizer)
        self.streams = Streams(recipe.seed, fabric)
        self.average, self.best = Average(model, recipe.ema), Best(choose)
        self.records: list[dict[str, float]] = []
        self.phases = Phases(fabric.device)
        self._plans: Plans | None = None
        if in_blocks(mixer) and recipe.accumulate == 1:
            self._plans = Plans(
                mixer,
                self.streams.mixing,
                self.phases.mark,
                in_memory=self.feed.in_memory,
                pool=thread_beside(fabric.device),
            )
        # Frozen by their mode in a network that trains; one that was in evaluation mode as a whole is trained as a whole.
        self._still = checkpoints.still_modules(model)
        self._unseen = True  # no output has been looked at yet
        self._plan_from = 0  # first batch to plan when an epoch is resumed: the mixing generator is as it was before it
        self._identity: dict[str, Any] = {}
        self._diverged = False  # and has been warned of
        self._tell_mixer(0)
        self._begin()

    def close(self) -> None:
        """End what runs beside the training."""
        if self._plans is not None:
            self._plans.close()

    def _begin(self) -> None:
        """Before the first batch of an epoch."""
        self._total, self._at_start = Total(self.fabric.device), self.streams.state_dict()
        self._before = 0  # samples of the epoch that were trained on before it was interrupted

    def _tell_mixer(self, epoch: int) -> None:
        """Say which epoch it is, to a mixer that wants to know."""
        if self._mixer is not None and hasattr(self._mixer, "epoch"):
            self._mixer.epoch = epoch

    def batches(self, epoch: int) -> Iterator[tuple[Batch, Batch | None, MixPlan | None]]:
        """The batches of an epoch, changed by the augmentation; of an epoch that was interrupted, those that are left.

        Each comes with the second one that its partners are from, if there is one, and its plan, if one was made ahead.
        """
        self._network.train()
        for module in self._still:
            module.training = False
        self._tell_mixer(epoch)
        done, first, self._plan_from = self._total.steps, self._plan_from, 0
        self.phases.start()
        with self._advice(self.feed.batch_size(epoch)):
            for number, ((batch, partner), plan) in enumerate(self._planned(epoch, first), start=first):
                if number >= done:
                    yield batch, partner, plan

    def _planned(self, epoch: int, first: int) -> Iterator[tuple[Pair, MixPlan | None]]:
        """The batches of an epoch from number ``first`` on, with their plans where these are made ahead."""
        if self._plans is not None:
            yield from self._plans.of(self._changed(epoch), first)
            return
        for pair in islice(self._changed(epoch), first, None):
            self.phases.mark("data")
            yield pair, None

    def _advice(self, size: int) -> AbstractContextManager[None]:
        twice = 2 * self.recipe.accumulate
        return advice_on_memory(
            f"a batch of {size} does not fit the memory: accumulate={twice} halves it, precision='bf16' saves too"
        )

    def _changed(self, epoch: int) -> Iterator[Pair]:
        for batch, partner in self.feed.epoch(epoch, self.streams, ahead=self._augment is None):
            if self._augment is not None:
                batch = self._augment(*batch, self.streams.augmenting)
                partner = None if partner is None else self._augment(*partner, self.streams.augmenting)
            yield batch, partner

    def step(self, batch: Batch, partner: Batch | None, epoch: int, plan: MixPlan | None = None) -> None:
        """One update, from one batch or from parts of it one after the other; a plan is of a batch that stays whole."""
        recipe, size = self.recipe, len(batch[1])
        within = self._total.steps / self.feed.steps(epoch) if recipe.schedule != "step" else 0
        for group in self._optimizer.param_groups:
            group["lr"] = recipe.lr_at(epoch + within)
        values, parts = [], _parts(batch, partner, recipe.accumulate)
        self._optimizer.zero_grad()
        for number, (own, other) in enumerate(parts, start=1):
            with self.fabric.no_backward_sync(self._network, enabled=number < len(parts)), self._advice(len(own[1])):
                loss = self._forward(own, other, plan)
                if len(parts) > 1:
                    loss = loss * (len(own[1]) / size)
                self.phases.mark("forward")
                self.fabric.backward(loss)
                self.phases.mark("backward")
            values.append(loss.detach())
        self._optimizer.step()
        self.average.update()
        self._total.add(values[0] if len(values) == 1 else torch.stack(values).sum(), size)
        self.phases.mark("update")

    def must_stop(self, sigterm: StopRequest, epoch: int) -> bool:
        """Whether to save and end now. Several processes do so after the same step, whichever of them was asked to."""
        if self.fabric.world_size == 1:
            return sigterm.asked
        steps = self._total.steps
        if steps % _AGREE_EVERY and steps < self.feed.steps(epoch):
            return False
        return bool(self.fabric.all_reduce(torch.tensor(float(sigterm.asked), device=self.fabric.device)) > 0)  # type: ignore[operator]

    def _forward(self, batch: Batch, partner: Batch | None, plan: MixPlan | None) -> Tensor:
        """The loss on a batch, mixed by itself."""
        (x, targets), classes = batch, self.feed.num_classes
        if self.recipe.channels_last and x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        if self._mixer is None:
            logits = self._network(x)
            # Classes may be any integers with a mixer, and torch's losses take int64 alone.
            whole = not (targets.is_floating_point() or targets.is_complex() or targets.dtype == torch.bool)
            targets = targets.long() if whole else targets
        else:
            made = {} if plan is None else {"plan": plan}
            try:
                logits, targets = self._mixer.outputs(
                    self._network, x, targets, partner=partner, generator=self.streams.mixing, **made
                )
            except NotFinite:
                given = [x] if partner is None else [x, partner[0]]
                if in_bounds(self.model) or not all(rows.isfinite().all() for rows in given):
                    raise
                # Among what is no number there are no partners to find, and nothing is salient.
                return math.nan * self._network(x).float().sum()
        if classes is not None and logits.shape[1:] < (classes,):
            raise ValueError(f"model must give {classes} logits for {self.feed.name}, got {tuple(logits.shape)}")
        mixed = self._mixer is not None and targets.is_floating_point()  # a reader's own loss may take other targets
        if mixed and self._loss is nn.functional.cross_entropy and targets.shape != logits.shape:
            raise ValueError(
                f"the model gives logits {tuple(logits.shape)}, and the mixer targets {tuple(targets.shape)}: does its "
                "num_classes fit?"
            )
        if self._unseen and self._loss is nn.functional.cross_entropy:
            # It learns nothing from one logit, and the wrong thing from several labels at once; this one says so. Once, and
            # on the CPU, so that no GPU is waited for later.
            mixed_cross_entropy(logits.detach().cpu(), targets.detach().cpu())
        self._unseen = False
        return self._loss(logits, targets)

    def mean_loss(self, epoch: int, on_divergence: OnDivergence) -> float:
        """The mean loss per sample of the epoch, over all processes.

        Raises:
            Diverged: if it or a weight is not finite, unless that is only to be warned of.
        """
        mean = float(self.fabric.all_reduce(self._total.loss()))  # type: ignore[arg-type]
        if self._diverged or not all(math.isfinite(record["loss"]) for record in self.records):
            return mean
        advice = f"lower lr={self.recipe.lr:g} on {self.feed.name}?"
        if not math.isfinite(mean):
            trouble = Diverged(epoch, self._total.first_bad(), advice)
        elif not in_bounds(self.model):  # the last update: no loss has seen it yet, and after the last epoch none will
            trouble = Diverged(epoch, self._total.steps - 1, advice, "the weights are")
        else:
            return mean
        if on_divergence == "stop":
            raise trouble
        self._diverged = True
        warnings.warn(str(trouble), DivergenceWarning, stacklevel=3)
        return mean

    def end_epoch(self, mean: float, scores: Mapping[str, float], started: float) -> None:
        """Record the epoch, and begin the next."""
        self.best.look(self.average.weights(), scores)
        seconds, phases = time.perf_counter() - started, self.phases.seconds()
        record = {"loss": mean, "lr": self._optimizer.param_groups[0]["lr"], **scores, "seconds": seconds}
        samples = (self._total.samples - self._before) * self.fabric.world_size
        record["samples_per_second"] = samples / max(sum(phases.values()), 1e-9)
        record |= {f"seconds_{phase}": took for phase, took in phases.items()}
        record |= self._peak.record()
        self.records.append(record)
        self._begin()

    def identify(self, choose: str | None, validate: Validate | None) -> None:
        """Say what this run is, for its checkpoints."""
        data, chosen = f"{self.feed.name} ({self.feed.checksum()})", None if choose is None else (choose, validate)
        parts: dict[str, object] = {"mixer": self._mixer, "augment": self._augment, "loss": self._loss, "choose": chosen}
        if code := code_of(self.model):
            parts["code"] = code
        if frozen := checkpoints.frozen_weights(self.model):
            parts["frozen"] = frozen
        if still := checkpoints.evaluating(self.model, self._still):
            parts["eval"] = still
        self._identity = checkpoints.identify(data, self.recipe, **parts)

    def save(self, path: Path) -> None:
        """Write everything to a checkpoint, also in the middle of an epoch."""
        total = self._total.state_dict()
        # Within an epoch the plans run ahead of the steps; in each process by as many batches as fit there.
        ahead = self._plans if self._total.steps > 0 else None
        plan_from = torch.tensor(self._total.steps if ahead is None else ahead.first)
        # Each process has seen the losses of its own shares.
        total["sums"] = cast(Tensor, self.fabric.all_gather(total["sums"])).reshape(-1, 2).cpu()
        state = {
            "model": self.model.state_dict(),
            "optimizer": self._plain_optimizer.state_dict(),
            "precision": self.fabric.strategy.precision.state_dict(),  # of float16, the scale of the gradients
            "streams": self.streams.state_dict(mixing=None if ahead is None else ahead.state),
            "plan_from": cast(Tensor, self.fabric.all_gather(plan_from)).reshape(-1).cpu(),
            "at_start": self._at_start,
            "total": total,
            "average": self.average.state_dict(),
            "best": self.best.state_dict(),
            "records": self.records,
            "run": self._identity,
        }
        if self.fabric.is_global_zero:
            checkpoints.save(path, state)
        self.fabric.barrier()

    def load(self, path: Path) -> None:
        """Continue from a checkpoint.

        Raises:
            CheckpointError: if it is damaged or of another run.
        """
        saved = checkpoints.load(path)
        checkpoints.check_same_run(path, saved["run"], self._identity)
        try:
            self.model.load_state_dict(saved["model"])
        except RuntimeError as error:
            raise checkpoints.CheckpointError(f"checkpoint {path} has the weights of another network: {error}") from error
        self._plain_optimizer.load_state_dict(saved["optimizer"])
        if saved["precision"]:
            self.fabric.strategy.precision.load_state_dict(saved["precision"])
        self.average.load_state_dict(saved["average"])
        self.best.load_state_dict(saved["best"])
        self._total.load_state_dict(saved["total"], self.fabric.global_rank)
        self._before = self._total.samples
        self.records += saved["records"]
        # Batches are drawn again from where the epoch began; what was drawn within its steps goes on from here.
        again = ("order", "partner", "augmenting")
        self._at_start = saved["at_start"]
        self._plan_from = int(saved["plan_from"][self.fabric.global_rank])
        self.streams.load_state_dict(saved["streams"] | {name: saved["at_start"][name] for name in again})


def _parts(batch: Batch, partner: Batch | None, count: int) -> list[Pair]:
    """A batch, and the one that partners come from, cut into parts whose sizes differ by one sample at most."""
    if count == 1:
        return [(batch, partner)]
    count = min(count, len(batch[1]))
    own = list(zip(*(each.tensor_split(count) for each in batch), strict=True))
    if partner is None:
        return [(part, None) for part in own]
    return list(zip(own, zip(*(each.tensor_split(count) for each in partner), strict=True), strict=True))


def _check(
    model: nn.Module,
    recipe: Recipe,
    mixer: Mixes | None,
    save_every: int,
    choose: str | None,
    validate: Validate | None,
    fabric: "Fabric",
) -> None:
    if mixer is not None and (isinstance(mixer, type) or not callable(getattr(mixer, "outputs", None))):
        got = getattr(mixer, "__name__", type(mixer).__name__)
        raise TypeError(
            f"mixer must have a method outputs(model, x, y, ...), got {got}: e.g. mb.mixup(1.0, num_classes=10). (Call a "
            "function that makes one; in the place of compat.Mixup take mb.OneOf)"
        )
    at_least(1, save_every=save_every)
    if choose is not None and validate is None:
        raise ValueError(f"choose={choose!r} needs validate, which gives the score")
    check_precision(fabric, recipe.precision)
    scaler = getattr(fabric.strategy.precision, "scaler", None)
    if scaler is not None and scaler.is_enabled() and GradientNorm.watches(model):
        raise ValueError(
            "a GradientNorm must see the gradients as they are, and in float16 they are scaled: take precision='bf16' or "
            "'fp32', or close() the GradientNorm first"
        )
