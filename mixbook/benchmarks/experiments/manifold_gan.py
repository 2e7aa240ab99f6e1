"""Manifold mixup, Appendix E, in small: a GAN on MNIST. The printed scores need Inception's weights; none is answered."""

from mixbook.benchmarks.spec import Cell, Experiment, Profile, Setting

GAN = Experiment(
    name="manifold-gan-mnist",
    title="ours: a slim GAN on MNIST, mixtures of real and fake for its discriminator (Appendix E, in small)",
    dataset="mnist",
    model="gan",
    settings=(
        Setting("layers", ("input", "layer1", "layer2"), "of manifold mixup: Appendix E's {0, 1, 2}", stated=True),
        Setting("betas", (0.0, 0.999), "of both Adams; those of the released code"),
        Setting("noise", 62, "numbers that a fake is made from; those of the released code"),
        Setting("width", 16, "channels of every layer; 128 in the released code, 64 times the time"),
        Setting("batch_size", 32, "half of the released code's, for twice as many steps in the time"),
        Setting("scaling", "28 pixels padded with black to 32, in [-1, 1]", "the size that the networks are made for"),
        Setting(
            "lr",
            1e-3,
            "2e-4 in the released code, for networks eight times as wide. Chosen by plain training with a seed of no trial, "
            "before any mixing was run: after 300 steps the distance was 107, and 262 at 5e-4",
        ),
        Setting("generator_every", 2, "5 in the released code, whose runs are a thousand times as long"),
        Setting("images", 16_000, "the first of MNIST: 500 steps a pass, what time there was for"),
        Setting("precision", "products in bfloat16 where the processor has AVX-512", "a third less time"),
        Setting("judge", "LeNet, Adam at 1e-3 on the training images", "Inception's weights cannot be had"),
        Setting("judge_epochs", 2, "of 128 images a batch: 2 % error"),
        Setting("made", 1.0, "% of the fakes that make a digit count as made; a tenth of an even share"),
        Setting("shown", 10, "fakes of each trial that are kept, in small"),
        Setting("model_choice", "last step", "nothing is selected on test data"),
    ),
    decided="2026-11-27",
    profiles={
        "smoke": Profile(1, 1, every=2, note="two methods, some steps on enlarged digits: it runs", stand_in=True),
        "laptop": Profile(trials=5, epochs=1, note="5 trials of 500 steps, 250 of them of the generator too"),
        "gpu": Profile(trials=10, epochs=40, note="10 trials of 20,000 steps"),
    },
    trial="mixbook.benchmarks.trials.gan:trial",
    surrogate=True,
    own_cells=(Cell("erm", ""), Cell("mixup", "alpha=0.5"), Cell("manifold_mixup", "alpha=0.5")),
)

EXPERIMENTS = (GAN,)
