"""Networks of our own under attack: who is trained how, which images are attacked by what, and what that finds."""

import pytest
import torch

from mixbook.benchmarks.experiments.attacks import EXPERIMENTS
from mixbook.benchmarks.trials import attacks
from mixbook.benchmarks.trials.cifar import job_of
from mixbook.evaluation import PGD, attack, fgsm

MNIST, CIFAR = EXPERIMENTS
SMOKE = MNIST.profile("smoke")
of_both = pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)


@of_both
@pytest.mark.parametrize("number", (0, 1, 2, 3, 4))
def test_the_cells_are_the_five_methods_at_one_law(experiment, number):
    answers = job_of(experiment, experiment.cells[number], 0, SMOKE).mixing
    layers = ("input", "layer1", "layer2")
    law, k, draws, places = (
        (None, 1, 1, ("input",)),
        (1.0, 1, 1, ("input",)),
        (1.0, 16, 1, ("input",)),
        (1.0, 1, 1, layers),
        (1.0, 1, 5, ("input",)),
    )[number]
    assert (answers.alpha, answers.k, answers.draws, answers.layers, answers.blend) == (law, k, draws, places, "linear")
    assert len(experiment.cells) == 5


@of_both
def test_every_method_takes_as_many_steps_of_whole_batches(experiment):
    jobs = [job_of(experiment, cell, 0, experiment.profile("laptop")) for cell in experiment.cells]
    assert len({(job.recipe, job.samples) for job in jobs}) == 1
    assert jobs[0].samples % jobs[0].recipe.batch_size == 0 == jobs[0].recipe.batch_size % 16


@of_both
def test_attacks_are_the_single_step_and_twenty_at_each_budget(experiment):
    single, twenty = ([attack(name) for name in experiment["attacks"][start::2]] for start in (0, 1))
    assert single == [fgsm(each.eps) for each in single]  # in pixels, clipped, with the exact sign
    assert twenty == [PGD(each.eps, steps=20) for each in single]


@of_both
def test_a_trial_attacks_what_it_trained(experiment):
    erm, kmixup = experiment.cells[0], experiment.cells[2]
    found = attacks.trial(experiment, erm, 0, SMOKE)
    scores = {"error", "nll", "ece", "loss", "diverged"}
    assert found.keys() - scores == {f"error@{name}" for name in (*experiment["attacks"], "unbounded200")}
    assert found["error@unbounded200"] > found["error"] and not found["diverged"]
    strongest = experiment["attacks"][-1]
    assert found["error"] <= found[f"error@{strongest}"] <= 100
    later = attacks.trial(experiment, kmixup, 1, SMOKE)
    assert later.keys() == found.keys()  # as a file of results asks
    assert later == attacks.trial(experiment, kmixup, 1, SMOKE)


def test_the_first_test_images_are_attacked_as_pixels(monkeypatch):
    asked = []

    def scored(network, batches, *, attacks, generator=None):
        x = torch.cat([x for x, _ in batches])
        asked.append((network, x, attacks, generator))
        return {"accuracy": 0.75, "nll": 2.0, "ece": 0.5} | {f"error@{name}": 0.875 for name in attacks}

    test = attacks.ready(job_of(MNIST, MNIST.cells[0], 0, SMOKE), small=True)[2]
    monkeypatch.setattr(attacks, "evaluate", scored)
    found = attacks.trial(MNIST, MNIST.cells[0], 0, SMOKE)
    (network, x, names, generator), (_, few, searched, _) = asked
    assert torch.equal(x, test.bare().batch(torch.arange(2000 // 50))[0]) and torch.equal(few, x[: 50 // 50])
    assert (network.normalise.mean, network.normalise.std) == (torch.tensor(test.mean), torch.tensor(test.std))
    assert (names, searched) == (MNIST["attacks"], ["unbounded200"]) and generator is not None
    assert (found["error"], found["nll"], found["ece"], found["error@fgsm@8/255"]) == (25, 2.0, 50, 87.5)
