"""k-mixup on images and speech: what is trained, what is read from it, and what the sentences say, on invented results."""

from dataclasses import replace

import pytest
import torch

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.experiments import EXPERIMENTS, get_experiment, kmixup_cifar10, kmixup_sweeps
from mixbook.benchmarks.printed import not_measured, printed_values
from mixbook.benchmarks.results import Trial
from mixbook.benchmarks.spec import Cell, Profile
from mixbook.benchmarks.trials import kmixup_networks
from mixbook.benchmarks.trials.kmixup import sampled_cost
from mixbook.benchmarks.trials.kmixup_networks import perturbation, trial
from mixbook.mixing.pairing import NearestNeighbour, OptimalTransport
from mixbook.mixing.place import ManifoldMixer

OURS = (*kmixup_cifar10.EXPERIMENTS, *kmixup_sweeps.EXPERIMENTS)
NETWORKS, READ = [e for e in OURS if e.trial], [e for e in OURS if e.sources]
CONSTANT, HIDDEN = (EXPERIMENTS[f"cifar10-preactresnet18-{name}"] for name in ("constant-xi", "hidden"))
EPS = (0.5, 1, 2, 4, 8, 16)
SHORT = Profile(trials=1, epochs=1, stand_in=True)


def error_of(cell, source=""):
    """An invented error of a network: another one for each."""
    return 4 + (hash_of(f"{source} {cell}") % 997) / 500


def hash_of(text):
    return sum(ord(letter) * (place + 1) for place, letter in enumerate(text))


@pytest.fixture(scope="module")
def found():
    """Invented results of all networks, and of what is read from them."""
    results = {}

    def trials(source, cell):
        error = error_of(cell, source.name)
        attacked = {f"fgsm_error@{e:g}": error + e * (1 + error / 50) for e in EPS}
        base = [{"error": error + n / 8, "accuracy": 100 - error - n / 8, "diverged": 0.0} for n in range(2)]
        return [Trial(n, {**metrics, **attacked}, 1.0) for n, metrics in enumerate(base)]

    for e in NETWORKS:
        results[e.name] = {cell: trials(e, cell) for cell in e.cells}
    for e in (e for e in READ if "kmixup_tables" in e.derive):
        results[e.name] = {cell: e.derived(cell, results) for cell in e.cells}
    return results


@pytest.mark.parametrize("experiment", READ, ids=lambda e: e.name)
def test_every_printed_value_is_found_in_the_networks(experiment, found):
    assert experiment.cells
    for row in experiment.printed:
        trials = experiment.derived(Cell(row.method, row.params), found)
        assert [t.number for t in trials] == [0, 1], row
        assert all(row.metric in t.metrics for t in trials)
    for cell in experiment.own_cells:
        assert experiment.derived(cell, found)


def test_each_value_that_kmixup_measured_has_one_experiment():
    rows = [row for row in printed_values() if row.paper.startswith("kmixup") and row not in not_measured()]
    for row in rows:
        homes = [e.name for e in EXPERIMENTS.values() if row in e.printed and not e.surrogate]
        assert len(homes) == 1, (row, homes)


def mean(trials, metric):
    return sum(t.metrics[metric] for t in trials) / len(trials)


def test_sentences_name_the_best_cells_and_the_gains_between_them(found):
    def best(name, method, **named):
        cells = [
            cell
            for cell in EXPERIMENTS[name].cells
            if cell.method == method and all(cell.answers()[key] == value for key, value in named.items())
        ]
        return min(mean(found[name][cell], "error") for cell in cells)

    svhn, tiny = EXPERIMENTS["kmixup-tmlr-svhn"], EXPERIMENTS["kmixup-tmlr-tiny-imagenet"]
    table = "kmixup-tmlr-table11b"
    high = mean(svhn.derived(Cell("kmixup", "k=best;alpha=high;vs=mixup"), found), "claimed_gain")
    assert high == pytest.approx(best(table, "mixup", alpha="10") - best(table, "kmixup", alpha="10"))
    two = mean(svhn.derived(Cell("kmixup", "k=16;xi=best"), found), "error")
    assert two == pytest.approx(best(table, "kmixup", k="16"))
    misprint = tiny.derived(Cell("kmixup", "k=16;xi=1000"), found)
    meant = Cell("kmixup", "k=16;alpha=10;xi=32")
    assert mean(misprint, "error") == mean(found["kmixup-tmlr-table4"][meant], "error")
    control = EXPERIMENTS["kmixup-tmlr-footnote1"].derived(Cell("knn_mixup", "k=16;vs=mixup"), found)
    one = mean(found[CONSTANT.name][Cell("mixup", "k=1;alpha=1")], "error")
    near = mean(found["cifar10-preactresnet18-neighbours"][Cell("knn_mixup", "k=16;alpha=1")], "error")
    assert mean(control, "claimed_gain") == pytest.approx(one - near)


@pytest.mark.parametrize(
    ("name", "params", "table"),
    [
        ("kmixup-tmlr-cifar10", "k=16;alpha=0.5;eps=best;vs=mixup", "kmixup-tmlr-table7a"),
        ("kmixup-v1-cifar10", "k=2;eps=best;vs=mixup", "kmixup-v1-figure10a"),
    ],
)
def test_the_gain_under_attack_is_the_largest_of_all_budgets(name, params, table, found):
    gain = mean(EXPERIMENTS[name].derived(Cell("kmixup", params), found), "claimed_gain")
    prefix = params.split(";eps")[0]
    start = "k=1" + prefix.removeprefix(prefix.split(";")[0])
    gains = [
        mean(found[table][Cell("mixup", f"{start};eps={e}/255")], "fgsm_error")
        - mean(found[table][Cell("kmixup", f"{prefix};eps={e}/255")], "fgsm_error")
        for e in EPS
    ]
    assert gain == pytest.approx(max(gains)) and len(set(gains)) == len(EPS)
    assert EXPERIMENTS[name].derived(Cell("kmixup", params), {**found, table: {}}) == []


def test_v1_and_tmlr_share_the_networks_that_are_the_same(found):
    figure = EXPERIMENTS["kmixup-v1-figure8b"]
    constant, fixed = (found[f"svhn-resnet18-{kind}"] for kind in ("constant-xi", "fixed-alpha"))
    one, many = Cell("mixup", "k=1;alpha=0.5"), Cell("kmixup", "k=16;alpha=0.5")
    assert figure.derived(one, found)[0].metrics == constant[one][0].metrics
    assert figure.derived(many, found)[0].metrics == fixed[many][0].metrics != constant[many][0].metrics


def test_alpha_grows_with_k_until_xi_is_that_of_k_1_and_is_as_printed_where_it_is_fixed():
    one, many = (perturbation(CONSTANT, Cell("kmixup", f"k={k};alpha=0.5"), small=True) for k in (1, 16))
    assert one["alpha"] == 0.5 < many["alpha"] and many["xi"] == pytest.approx(one["xi"], rel=1e-6)
    fixed = EXPERIMENTS["cifar10-preactresnet18-fixed-alpha"]
    assert perturbation(fixed, Cell("kmixup", "k=16;alpha=0.5"), small=True)["alpha"] == 0.5
    assert perturbation(CONSTANT, Cell("erm", ""), small=True) == {}


def test_a_cell_says_who_is_mixed_with_whom_and_where():
    model = kmixup_networks.prepare(HIDDEN, 0, SHORT).model

    def mixer(experiment, cell):
        return kmixup_networks._mixer(experiment, cell, 1.0, model, 10)

    hidden = mixer(HIDDEN, Cell("manifold_kmixup", "k=4;alpha=1;layers=0+1"))
    assert isinstance(hidden, ManifoldMixer) and hidden.layers == ("input", "layer1.0")
    assert hidden.mixer.pairing == OptimalTransport(4, strict=False)
    assert mixer(HIDDEN, Cell("manifold_kmixup", "k=4;alpha=1;layers=deep")).layers[0] == "layer3.0"
    near = EXPERIMENTS["cifar10-preactresnet18-neighbours"]
    assert mixer(near, near.cells[0]).pairing == NearestNeighbour(16, strict=False)
    released = CONSTANT.as_released()
    assert mixer(released, Cell("kmixup", "k=4;alpha=1")).pairing.cost == "euclidean"


def test_a_network_is_attacked_and_followed_where_the_paper_does(monkeypatch):
    kmixup_networks._MEASURED.clear()
    made = []
    real = kmixup_networks.prepare
    monkeypatch.setattr(kmixup_networks, "prepare", lambda *args: made.append(1) or real(*args))
    attacked = trial(CONSTANT, Cell("kmixup", "k=2;alpha=0.5"), 0, SHORT)
    assert "fgsm_error@8" in attacked and "error@1" not in attacked and attacked["alpha"] > 0.5
    followed = trial(CONSTANT, Cell("mixup", "k=1;alpha=10"), 0, SHORT)
    assert "error@1" in followed and "train_accuracy@1" in followed and "fgsm_error@8" not in followed
    # At k = 32 both alphas are at the cap: one network.
    capped = [trial(CONSTANT, Cell("kmixup", f"k=16;alpha={alpha}"), 0, SHORT) for alpha in (100, "1e2")]
    assert capped[0] == capped[1] and len(made) == 3


def test_speech_has_its_own_recipe_and_hidden_layers_are_mixed():
    speech = EXPERIMENTS["speech-lenet-constant-xi"]
    recipe = kmixup_networks.prepare(speech, 0, replace(SHORT, epochs=30)).recipe
    assert (recipe.lr, recipe.milestones, recipe.momentum, recipe.batch_size) == (3e-3, (10, 20), 0.9, 100)
    for experiment, cell in ((speech, Cell("kmixup", "k=4;alpha=10")), (HIDDEN, HIDDEN.cells[-1])):
        scores = trial(experiment, cell, 0, SHORT)
        assert 0 <= scores["error"] <= 100 and not scores["diverged"]


def test_the_released_protocol_changes_what_it_says_and_nothing_else():
    released = get_experiment("kmixup-tmlr-table9-released")
    assert released.surrogate and [s.name for s in released.sources] == [f"{CONSTANT.name}-released"]
    (networks,) = released.sources
    changed = {s.name for s in CONSTANT.settings if networks[s.name] != s.value}
    assert changed == {"batch_size", "pairs", "matching_cost", "alpha_over_k"}
    assert {s.name for s in CONSTANT.settings if s.released is not None} == changed
    assert get_experiment("cifar10-preactresnet18-hidden-released")["layers_0+1"] == ("input", "stem")
    with pytest.raises(BenchmarkError, match="kmixup-tmlr-table5-iris has no released variant here"):
        get_experiment("kmixup-tmlr-table5-iris-released")
    with pytest.raises(BenchmarkError, match="there is no experiment 'nothing-released'"):
        get_experiment("nothing-released")


def test_trials_of_one_process_are_networks_of_their_own():
    kmixup_networks._MEASURED.clear()
    cell = Cell("mixup", "k=1;alpha=1")
    first, second = (trial(CONSTANT, cell, number, SHORT) for number in (0, 1))
    assert first["nll"] != second["nll"]
    longer = trial(CONSTANT, cell, 0, replace(SHORT, epochs=2))
    assert longer["nll"] != first["nll"]


def test_matching_costs_are_those_of_images_as_they_are_trained_on():
    seen = []

    class Images:
        def __len__(self):
            return 64

        def batch(self, rows, generator=None):
            seen.append((len(rows), generator))
            return torch.rand(len(rows), 3, 4, 4, generator=torch.Generator().manual_seed(0)), rows

    sampled_cost(Images(), 2, images=16, pairs=8)
    ((count, generator),) = seen
    assert count == 16 and generator is not None  # or images would be neither shifted nor mirrored
