"""What the README says can be done as it says it."""

import re

import contents
import picture
import pytest
import torch
from contents import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_picture_is_the_front_page_s_figure():
    assert picture.PICTURE.read_bytes() == picture.front_figure(), "run `make notebooks`"


def test_the_loop_runs():
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "DataLoader" in block)
    model = torch.nn.Linear(8, 10)
    before = model.weight.clone()
    names = {
        "DataLoader": torch.utils.data.DataLoader,
        "train": torch.utils.data.TensorDataset(torch.rand(300, 8), torch.randint(0, 10, (300,))),
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
    }
    exec(code, names)
    assert not torch.equal(model.weight, before)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README))
def test_links_lead_somewhere(link):
    assert (ROOT / link).exists()


def test_what_it_says_of_the_statements_is_what_the_registry_has():
    from mixbook.theory.registry import all_statements

    verdicts = [each.verdict for each in all_statements() if each.kind == "statement"]
    share = {verdict: verdicts.count(verdict) / len(verdicts) for verdict in set(verdicts)}
    assert "More than a third of the statements hold only with a correction, and two in five are false as printed" in README
    assert 1 / 3 < share["holds with a correction"] < 0.4 and 0.38 < share["false as printed"] < 0.44


def test_commands_and_experiments_that_it_names_exist():
    from mixbook.benchmarks.experiments import EXPERIMENTS

    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.M)) <= targets
    for line in re.findall(r"^mixbook bench (?:run|compare) (\S+)", README, re.M):
        assert line in EXPERIMENTS
    assert contents.pages()
