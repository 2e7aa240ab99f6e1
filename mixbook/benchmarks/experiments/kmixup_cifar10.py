"""k-mixup on CIFAR-10 with PreActResNet-18: the networks, and the printed tables and sentences that are read from them."""

from dataclasses import replace

from mixbook.benchmarks.experiments.kmixup_protocol import (
    CONSTANT_XI,
    FIXED_ALPHA,
    cells,
    networks,
    profiles,
    summary,
    table,
)
from mixbook.benchmarks.spec import Cell, Experiment, Setting

_ALPHAS = ("0.05", "0.1", "0.2", "0.5", "1", "10", "100")
_HIDDEN_ALPHAS = ("0.1", "0.2", "0.5", "1", "10")
_MODEL = "preactresnet18"

_IMAGES = (
    Setting("network", "preact_resnet18_facebook", "TMLR, Appendix B: as in Zhang et al.; theirs and the released code's"),
    Setting("mean", (0.4914, 0.4822, 0.4465), "of the released code, for pixels in [0, 1]"),
    Setting("std", (0.2023, 0.1994, 0.201), "of the released code, for pixels in [0, 1]"),
    Setting("shift", 4, "pixels of the random crop, as in the released code"),
    Setting("flip", True, "as in the released code"),
    Setting(
        "batch_size",
        128,
        "not stated; the default of Zhang et al.'s code, which the paper follows for this network",
        released=512,
    ),
)
_ATTACK = (
    Setting("fgsm_eps", (0.5, 1, 2, 4, 8, 16), "TMLR, Table 7: budgets in 255ths of the pixel range", stated=True),
    Setting(
        "fgsm_alpha",
        0.5,
        "networks that are attacked. TMLR, Table 7a says so; v1, Figure 10a is the same attack and names no alpha, so it "
        "gets the same one",
    ),
    Setting(
        "fgsm_clip",
        "pixels stay in [0, 1]",
        "as in the attack library that the paper names; so are the gradients, of the cross entropy in single precision, "
        "which are lost where a network is very sure",
    ),
)
_CURVES = (
    Setting("curve_ks", (1, 32), "TMLR, Figure 4 and v1, Figure 7", stated=True),
    Setting("curve_alphas", (1.0, 10.0), "the text on Figure 4 names 10; 1 is the best of Table 9"),
)
_GPU_EPOCHS = 16  # so that the networks of Tables 7a and 8 and of the figures in v1 take one large GPU some ten minutes
_PROFILES = profiles(
    "a core of a processor takes about 25 minutes for one epoch of one network, so there is no laptop profile",
    every=11,
    gpu_epochs=_GPU_EPOCHS,
)

CONSTANT = networks(
    "cifar10-preactresnet18-constant-xi",
    "PreActResNet-18 on CIFAR-10, alpha raised with k until xi is that of k = 1: the networks behind k-mixup (TMLR)",
    "cifar10",
    _MODEL,
    (*_IMAGES, CONSTANT_XI, *_ATTACK, *_CURVES),
    (Cell("erm", ""), *cells((1, 2, 4, 8, 16, 32), _ALPHAS)),
    _PROFILES,
)
FIXED = networks(
    "cifar10-preactresnet18-fixed-alpha",
    "PreActResNet-18 on CIFAR-10, the same alpha at every k: what k-mixup (v1) has besides",
    "cifar10",
    _MODEL,
    (*_IMAGES, FIXED_ALPHA, *_ATTACK, *_CURVES),
    cells((2, 4, 8, 16, 32), _ALPHAS[:-1]),
    _PROFILES,
)

_LAYERS = (
    Setting(
        "layers_0+1",
        ("input", "layer1.0"),
        "TMLR, section 5: a coin flip between the input and the output of the first residual block",
        stated=True,
        released=("input", "stem"),
    ),
    Setting(
        "layers_all",
        tuple(f"layer{stage}.{block}" for stage in (1, 2, 3, 4) for block in (0, 1)),
        "TMLR, section 5: the outputs of all residual blocks",
        stated=True,
    ),
    Setting(
        "layers_deep",
        ("layer3.0", "layer3.1", "layer4.0", "layer4.1"),
        "TMLR, section 5: deep residual blocks only, of lower dimension. It does not say which; these are half of them",
    ),
)
_EVERY_K = Setting("alpha_over_k", "fixed", "TMLR, section 5: the printed alpha at every k", stated=True)
_SENTENCE_ALPHA = "1"  # the best of Table 8 at most k, and where the sentence's two placements are compared

MANIFOLD = networks(
    "cifar10-preactresnet18-hidden",
    "PreActResNet-18 on CIFAR-10, mixed in hidden layers with partners matched there: manifold k-mixup",
    "cifar10",
    _MODEL,
    (*_IMAGES, _EVERY_K, *_LAYERS),
    tuple(
        Cell(f"manifold_{cell.method}", f"{cell.params};layers={layers}")
        for layers, ks, alphas in (
            ("0+1", (1, 2, 4, 8, 16, 32), _HIDDEN_ALPHAS),
            ("all", (1, 16), (_SENTENCE_ALPHA,)),
            ("deep", (1, 16), (_SENTENCE_ALPHA,)),
        )
        for cell in cells(ks, alphas)
    ),
    profiles("as without hidden layers", every=16, gpu_epochs=_GPU_EPOCHS),
)
NEIGHBOURS = networks(
    "cifar10-preactresnet18-neighbours",
    "PreActResNet-18 on CIFAR-10, each image mixed with one of its 16 nearest in a second batch: the control of footnote 1",
    "cifar10",
    _MODEL,
    (
        *_IMAGES,
        Setting(
            "alpha_over_k", "fixed", "footnote 1 names no alpha; 1 is the best of Table 9 at k = 1, 0.5 that of Table 7a"
        ),
        Setting("partner", "one of the 16, each equally likely", "footnote 1 does not say which"),
    ),
    tuple(Cell("knn_mixup", f"k=16;alpha={alpha}") for alpha in ("1", "0.5")),
    profiles("as in the other tables", gpu_epochs=_GPU_EPOCHS),
)
# Two sentences without numbers: hidden layers elsewhere.
PLACES = replace(
    MANIFOLD,
    name="kmixup-tmlr-section5-places",
    title="ours for a sentence without numbers: mixing behind all residual blocks, or behind deep ones alone",
    own_cells=tuple(
        Cell(method, f"k={k};alpha={_SENTENCE_ALPHA};layers={layers}")
        for layers in ("0+1", "all", "deep")
        for method, k in (("manifold_mixup", 1), ("manifold_kmixup", 16))
    ),
    profiles=profiles("as without hidden layers", gpu_epochs=_GPU_EPOCHS),
    trial="",
    sources=(MANIFOLD,),
    derive="mixbook.benchmarks.trials.kmixup_tables:read",
)


def _printed(
    name: str, title: str, paper: str, where: str, *sources: Experiment, figures: tuple[str, ...] = ()
) -> Experiment:
    return table(name, title, paper, where, "cifar10", _MODEL, sources, figures=figures)


_TABLE9 = _printed(
    "kmixup-tmlr-table9", "CIFAR-10, over k and xi", "kmixup-tmlr", "Table 9", CONSTANT, figures=("Figure 4",)
)
_TABLE7A = _printed("kmixup-tmlr-table7a", "CIFAR-10 under FGSM", "kmixup-tmlr", "Table 7a", CONSTANT)
_FIGURE6A = _printed(
    "kmixup-v1-figure6a", "CIFAR-10, over k and alpha", "kmixup-v1", "Figure 6a", CONSTANT, FIXED, figures=("Figure 7",)
)
_FIGURE10A = _printed("kmixup-v1-figure10a", "CIFAR-10 under FGSM", "kmixup-v1", "Figure 10a", CONSTANT, FIXED)

EXPERIMENTS = (
    CONSTANT,
    FIXED,
    MANIFOLD,
    NEIGHBOURS,
    _TABLE9,
    summary(
        "kmixup-tmlr-cifar10",
        "CIFAR-10 and PreActResNet-18, the best of Table 9 and what is said about it and the attack",
        (_TABLE9, _TABLE7A, CONSTANT),
        "Table 2",
        ("text Table 9 caption", "text Table 8 caption", "text App B", "text Sec 5"),
        band=0.5,
    ),
    summary(
        "kmixup-tmlr-footnote1",
        "CIFAR-10, nearest neighbours instead of a matching",
        (NEIGHBOURS, CONSTANT),
        "text footnote 1",
        paper="kmixup-tmlr",
        read_as=(("k=16;vs=mixup", "k=16;alpha=1;vs=mixup"),),
    ),
    _TABLE7A,
    _printed("kmixup-tmlr-table8", "CIFAR-10, manifold k-mixup", "kmixup-tmlr", "Table 8", MANIFOLD),
    PLACES,
    _FIGURE6A,
    summary(
        "kmixup-v1-cifar10",
        "CIFAR-10 and PreActResNet-18, what is said about Figure 6a and the attack",
        (_FIGURE6A, _FIGURE10A),
        "text Sec 5",
        ("text Figure 6 caption",),
    ),
    _printed("kmixup-v1-figure9", "CIFAR-10, manifold k-mixup", "kmixup-v1", "Figure 9", MANIFOLD),
    _FIGURE10A,
)
