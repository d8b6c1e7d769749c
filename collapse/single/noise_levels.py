"""From where single runs may have a noise level: their reruns, other groups, or their own neighbouring points."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.stats import t as student

from ...errors import unknown
from ...results.curves import LearningCurve
from ...results.grid import mean_over
from ...results.levels import COVERAGE
from ..ladders.ladder import Ladder
from ..ladders.rescaling import try_rescale
from ..outcome import RescaledGroup
from ..reasons import Reason, because

NoiseChoice = Literal["neighbours", "groups", "sizes"]
NOISE_CHOICES = ("neighbours", "groups", "sizes")
_SIDE = 3  # evaluations on either side of the one that is foretold
_REACH = 0.4  # in ln x: over so much of a curve its scatter is taken to be one
_FEWEST = 12  # evaluations that could be foretold, over all runs


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class NoiseLevel:
    """The sd of one normalised run.

    Attributes
    ----------
    source : ``reruns`` of this group, other ``groups``, ``neighbours``, or None where there is none.
    sd : ``(m,)`` on the grid.
    level : its root mean square over d ln x.
    df : degrees of freedom.
    note : what it is and what it rests on; or why there is none.
    """

    source: Literal["reruns", "groups", "neighbours"] | None = None
    sd: np.ndarray | None = None
    level: float | None = None
    df: int | None = None
    note: Reason

    def half_width(self, rungs: int, level: float = COVERAGE) -> np.ndarray | None:
        """``(m,)`` one-sided reach of a run's deviation from the mean of so many; None without noise between runs:
        neighbouring evaluations show a part of it alone, and part of a bound is none."""
        if self.sd is None or self.df is None or self.source == "neighbours":
            return None
        return float(student.ppf(level, self.df)) * self.sd * np.sqrt(1 - 1 / rungs)


NO_NOISE = NoiseLevel(note=because("no-noise-level"))


def check_noise_choice(choice: str | None) -> None:
    """Raise `InputError` unless a noise level may be taken from there."""
    if choice is not None and choice not in NOISE_CHOICES:
        raise unknown("source of noise", choice, NOISE_CHOICES)


def own_reruns(ladder: Ladder, group: RescaledGroup, floor: float | None) -> NoiseLevel:
    """The noise of the rungs that do have a second run, on the grid of the single runs."""
    pooled = _between_seeds(ladder, group, floor)
    if pooled is None:
        return NO_NOISE
    sd, df = pooled
    note = because("noise-from-reruns", runs=df + len(ladder.rungs), sizes=len(ladder.rungs))
    return _level("reruns", sd, df, group, note)


def from_groups(group: RescaledGroup, others: Sequence[tuple[str, Ladder, float | None]]) -> NoiseLevel:
    """The noise between seeds of other groups, taken to be the same at equal x.

    Parameters
    ----------
    group : the single runs.
    others : name, ladder and irreducible loss of each group that may lend its noise.
    """
    found = [(name, _between_seeds(ladder, group, floor)) for name, ladder, floor in others]
    there = [(name, *one) for name, one in found if one is not None]
    if not there:
        return NoiseLevel(note=because("no-noise-from-groups"))
    df = sum(one[2] for one in there)
    sd = np.sqrt(sum(one[2] * one[1] ** 2 for one in there) / df)
    return _level("groups", sd, df, group, because("noise-from-groups", groups=tuple(one[0] for one in there)))


def _between_seeds(ladder: Ladder, group: RescaledGroup, floor: float | None) -> tuple[np.ndarray, int] | None:
    """``(m,)`` pooled sd over seeds on the group's own grid and scale, and its degrees of freedom."""
    if not ladder.rungs or ladder.copies():
        return None
    found, _ = try_rescale(ladder, group.scale, floor, float(group.x[0]))
    if found is None or not np.allclose(found.x, group.x):
        return None
    df = sum(len(rows) - 1 for rows in found.values)
    squares = sum((len(rows) - 1) * rows.var(axis=0, ddof=1) for rows in found.values)
    sd = np.sqrt(np.asarray(squares) / max(df, 1))
    return (sd, df) if df > 0 and float(sd.max()) > 1e-9 else None


def from_neighbours(group: RescaledGroup, curves: Sequence[LearningCurve], floor: float | None) -> NoiseLevel:
    """The scatter of evaluations about their neighbours: a lower limit of the noise between runs.

    Each evaluation is foretold by a parabola in ln x through three evaluations on either side, without itself, and what
    it misses is divided by ``sqrt(1 + sum c^2)``, c the weights of the neighbours: for noise that is independent from
    one evaluation to the next the mean square is the variance, and a curve that bends no more than a parabola over
    seven points adds nothing. What neighbours share (the whole run's luck) does not show, so this is a lower limit:
    where the noise of 60 evaluations has correlation 0, .5 and .9 from one to the next, it reads 1.02, .67 and .29 of
    the truth.

    Parameters
    ----------
    group : the single runs on the grid.
    curves : the same runs, in the order of its rungs.
    floor : the irreducible loss, on the end-point scale.
    """
    places, squares = [], []
    for curve, unit in zip(curves, group.units, strict=True):
        seen = (curve.x > 0) & (curve.x >= 0.8 * group.x[0])
        at = np.log(curve.x[seen])
        if group.scale == "end-point":
            values = np.log(curve.loss[seen] - (floor or 0.0))
        else:
            values = curve.loss[seen] / float(unit[0])
        missed = pseudo_residuals(at, values)
        places.append(at[_SIDE : len(at) - _SIDE])
        squares.append(missed**2)
    at, square = np.concatenate(places), np.concatenate(squares)
    if len(at) < _FEWEST:
        return NoiseLevel(note=because("no-noise-from-neighbours", evaluations=len(at)))
    near = np.abs(at[None] - np.append(np.log(group.x), 0.0)[:, None]) <= _REACH
    local = np.where(near.sum(axis=1) >= _FEWEST // 2, near @ square / np.maximum(near.sum(axis=1), 1), square.mean())
    sd = np.sqrt(local[:-1] + local[-1])  # a normalised curve carries its end's noise too
    return _level("neighbours", sd, len(at), group, because("noise-from-neighbours", evaluations=len(at)))


def pseudo_residuals(at: np.ndarray, values: np.ndarray) -> np.ndarray:
    """``(n - 6,)`` what each value misses the parabola through its six neighbours by, in units of its own noise."""
    found = []
    for i in range(_SIDE, len(at) - _SIDE):
        others = np.r_[i - _SIDE : i, i + 1 : i + _SIDE + 1]
        design = np.vander(at[others] - at[i], 3)
        weights = np.linalg.pinv(design)[2]
        found.append((values[i] - weights @ values[others]) / np.sqrt(1 + weights @ weights))
    return np.array(found)


def _level(
    source: Literal["reruns", "groups", "neighbours"], sd: np.ndarray, df: int, group: RescaledGroup, note: Reason
) -> NoiseLevel:
    level = float(np.sqrt(mean_over(sd**2, group.x)))
    return NoiseLevel(source=source, sd=sd, level=level, df=df, note=note)
