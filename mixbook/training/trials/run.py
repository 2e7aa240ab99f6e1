"""``fit_trials``: what a user calls. Chunks of trials, in processes; each trial is kept when its chunk is finished."""

import hashlib
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import torch
from torch import nn
from torch.nn import functional as F

from mixbook.data import Arrays
from mixbook.data.arrays import refuse_missing
from mixbook.least import at_least
from mixbook.training import checkpoint as checkpoints
from mixbook.training.extras import one_device, progress_bar
from mixbook.training.fingerprint import code_of, fingerprint
from mixbook.training.history import History
from mixbook.training.loop import PACE, fit
from mixbook.training.memory import advice_on_memory
from mixbook.training.stop import DivergenceWarning, in_bounds
from mixbook.training.trials.functional import FunctionalNetwork
from mixbook.training.trials.groups import Chunk, Way, chunks
from mixbook.training.trials.network import StackedNetwork
from mixbook.training.trials.together import Loss, Validate, train_together
from mixbook.training.trials.trial import Fitted, Trial

MakeModel = Callable[[int], nn.Module]


def fit_trials(
    make_model: MakeModel,
    data: Arrays | Sequence[Arrays],
    trials: Sequence[Trial],
    *,
    loss: Loss = F.cross_entropy,
    validate: Validate | None = None,
    validate_every: int = 1,
    folder: str | Path | None = None,
    jobs: int = 1,
    way: Way = "auto",
    device: torch.device | str | None = None,
    progress: bool = True,
) -> list[Fitted]:
    """Train the networks of many trials; each gets the weights that :func:`mixbook.training.fit` gives it, up to rounding.

    Trials that take steps of one shape are stacked, as many at a time as pay and fit the memory; the shape is batch size,
    epochs, kind of optimizer, size of the data and number of draws. All else may differ: seed, mixer, learning rate,
    schedule, weight decay. Convolutions on a CPU, networks that are not ``Sequential``, dropout, layers of your own, weight
    norm, tied weights, hooks, parts in evaluation mode, and mixers that look at the network are trained one by one, and
    in this process alone unless ``jobs`` says more. Torch's global random state is neither used nor changed.

    Args:
        make_model: from ``recipe.seed`` to a network with initial weights of its own, such as
            ``lambda seed: seeded(seed, lambda: MLP(4, (120, 84), 3))``; one architecture for all trials.
        data: training data for all trials, or one set for each.
        trials: what differs between them.
        loss: from logits and targets to a mean, as for ``fit``.
        validate: called with a network, in training mode, after each epoch that is recorded; what it returns is recorded.
        validate_every: epochs between records; the last epoch always has one.
        folder: where finished trials are kept; a call that asks for one of them again, among whichever others, finds it
            there. What is the same is decided as for a checkpoint of ``fit``, ``validate`` included, and by the initial
            weights and buffers.
        jobs: processes, each with its own chunks. ``make_model``, ``loss`` and ``validate`` are sent to them. Give the
            number of cores where a CPU trains one by one: it is not done by itself, because each process takes seconds to
            start, and memory for its own torch.
        way: "auto" as said above; "stacked", "vmap" (``torch.func``, for any network without dropout, tied weights or parts
            in evaluation mode that is mixed at the input; chosen on a GPU where networks cannot be stacked) or "loop" for
            that way or an error.
        device: where to train; the best single device that there is by default.
        progress: show a bar, where the output is a terminal.

    Returns:
        The trained networks on the CPU, in the order of ``trials``. One that diverged says so and leaves the others alone.

    Raises:
        ValueError: if there are no trials, the number of data sets is another, values of one are missing, ``jobs`` or
            ``validate_every`` is less than 1, ``way`` is none of these, a trial cannot be run as its recipe says, such as
            float16 on a CPU, or a score has the name of what is recorded anyway.
        OSError: if ``folder`` cannot be written; before training.
        CheckpointError: if a trial that is kept there is damaged.
        torch.OutOfMemoryError: with how many networks did not fit and what to do.

    Example:
        >>> from mixbook.data import iris
        >>> from mixbook.models import MLP, seeded
        >>> from mixbook.training import Recipe
        >>> from mixbook.training.trials import Trial, fit_trials
        >>> trials = [Trial(Recipe(epochs=2, lr=0.01, seed=seed)) for seed in range(3)]
        >>> fitted = fit_trials(lambda seed: seeded(seed, lambda: MLP(4, (8,), 3)), iris(), trials)
        >>> [len(each.history["loss"]) for each in fitted]
        [2, 2, 2]
    """
    data = [data] * len(trials) if isinstance(data, Arrays) else list(data)
    if not trials or len(data) != len(trials):
        raise ValueError(f"there must be trials, and one data set for all or each, got {len(trials)} and {len(data)}")
    if way not in get_args(Way):
        raise ValueError(f"way must be one of {get_args(Way)}, got {way!r}")
    at_least(1, jobs=jobs, validate_every=validate_every)
    for each in data:
        refuse_missing(each)  # here for all ways: stacked trials take their rows without Arrays.batch
    target = torch.device(device) if device is not None else one_device().device
    for precision in {trial.recipe.precision for trial in trials}:
        one_device(target, precision)  # refuses what the device cannot do, before hours have gone into other trials
    kept: dict[int, Path] = {}
    if folder is not None:
        checkpoints.check_writable(Path(folder) / "trial")
        asked = (fingerprint(loss), fingerprint(validate), validate_every)
        digests = (_digest(make_model, *run, asked) for run in zip(data, trials, strict=True))
        kept = {number: Path(folder) / f"trial-{digest}.pt" for number, digest in enumerate(digests)}
    found = {n: _read(path, make_model(trials[n].recipe.seed)) for n, path in kept.items() if path.exists()}
    work = [
        replace(chunk, numbers=rest)
        for chunk in chunks(make_model, data, trials, way, target, jobs)
        if (rest := tuple(n for n in chunk.numbers if n not in found))
    ]
    train = partial(_train, make_model, loss=loss, validate=validate, every=validate_every, device=target, kept=kept)
    steps = sum(len(chunk.numbers) * trials[chunk.numbers[0]].recipe.epochs for chunk in work)
    bar = progress_bar(steps, 0, f"{len(trials)} trials", progress)
    parts = [(chunk, [data[n] for n in chunk.numbers], [trials[n] for n in chunk.numbers]) for chunk in work]
    for chunk, fitted in _spread(train, parts, jobs, bar):
        found |= dict(zip(chunk.numbers, fitted, strict=True))
    bar.close()
    return [found[number] for number in range(len(trials))]


Piece = tuple[Chunk, list[Arrays], list[Trial]]


def _spread(
    train: Callable[..., list[Fitted]], parts: list[Piece], jobs: int, bar: Any
) -> Iterator[tuple[Chunk, list[Fitted]]]:
    if jobs == 1 or len(parts) <= 1:
        for chunk, data, trials in parts:
            at_once = 1 if chunk.way == "loop" else len(trials)
            yield chunk, train(chunk, data, trials, after_epoch=partial(bar.update, at_once))
        return
    try:
        from joblib import Parallel, delayed
    except ImportError as error:
        raise ImportError("several processes need joblib: pip install '.[train]' in the clone") from error
    run = Parallel(n_jobs=jobs, return_as="generator", inner_max_num_threads=1)
    for part, fitted in zip(parts, run(delayed(train)(*part) for part in parts), strict=True):
        bar.update(len(part[2]) * part[2][0].recipe.epochs)
        yield part[0], fitted


def _train(
    make_model: MakeModel,
    chunk: Chunk,
    data: list[Arrays],
    trials: list[Trial],
    *,
    loss: Loss,
    validate: Validate | None,
    every: int,
    device: torch.device,
    kept: Mapping[int, Path],
    after_epoch: Callable[[], object] = lambda: None,
) -> list[Fitted]:
    """Train a chunk, and keep its trials where ``kept`` says, if it does."""
    models = [make_model(trial.recipe.seed) for trial in trials]
    if chunk.way != "loop":
        advice = (
            f"{len(models)} networks side by side, each with a batch of {trials[0].recipe.batch_size}, do not fit "
            "the memory: pass fewer trials at once, lower batch_size, or train them one by one with way='loop'"
        )
        with advice_on_memory(advice):
            network = (StackedNetwork if chunk.way == "stacked" else FunctionalNetwork)(models, device)
            fitted = train_together(network, data, trials, loss, validate, every, after_epoch)
    else:
        runs = zip(models, data, trials, strict=True)
        fitted = [_train_alone(*run, loss, validate, every, device, after_epoch) for run in runs]
    for number, each in zip(chunk.numbers, fitted, strict=True):
        if number in kept:
            checkpoints.save(kept[number], _as_dict(each))
    return fitted


def _train_alone(
    model: nn.Module,
    data: Arrays,
    trial: Trial,
    loss: Loss,
    validate: Validate | None,
    every: int,
    device: torch.device,
    after_epoch: Callable[[], object],
) -> Fitted:
    done = 0

    def due(epoch: int) -> bool:
        return epoch % every == 0 or epoch == trial.recipe.epochs

    def now_and_then(network: nn.Module) -> Mapping[str, float]:
        nonlocal done
        done += 1
        after_epoch()
        return validate(network) if validate and due(done) else {}

    mixer = trial.mixer_for(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DivergenceWarning)  # what is returned says it
        history = fit(
            model,
            data,
            trial.recipe,
            mixer=mixer,
            loss=loss,
            validate=now_and_then,
            on_divergence="warn",
            fabric=one_device(device, trial.recipe.precision),
            progress=False,
        )
    shown = [
        {"epoch": epoch, **{name: value for name, value in record.items() if name not in PACE}}
        for epoch, record in enumerate(history.records, start=1)
        if due(epoch)
    ]
    diverged = not in_bounds(model) or not all(math.isfinite(loss) for loss in history["loss"])
    return Fitted(model.cpu(), History(tuple(shown)), diverged)


def _digest(make_model: MakeModel, data: Arrays, trial: Trial, asked: tuple[object, ...]) -> str:
    """What a kept trial must share with the one that is asked for."""
    model = make_model(trial.recipe.seed)
    of = f"{data.name} ({len(data)} rows, {data.checksum()})"
    run = checkpoints.identify(of, trial.recipe, mixer=trial.mixer_for(model))
    parts = {
        "code": code_of(model),
        "frozen": checkpoints.frozen_weights(model),
        "eval": checkpoints.evaluating(model, checkpoints.still_modules(model)),
        "buffers": _buffers(model),
    }
    rest = {name: part for name, part in parts.items() if part}  # most networks have none, and keep their digest
    text = repr((run | {"model": repr(model), "weights": _checksum(model)} | rest, asked))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _checksum(model: nn.Module) -> float:
    return sum(float(parameter.detach().double().sum()) for parameter in model.parameters())


def _buffers(model: nn.Module) -> str:
    """A line for the buffers, but for those of batch norms that have seen nothing; empty if there are no others."""
    unseen = {"running_mean": 0, "running_var": 1, "num_batches_tracked": 0}
    own = [(n, b) for n, b in model.named_buffers() if not bool((b == unseen.get(n.rpartition(".")[2], math.nan)).all())]
    return fingerprint(tuple(own)) if own else ""


def _as_dict(fitted: Fitted) -> dict[str, Any]:
    records = [dict(record) for record in fitted.history.records]
    return {"model": fitted.model.state_dict(), "records": records, "diverged": fitted.diverged}


def _read(path: Path, model: nn.Module) -> Fitted:
    saved = checkpoints.load(path)
    model.load_state_dict(saved["model"])
    return Fitted(model, History(tuple(saved["records"])), saved["diverged"])
