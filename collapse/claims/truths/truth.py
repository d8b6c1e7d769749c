"""What a truth is: runs of a system whose answer is known exactly."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ....catalogue import Catalogue
from ..trial_runs import TrialRun


@dataclasses.dataclass(frozen=True)
class ExactSystem(ABC):
    """A system whose answer is known. Subclass it as a frozen dataclass of its parameters."""

    name: ClassVar[str]
    summary: ClassVar[str] = ""

    @abstractmethod
    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        """Runs of one family on one data set, with values under the observable's name."""


TRUTHS: Catalogue[ExactSystem] = Catalogue("truth", "onecurve.collapse.claims.truths")


def made(
    observable: str,
    seed: int,
    steps: np.ndarray,
    values: np.ndarray,
    settings: Mapping[str, float],
    *,
    floor: float | None = 0.0,
) -> TrialRun:
    """A run of a truth; ``peak_lr`` of its settings, or 1, is the constant learning rate."""
    from ....results.quantity import stored_name

    steps = np.asarray(steps, dtype=float)
    return TrialRun(
        family="truth",
        dataset="truth",
        seed=seed,
        settings=dict(settings),
        steps=steps,
        tau=steps * settings.get("peak_lr", 1.0),
        observed={stored_name(observable): np.asarray(values, dtype=float)},
        floor=floor,
    )


def noisy(values: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Values times a log-normal factor that wanders along the run: half a common factor, half a new one each point."""
    common, own = rng.normal(), rng.normal(size=np.shape(values))
    return values * np.exp(noise * (common + own) / np.sqrt(2))


def evaluations(last: float, points: int = 40, first: float = 0.02) -> np.ndarray:
    """Steps at which a truth is looked at: 0, and log-spaced shares of the last one."""
    return np.concatenate([[0.0], last * np.geomspace(first, 1.0, points)])
