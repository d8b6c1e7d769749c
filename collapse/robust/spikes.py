"""Spikes of single runs, and runs far from the others of their size: found, named, and taken out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ...results.grid import mean_over
from ..outcome import RescaledGroup

THRESHOLD = 6.0  # sd: nothing is found in 98 of 100 groups of clean curves with normal noise
FAR = 8.0  # sd of a run's distance from the others of its size, over a quarter of the grid
_FAR_SHARE = 0.25
_SIDE = 5  # grid points on either side that a point is held against: spikes of up to five points are seen
_QUIET = 0.25  # no size is taken to have less than this share of the median size's noise
_NORMAL = 0.6745  # median of the modulus of a standard normal number
_ROUNDS = 3  # large spikes hide small ones, and make others seem to have one


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Spike:
    """A stretch of a run that leaves its own course and comes back, while the other runs of its size do not.

    ``stretch`` has its first and last x, ``peak`` the largest distance from the bridge over it, signed, in ln l (on the
    shape scale relative to the mean improvement).
    """

    rung: str
    seed: int | str
    stretch: tuple[float, float]
    peak: float


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FarRun:
    """A run far from the others of its size, over the stretch from ``stretch[0]`` to ``stretch[1]``; ``distance`` is
    its largest from their median."""

    rung: str
    seed: int | str
    stretch: tuple[float, float]
    distance: float


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Cleaned:
    """A group without its spikes and far runs.

    Attributes
    ----------
    group : spikes bridged, far runs left out; two runs of each size are left.
    kept : K masks ``(n_k,)`` of the runs that are left.
    spikes, far : what was found, in order of size and seed; a far run's spikes are not told.
    """

    group: RescaledGroup
    kept: tuple[np.ndarray, ...]
    spikes: tuple[Spike, ...] = ()
    far: tuple[FarRun, ...] = ()

    @property
    def anything(self) -> bool:
        """Whether anything was found."""
        return bool(self.spikes or self.far)


def clean(group: RescaledGroup) -> Cleaned:
    """Find spikes and far runs, bridge the ones and leave out the others.

    With ``u`` a run less the mean over sizes of the median run, ``e`` is u less the median of its ten nearest
    neighbours on the grid, itself left out. A point belongs to a spike where e, and its distance from the median e of
    the size's other runs, are more than 6 sd: what all runs of a size share is no spike, and nor is the run beside one.
    The sd is ``a_k h(x)``, both by medians, h over five points. Across a spike u goes straight from one neighbour to
    the other in ln x: the run keeps its weight and its noise, so that means, variances and resamples need no counts
    that change along x. Three rounds, each against curves without the spikes of the last.

    A run is far where it lies more than 8 sd from the median of the others over a quarter of the grid, the sd by
    medians of the differences between the others, and never less than the median size's. It takes three runs.

    Parameters
    ----------
    group : two seeds a size or more.
    """
    log_x = np.log(group.x)
    centre, values = _centred(group.values)
    for _ in range(_ROUNDS):
        masks = spiked([rows - centre for rows in group.values], values)
        whole = [bridged(rows - centre, mask, log_x) + centre for rows, mask in zip(group.values, masks, strict=True)]
        if group.scale == "shape":  # a spike is part of the improvement that its run is divided by
            whole = [rows / mean_over(rows, group.x)[:, None] for rows in whole]
        # A spike that most runs of a size have at one x is in the common course as well, until it is bridged.
        centre, values = _centred(whole)
    away = far(values)
    spikes, left = [], []
    for k, (rows, mask, out) in enumerate(zip(values, masks, away, strict=True)):
        height = group.values[k] - centre - rows
        for s, seed in enumerate(group.seeds[k]):
            if out[s].any():
                left.append(_far_run(group, k, seed, out[s], rows, s))
                continue
            spikes += [
                Spike(
                    rung=group.rungs[k],
                    seed=seed,
                    stretch=(float(group.x[a]), float(group.x[b])),
                    peak=float(height[s, a + int(np.argmax(np.abs(height[s, a : b + 1])))]),
                )
                for a, b in _runs(mask[s])
            ]
    kept = [np.logical_not(out.any(axis=1)) for out in away]
    found = _kept(group, [rows + centre for rows in values], kept)
    return Cleaned(group=found, kept=tuple(kept), spikes=tuple(spikes), far=tuple(left))


def _centred(values: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """The common course ``(m,)``, the mean over sizes of the median run, and the runs less it."""
    centre = np.mean([np.median(rows, axis=0) for rows in values], axis=0)
    return centre, [rows - centre for rows in values]


def spiked(values: Sequence[np.ndarray], bridged: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Masks ``(n_k, m)`` of the points that belong to spikes, of runs ``(n_k, m)`` less one common course, held against
    neighbours and other runs with the spikes known so far ``bridged``."""
    usual = [rows - _neighbours(rows) for rows in bridged]
    levels, course = _levels([rows - _median_of_others(rows) for rows in usual])
    found = []
    for rows, flat, beside, level in zip(values, bridged, usual, levels, strict=True):
        limit = THRESHOLD / _NORMAL * level * course
        local = rows - _neighbours(flat)
        found.append((np.abs(local - _median_of_others(beside)) > limit) & (np.abs(local) > limit))
    return found


def far(values: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Masks ``(n_k, m)`` of where far runs are far; all False in the rows of others."""
    pairs = [_differences(rows) for rows in values]
    _, course = _levels([gaps for _, _, gaps in pairs])
    usual = float(np.median([np.median(gaps / course) for _, _, gaps in pairs]))
    found = []
    for rows, (first, second, gaps) in zip(values, pairs, strict=True):
        out = np.zeros(rows.shape, dtype=bool)
        if len(rows) > 2:
            away = np.abs(rows - _median_of_others(rows)) / course
            for s in range(len(rows)):
                others = (first != s) & (second != s)
                out[s] = away[s] > FAR * max(float(np.median(gaps[others] / course)), usual)
            out[out.mean(axis=1) < _FAR_SHARE] = False
            if out.any(axis=1).sum() > len(rows) - 2:  # which of them are far cannot be told
                out[:] = False
        found.append(out)
    return found


def bridged(rows: np.ndarray, mask: np.ndarray, log_x: np.ndarray) -> np.ndarray:
    """Runs ``(n, m)`` with straight lines where the mask holds, level where it reaches an end of the grid."""
    found = rows.copy()
    for row, inside in zip(found, mask, strict=True):
        if inside.any() and not inside.all():
            row[inside] = np.interp(log_x[inside], log_x[~inside], row[~inside])
    return found


def _neighbours(rows: np.ndarray) -> np.ndarray:
    """``(n, m)`` median of the ten nearest neighbours of each point, itself left out."""
    at, width = np.arange(rows.shape[1]), 2 * _SIDE + 1
    first = np.clip(at - _SIDE, 0, rows.shape[1] - width)
    beside = first[:, None] + np.arange(width)
    return np.median(rows[:, beside[beside != at[:, None]].reshape(-1, width - 1)], axis=2)


def _median_of_others(rows: np.ndarray) -> np.ndarray:
    """``(n, m)`` median of the other rows; with one other that one."""
    return np.stack([np.median(np.delete(rows, s, axis=0), axis=0) for s in range(len(rows))])


def _levels(rows: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Medians of the moduli as ``a_k h(x)``: ``(K,)`` levels and ``(m,)`` their course."""
    moduli = [np.abs(one) for one in rows]
    first = _at_least([float(np.median(one)) for one in moduli])
    course = np.median(np.concatenate([one / level for one, level in zip(moduli, first, strict=True)]), axis=0)
    windows = sliding_window_view(np.pad(course, 2, mode="reflect"), 5)
    course = np.maximum(np.median(windows, axis=1), 1e-3 * np.median(course)) + np.finfo(float).tiny
    return _at_least([float(np.median(one / course)) for one in moduli]), course


def _at_least(levels: Sequence[float]) -> np.ndarray:
    return np.maximum(levels, _QUIET * float(np.median(levels))) + np.finfo(float).tiny


def _differences(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both indices of each pair of runs, and their differences ``(pairs, m)`` as sd of one run."""
    first, second = np.triu_indices(len(rows), 1)
    return first, second, np.abs(rows[first] - rows[second]) / np.sqrt(2) / _NORMAL


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """First and last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _far_run(group: RescaledGroup, k: int, seed: int | str, out: np.ndarray, rows: np.ndarray, s: int) -> FarRun:
    inside = np.flatnonzero(out)
    away = rows[s] - np.median(np.delete(rows, s, axis=0), axis=0)
    return FarRun(
        rung=group.rungs[k],
        seed=seed,
        stretch=(float(group.x[inside[0]]), float(group.x[inside[-1]])),
        distance=float(np.abs(away).max()),
    )


def _kept(group: RescaledGroup, values: Sequence[np.ndarray], kept: Sequence[np.ndarray]) -> RescaledGroup:
    return dataclasses.replace(
        group,
        values=tuple(rows[keep] for rows, keep in zip(values, kept, strict=True)),
        seeds=tuple(
            tuple(seed for seed, keep in zip(seeds, keeps, strict=True) if keep)
            for seeds, keeps in zip(group.seeds, kept, strict=True)
        ),
        units=tuple(unit[keep] for unit, keep in zip(group.units, kept, strict=True)),
    )
