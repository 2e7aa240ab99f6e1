"""What tells two parts of a run apart, and what does not."""

import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import mixbook as mb
from mixbook.data import Augment, iris
from mixbook.evaluation import evaluate
from mixbook.models import MLP, ResNet18, seeded
from mixbook.training.fingerprint import code_of, fingerprint

FACTOR = 2.0


def weighted(by, log=None):
    def loss(logits, targets):
        if log is not None:
            log.append(1)
        return by * F.cross_entropy(logits, targets)

    return loss


def global_factor(logits, targets):
    return FACTOR * F.cross_entropy(logits, targets)


def calls_another(logits, targets):
    return global_factor(logits, targets) if targets.dim() in {1, 2} else calls_another(logits[0], targets[0])


class Focal:
    def __init__(self, gamma):
        self.gamma, self._calls = gamma, 0


class Holding:
    def __init__(self, value):
        self.value = value


class Nested(nn.Module):
    """A loss with another within, and what the one is made of."""

    def __init__(self, inner=None, **attributes):
        super().__init__()
        self.inner = inner or nn.CrossEntropyLoss()
        for name, value in attributes.items():
            setattr(self, name, value)


KINDS = {
    "a tensor": (torch.ones(3), torch.tensor([1.0, 50.0, 1.0])),
    "a pair": ((0.1, 0.2), (0.1, 0.3)),
    "a number of numpy": (np.float64(0.1), np.float64(0.2)),
    "words": (np.array(["cat", "dog"], dtype=object), np.array(["cat", "cow"], dtype=object)),
    "a sparse tensor": (torch.eye(3).to_sparse(), torch.eye(4).to_sparse()),
    "a tensor of complex numbers": (torch.ones(2, dtype=torch.complex64).conj(), torch.zeros(2, dtype=torch.complex64)),
    "a tensor without values": (torch.ones(2, device="meta"), torch.ones(3, device="meta")),
    "a large array": (np.zeros(5000), np.eye(1, 5000, 4000)[0]),
    "a kind of number": (torch.float32, torch.float64),
    "an object": (Focal(1), Focal(2)),
    "a function": (lambda z: z, lambda z: -z),
}
DIFFERENT = {
    **{f"{name} within an object": (Holding(one), Holding(other)) for name, (one, other) in KINDS.items()},
    **{f"{name} within a module": (Nested(w=one), Nested(w=other)) for name, (one, other) in KINDS.items()},
    "settings of a module within": (Nested(), Nested(nn.CrossEntropyLoss(label_smoothing=0.9))),
    "class weights of a module within": tuple(Nested(nn.CrossEntropyLoss(w)) for w in KINDS["a tensor"]),
    "an array from outside": tuple(partial(np.add, x2=array) for array in KINDS["a large array"]),
    "lambdas": (lambda z, y: F.cross_entropy(z, y), lambda z, y: F.nll_loss(z, y)),
    "a constant": (lambda z, y: 2 * F.cross_entropy(z, y), lambda z, y: 3 * F.cross_entropy(z, y)),
    "a value from outside": (weighted(1.0), weighted(2.0)),
    "a tensor from outside": (weighted(torch.ones(3)), weighted(torch.arange(3.0))),
    "a function from outside": (weighted(weighted(1.0)), weighted(weighted(2.0))),
    "defaults": (lambda z, y, by=1: by * z, lambda z, y, by=2: by * z),
    "named defaults": (lambda z, *, by=1: by * z, lambda z, *, by=2: by * z),
    "a function within": (lambda z: [a for a in map(lambda b: b + 1, z)], lambda z: [a for a in map(lambda b: b + 2, z)]),
    "arguments of a partial": (partial(F.softmax, dim=1), partial(F.softmax, dim=0)),
    "data": (partial(evaluate, data=iris()), partial(evaluate, data=iris()[torch.arange(149)])),
    "settings of a module": (nn.CrossEntropyLoss(label_smoothing=0.1), nn.CrossEntropyLoss(label_smoothing=0.2)),
    "class weights": (nn.CrossEntropyLoss(torch.ones(3)), nn.CrossEntropyLoss(torch.arange(3.0))),
    "settings of an object": (Focal(1), Focal(2)),
    "what a method belongs to": (
        mb.GuidedMixer(mb.puzzlemix(nn.Identity()), clean=1.0).loss,
        mb.GuidedMixer(mb.puzzlemix(nn.Identity()), clean=2.0).loss,
    ),
    "what a decorator of torch holds": (torch.no_grad()(weighted(1.0)), torch.no_grad()(weighted(2.0))),
    "mixers": (mb.kmixup(4), mb.kmixup(8)),
    "what a mixer is made of": (mb.Mixer(ratio=mb.Beta(1.0)), mb.Mixer(ratio=mb.Beta(1.0, draws=2))),
    "changes": (Augment(lambda x, g: x), Augment(lambda x, g: -x)),
    "nothing and something": (None, F.cross_entropy),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_different_parts_differ(one, other):
    assert fingerprint(one) != fingerprint(other)
    assert fingerprint(one) == fingerprint(one)


def test_a_constant_of_the_module_counts(monkeypatch):
    before = fingerprint(calls_another)
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    assert fingerprint(calls_another) != before


def test_what_changes_in_a_run_does_not_count():
    log, focal = [], Focal(1)
    loss = weighted(1.0, log)
    before = fingerprint((loss, focal))
    for _ in range(100):  # Python speeds up code that runs often, in place
        loss(torch.zeros(2, 3), torch.tensor([0, 1]))
    focal._calls = 7
    assert len(log) == 100 and fingerprint((loss, focal)) == before


def test_weights_of_a_network_do_not_count_and_circles_end():
    one, other = (seeded(seed, lambda: MLP(4, (3,), 2)) for seed in (0, 1))
    assert fingerprint(Holding(one)) == fingerprint(Holding(other)) != fingerprint(Holding(MLP(4, (5,), 2)))
    batch_norm = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    before = fingerprint(batch_norm)
    batch_norm(torch.rand(4, 2))
    assert fingerprint(batch_norm) == before
    normed = nn.utils.weight_norm(nn.Linear(2, 2))  # keeps its weight as an attribute, which training changes
    before = fingerprint(normed)
    with torch.no_grad():
        normed.weight_g.add_(1.0)
    normed(torch.rand(1, 2))
    assert fingerprint(normed) == before
    circle = Holding(None)
    circle.value = circle
    assert "Holding" in fingerprint(circle)


def test_another_process_says_the_same():
    assert "0x" not in fingerprint((Augment(lambda x, g: x), Focal(1), nn.Identity(), torch.Generator(), iter([])))
    parts = "fingerprint(calls_another), fingerprint(weighted(frozenset('abc'))), fingerprint(Holding(KINDS['words'][0]))"
    code = f"from test_fingerprint import *; print({parts})"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])}
    said = [
        subprocess.run([sys.executable, "-c", code], env=environment | {"PYTHONHASHSEED": seed}, capture_output=True).stdout
        for seed in "12"  # in which sets have another order
    ]
    assert said[0] and said[0] == said[1]


def test_what_is_installed_goes_by_its_name():
    assert fingerprint(F.cross_entropy) == "cross_entropy"
    assert fingerprint(mb.bce_of_softmax) == "bce_of_softmax"


NET = """
class Base(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)

class Net(Base):
    @torch.no_grad()
    def forward(self, x):
        return [self.head(self.scale * super().forward(x)) for _ in range(1)][0]

    def head(self, x):
        return self.activation(FACTOR * x)

    @property
    def scale(self):
        return 3

    @staticmethod
    def activation(x):
        return x.relu()

    def show(self):
        return "a picture"
"""


def network(old="", new=""):
    """A network as a cell of a notebook makes it, which has no file; `old` becomes `new` when the cell is run again."""
    assert old in NET
    names = {"nn": nn, "torch": torch, "FACTOR": 5}
    exec(NET.replace(old, new) if old else NET, names)
    return nn.Sequential(names["Net"](2, 2), nn.ReLU())


EDITS = {
    "forward": ("self.scale *", "self.scale +"),
    "forward of the class before it": ("2 * super()", "7 * super()"),
    "a method": ("FACTOR * x", "FACTOR + x"),
    "a property": ("return 3", "return 4"),
    "a function": ("x.relu()", "x.tanh()"),
}


@pytest.mark.parametrize(("old", "new"), EDITS.values(), ids=EDITS)
def test_code_that_forward_runs_counts_wherever_it_is_written(old, new):
    assert code_of(network()) == code_of(network()) != code_of(network(old, new))


def test_of_code_only_that_counts_which_is_the_readers_and_runs():
    assert code_of(network("a picture", "another")) == code_of(network())
    assert code_of(MLP(4, (3,), 2)) == code_of(ResNet18()) == code_of(nn.TransformerEncoderLayer(4, 2)) == ""
    plain = nn.Linear(2, 2)
    plain.forward = lambda x: -x  # put there from outside
    assert code_of(plain)
