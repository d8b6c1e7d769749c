"""Which curves leave the others: seeds their rung, rungs the other rungs, at a stated rate of false alarms.

A curve's departure from the mean of the others, over what the noise of all curves but itself allows, is Student's t at
each x. The largest over curves and x is compared with a Bonferroni quantile; the worst is taken away and the rest
compared again, and what was taken away up to the last time that the quantile was passed has left (Rosner's generalised
extreme studentised deviate, 1983, from memory), so that two wild curves do not hide each other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from scipy import stats

_MOST = 40  # curves that are taken away at the most
_UNEVEN = 3.0  # holds the rate where the noise of rungs differs by four times, which seeds have to show first
_SILENT = 1e-5  # a noise below this is that of one run, repeated in single precision


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Outlier:
    """A curve that leaves the others.

    Attributes
    ----------
    rung : its rung's place.
    seed : its row within the rung; None for the rung as a whole.
    at : place on the grid where it is farthest out, measured by the noise.
    by : its signed departure there, on the curves' own scale.
    t : the same over its standard error.
    from_rungs : whether it left the other rungs, not the others of its rung.
    within : the largest departure there of the curves that it left.
    """

    rung: int
    seed: int | None
    at: int
    by: float
    t: float
    from_rungs: bool
    within: float


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Outliers:
    """All that leave, and what is shared by the rest.

    Attributes
    ----------
    leaving : seeds, then rungs.
    shared : whether the rungs that stay share one curve within the noise; None where that cannot be asked.
    master : ``(m,)`` mean of the staying rungs' means over their staying seeds.
    spread : the largest departure of a staying rung's mean from the master curve.
    """

    leaving: tuple[Outlier, ...]
    shared: bool | None
    master: np.ndarray
    spread: float


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Curves:
    """Curves ``(N, m)`` of rungs ``(N,)``, those that stay ``(N,)``, and their sums by rung."""

    rows: np.ndarray
    rung: np.ndarray
    stay: np.ndarray

    @property
    def n(self) -> np.ndarray:
        """Staying seeds of each rung."""
        return np.bincount(self.rung[self.stay], minlength=int(self.rung.max()) + 1)

    def summed(self, rows: np.ndarray) -> np.ndarray:
        """Sums ``(K, m)`` over the staying seeds of each rung."""
        sums = np.zeros((len(self.n), rows.shape[1]))
        np.add.at(sums, self.rung[self.stay], rows[self.stay])
        return sums

    def means(self) -> np.ndarray:
        """Mean curve of each rung; zero where none stays."""
        return self.summed(self.rows) / np.maximum(self.n, 1)[:, None]

    def without(self, gone: Iterable[int]) -> _Curves:
        """The same with rows taken away."""
        stay = self.stay.copy()
        stay[list(gone)] = False
        return dataclasses.replace(self, stay=stay)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """Each candidate's departure and t ``(c, m)``, the degrees of freedom, and the rows that it stands for.

    ``order`` ``(c, m)`` says which is the worst. It leaves out how noisy the candidate's own rung is: where two of a
    rung are wild, each makes the other look like noise.
    """

    order: np.ndarray
    by: np.ndarray
    t: np.ndarray
    df: np.ndarray
    rows: list[np.ndarray]
    whole: list[bool]
    among_rungs: bool

    def worst(self) -> tuple[int, int]:
        """The candidate that is farthest out, and where."""
        candidate = int(np.argmax(np.abs(self.order).max(axis=1)))
        return candidate, int(np.argmax(np.abs(self.t[candidate])))

    def passes(self, rate: float, candidate: int, at: int) -> bool:
        """Whether a t is beyond what chance brings to one group in ``1 / rate``."""
        p = 2 * stats.t.sf(abs(self.t[candidate, at]), self.df[candidate])
        return bool(p * self.t.size < rate)


def departures(values: Sequence[np.ndarray], *, rate: float) -> Outliers:
    """Find the seeds that leave their rung, and the rungs that leave the others.

    A seed is compared with its rung where three or more are there, else with the other rungs. The noise is taken for
    the same in all rungs, or larger in a rung whose own seeds say so. At most a minority of rungs leaves: where more
    would have to, nothing is shared.

    Parameters
    ----------
    values : K arrays ``(n_k, m)`` of rescaled curves, one row a seed, at least one in each.
    rate : share of groups with any false alarm, where all curves differ by Gaussian noise alone.
    """
    rung = np.repeat(np.arange(len(values)), [len(rows) for rows in values])
    curves = _Curves(np.concatenate(values), rung, np.ones(len(rung), dtype=bool))
    wild, curves, _ = _taken(curves, _seeds, rate / 2, min(_MOST, len(rung) // 4))
    odd, rest, more = _taken(curves, _rungs, rate / 2, (int(np.sum(curves.n > 0)) - 1) // 2)
    if more:
        odd, rest = [], curves
    there = rest.n > 0
    means = rest.means()[there]
    master = means.mean(axis=0)
    asked = _rungs(rest) is not None
    return Outliers(
        leaving=(*wild, *odd),
        shared=not more if asked else None,
        master=master,
        spread=float(np.abs(means - master).max()),
    )


def _taken(
    curves: _Curves, compare: Callable[[_Curves], _Compared | None], rate: float, most: int
) -> tuple[list[Outlier], _Curves, bool]:
    """What leaves, what stays, and whether more than ``most`` would have to leave."""
    found: list[Outlier] = []
    left, passed, now = curves, 0, curves
    for step in range(most + 1):
        compared = compare(now)
        if compared is None:
            break
        candidate, at = compared.worst()
        passes = compared.passes(rate, candidate, at)
        if step == most:
            return found[:passed], left, passes
        now = now.without(compared.rows[candidate])
        found.append(_departure(curves, now, compared, candidate, at))
        if passes:
            passed, left = step + 1, now
    return found[:passed], left, False


def _departure(curves: _Curves, rest: _Curves, compared: _Compared, candidate: int, at: int) -> Outlier:
    row = int(compared.rows[candidate][0])
    rung, whole = int(curves.rung[row]), compared.whole[candidate]
    among = rest.stay & (curves.rung == rung)
    kept = rest.means()[rest.n > 0][:, at] if compared.among_rungs else rest.rows[among, at]
    return Outlier(
        rung=rung,
        seed=None if whole else row - int(np.argmax(curves.rung == rung)),
        at=at,
        by=float(compared.by[candidate, at]),
        t=float(compared.t[candidate, at]),
        from_rungs=compared.among_rungs,
        within=float(np.abs(kept - kept.mean()).max()),
    )


def _seeds(curves: _Curves) -> _Compared | None:
    """Seeds of rungs of three or more against the others of their rung."""
    n, squares = curves.n, curves.rows - curves.means()[curves.rung]
    rung_squares = curves.summed(squares**2)
    rows = np.flatnonzero(curves.stay & (n[curves.rung] > 2))
    df = int(np.sum(np.maximum(n - 1, 0))) - 1
    if not len(rows) or df < 1:
        return None
    count = n[curves.rung[rows]][:, None]
    own = squares[rows] ** 2 * count / (count - 1)
    noise = np.maximum((rung_squares.sum(axis=0) - own) / df, _SILENT**2)
    level = ((rung_squares[curves.rung[rows]] - own) / (count - 2) / noise).mean(axis=1, keepdims=True)
    by = squares[rows] * count / (count - 1)
    plain = by / np.sqrt(noise * count / (count - 1))
    t = plain / np.sqrt(np.maximum(level, 1) * _allowance(count))
    return _Compared(
        plain, by, t, np.full(len(rows), df), [np.array([row]) for row in rows], [False] * len(rows), False
    )


def _allowance(n: np.ndarray) -> np.ndarray:
    """Factor on the variance of a seed of a rung of n: how noisy that rung is, few seeds cannot say."""
    return 1 + _UNEVEN / np.maximum(n - 1, 1)


def _rungs(curves: _Curves) -> _Compared | None:
    """Rungs of three or more seeds, and the seeds of smaller ones, against the mean of the other rungs."""
    n, means = curves.n, curves.means()
    there = np.flatnonzero(n > 0)
    squares = curves.summed((curves.rows - means[curves.rung]) ** 2)
    total, df = squares.sum(axis=0), int(np.sum(np.maximum(n - 1, 0)))
    if len(there) < 2 or df < 1:
        return None
    pooled = np.maximum(total / df, _SILENT**2)
    level = np.maximum((squares / np.maximum(n - 1, 1)[:, None] / pooled).mean(axis=1), 1)
    parts: list[tuple[np.ndarray, np.ndarray, int, np.ndarray, bool]] = []
    for k in there:
        others = there[there != k]
        among = np.sum(level[others] / n[others]) / len(others) ** 2
        away, rows = means[others].mean(axis=0), np.flatnonzero(curves.stay & (curves.rung == k))
        if n[k] > 2:
            by = means[k] - away
            parts.append((by, by / np.sqrt(pooled * (level[k] / n[k] + among)), df, rows, True))
        elif df > n[k] - 1:  # a rung of two would hide a wild one in its own noise
            noise = np.maximum((total - squares[k]) / (df - n[k] + 1), _SILENT**2)
            for row in rows:
                by = curves.rows[row] - away
                t = by / np.sqrt(noise * (_allowance(n[k]) + among))
                parts.append((by, t, df - int(n[k]) + 1, np.array([row]), False))
    if not parts:
        return None
    by, t, dfs, rows, whole = zip(*parts, strict=True)
    return _Compared(np.array(t), np.array(by), np.array(t), np.array(dfs), list(rows), list(whole), True)
