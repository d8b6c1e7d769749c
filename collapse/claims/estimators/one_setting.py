"""Curves of one setting as arrays, for estimators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..trial_runs import TrialRun
from .estimator import CannotTell


def stacked(runs: Sequence[TrialRun], observable: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps ``(m,)``, tau ``(m,)`` and values ``(n, m)`` of the runs of one setting, where all were measured.

    Raises
    ------
    CannotTell
        The observable was not measured, or not at the same steps.
    """
    first = runs[0]
    if any(not np.array_equal(run.steps, first.steps) for run in runs):
        raise CannotTell("runs of one setting were measured at different steps")
    values = np.stack([run.of(observable) for run in runs])
    seen = np.isfinite(values).all(axis=0)
    if not seen.any():
        raise CannotTell(f"no run has the observable {observable!r}")
    return first.steps[seen], first.tau[seen], values[:, seen]


def excess(runs: Sequence[TrialRun], observable: str, floor: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same, less the known irreducible loss where ``floor`` is ``known``, and as it is where it is ``none``.

    Raises
    ------
    CannotTell
        The floor is not known.
    """
    steps, tau, values = stacked(runs, observable)
    if floor == "known":
        known = runs[0].floor
        if known is None:
            raise CannotTell("the irreducible loss is not known")
        values = values - known
    return steps, tau, values


def log_mean(values: np.ndarray) -> np.ndarray:
    """``(m,)`` logarithm of the mean over seeds ``(n, m)``.

    Raises
    ------
    CannotTell
        A mean is not positive.
    """
    mean = values.mean(axis=0)
    if (mean <= 0).any():
        raise CannotTell(f"a power law is of positive values, and a mean over seeds is {mean.min():.3g}")
    return np.log(mean)


def slope(x: np.ndarray, y: np.ndarray) -> float:
    """Least-squares slope of y on x."""
    centred = x - x.mean()
    return float(centred @ y / (centred @ centred))


def misfit(x: np.ndarray, y: np.ndarray) -> float:
    """Largest distance of y from its least-squares line on x."""
    rest = y - y.mean() - slope(x, y) * (x - x.mean())
    return float(np.abs(rest).max())
