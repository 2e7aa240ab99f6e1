"""Manifold mixup on images: Tables 1 and 2 on three networks each, and what else is measured of the same networks."""

from typing import Any

from mixbook.benchmarks.experiments.image_protocols import DECIDED, drops, images, measures, sgd
from mixbook.benchmarks.spec import Cell, Experiment, Profile, ProfileName, Setting

_TITLES = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "svhn": "SVHN"}
_MODELS = {"preactresnet18": "PreActResNet-18", "preactresnet34": "PreActResNet-34", "wrn28_10": "WRN-28-10"}
_TABLES = {"cifar10": "Table 1a", "cifar100": "Table 1b", "svhn": "Table 2"}
_READ = "mixbook.benchmarks.trials.reading:read"
TRIAL = "mixbook.benchmarks.trials.image_methods:trial"

LOSS = Setting(
    "loss",
    "bce of softmax",
    "appendix C calls the training loss binary cross entropy; so does the released code",
    stated=True,
)
ATTACKS = (
    Setting(
        "fgsm_eps",
        8.0,
        "255ths of the pixel range. The paper states none, and puts its rows beside those of training with an attack of 8",
    ),
    Setting("fgsm_released", 0.03, "in units of normalised pixels, not clipped: the default of the first released scripts"),
    Setting("pgd_steps", 200, "appendix D", stated=True),
    Setting("pgd_step_size", 0.01, "appendix D; read as a share of the pixel range", stated=True),
    Setting("pgd_samples", 1000, "test images for the search without bound, the first: it takes 200 backward passes"),
)
NEIGHBOURS = (
    Setting("neighbours", 5, "section 5.1 does not say how many"),
    Setting("features", "pool", "section 5.1 does not say which layer: what the last linear map gets"),
)
_WIDE_LAYERS = Setting(
    "layers_0+1",
    "0+1",
    "what is mixed where a cell says so; appendix C: in the wide network the input and the first stage",
    stated=True,
    released="0+1+2",
)
SCALING = Setting("deformed", "pixels, black outside", "appendix C; normalised behind it", stated=True)


def optimisation() -> tuple[Setting, ...]:
    """What all networks of the paper share."""
    return (
        Setting("lr", 0.1, "appendix C", stated=True),
        Setting("batch_size", 100, "that of the released code"),
        *sgd("section 5.1 and appendix C: 10^-4", momentum_stated="appendix C"),
        LOSS,
    )


def profiles(
    epochs: int, trials: int, every: int = 1, least: str = "", printed: str = "epochs as printed; it states no trials"
) -> dict[ProfileName, Profile]:
    """Smoke, minutes on a GPU, and the printed length; ``printed`` says what of that the paper states."""
    length = f"{trials} trial{'s' if trials > 1 else ''} of {epochs:,} epochs"
    return {
        "smoke": Profile(1, 1, every=every, stand_in=True, note="some methods, one epoch on generated images: it runs"),
        "gpu": Profile(1, 25, note=f"1 trial of 25 epochs instead of {length}: a minute or two a cell{least}"),
        "paper": Profile(trials, epochs, note=f"{length}, {printed}: days on one GPU"),
    }


def _networks(dataset: str, model: str, *, attacked: bool = False) -> Experiment:
    """The networks of Tables 1 and 2; on SVHN those that are attacked are others, which train for longer."""
    wide = model == "wrn28_10"
    long = attacked or not wide
    readme = profiles(2000, 5, printed="the length in the README of the released code") if not wide else {}
    cells = [
        Cell("erm", ""),
        Cell("mixup", "alpha=1"),
        Cell("manifold_mixup", f"alpha=2;layers={'0+1' if wide else '0+1+2'}"),
    ]
    asked = ["top5"]
    if (dataset, model) == ("cifar10", "preactresnet18"):
        cells.append(Cell("manifold_mixup_gradblock", "alpha=2;layers=0+1+2"))
        asked += ["fgsm", "unbounded", "knn"]
    if (dataset, model) == ("cifar100", "preactresnet34"):
        cells.append(Cell("mixup", "alpha=2"))
        asked += ["deformations"]
    if (dataset, model) == ("cifar100", "preactresnet18") or attacked:
        asked += ["fgsm"]
    length = "appendix C: epochs 400 and 800 of 1,200" if long else "appendix C: epochs 200 and 300 of 400"
    of = "Table 7" if attacked else _TABLES[dataset]
    return Experiment(
        name=f"manifold-{dataset}-{model.replace('_', '-')}{'-attacked' if attacked else ''}",
        title=f"{_TITLES[dataset]}, {_MODELS[model]}: the networks of {of} and what else is asked of them",
        paper="manifold",
        dataset=dataset,
        model=model,
        settings=(
            *images(dataset, model),
            *optimisation(),
            drops((1 / 3, 2 / 3) if long else (0.5, 0.75), length, released=(1 / 4, 1 / 2, 3 / 4) if readme else None),
            *((_WIDE_LAYERS,) if wide else ()),
            *(ATTACKS if "fgsm" in asked else ()),
            *(NEIGHBOURS if "knn" in asked else ()),
            *((SCALING,) if "deformations" in asked else ()),
            *measures(*asked, curves=("loss",)),
        ),
        decided=DECIDED,
        profiles=profiles(
            1200 if long else 400,
            5,
            every=2,
            least=", five for the wide network" if wide else "",
            printed="the length printed for Table 7, which states no trials" if attacked else "as printed for the table",
        ),
        released_profiles={name: profile for name, profile in readme.items() if name != "smoke"},
        trial=TRIAL,
        own_cells=tuple(cells),
    )


def read_from(source: Experiment, name: str, title: str, table: str, derive: str = _READ, **changes: Any) -> Experiment:
    """A printed table whose cells are measurements of networks of ``source``."""
    return source.read_by(derive, name=name, title=title, table=table, **changes)


NETWORKS = {(dataset, model): _networks(dataset, model) for dataset in _TABLES for model in _MODELS}
_RESNET18, _RESNET34 = NETWORKS["cifar10", "preactresnet18"], NETWORKS["cifar100", "preactresnet34"]
_SVHN_ATTACKED = _networks("svhn", "wrn28_10", attacked=True)

_BANDS = {"cifar10": 0.5, "cifar100": 1.0, "svhn": 0.5}
_PRINTED = tuple(
    read_from(
        source,
        f"manifold-{_TABLES[dataset].lower().replace(' ', '')}-{model.replace('_', '-')}",
        f"{_TITLES[dataset]}, {_MODELS[model]}: error and likelihood",
        _TABLES[dataset],
        band=_BANDS[dataset],
    )
    for (dataset, model), source in NETWORKS.items()
)

EXPERIMENTS = (
    *NETWORKS.values(),
    _SVHN_ATTACKED,
    *_PRINTED,
    read_from(_RESNET34, "manifold-table4", "CIFAR-100, PreActResNet-34 on deformed images", "Table 4", band=1.0),
    read_from(_RESNET34, "manifold-table9", "CIFAR-100, PreActResNet-34 on more deformed images", "Table 9", band=1.0),
    *(
        read_from(source, f"manifold-table7-{dataset}", f"{_TITLES[dataset]} under FGSM", "Table 7", band=band)
        # Of CIFAR-100 there is no plain training in print.
        for dataset, source, band in (
            ("cifar10", _RESNET18, 5.0),
            ("cifar100", NETWORKS["cifar100", "preactresnet18"], 0.0),
            ("svhn", _SVHN_ATTACKED, 5.0),
        )
    ),
    read_from(
        _RESNET18, "manifold-section5.1", "CIFAR-10: nearest neighbours, and blocked gradients", "text Sec 5.1", band=0.5
    ),
    read_from(
        _RESNET18,
        "manifold-appendix-d",
        "the search without bound, on CIFAR-10",
        "text App D",
        dataset="",
        model="",
        settings=(
            *_RESNET18.settings,
            Setting(
                "networks", "CIFAR-10, PreActResNet-18", "appendix D names neither data nor network: the first of Table 7"
            ),
        ),
    ),
    read_from(
        _RESNET18,
        "manifold-section5.1-nll",
        "CIFAR-10: the largest relative gain of likelihood in Table 1a",
        "text Sec 5.1",
        model="",
        sources=tuple(NETWORKS["cifar10", model] for model in _MODELS),
        derive="mixbook.benchmarks.trials.gains:largest_nll_gain",
    ),
)
