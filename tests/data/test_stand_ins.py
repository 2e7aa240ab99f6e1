import pytest
import torch

from mixbook.data import abalone, arrhythmia, cifar10, cifar100, htru2, mnist, phishing, stand_in


@pytest.mark.parametrize(
    ("load", "real_data"),
    [(f, f.__name__) for f in (abalone, arrhythmia, phishing, htru2, mnist, cifar10, cifar100)],
    indirect=["real_data"],
)
def test_a_stand_in_is_like_the_set_but_small_and_says_so(load, real_data):
    real = load("test") if load in (mnist, cifar10, cifar100) else load()
    fake = stand_in(load.__name__)
    assert fake.name == f"{load.__name__} stand-in"
    assert fake.x.shape[1:] == real.x.shape[1:]
    assert fake.num_classes == real.num_classes == len(fake.y.unique())
    assert fake.missing == real.missing == bool(fake.x.isnan().any())
    assert len(fake) < 2000


def test_a_stand_in_is_always_the_same():
    assert stand_in("abalone").checksum() == stand_in("abalone").checksum()
    assert set(stand_in("phishing").x.unique().tolist()) == {-1, 0, 1}
    assert torch.equal(stand_in("cifar10").x, stand_in("cifar10").x.clamp(0, 1))


def test_an_unknown_one_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"no stand-in for 'iris'. There are: mnist, abalone"):
        stand_in("iris")
