"""Manifold mixup on MNIST: singular values of the classes (section 3.2, Figures 9 to 12), and two units (Figure 5)."""

from dataclasses import replace

from mixbook.benchmarks.spec import Cell, Experiment, Profile, ProfileName, Setting

_TRAINING = (
    Setting("activation", "leaky_relu", "appendices B and G; the slope is PyTorch's, 0.01", stated=True),
    Setting("width", 1024, "appendices B and G: units of each hidden layer", stated=True),
    Setting("alpha", 2.0, "appendix G, for manifold mixup; input mixup gets the same law", stated=True),
    Setting("optimizer", "adam", "not stated; the script that was released for Figure 5 has it"),
    Setting("lr", 1e-3, "the usual one for Adam. The script for Figure 5 has 1e-4 and 30 epochs, which we cannot afford"),
    Setting("batch_size", 128, "not stated; the script for Figure 5 has 256, which gives half as many steps for the time"),
    Setting("loss", "cross entropy", "not stated; the usual one"),
    Setting("scaling", "pixels in [0, 1]", "not stated"),
    Setting(
        "measured_on", "the 10,000 test images", "not stated; singular values grow with the root of the number of images"
    ),
    Setting(
        "precision", "products in bfloat16 where the processor has AVX-512", "half the time; everything else in float32"
    ),
    Setting("model_choice", "last epoch", "nothing is selected on test data"),
)
# The script that was released is that of Figure 5 alone. It also trains on 5,000 images of each digit, not on all: a
# setting for that would be a new one, to which the stored results do not belong.
_SCRIPT = {"alpha": 0.5, "lr": 1e-4, "batch_size": 256, "loss": "bce of softmax", "scaling": "pixels in [-1, 1]"}
_CENTRED = Setting(
    "centred", "each class at its mean", "not stated; without it the first value would be the distance from zero"
)
_REGULARISERS = (
    Setting(
        "dropout",
        0.5,
        "of that method alone. Section 3.2 does not say; Figure 2 has 50% in all layers but the bottleneck",
    ),
    Setting(
        "weight_decay",
        1e-3,
        "of that method alone. Not stated; L2 coefficient, the one of the chapter on flattening",
    ),
)
_BEHIND = Setting("hidden_after", 4, "appendix G: hidden layers behind the bottleneck", stated=True)
_SHORT = "2 epochs, where the paper does not say how many"
_PROFILES: dict[ProfileName, Profile] = {
    "smoke": Profile(
        trials=1, epochs=1, every=2, note="one epoch on enlarged 8 x 8 digits: shows that it runs", stand_in=True
    ),
    "laptop": Profile(trials=3, epochs=2, note=f"{_SHORT}; 3 trials"),
    "gpu": Profile(trials=20, epochs=30, note="20 trials of 30 epochs"),
}


def _spectra(
    name: str, title: str, table: str, model: str, before: int, own: tuple[Setting, ...], *figures: str
) -> Experiment:
    return Experiment(
        name=name,
        title=title,
        paper="manifold",
        table=table,
        dataset="mnist",
        model=model,
        settings=(*_TRAINING, _CENTRED, Setting("hidden_before", before, "hidden layers, see the title"), *own),
        decided="2026-11-26",
        band=5.0,
        profiles=_PROFILES,
        trial="mixbook.benchmarks.trials.hidden_classes:spectra_trial",
        figures=figures,
    )


_AT_BOTTLENECK = Setting("place", "the bottleneck", "appendix G: mixed there alone, and measured there", stated=True)
_AT_FIRST = Setting(
    "place", "the first hidden layer",
    "section 3.2: measured there, mixed at a single, fixed layer, which we take to be the same. It names no bottleneck, so "
    "the network has three hidden layers and none",
)  # fmt: skip


def _appendix_g(figure: int, units: int, before: int, *figures: str) -> Experiment:
    layers = "three hidden layers" if before == 3 else "one hidden layer"
    title = f"singular values of MNIST's classes, bottleneck of {units} units after {layers}"
    table = f"text App G Figure {figure} caption"
    name = f"manifold-figure{figure}"
    own = (_BEHIND, _AT_BOTTLENECK)
    return _spectra(name, title, table, "fc_bottleneck", before, own, f"Figure {figure}", *figures)


def _figure5(digits: int) -> Experiment:
    which = "all digits" if digits == 10 else f"digits 0 to {digits - 1}"
    return Experiment(
        name="manifold-figure5" + ("" if digits == 10 else f"-top-{digits}-digits"),
        title=f"MNIST's classes in a bottleneck of 2 units, {which}",
        paper="manifold",
        table="Figure 5",
        dataset="mnist",
        model="fc_bottleneck",
        settings=(
            *(replace(setting, released=_SCRIPT.get(setting.name)) for setting in _TRAINING),
            Setting("digits", digits, f"Figure 5: {which}", stated=True),
            Setting("hidden_before", 2, "appendix B; the released script has three", stated=True, released=3),
            Setting("hidden_after", 2, "appendix B", stated=True),
            Setting(
                "bottleneck",
                2,
                "appendix B; the released script normalises its batches, which the paper does not say",
                released=(2, "normalised"),
            ),
            Setting("place", "the bottleneck", "appendix B: mixed there alone", stated=True),
            Setting("shown", 20, "test images of each class whose states are kept"),
        ),
        decided="2026-11-26",
        profiles={
            "smoke": Profile(1, 1, every=2, note="one epoch on enlarged 8 x 8 digits: shows that it runs", stand_in=True),
            "laptop": Profile(trials=2, epochs=2, note=f"{_SHORT}; 2 trials"),
            "gpu": Profile(trials=20, epochs=30, note="20 trials of 30 epochs"),
        },
        trial="mixbook.benchmarks.trials.hidden_classes:plane_trial",
        figures=("Figure 5",),
        own_cells=(Cell("erm", ""), Cell("mixup", ""), Cell("manifold_mixup", "")),
    )


EXPERIMENTS = (
    _spectra(
        "manifold-section3.2",
        "singular values of MNIST's classes in the first hidden layer, five regularizers",
        "text Sec 3.2",
        "fc",
        3,
        (*_REGULARISERS, _AT_FIRST),
    ),
    _appendix_g(9, 12, 3, "Figure 12"),
    _appendix_g(10, 30, 3),
    _appendix_g(11, 30, 1),
    _figure5(5),
    _figure5(10),
)
