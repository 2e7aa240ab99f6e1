import numpy as np
import pytest
import torch
from tiny_files import wav, write

from mixbook.data import loader, spectrogram, speech_commands
from mixbook.data.speech import WORDS, part_of, read_wave
from mixbook.data.store import DataError

SECOND = torch.arange(16_000) / 16_000


@pytest.fixture
def utterances(home):
    """Two words, noise that is no word, and the official lists."""
    top = home / "speech_commands"
    rng = np.random.default_rng(5)
    for name in ("bed/a_nohash_0", "bed/b_nohash_0", "cat/a_nohash_0", "cat/c_nohash_1", "_background_noise_/hum"):
        wav(top / f"{name}.wav", rng.integers(-3000, 3000, 16_000).astype(np.int16))
    write(top / "validation_list.txt", "bed/b_nohash_0.wav\n")
    write(top / "testing_list.txt", "cat/c_nohash_1.wav\n")
    return top


def test_a_folder_that_lacks_a_list_follows_the_rule_in_all_parts(utterances):
    every = sorted(path.name for word in ("bed", "cat") for path in (utterances / word).glob("*.wav"))
    (utterances / "testing_list.txt").unlink()
    for part in ("train", "test"):  # by the one list that is there, nothing would be tested on
        names = [name for name in every if part_of(name) == part]
        assert names and sorted(path.name for path in speech_commands(part).paths) == names


def test_what_a_mac_hides_among_the_files_is_no_utterance(utterances):
    write(utterances / "bed" / "._a_nohash_0.wav", b"\0" * 8)
    assert [path.name for path in speech_commands("train").paths] == ["a_nohash_0.wav", "a_nohash_0.wav"]


def test_thirty_words():
    assert len(WORDS) == len(set(WORDS)) == 30
    assert list(WORDS) == sorted(WORDS)


@pytest.mark.parametrize(("part", "files"), [("train", ["bed/a", "cat/a"]), ("val", ["bed/b"]), ("test", ["cat/c"])])
def test_the_official_lists_make_the_parts(utterances, part, files):
    data = speech_commands(part)
    assert [f"{path.parent.name}/{path.name[0]}" for path in data.paths] == files
    assert data.y.tolist() == [WORDS.index(file.split("/")[0]) for file in files]
    assert data.num_classes == 30
    assert data.name == "speech_commands (2 of 30 words)"
    assert data[0][0].shape == (1, 161, 101)


def test_without_lists_the_official_rule_makes_the_parts(utterances):
    for file in ("validation_list.txt", "testing_list.txt"):
        (utterances / file).unlink()
    together = {path: part for part in ("train", "val", "test") if (data := parts(part)) for path in data}
    assert len(together) == 4
    assert all(part_of(path.name) == part for path, part in together.items())


def parts(part):
    try:
        return speech_commands(part).paths
    except DataError:  # a part of so few files may be empty
        return ()


def test_the_rule_agrees_with_entries_of_the_published_lists():
    assert {part_of(f"{speaker}_nohash_0.wav") for speaker in ("026290a7", "060cd039", "099d52ad")} == {"val"}
    assert {part_of(f"{speaker}_nohash_0.wav") for speaker in ("0c40e715", "0ea0e2f4")} == {"test"}


def test_the_rule_gives_a_tenth_each_and_keeps_speakers_together():
    names = [f"{n:08x}_nohash_{n % 5}.wav" for n in range(4000)]
    counted = [part_of(name) for name in names]
    for part, share in (("val", 0.1), ("test", 0.1), ("train", 0.8)):
        assert counted.count(part) / len(names) == pytest.approx(share, abs=0.02)
    assert len({part_of(f"abc_nohash_{n}.wav") for n in range(20)}) == 1


def test_a_spectrogram_is_normalised_and_shows_a_tone_at_its_pitch():
    tone = torch.sin(2 * torch.pi * 1000 * SECOND)
    shown = spectrogram(tone)
    assert shown.shape == (1, 161, 101)
    assert shown.mean().item() == pytest.approx(0, abs=1e-5)
    assert shown.std().item() == pytest.approx(1, abs=1e-5)
    assert (shown[0, :, 1:100].argmax(dim=0) == 20).all()  # 8000 Hz are 160 steps of 50 Hz; the ends are reflected


def test_it_is_the_log_of_scipys_short_time_fourier_transform(generator):
    from scipy.signal import ShortTimeFFT
    from scipy.signal.windows import hamming

    wave = 0.1 * torch.randn(16_000, generator=generator, dtype=torch.float64)
    transform = ShortTimeFFT(hamming(320, sym=False), hop=160, fs=16_000)
    magnitude = np.abs(transform.stft(wave.numpy(), p0=1, p1=100))  # frames that lie inside
    ours = spectrogram(wave)[0, :, 1:100].double()
    theirs = torch.from_numpy(np.log1p(magnitude))
    # Normalising is affine, so two points fix it and all others must follow.
    slope = (ours.max() - ours.min()) / (theirs.max() - theirs.min())
    torch.testing.assert_close(ours - ours.min(), slope * (theirs - theirs.min()), rtol=0, atol=1e-4)


def test_sound_goes_on_as_its_mirror_image_at_both_ends(generator):
    """The first and the last window lie half outside. A sine at a constant pitch would hardly tell how that is filled."""
    wave = 0.1 * torch.randn(16_000, generator=generator, dtype=torch.float64)
    mirrored = np.concatenate([wave[1:161].flip(0), wave, wave[-161:-1].flip(0)])
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(320) / 320)
    ends = [np.log1p(abs(np.fft.rfft(window * mirrored[start : start + 320]))) for start in (0, 16_000)]
    ours = spectrogram(wave)[0, :, [0, 100]].double().numpy().T
    for shown, expected in zip(ours, ends, strict=True):
        assert np.corrcoef(shown, expected)[0, 1] > 1 - 1e-9  # normalising is affine


@pytest.mark.parametrize("samples", [1, 100, 161, 8_000, 15_999, 40_000])
def test_short_and_long_utterances_have_the_same_shape(samples, generator):
    shown = spectrogram(torch.rand(samples, generator=generator) - 0.5)
    assert shown.shape == (1, 161, 101)
    assert shown.isfinite().all()


def test_a_batch_is_its_utterances_and_silence_is_zero(generator):
    waves = torch.rand(4, 16_000, generator=generator) - 0.5
    waves[3] = 0
    together = spectrogram(waves)
    assert together.shape == (4, 1, 161, 101)
    torch.testing.assert_close(together, torch.stack([spectrogram(wave) for wave in waves]))
    assert (together[3] == 0).all()


def test_loudness_in_16_bits_must_be_scaled():
    with pytest.raises(TypeError, match="divide 16-bit samples by 32768"):
        spectrogram(torch.zeros(16_000, dtype=torch.int16))


def test_batches_come_through_a_loader(utterances):
    ((x, y),) = loader(speech_commands("train"), 2, seed=0, shuffle=False)
    assert x.shape == (2, 1, 161, 101)
    assert y.tolist() == [WORDS.index("bed"), WORDS.index("cat")]
    assert torch.equal(speech_commands("train").arrays().x, x)


def test_it_trains_for_an_epoch(utterances):
    from mixbook.models import SpeechLeNet
    from mixbook.training import Recipe, fit

    data = loader(speech_commands("train"), 2, seed=1)
    (record,) = fit(SpeechLeNet(), data, Recipe(epochs=1, batch_size=2), progress=False).records
    assert record["loss"] > 0


@pytest.mark.parametrize(
    ("samples", "rate"),
    [(np.zeros(100, np.int16), 8_000), (np.zeros((100, 2), np.int16), 16_000), (np.zeros(100, np.float32), 16_000)],
)
def test_another_kind_of_wav_is_refused_by_name(samples, rate, tmp_path):
    with pytest.raises(DataError, match=r"x\.wav must have one channel of 16 bits at 16000 Hz"):
        read_wave(wav(tmp_path / "x.wav", samples, rate))


def test_the_loudest_sample_is_one(tmp_path):
    samples = read_wave(wav(tmp_path / "x.wav", np.array([-32768, 0, 16384], np.int16)))
    assert samples.tolist() == [-1, 0, 0.5]


def test_a_broken_wav_is_named(tmp_path):
    with pytest.raises(DataError, match=r"x\.wav cannot be read as a wav file"):
        read_wave(write(tmp_path / "x.wav", b"RIFFnot a sound file at all"))


@pytest.mark.parametrize("real_data", ["speech_commands"], indirect=True)
def test_real_utterances_fall_into_parts_like_the_published_ones(real_data):
    sizes = [len(speech_commands(part)) for part in ("train", "val", "test")]
    for size, published in zip(sizes, (51_088, 6_798, 6_835), strict=True):
        assert size / sum(sizes) == pytest.approx(published / 64_721, abs=0.06)
    image, label = speech_commands("test")[0]
    assert image.shape == (1, 161, 101)
    assert image.std().item() == pytest.approx(1, abs=1e-4)
    assert 0 <= label < 30
