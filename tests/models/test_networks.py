"""What every network of the papers has in common: its size, its outputs, gradients everywhere, layers that can be mixed."""

import pytest
import torch
from part_of import part_of
from torch import Tensor, nn

import mixbook as mb
from mixbook.models import (
    CommandsLeNet,
    DenseNetBC,
    PreActResNet,
    ResNet18,
    ResNeXt29,
    SpeechLeNet,
    SpeechVGG11,
    WideResNet,
    resnet50,
    seeded,
    wide_resnet101,
)

SMALL, TINY, SPEECH = (3, 32, 32), (3, 64, 64), (1, 161, 101)

# Name, network as published, its input, millions of parameters, and where that number is from.
PUBLISHED = [
    ("PreActResNet-18", lambda: PreActResNet(18, 100), SMALL, 11.22),  # manifold mixup's code, for CIFAR-100
    ("PreActResNet-18, facebook's", lambda: PreActResNet(18, 10, variant="facebook"), SMALL, 11.17),
    ("PreActResNet-18, Tiny ImageNet", lambda: PreActResNet(18, 200, stem_stride=2), TINY, 11.27),
    ("PreActResNet-34", lambda: PreActResNet(34, 10), SMALL, 21.28),
    ("PreActResNet-50", lambda: PreActResNet(50, 10), SMALL, 23.51),
    ("ResNet-18", lambda: ResNet18(10), SMALL, 11.17),  # as kuangliu/pytorch-cifar's
    ("ResNet-18, grey", lambda: ResNet18(10, in_channels=1), (1, 28, 28), 11.17),
    ("WRN-28-10", lambda: WideResNet(28, 10, 100), SMALL, 36.55),  # manifold mixup's code; 36.5 in Zagoruyko's Table 1
    ("WRN-16-8", lambda: WideResNet(16, 8, 100), SMALL, 11.01),  # Co-Mixup's code; 11.0 in Zagoruyko's Table 1
    ("ResNeXt-29 4x24", lambda: ResNeXt29(100), SMALL, 4.94),  # Co-Mixup's code
    ("DenseNet-BC-190", lambda: DenseNetBC(190, 40, 10), SMALL, 25.62),  # 25.6 in Huang's Table 2
    ("speech LeNet", lambda: SpeechLeNet(), SPEECH, 6.04),  # k-mixup's code
    ("GCommands LeNet", lambda: CommandsLeNet(), SPEECH, 16.32),  # GCommandsPytorch
    ("VGG-11", lambda: SpeechVGG11(), SPEECH, 13.17),  # GCommandsPytorch
    ("ResNet-50", lambda: resnet50(), (3, 224, 224), 25.56),  # torchvision
    ("WideResNet-101", lambda: wide_resnet101(1000), SMALL, 126.89),  # torchvision
]

# The same code, small enough to run: network and input.
RUN = {
    "preact 18": (lambda: PreActResNet(18, 5, width=4), SMALL),
    "preact 18 facebook": (lambda: PreActResNet(18, 5, variant="facebook", width=4), SMALL),
    "preact 50": (lambda: PreActResNet(50, 5, width=2), (3, 16, 16)),
    "preact 34 tiny": (lambda: PreActResNet(34, 5, stem_stride=2, width=2), (3, 64, 64)),
    "resnet 18": (lambda: ResNet18(5, in_channels=1, width=4), (1, 28, 28)),
    "wide": (lambda: WideResNet(10, 1, 5), SMALL),
    "resnext": (lambda: ResNeXt29(5, cardinality=2, base_width=2), (3, 16, 16)),
    "densenet": (lambda: DenseNetBC(16, 4, 5), SMALL),
    "speech lenet": (lambda: SpeechLeNet(5, (40, 36)), (1, 40, 36)),
    "commands lenet": (lambda: CommandsLeNet(5, (20, 16)), (1, 20, 16)),
    "vgg": (lambda: SpeechVGG11(5, (33, 64)), (1, 33, 64)),
}
PLACES = [(name, layer) for name, (make, _) in RUN.items() for layer in dict(make().named_children()) if layer != "head"]


@pytest.mark.parametrize(("make", "shape", "millions"), [row[1:] for row in PUBLISHED], ids=[row[0] for row in PUBLISHED])
def test_size_and_outputs_of_the_published_network(make, shape, millions):
    with torch.device("meta"):  # shapes without numbers: DenseNet-BC-190 needs no memory here
        model = make()
        outputs = model(torch.zeros(2, *shape))
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.005)
    *_, last = model.children()
    assert outputs.shape == (2, last.out_features)


def without_dropout(model: nn.Module) -> nn.Module:
    for part in model.modules():
        if isinstance(part, nn.Dropout | nn.Dropout2d):
            part.p = 0.0
    return model


@pytest.mark.parametrize("name", RUN)
def test_every_parameter_learns_and_a_few_steps_lower_the_loss(name, generator):
    make, shape = RUN[name]
    model = without_dropout(seeded(0, make)).train()
    x, y = torch.randn(10, *shape, generator=generator), torch.arange(10) % 5
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    losses = []
    for _ in range(4):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        silent = [key for key, value in model.named_parameters() if value.grad is None or not value.grad.any()]
        assert not silent
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(("name", "layer"), PLACES, ids=[f"{name}, {layer}" for name, layer in PLACES])
def test_each_named_layer_can_be_mixed(name, layer, generator):
    make, shape = RUN[name]
    model = without_dropout(seeded(0, make)).train()
    x, y = torch.randn(6, *shape, generator=generator), torch.tensor([0, 1, 2, 3, 4, 0])
    mixer = mb.ManifoldMixer(model, [layer], mb.Mixer(ratio=mb.Fixed(0.3), num_classes=5, generator=generator))
    outputs, plan = mixer.with_plan(model, x, y)
    cut = [key for key, _ in model.named_children()].index(layer) + 1
    torch.testing.assert_close(outputs, part_of(model, cut)(plan.apply(part_of(model, None, cut)(x))))
    assert outputs.shape == (6, 5)


def test_networks_of_torchvision_are_mixed_as_well(generator):
    model = seeded(0, lambda: resnet50(4)).train()
    x, y = torch.randn(4, 3, 32, 32, generator=generator), torch.arange(4)
    hidden = mb.ManifoldMixer(model, ["layer2"], mb.mixup(1.0, num_classes=4, generator=generator))
    logits, targets = hidden(x, y)
    assert logits.shape == targets.shape == (4, 4)
    nn.functional.cross_entropy(logits, targets).backward()
    assert model.conv1.weight.grad.any()


@pytest.mark.parametrize("name", RUN)
def test_in_evaluation_a_sample_s_answer_is_its_own(name, generator):
    make, shape = RUN[name]
    model = seeded(0, make).eval()
    x: Tensor = torch.randn(3, *shape, generator=generator)
    torch.testing.assert_close(model(x)[1:2], model(x[1:2]))
