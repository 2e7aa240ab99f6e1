"""Manifold mixup, appendix A: Table 8 and Figure 4, images rendered from known factors."""

from mixbook.benchmarks.spec import Cell, Experiment, Profile, ProfileName, Setting

_TRAIN = ((-70.0, -50.0), (50.0, 80.0))
_TASKS = {
    "a": (((-30.0, -10.0), (10.0, 30.0)), "angle", "label by the sign of the angle; test angles of up to 30 degrees"),
    "b": (((-30.0, -20.0), (-10.0, 30.0)), "angle", "as Task A, but tested on (-30, -20) and (-10, 30) degrees"),
    "c": (((-30.0, 0.0), (0.0, 30.0)), "digit", "label by the digit, 1 or 7; test angles from -30 to 30 degrees"),
}

_RELEASED = "the released script; the paper does not say"
_CHOSEN = (
    Setting("images", "two lines on a canvas of 256, turned, drawn at the size below, with ranges as released", _RELEASED),
    Setting(
        "digits", "half of the images 1, half 7",
        "the released script, for Task C; we take it for Tasks A and B, where the digit has no part in the label",
    ),
    Setting("size", 64, f"pixels along an edge: {_RELEASED}"),
    Setting("widths", (32, 64, 128, 256), f"channels, stride 2, batch norm, leaky ReLU of slope 0.02: {_RELEASED}"),
    Setting("kernel", 5, f"pixels: {_RELEASED}"),
    Setting("optimizer", "adam", _RELEASED),
    Setting("lr", 1e-4, _RELEASED),
    Setting("batch_size", 128, f"fresh images in every step: {_RELEASED}"),
    Setting("loss", "binary cross entropy", _RELEASED),
    Setting("lambda", "uniform on [0, 1], one for each image", "alpha = 1 in Table 8; for each image: the released script"),
    Setting(
        "factors", "mixed as numbers",
        "the released script cuts mixed factors down to whole numbers, which the paper does not say; on a canvas of 256 it "
        "hardly shows",
    ),
    Setting("test_images", 2000, "many more than a batch, which the released script tests on"),
    Setting("precision", "products in bfloat16 where the processor has AVX-512", "half the time; all else in float32"),
    Setting("model_choice", "last step", "nothing is selected on test data"),
)  # fmt: skip

_PROFILES: dict[ProfileName, Profile] = {
    "smoke": Profile(trials=1, epochs=2, note="2 steps on images of 16 pixels: shows that it runs", stand_in=True),
    "laptop": Profile(trials=1, epochs=300, note="300 of the released script's 1000 steps, one network for each method"),
    "gpu": Profile(trials=10, epochs=1000, note="10 networks for each method, 1000 steps"),
}


def _angles(task: str) -> tuple[Setting, ...]:
    test, label, _ = _TASKS[task]
    return (
        Setting("train_angles", _TRAIN, "appendix A: degrees, each range half of the time", stated=True),
        Setting("test_angles", test, "appendix A: degrees, each range half of the time", stated=True),
        Setting("label", label, "appendix A", stated=True),
    )


def _experiment(task: str) -> Experiment:
    return Experiment(
        name=f"manifold-table8-task-{task}",
        title=f"rendered images, Task {task.upper()}: {_TASKS[task][2]}",
        paper="manifold",
        table="Table 8",
        dataset=f"synthetic_task_{task}",
        model="",
        settings=(*_angles(task), *_CHOSEN),
        decided="2026-11-26",
        band=5.0,
        profiles=_PROFILES,
        trial="mixbook.benchmarks.trials.factor_mixup:trial",
        figures=("Figure 4",),
    )


EXPERIMENTS = (
    *(_experiment(task) for task in _TASKS),
    Experiment(
        name="manifold-white-corners",
        title="ours: Task A of the rendered images, without the black corners that show the angle",
        dataset="synthetic_task_a",
        model="",
        settings=(
            *_angles("a"),
            *_CHOSEN,
            Setting(
                "corners", "white", "black corners repeat every 90 degrees: those of test images are of the other label"
            ),
        ),
        decided="2026-11-26",
        profiles=_PROFILES,
        trial="mixbook.benchmarks.trials.factor_mixup:trial",
        own_cells=tuple(Cell(method, "corners=white") for method in ("erm", "mixup", "factor_mixup")),
    ),
)
