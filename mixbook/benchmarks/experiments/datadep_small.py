"""Data dependency of mixup: its networks of one hidden layer, on alternating lines (Table 1, Figures 1 and 8) and on two
separated moons (Figures 3 and 10-14).
"""

from mixbook.benchmarks.spec import Cell, Experiment, Profile, ProfileName, Setting

_DECIDED = "2026-11-26"

_ALWAYS = (
    Setting("activation", "relu", "sections 2.3 and 3.1", stated=True),
    Setting("optimizer", "Adam on the whole set, beta 0.9 and 0.999", "section 2.3", stated=True),
    Setting("lr", 1e-3, "section 2.3", stated=True),
    Setting("partners", "any sample, itself included", "section 2.3: pairs are sampled uniformly", stated=True),
    Setting(
        "ratio_scope",
        "one lambda a step",
        "as the released code draws it; each sample of the step is the first of one pair",
    ),
    Setting("loss", "cross entropy", "that of the released code"),
    Setting(
        "initial_weights",
        "PyTorch's default",
        "the paper's code is PyTorch. Trial t has the same initial weights and partners in every cell",
    ),
    Setting(
        "restart",
        "each run has an optimiser of its own",
        "the released script hands Adam's moments from one run on to the next, which makes runs depend on their order",
    ),
    Setting("model_choice", "last step", "nothing is selected"),
)

_LINE = (
    Setting("hidden", 512, "section 2.3", stated=True),
    *_ALWAYS,
    Setting("scaling", "none: inputs are 0, 1, 2, ...", "as the paper defines the set and the released code builds it"),
    Setting("steps", 5000, "those of the released code; the paper does not give them"),
)

_LINE_PROFILES: dict[ProfileName, Profile] = {
    "smoke": Profile(trials=1, epochs=2, note="all cells, one run of two steps: shows that it runs"),
    "laptop": Profile(trials=10, epochs=5000, note="the paper's 10 runs at full length"),
}


def _line(m: int, k: int) -> tuple[Setting, ...]:
    definition = "Definition D.1: the samples 0 to m - 1, whose classes take turns"
    return Setting("m", m, definition, stated=True), Setting("k", k, definition, stated=True), *_LINE


def _curves(m: int, k: int, title: str, figure: str, alphas: tuple[int, ...]) -> Experiment:
    return Experiment(
        name=f"datadep-line-{m}-{k}",
        title=f"{title}, {figure}: training error during training",
        paper="datadep",
        dataset=f"x{m}{k}_line",
        model="mlp_1x512",
        settings=(
            *_line(m, k),
            Setting(
                "watched", "every 50 steps up to 300, then every 100, 200 and 250", "fewer than the released code's 100"
            ),
        ),
        decided=_DECIDED,
        profiles=_LINE_PROFILES,
        trials="mixbook.benchmarks.trials.lines:curves",
        together=1 + len(alphas),
        figures=(figure,),
        own_cells=(Cell("erm", ""), *(Cell("mixup", f"alpha={alpha}") for alpha in alphas)),
    )


def _moons(separation: str, figures: tuple[str, ...]) -> Experiment:
    return Experiment(
        name=f"datadep-moons-{separation}",
        title=f"two moons moved apart by {separation}, {figures[0]} and others: how far boundaries bend",
        paper="datadep",
        dataset=f"two_moons_{separation}",
        model="mlp_1x500",
        settings=(
            Setting("hidden", 500, "section 3.1", stated=True),
            Setting("separation", separation, "section 3.1 and Appendix F", stated=True),
            *_ALWAYS,
            Setting("n", 300, "as in the released code, half of them in each class"),
            Setting("noise", 0.1, "as in the released code: standard deviation per feature"),
            Setting("samples", "drawn anew in each run", "as in the released code, which has the seeds 0 to 9"),
            Setting(
                "steps",
                1500,
                "caption of Figure 3; the released code has 1000, and the bend is kept there too",
                stated=True,
            ),
            Setting(
                "not_reset",
                "methods mixup and mixup_not_reset",
                "the released code resets the gradient without mixup, never with it: the second is theirs, the first right",
                released_cells="mixup_not_reset",
            ),
            Setting("bend_side", 81, "answers along a side of the square from -2 to 2 of which the bend is the share"),
            Setting("map_side", 41, "answers along a side of the maps that are kept, so that the file stays small"),
        ),
        decided=_DECIDED,
        profiles={
            "smoke": Profile(trials=1, epochs=2, every=6, note="three cells, one run of two steps: shows that it runs"),
            "laptop": Profile(trials=10, epochs=1500, note="the paper's 10 runs at full length"),
        },
        trials="mixbook.benchmarks.trials.two_moons:boundaries",
        figures=figures,
        own_cells=(
            Cell("erm", ""),
            *(Cell(how, f"alpha={a}") for how in ("mixup", "mixup_not_reset") for a in (1, 32, 64, 128, 512, 1024)),
        ),
    )


EXPERIMENTS = (
    Experiment(
        name="datadep-table1",
        title="three samples on a line, classes A, B, A: what mixup answers at them",
        paper="datadep",
        table="Table 1",
        dataset="x32_line",
        model="mlp_1x512",
        settings=(
            *_line(3, 2),
            Setting("average", "mean probability over runs", "that of the released code; the paper does not say"),
        ),
        decided=_DECIDED,
        profiles=_LINE_PROFILES,
        trials="mixbook.benchmarks.trials.lines:probabilities",
        together=9,
    ),
    _curves(3, 2, "three samples on a line, two classes", "Figure 1", (1, 32, 128)),
    _curves(10, 2, "ten samples on a line, two classes", "Figure 8", (1, 32)),
    _curves(10, 10, "ten samples on a line, ten classes", "Figure 8", (1, 32)),
    _moons("0.5", ("Figure 3", "Figure 10", "Figure 11")),
    _moons("0.1", ("Figure 12", "Figure 13", "Figure 14")),
)
