"""Learning rates of other people's runs: as logged or as said, and how long they rise at the start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .curves import LearningCurve
from .grid import start_after
from .layout import Layout
from .levels import X_MIN
from .runs import Run

_TOP, _LATE = 0.999, 0.5  # of its peak a rate is at it; what rises after half of the training is no warmup


def rate_of(run: Run, layout: Layout) -> np.ndarray | None:
    """Rate over its peak at the run's evaluations ``(m,)``: the column's, else that of the schedule that the user says;
    None where neither is known. The run's clock runs to 1."""
    if run.lr is not None and len(run.lr) and np.isfinite(run.lr).all() and run.lr.max() > 0:
        return run.lr / run.lr.max()
    if layout.schedule is None:
        return None
    warmup = said_warmup(run, layout) or 0.0
    done = np.clip((run.clock - warmup) / (1 - warmup), 0.0, 1.0)
    fallen = {"constant": np.ones_like(done), "linear": 1 - done, "cosine": (1 + np.cos(np.pi * done)) / 2}
    rising = np.minimum(run.clock / warmup, 1.0) if warmup else 1.0
    return fallen[layout.schedule] * rising


def warmup_of(run: Run, rate: np.ndarray | None, layout: Layout) -> float:
    """Share of the training in which the rate rises: as said, else from the rates; 0 where it never does."""
    said = said_warmup(run, layout)
    if said is not None:
        return said
    return 0.0 if rate is None else risen(run.clock, rate)


def risen(x: np.ndarray, rate: np.ndarray) -> float:
    """Share of the training in which a rate rises, from its line through 0 to the peak; 0 where no rise is seen.

    Parameters
    ----------
    x : ``(m,)`` fraction of the training.
    rate : ``(m,)`` rate there, in any unit.
    """
    peak = float(np.max(rate, initial=0.0))
    top = int(np.argmax(rate >= _TOP * peak))
    if peak <= 0 or top == 0 or x[top] > _LATE or not x[top - 1] * rate[top - 1] > 0:
        return 0.0
    return min(float(x[top]), float(x[top - 1] * peak / rate[top - 1]))


def said_warmup(run: Run, layout: Layout) -> float | None:
    """The warmup that the user says, over the run's length in the same unit."""
    if layout.warmup is None:
        return None
    return min(layout.warmup / (run.horizon or 1.0), 0.99)


def rate_notes(curves: Sequence[LearningCurve], layout: Layout) -> list[str]:
    """What was read off the rates, in words."""
    longest = max((curve.warmup_fraction for curve in curves), default=0.0)
    if layout.warmup is not None or start_after([longest]) <= X_MIN:
        return []
    return [
        f"by their column lr runs warm up until x = {longest:.2g} at the latest: curves are compared from x = "
        f"{start_after([longest]):.2g} on, ten warmups; `--warmup STEPS` says another length"
    ]
