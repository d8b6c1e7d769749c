"""Growing interfaces: Edwards-Wilkinson in closed form, and the single-step model in both of its classes.

Both classes share the stationary state, so the width saturates alike (``alpha = 1/2``); they differ in how fast it gets
there: ``z = 2`` where steps up and down are equally likely (EW), ``z = 3/2`` where steps go up alone (KPZ).
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
from scipy.stats import t as student

from ...errors import unknown
from ...results.levels import UPPER

Dynamics = Literal["edwards-wilkinson", "kpz"]
DYNAMIC_EXPONENT: dict[Dynamics, float] = {"edwards-wilkinson": 2.0, "kpz": 1.5}


def exact_width(size: int, times: np.ndarray) -> np.ndarray:
    """Mean square width of the Edwards-Wilkinson ring from a flat start, unit tension and noise strength, as ``times``.

    ``w^2 = (1/L) sum_{q != 0} (1 - exp(-2 lambda_q t)) / lambda_q``, ``lambda_q = 2 (1 - cos q)``, with noise
    ``<eta eta> = 2 delta``; it saturates at ``(L - 1/L)/12`` and grows as ``t^{1/2}`` before.
    """
    q = 2 * np.pi * np.arange(1, size) / size
    rates = 2 * (1 - np.cos(q))
    return (-np.expm1(-2 * np.asarray(times)[..., None] * rates) / rates).sum(axis=-1) / size


def grow(dynamics: Dynamics, size: int, times: np.ndarray, seeds: int, rng: np.random.Generator) -> np.ndarray:
    """Mean square widths of the single-step model on a ring, ``(seeds, len(times))``; a seed is a mean over 64 rings.

    Slopes of +-1 start alternating. A step visits the even bonds, then the odd ones, each with probability 1/2: KPZ
    turns valleys into hills (a totally asymmetric exclusion process), Edwards-Wilkinson swaps either way. The rings of
    a seed are the bits of a word, so one operation moves 64 of them.

    Parameters
    ----------
    dynamics : which class.
    size : sites of a ring, even.
    times : whole numbers of steps, ascending.
    seeds : independent seeds.
    rng : chance.
    """
    if dynamics not in DYNAMIC_EXPONENT:
        raise unknown("dynamics", dynamics, DYNAMIC_EXPONENT)
    slopes = np.zeros((size, seeds), dtype=np.uint64)
    slopes[1::2] = ~np.uint64(0)
    widths, now = [], 0
    for time in times:
        for _ in range(int(time) - now):
            _step(slopes, dynamics, rng)
        now = int(time)
        widths.append(_square_width(slopes))
    return np.stack(widths, axis=1)


def _step(slopes: np.ndarray, dynamics: Dynamics, rng: np.random.Generator) -> None:
    for parity in (0, 1):
        left = slopes[parity::2]
        right = slopes[1::2] if parity == 0 else np.roll(slopes[::2], -1, axis=0)
        valleys = ~left & right if dynamics == "kpz" else left ^ right
        chosen = valleys & np.frombuffer(rng.bytes(8 * left.size), dtype=np.uint64).reshape(left.shape)
        left ^= chosen
        if parity == 0:
            slopes[1::2] ^= chosen
        else:
            slopes[::2] ^= np.roll(chosen, 1, axis=0)


def _square_width(slopes: np.ndarray) -> np.ndarray:
    """Square width of the heights in the middle of the bonds, ``(seeds,)``: without the saw teeth of a flat start,
    whose 1/4 would hide the growth exponent up to a thousand steps (.29 in place of .32 at t = 16)."""
    bits = np.unpackbits(slopes[..., None].view(np.uint8), axis=-1)
    heights = np.cumsum(2 * bits.astype(np.int32) - 1, axis=0)
    return heights.var(axis=0).mean(axis=-1) - 0.25


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class GrownRings:
    """Rings of K sizes: times ``(m,)`` and widths ``(seeds, m)`` of each."""

    sizes: np.ndarray
    times: tuple[np.ndarray, ...]
    widths: tuple[np.ndarray, ...]


SIZES = np.array([32, 64, 128])


def simulate_growth(
    dynamics: Dynamics, seeds: int, rng: np.random.Generator, sizes: np.ndarray = SIZES, points: int = 24
) -> GrownRings:
    """Widths at about 24 log-spaced times, from where the lattice is forgotten to where both have saturated."""
    times = [np.unique(np.geomspace(8, 0.6 * n**1.5, points).round().astype(int)) for n in sizes]
    widths = [grow(dynamics, int(n), t, seeds, rng) for n, t in zip(sizes, times, strict=True)]
    return GrownRings(sizes, tuple(times), tuple(widths))


def rescale_growth(growth: GrownRings, exponent: float, points: int = 16) -> tuple[list[np.ndarray], np.ndarray]:
    """``ln(w^2/(L - 1))`` against ``x = t L^-z``: K arrays ``(seeds, points)`` and x over the end of what all share.

    ``L - 1``, the free slopes of a ring, halves the correction of order 1/L that L itself would leave.
    """
    log_x = [np.log(t) - exponent * np.log(n) for n, t in zip(growth.sizes, growth.times, strict=True)]
    low, high = max(t[0] for t in log_x), min(t[-1] for t in log_x)
    grid = np.linspace(low, high, points)
    rows = zip(growth.sizes, log_x, growth.widths, strict=True)
    values = [np.stack([np.interp(grid, t, np.log(w / (n - 1))) for w in widths]) for n, t, widths in rows]
    return values, np.exp(grid - high)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DynamicExponent:
    """z with a 95 % interval, and the class: the one whose exponent is nearest, if the interval excludes the other."""

    z: float | None
    low: float | None
    high: float | None
    growth_class: Dynamics | None
    status: str


_Z = np.linspace(1.1, 2.4, 27)


def dynamic_exponent(growth: GrownRings, *, rng: np.random.Generator, resamples: int = 199) -> DynamicExponent:
    """The z at which the widths of all sizes collapse best, with an interval from seeds drawn again.

    The spread between sizes of the mean ``ln w^2/(L-1)``, averaged over the shared ln x, is taken on a grid of z;
    its minimum is the vertex of the parabola through the best three. A minimum at an edge has a status, no number.
    """
    counts = [np.ones((1, len(w))) for w in growth.widths]
    drawn = [rng.multinomial(len(w), np.full(len(w), 1 / len(w)), size=resamples) for w in growth.widths]
    weights = [np.concatenate(pair) / pair[0].size for pair in zip(counts, drawn, strict=True)]
    spread = np.empty((len(_Z), resamples + 1))
    for i, z in enumerate(_Z):
        values, _ = rescale_growth(growth, z)
        means = np.stack([w @ rows for w, rows in zip(weights, values, strict=True)])
        spread[i] = means.var(axis=0, ddof=1).mean(axis=-1)
    best = spread.argmin(axis=0)
    if not 0 < best[0] < len(_Z) - 1:
        return DynamicExponent(z=None, low=None, high=None, growth_class=None, status="z at the edge of 1.1 to 2.4")
    found = _vertex(spread, np.clip(best, 1, len(_Z) - 2))
    n = min(len(w) for w in growth.widths)
    # Seeds drawn with replacement spread by (n-1)/n too little, and their sd is known from few: t, not 1.96.
    reach = float(student.ppf(UPPER, n - 1) * found[1:].std(ddof=1) * np.sqrt(n / (n - 1)))
    z, low, high = float(found[0]), float(found[0]) - reach, float(found[0]) + reach
    near, far = sorted(DYNAMIC_EXPONENT, key=lambda name: abs(DYNAMIC_EXPONENT[name] - z))
    told = not low <= DYNAMIC_EXPONENT[far] <= high
    return DynamicExponent(z=z, low=low, high=high, growth_class=near if told else None, status="ok")


def _vertex(spread: np.ndarray, best: np.ndarray) -> np.ndarray:
    """Position in z of the minimum of the parabola through the best grid point and its neighbours, by column."""
    column = np.arange(spread.shape[1])
    left, middle, right = (spread[best + shift, column] for shift in (-1, 0, 1))
    return _Z[best] + (_Z[1] - _Z[0]) * 0.5 * (left - right) / (left - 2 * middle + right)
