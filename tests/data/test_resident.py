"""The device-resident path gives the batches that moving, mirroring and normalising one image at a time would give."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from mixbook.data import Pixels, Resident

MEAN, STD = (0.2, 0.5, 0.6), (0.3, 0.2, 0.1)


@pytest.fixture
def data(generator) -> Pixels:
    """Noise, so that no two windows look alike; sample i has label i."""
    return Pixels(torch.randint(256, (50, 3, 8, 6), generator=generator, dtype=torch.uint8), torch.arange(50), 50)


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normalised(x):
    return (x.double() / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def test_without_changes_every_image_comes_once_and_normalised(data):
    batches = Resident(data, mean=MEAN, std=STD).epoch(16, seeded())
    x, y = (torch.cat(part) for part in zip(*batches, strict=True))
    assert sorted(y.tolist()) == list(range(50))
    assert y.tolist() != list(range(50))
    torch.testing.assert_close(x.double(), normalised(data.x[y]), rtol=0, atol=1e-5)


def test_bare_images_are_the_pixels_again(data, generator):
    x, y = Resident(data, shift=2, flip=True, mean=MEAN, std=STD).bare().batch(torch.arange(50), generator)
    assert torch.equal((x * 255).round().byte(), data.x) and torch.equal(y, data.y)


def test_each_image_is_a_window_of_its_padded_self_and_all_windows_occur(data):
    images = Resident(data, shift=2, flip=True)
    padded = F.pad(data.x, [2] * 4)
    windows = {
        (down, right, flip): window.flip(3) if flip else window
        for down in range(5)
        for right in range(5)
        for flip in (False, True)
        for window in [padded[:, :, down : down + 8, right : right + 6]]
    }
    generator, seen = seeded(), []
    for _ in range(20):
        for x, y in images.epoch(50, generator):
            bytes_ = (x * 255).round().byte()
            for image, label in zip(bytes_, y.tolist(), strict=True):
                (found,) = [place for place, window in windows.items() if torch.equal(window[label], image)]
                seen.append(found)
    # 1000 draws of 50 places: each is expected 20 times, with a standard deviation of 4.4.
    counts = [seen.count(place) for place in windows]
    assert min(counts) >= 4
    assert max(counts) <= 42
    assert 440 < sum(flip for _, _, flip in seen) < 560  # half of them are mirrored


def test_a_seed_gives_the_same_batches_however_many_are_made_at_once(data):
    settings = dict(shift=2, flip=True, mean=MEAN, std=STD)
    one, many = (list(Resident(data, **settings).epoch(8, seeded(), block=block)) for block in (1, 4))
    assert len(one) == len(many) == 7
    for (x, y), (x_, y_) in zip(one, many, strict=True):
        assert torch.equal(x, x_)
        assert torch.equal(y, y_)


def test_epochs_differ_and_order_and_changes_have_generators_of_their_own(data):
    images = Resident(data, shift=2)
    generator = seeded()
    (first,), (second,) = (list(images.epoch(50, generator)) for _ in range(2))
    assert not torch.equal(first[1], second[1])
    (a,), (b,) = (list(images.epoch(50, seeded(), changes=seeded(changes))) for changes in (1, 2))
    assert torch.equal(a[1], b[1])
    assert not torch.equal(a[0], b[0])


@pytest.mark.parametrize(("drop_last", "sizes"), [(False, [16, 16, 16, 2]), (True, [16, 16, 16])])
def test_sizes_of_batches_and_blocks(data, drop_last, sizes):
    images = Resident(data)
    assert len(images) == 50
    assert [len(y) for _, y in images.epoch(16, seeded(), drop_last=drop_last)] == sizes
    blocks = list(images.blocks(16, seeded(), drop_last=drop_last, block=2))
    assert [len(block) for block in blocks] == [2, len(sizes) - 2]


def test_a_block_can_be_planned_at_once(data):
    import mixbook as mb

    (block,) = Resident(data).blocks(16, seeded(), drop_last=True, block=3)
    plans = mb.plan_many(mb.kmixup(k=4), block, generator=seeded())
    generator = seeded()
    for (x, y), plan in zip(block, plans, strict=True):
        assert torch.equal(plan.sources, mb.kmixup(k=4).plan(x, y, generator=generator).sources)


def test_a_network_may_change_its_input_in_place(data):
    scale = torch.ones((), requires_grad=True)
    images, rows = Resident(data), [torch.arange(2), torch.arange(3)]
    for x, _ in (images.batch(rows[0]), *images.batches(rows), *images.epoch(4, torch.Generator(), block=2)):
        x.mul_(scale).sum().backward()
    assert scale.grad is not None and images.batches([]) == []


def test_formats(data):
    rows = torch.tensor([5, 1])
    x, y = Resident(data, mean=MEAN, std=STD, dtype=torch.bfloat16, memory_format=torch.channels_last).batch(rows)
    assert x.dtype == torch.bfloat16
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert y.tolist() == [5, 1]
    torch.testing.assert_close(x.double(), normalised(data.x[rows]), rtol=2**-8, atol=1e-6)


def test_fit_trains_on_them_as_on_arrays_where_nothing_is_changed(data):
    from mixbook.models import MLP
    from mixbook.models import seeded as weights
    from mixbook.training import Recipe, fit

    full = data.arrays()
    scaled = replace(full, x=normalised(data.x).float())
    trained = []
    for source in (scaled, Resident(data, mean=MEAN, std=STD)):
        model = weights(1, lambda: MLP(3 * 8 * 6, (9,), 50))
        fit(model, source, Recipe(epochs=2, batch_size=16, lr=0.1), progress=False)
        trained.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    torch.testing.assert_close(*trained)


def test_evaluate_sees_them_unchanged(data):
    from mixbook.evaluation import evaluate
    from mixbook.models import MLP
    from mixbook.models import seeded as weights

    model = weights(1, lambda: MLP(3 * 8 * 6, (9,), 50))
    scaled = replace(data.arrays(), x=normalised(data.x).float())
    expected = evaluate(model, scaled)
    assert evaluate(model, Resident(data, shift=2, flip=True, mean=MEAN, std=STD), 7) == pytest.approx(expected, rel=1e-5)


def test_a_resumed_run_makes_the_same_changes(data, tmp_path):
    from mixbook.models import MLP
    from mixbook.models import seeded as weights
    from mixbook.training import Recipe, fit

    images = Resident(data, shift=2, flip=True)
    models = [weights(1, lambda: MLP(3 * 8 * 6, (9,), 50)) for _ in range(2)]
    fit(models[0], images, Recipe(epochs=4, batch_size=16), progress=False)
    for epochs in (2, 4):
        fit(models[1], images, Recipe(epochs=epochs, batch_size=16), checkpoint=tmp_path / "c.pt", progress=False)
    for one, two in zip(*(model.parameters() for model in models), strict=True):
        assert torch.equal(one, two)


def test_a_checksum_tells_data_and_changes_apart(data):
    first, same = Resident(data, shift=1), Resident(data, shift=1)
    assert first.checksum() == same.checksum()
    others = (Resident(data), Resident(data, shift=1, std=(0.5,)), Resident(data[torch.arange(49)], shift=1))
    assert first.checksum() not in {other.checksum() for other in others}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (dict(shift=-1), "shift must be at least 0, got -1"),
        (dict(mean=(0.1, 0.2)), "mean must have 1 or 3 values"),
        (dict(std=(0.1, 0.0, 0.2)), "std must be positive"),
    ],
)
def test_nonsense_is_refused(data, settings, said):
    with pytest.raises(ValueError, match=said):
        Resident(data, **settings)


@pytest.mark.parametrize("settings", [dict(batch_size=0), dict(batch_size=4, block=0)])
def test_empty_batches_are_refused(data, settings):
    with pytest.raises(ValueError, match="must be at least 1, got 0"):
        list(Resident(data).epoch(generator=seeded(), **settings))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_the_same_batches(data):
    settings = dict(shift=2, flip=True, mean=MEAN, std=STD)
    here, there = (Resident(data, device=device, **settings).epoch(16, seeded()) for device in ("cpu", "cuda"))
    for (x, y), (x_, y_) in zip(here, there, strict=True):
        assert x_.device.type == "cuda"
        torch.testing.assert_close(x, x_.cpu(), rtol=1e-6, atol=1e-6)
        assert torch.equal(y, y_.cpu())
