"""What the decay of the rate gains: runs whose rate decays, held against trunks at a constant rate, at equal length."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from ...collapse.composing import Estimate

Row = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class AnnealingGain:
    """The gain of one model size.

    Attributes
    ----------
    rung, n_params : the model size.
    updates : of the runs, after which the trunks are read, too.
    ratio : reducible loss of the trunks over that of the runs, of geometric means, with Welch's 95 % interval.
    """

    rung: str
    n_params: int
    updates: int
    ratio: Estimate


def gains(of_pilots: Sequence[Row], of_ladders: Sequence[Row]) -> Iterator[AnnealingGain]:
    """The gain of each size that has two trunks at least as long as its runs, and two of these, the smallest first.

    Parameters
    ----------
    of_pilots, of_ladders : rows of one family on one data set; the former hold the trunks, the latter the runs.
    """
    trunks, runs = _by_size(of_pilots, constant=True), _by_size(of_ladders, constant=False)
    for size in sorted(trunks.keys() & runs.keys()):
        steps = runs[size][0]["horizon_steps"]
        kept = np.log([_at(row, steps) for row in trunks[size] if row["step"][-1] >= steps])
        decayed = np.log([_at(row, steps) for row in runs[size]])
        if min(len(kept), len(decayed)) < 2:
            continue
        around = stats.ttest_ind(kept, decayed, equal_var=False).confidence_interval()
        value, low, high = (float(np.exp(log)) for log in (kept.mean() - decayed.mean(), around.low, around.high))
        ratio = Estimate(value=value, low=low, high=high)
        yield AnnealingGain(rung=runs[size][0]["rung"], n_params=size, updates=steps, ratio=ratio)


def _by_size(rows: Sequence[Row], *, constant: bool) -> dict[int, list[Row]]:
    """Whole runs by their parameters, at a constant rate or at one that decays. Of each seed the longest, since the
    shorter trunks of a pilot may be the beginnings of its longer ones, and one seed is one observation."""
    whole = [row for row in rows if row["status"] == "ok" and (row["schedule"] == "constant") == constant]
    longest: dict[tuple[int, int], Row] = {}
    for row in whole:
        other = longest.setdefault((row["n_params"], row["seed"]), row)
        if row["horizon_steps"] > other["horizon_steps"]:
            longest[row["n_params"], row["seed"]] = row
    found: dict[int, list[Row]] = {}
    for (size, _), row in longest.items():
        found.setdefault(size, []).append(row)
    return found


def _at(row: Row, step: int) -> float:
    """The reducible loss at a step, by straight lines in the logarithm of the steps and of the loss."""
    steps = np.log(row["step"][1:])
    losses = np.log(np.array(row["test_loss"][1:]) - (row["irreducible_loss"] or 0.0))
    return float(np.exp(np.interp(np.log(step), steps, losses)))
