"""What a network draws while it trains, such as the masks of dropout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..datasets.dataset import derived_seed


class Chance:
    """Random numbers that depend on the seed of the network and the step alone.

    So nothing that is measured along the way, no restart and no neighbour changes them. They come from torch's
    generator of the CPU; a GPU would draw others.

    Parameters
    ----------
    seed : of the network.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    @contextmanager
    def at(self, step: int) -> Iterator[None]:
        """Draw what belongs to a step; afterwards torch's generator is as before."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(derived_seed("chance", self._seed, step))
            yield
