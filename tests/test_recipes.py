"""The recipes whose frameworks are not pinned: run in the framework where it is installed, else against a stand-in.

A stand-in does what the framework's documentation says of the hooks that a recipe uses, in that order, and no more. So a
recipe that passes here may still meet something else in a real run; one that fails here is wrong.
"""

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, TensorDataset, default_collate

from mixbook import vision

PAGE = Path(__file__).parents[1] / "book" / "practice" / "recipes.md"


def block(name: str) -> str:
    """The code of a named block of the page."""
    found = re.findall(rf"^```\{{code-block\}} python\n:name: {name}\n\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    assert len(found) == 1, f"{len(found)} blocks are named {name}"
    return found[0]


def run(name: str) -> SimpleNamespace:
    names: dict[str, object] = {"__name__": "recipe"}
    exec(compile(block(name), f"{PAGE.name}: {name}", "exec"), names)
    return SimpleNamespace(**names)


def test_every_block_that_the_page_cannot_run_is_run_here():
    named = re.findall(r"^```\{code-block\}.*\n(?::name: (\S+))?", PAGE.read_text(), re.M)
    assert sorted(named) == ["recipe-lightning", "recipe-trainer"]


def test_every_recipe_says_what_it_costs_and_what_to_expect():
    sections = re.split(r"^\((rec-\w+)\)=$", PAGE.read_text(), flags=re.M)[1:]
    for name, text in zip(sections[::2], sections[1::2], strict=True):
        told = re.split(r"^##+ ", text, flags=re.M)[1]  # up to the next heading
        assert "*Cost:*" in told and "*Expect:*" in told, name


# Lightning


class LightningModule(nn.Module):
    trainer: "Trainer"

    def on_after_batch_transfer(self, batch, dataloader_idx):
        return batch

    def log(self, name, value):
        self.trainer.logged.append((name, float(value)))


class Trainer:
    """Lightning's: transfer, hook, step, with ``training`` saying which phase it is."""

    def __init__(self, max_epochs, **options):
        self.max_epochs, self.training, self.logged = max_epochs, False, []

    def fit(self, model, train_dataloaders, val_dataloaders):
        model.trainer = self
        optimizer = model.configure_optimizers()
        for _ in range(self.max_epochs):
            self.training = True
            model.train()
            for n, batch in enumerate(train_dataloaders):
                loss = model.training_step(model.on_after_batch_transfer(batch, 0), n)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            self.training = False
            model.eval()
            with torch.no_grad():
                for n, batch in enumerate(val_dataloaders):
                    model.validation_step(model.on_after_batch_transfer(batch, 0), n)


def stand_in(monkeypatch: pytest.MonkeyPatch, name: str, **members: object) -> None:
    """Put a module in the place of a framework that is not installed."""
    if find_spec(name) is None:
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    else:
        vision.load()  # which both frameworks import


def test_lightning_trains_on_mixtures_and_validates_on_samples(monkeypatch, generator):
    stand_in(monkeypatch, "lightning", LightningModule=LightningModule, Trainer=Trainer)
    recipe = run("recipe-lightning")
    seen: dict[str, list[tuple[Tensor, Tensor]]] = {"training": [], "validation": []}

    class Watched(recipe.Net):
        def training_step(self, batch, batch_idx):
            seen["training"].append(batch)
            return super().training_step(batch, batch_idx)

        def validation_step(self, batch, batch_idx):
            seen["validation"].append(batch)
            super().validation_step(batch, batch_idx)

    torch.manual_seed(0)
    x, y = torch.rand(70, 1, 8, 8, generator=generator), torch.randint(0, 10, (70,), generator=generator)
    net, loader = Watched(), DataLoader(TensorDataset(x, y), 32)
    before = [weight.detach().clone() for weight in net.parameters()]
    options = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    recipe.L.Trainer(max_epochs=1, num_sanity_val_steps=0, **options).fit(net, loader, loader)

    assert [targets.shape for _, targets in seen["training"]] == [(32, 10), (32, 10), (6, 10)]
    assert not torch.equal(torch.cat([batch for batch, _ in seen["training"]]), x)
    for kept, given in zip(map(torch.cat, zip(*seen["validation"], strict=True)), (x, y), strict=True):
        assert torch.equal(kept, given)
    assert not any(torch.equal(old, new) for old, new in zip(before, net.parameters(), strict=True))


# Hugging Face


class Images(Dataset):
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, n):
        return {"pixel_values": self.x[n], "labels": int(self.y[n])}


class Classifier(nn.Module):
    """A model as the Trainer expects it: keyword inputs, a loss where labels are given, outputs with names."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)
        self.seen = {True: [], False: []}

    def forward(self, pixel_values, labels=None):
        assert labels is None, "the recipe takes the labels out, or the model would choose the loss"
        self.seen[self.training].append(pixel_values)
        return {"logits": self.head(pixel_values.flatten(1))}


class HuggingFaceTrainer:
    """Hugging Face's: ``compute_loss`` in training mode for a step, in eval mode and with outputs for evaluation."""

    def __init__(self, model, args, train_dataset, eval_dataset, data_collator=default_collate):
        self.model, self.args, self.collate = model, args, data_collator
        self.train_dataset, self.eval_dataset = train_dataset, eval_dataset

    def train(self):
        optimizer = torch.optim.SGD(self.model.parameters(), self.args.learning_rate)
        for inputs in DataLoader(self.train_dataset, self.args.per_device_train_batch_size, collate_fn=self.collate):
            self.model.train()
            loss = self.compute_loss(self.model, inputs, num_items_in_batch=None)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def evaluate(self):
        losses = []
        for inputs in DataLoader(self.eval_dataset, self.args.per_device_eval_batch_size, collate_fn=self.collate):
            self.model.eval()
            with torch.no_grad():
                loss, _ = self.compute_loss(self.model, inputs, return_outputs=True)
            losses.append(loss)
        return {"eval_loss": float(torch.stack(losses).mean())}


def test_the_trainer_trains_on_mixtures_and_evaluates_by_labels(monkeypatch, generator, tmp_path):
    stand_in(monkeypatch, "transformers", Trainer=HuggingFaceTrainer, TrainingArguments=SimpleNamespace)
    recipe = run("recipe-trainer")
    from transformers import TrainingArguments

    torch.manual_seed(0)
    x, y = torch.rand(32, 1, 8, 8, generator=generator), torch.randint(0, 10, (32,), generator=generator)
    args = TrainingArguments(
        output_dir=str(tmp_path),
        learning_rate=0.1,
        num_train_epochs=1,
        per_device_train_batch_size=16,
        per_device_eval_batch_size=32,
        use_cpu=True,
        save_strategy="no",
        report_to=[],
    )
    model, images = Classifier(), Images(x, y)
    before = model.head.weight.detach().clone()
    trainer = recipe.MixTrainer(model=model, args=args, train_dataset=images, eval_dataset=images)
    trainer.train()
    assert not torch.equal(model.head.weight, before)
    clean = {tuple(image) for image in x.flatten(1).tolist()}
    steps = [tuple(image) for batch in model.seen[True] for image in batch.flatten(1).tolist()]
    assert len(steps) >= 32 and any(image not in clean for image in steps)

    loss = trainer.evaluate()["eval_loss"]
    assert torch.equal(torch.cat(model.seen[False]), x)
    with torch.no_grad():
        assert loss == pytest.approx(cross_entropy(model(x)["logits"], y).item(), rel=1e-5)
