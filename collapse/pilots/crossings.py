"""Where the next model size becomes the better use of compute.

Each size's loss is drawn against its training FLOPs; their lower envelope is the best loss that a budget buys. Where
the curves of neighbours cross, both sizes are equally good, so the best size there lies between them: at a crossing C
the optimum is taken as the geometric mean of the two sizes, at ``t* = C / sqrt(F1 F2)`` updates. For a sum of power
laws that is right to second order in the ratio of the sizes, and off by the same factor at every crossing, so that
the exponent has no bias (Hoffmann et al. 2022, arXiv 2203.15556, approach 1; the crossing in place of the minimum
over sizes needs no interpolation between them).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from ..composing import OK, Estimate
from ..laws.comparison import reach
from ..reasons import Reason, because
from .trunks import Trunk

WINDOW = np.log(2.0)  # the difference of two curves is fitted within a factor of two of compute on either side
BEYOND = 1.25  # a crossing counts where both curves go on to so many times its compute
_POINTS = 60  # of the common axis in ln compute, a factor of e
_LEAST = 7  # points of a fit
_STEPS = 4  # the window is centred again so often
_SHOWN = 0.95  # share of resamples that must cross


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SizeCrossing:
    """Two neighbouring sizes on the axis of compute.

    Attributes
    ----------
    smaller, larger : the two in words.
    size : geometric mean of their parameters.
    updates : t* there, with the 95 % interval of a bootstrap over seeds; None where they do not cross.
    compute : training FLOPs at the crossing.
    status : ``ok``, or why there is none.
    tried : updates of the smaller size's trunk, where that is too short or they do not cross.
    """

    smaller: str
    larger: str
    size: float
    updates: Estimate | None = None
    compute: float | None = None
    status: Reason = OK
    tried: float | None = None


def crossings(
    trunks: Sequence[Trunk], *, rng: np.random.Generator, resamples: int = 399
) -> tuple[list[SizeCrossing], np.ndarray]:
    """The crossing of each pair of neighbours.

    Parameters
    ----------
    trunks : from the smallest to the largest, each with two seeds or more.
    rng : chance.
    resamples : of the seeds, of each size by itself.

    Returns
    -------
    list of SizeCrossing, array ``(B + 1, K - 1)``
        And ln t* at each crossing, of the data and of each resample; NaN where there is none.
    """
    drawn = []
    for trunk in trunks:
        n = len(trunk.loss)
        picks = np.concatenate([np.arange(n)[None], rng.integers(0, n, (resamples, n))])
        drawn.append(np.log(trunk.loss)[picks].mean(axis=1))
    found, values = [], []
    for (a, of_a), (b, of_b) in itertools.pairwise(zip(trunks, drawn, strict=True)):
        one, at = _crossing(a, b, of_a, of_b)
        found.append(one)
        values.append(at)
    return found, np.array(values).T


def _crossing(a: Trunk, b: Trunk, of_a: np.ndarray, of_b: np.ndarray) -> tuple[SizeCrossing, np.ndarray]:
    names = {"smaller": a.rung, "larger": b.rung, "size": float(np.sqrt(a.size * b.size))}
    log_a, log_b = np.log(a.updates * a.flops), np.log(b.updates * b.flops)
    first, last = max(log_a[0], log_b[0]), min(log_a[-1], log_b[-1])
    none = np.full(len(of_a), np.nan)
    if last - first < WINDOW:
        return SizeCrossing(**names, status=because("trunks-do-not-meet"), tried=float(a.updates[-1])), none
    u = np.linspace(first, last, max(2 * _LEAST, int(_POINTS * (last - first))))
    gap = _at(u, log_a, of_a) - _at(u, log_b, of_b)
    centre = _last_sign_change(gap[0])
    if centre is None:
        return SizeCrossing(**names, status=because("crossing-not-reached"), tried=float(a.updates[-1])), none
    at = none
    for _ in range(_STEPS):
        at = _zeros(u, gap, u[centre])
        if np.isnan(at[0]):
            break
        centre = int(np.argmin(np.abs(u - at[0])))
    status = because("crossing-not-clear") if np.isnan(at).mean() > 1 - _SHOWN else OK
    if np.isnan(at[0]) or at[0] + np.log(BEYOND) > last:
        status = because("crossing-at-the-end")
    if status != OK:
        return SizeCrossing(**names, status=status, tried=float(a.updates[-1])), none
    compute = float(np.exp(at[0]))
    log_updates = at - 0.5 * np.log(a.flops * b.flops)
    sd = float(reach(log_updates[1:][~np.isnan(log_updates[1:])], min(len(a.loss), len(b.loss))))
    t = np.exp(log_updates[0] + np.array([0.0, -sd, sd]))
    estimate = Estimate(value=float(t[0]), low=float(t[1]), high=float(t[2]))
    return SizeCrossing(**names, updates=estimate, compute=compute), log_updates


def _at(u: np.ndarray, places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Curves ``(B, m)`` at ``u`` by straight lines in ln compute."""
    right = np.clip(np.searchsorted(places, u), 1, len(places) - 1)
    share = (u - places[right - 1]) / (places[right] - places[right - 1])
    return values[:, right - 1] * (1 - share) + values[:, right] * share


def _last_sign_change(gap: np.ndarray) -> int | None:
    """The last place up to which the smaller size is as good; None where it is so at the end, or nowhere."""
    below = np.flatnonzero(gap <= 0)
    return int(below[-1]) if len(below) and below[-1] < len(gap) - 1 else None


def _zeros(u: np.ndarray, gap: np.ndarray, centre: float) -> np.ndarray:
    """Zeros ``(B + 1,)`` of a parabola through each difference near the centre; NaN where it does not rise there."""
    near = np.abs(u - centre) <= WINDOW
    near = near if near.sum() >= _LEAST else np.argsort(np.abs(u - centre))[:_LEAST]
    v = u[near] - centre
    bend, slope, level = np.linalg.pinv(np.stack([v**2, v, np.ones_like(v)], axis=1)) @ gap[:, near].T
    inside = slope**2 - 4 * bend * level
    with np.errstate(invalid="ignore", divide="ignore"):
        root = -2 * level / (slope + np.sqrt(inside))
    sound = (inside >= 0) & (slope > 0) & (np.abs(root) <= WINDOW)
    return np.where(sound, centre + root, np.nan)
