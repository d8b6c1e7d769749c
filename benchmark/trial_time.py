"""What a trial takes on a processor: an update, an evaluation and the making of a network, timed without its data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import nn

from ..architectures.family import Family, Rung
from ..datasets.dataset import Dataset, TestSet
from .evaluation import Recorder
from .optimisers.optimiser import Optimiser
from .replicas import Single, Stacked, random_batch
from .timing import shortest
from .update import Repeated, Update, update_of

_UPDATES = 100  # at most
_EXAMPLES = 256  # of a test set, at most; more of them take as much more
_TINY = 1e-6  # a learning rate


def update_and_evaluation(
    family: Family,
    rung: Rung,
    dataset: Dataset,
    models: Sequence[nn.Module],
    *,
    packed: bool,
    batch: int,
    optimiser: Optimiser,
    parametrization: str,
    accumulate: int = 1,
) -> tuple[float, float]:
    """Seconds of one update and of one evaluation of the loss of all networks, on random examples.

    Parameters
    ----------
    models : networks of one shape, which are trained together where they are ``packed``; else the first alone.
    batch, optimiser, parametrization, accumulate : how they train.
    """
    replicas = Stacked(models, dataset.task) if packed else Single(models[0], dataset.task)
    inputs, targets = (v.expand(replicas.count, *v.shape) for v in random_batch(dataset.task, batch))
    update = update_of(
        family,
        rung,
        replicas,
        Repeated(inputs, targets),
        optimiser=optimiser,
        rates=np.full((_UPDATES + 1, replicas.count), _TINY),
        parametrization=parametrization,
        accumulate=accumulate,
    )
    return shortest(update, 0.03, most=_UPDATES), _evaluation(family, dataset, update)


def _evaluation(family: Family, dataset: Dataset, update: Update) -> float:
    # A test set that is a formula for the population loss has few points, and says nothing of how many.
    size = getattr(dataset, "test_size", None) or 32
    inputs, targets = random_batch(dataset.task, min(size, _EXAMPLES))
    recorder = Recorder((), update, family, dataset, TestSet(inputs=inputs, targets=targets))
    return shortest(lambda: recorder.measure(recorder.record), 0.01, least=2) * max(1.0, size / _EXAMPLES)
