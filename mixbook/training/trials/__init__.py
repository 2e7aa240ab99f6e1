"""Many networks at once: each as :func:`mixbook.training.fit` would train it alone, in a fraction of the time.

A table of results is a mean over trials of many cells, so thousands of small networks. One by one, most of the time goes
into starting operations that are over at once. Here the weights of N networks lie in one tensor with a leading axis, and a
step of all of them is a handful of batched products:

    >>> import mixbook as mb
    >>> from mixbook.data import iris
    >>> from mixbook.models import MLP, seeded
    >>> from mixbook.training import Recipe
    >>> near = mb.kmixup(k=8, num_classes=3)
    >>> trials = [Trial(Recipe(epochs=2, batch_size=50, lr=0.05, seed=n), near) for n in range(20)]
    >>> fitted = fit_trials(lambda seed: seeded(seed, lambda: MLP(4, (12, 8), 3)), iris(), trials)
    >>> len(fitted)
    20

``network`` holds the stacked networks (``functional`` those of any other kind), ``obstacles`` what stands against either,
``optimizer`` their updates, ``mixing`` what is drawn and matched for all of them, ``together`` the loop, ``groups`` which
trials can share it, and ``run`` what a user calls.
"""

from mixbook.training.trials.run import fit_trials
from mixbook.training.trials.trial import Fitted, Trial

__all__ = ["Fitted", "Trial", "fit_trials"]
