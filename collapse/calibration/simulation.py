"""Size and power of the tests on simulated ladders whose answer is known."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...results.curves import LearningCurve, Leg
from ...results.grid import common_grid
from ...results.levels import ALPHA, MARGIN
from ..forms.clock import Clock
from ..forms.sum_of_power_laws import log_sum
from ..ladders.rescaling import to_shape
from ..within.battery import assess
from .wrong_tests import chi_square_on_points, permutation_with_fitted_floor

FLOOR = 1.0
_NOISE = 0.0071
_AUTOREGRESSION = 0.9


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """A simulated ladder: rungs doubling in size, a sum of power laws in time and size, true horizon exponent 1.

    Attributes
    ----------
    rungs, seeds : K and n.
    gamma_error : relative error of the horizon exponent that was used, such as .1.
    drift : change of the time exponent from rung to rung.
    mu, nu : exponents in time and size.
    noise_ratio : sd of the noisiest rung over that of the quietest; geometric along the ladder, mean 1.
    gain : annealing gain of the first and the last rung, linear between; it needs a decaying rate.
    decay : whether the rate falls linearly to zero.
    offset : sd of a constant that all losses of a group share, as test sets do, over the smallest end excess.
    rung_noise : sd of an error curve that the seeds of a rung share, over that of one seed's.
    order_noise : share of a seed's noise variance that it has in common at all rungs, as one order of the data does.
    """

    rungs: int = 6
    seeds: int = 5
    gamma_error: float = 0.0
    drift: float = 0.0
    mu: float = 0.5
    nu: float = 0.5
    noise_ratio: float = 1.0
    gain: tuple[float, float] = (0.0, 0.0)
    decay: bool = False
    offset: float = 0.0
    rung_noise: float = 0.0
    order_noise: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Simulated groups. ``x`` is ``(m + 1,)``, the grid and the end; ``sizes`` ``(K,)``; ``truth`` ``(K, m + 1)`` ln l
    without noise; ``loss`` ``(groups, K, n, m + 1)`` over the floor `FLOOR`; ``rate`` ``(m + 1,)``."""

    x: np.ndarray
    sizes: np.ndarray
    truth: np.ndarray
    loss: np.ndarray
    rate: np.ndarray

    @property
    def z(self) -> np.ndarray:
        """``(groups, K, n, m)`` normalised curves, floor known."""
        log_excess = np.log(self.loss - FLOOR)
        return log_excess[..., :-1] - log_excess[..., -1:]

    @property
    def deviation(self) -> float:
        """The true largest |d|."""
        truth = self.truth[:, :-1]
        return float(np.abs(truth - truth.mean(axis=0)).max())

    def curves(self, group: int, *, family: str = "simulated", dataset: str = "power law") -> tuple[LearningCurve, ...]:
        """One group as learning curves."""
        leg: Leg = "constant" if np.ptp(self.rate) == 0 else "decayed"
        return tuple(
            LearningCurve(
                family=family,
                dataset=dataset,
                recipe="exact",
                leg=leg,
                size=float(size),
                seed=seed,
                x=self.x,
                loss=loss,
                lr=self.rate,
                irreducible_loss=FLOOR,
                horizon_source="exact",
            )
            for size, rung in zip(self.sizes, self.loss[group], strict=True)
            for seed, loss in enumerate(rung)
        )


def simulate(cell: Scenario, groups: int, rng: np.random.Generator) -> Batch:
    """Draw groups of learning curves.

    ::

        L_k(x) = L0 + E_k (r_k y^-mu_k + 1)/(r_k + 1) * annealing,   E_k = C_k (1 + r_k),   C_k = .4, .283, .2, ...
        r_k = (nu/mu) (p_k/p_gm)^(-mu (gamma - 1)),   mu_k = mu + drift (k - mean k)

    with y = x at constant rate and ``1 - (1-x)^2`` under linear decay. Noise multiplies the excess by
    ``exp(.0071 AR + .0071 u_s)``: a stationary autoregression with coefficient .9 over the grid and the end, and one
    normal number for each seed.
    """
    k = cell.rungs
    x = np.append(common_grid(), 1.0)
    phase, rate = (1 - (1 - x) ** 2, 1 - x) if cell.decay else (x, np.ones_like(x))
    step = np.arange(k) - (k - 1) / 2
    r = cell.nu / cell.mu * 2.0 ** (-cell.mu * cell.gamma_error * step)
    mu, share = (cell.mu + cell.drift * step)[:, None], (r / (1 + r))[:, None]
    clock = Clock(x, phase, rate, float(rate[-1]))
    truth = log_sum(mu, share, np.linspace(*cell.gain, k)[:, None], clock)
    end = 0.4 * 2.0 ** (-cell.nu * np.arange(k)) * (1 + r)
    sd = _NOISE * cell.noise_ratio ** (np.linspace(-0.5, 0.5, k))
    loss = FLOOR + end[:, None, None] * np.exp(truth[:, None] + sd[:, None, None] * _noise(cell, groups, len(x), rng))
    if cell.offset:
        loss += cell.offset * end.min() * rng.normal(size=(groups, 1, 1, 1))
    return Batch(x, 1e4 * 2.0 ** np.arange(k), truth, loss, rate)


def _noise(cell: Scenario, groups: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """``(groups, K, n, length)`` noise in units of `_NOISE`, with the parts that curves share where there are any."""

    def draw(rungs: int, seeds: int) -> np.ndarray:
        return autoregression((groups, rungs, seeds), length, rng) + rng.normal(size=(groups, rungs, seeds, 1))

    noise = draw(cell.rungs, cell.seeds)
    if cell.order_noise:
        noise = np.sqrt(1 - cell.order_noise) * noise + np.sqrt(cell.order_noise) * draw(1, cell.seeds)
    return noise + cell.rung_noise * draw(cell.rungs, 1) if cell.rung_noise else noise


def autoregression(shape: tuple[int, ...], length: int, rng: np.random.Generator) -> np.ndarray:
    """``(*shape, length)`` stationary autoregression of unit variance with coefficient .9."""
    series = rng.normal(size=(*shape, length))
    for i in range(1, length):
        series[..., i] *= np.sqrt(1 - _AUTOREGRESSION**2)
        series[..., i] += _AUTOREGRESSION * series[..., i - 1]
    return series


@dataclasses.dataclass(frozen=True, slots=True)
class Rates:
    """Shares of simulated groups; the standard error of a share s over N groups is ``sqrt(s (1-s)/N)``.

    ``exact``, ``trend`` and ``shape`` are rejections of T1, T1d and T3 at 5 %, NaN where the design has too few seeds
    for the test; ``certified`` has the upper bound below the margin, ``refuted`` the lower bound at or above it;
    ``covered_above`` has the truth under the upper bound, ``covered_band`` inside the simultaneous band everywhere.
    ``excess`` is the mean of bound less true deviation. ``chi_square`` and ``permutation`` are rejections of the two
    tests that do not hold their level.
    """

    exact: float
    trend: float
    shape: float
    certified: float
    refuted: float
    covered_above: float
    covered_band: float
    excess: float
    chi_square: float
    permutation: float


def size_and_power(
    cell: Scenario, groups: int, rng: np.random.Generator, *, margin: float = MARGIN, resamples: int = 999
) -> Rates:
    """Run the tests on simulated groups and count."""
    batch = simulate(cell, groups, rng)
    x, truth = batch.x[:-1], batch.truth[:, :-1]
    d = truth - truth.mean(axis=0)
    z = batch.z
    rows = []
    for one, shape in zip(z, to_shape(z, x), strict=True):
        exact, bounds = assess(list(one), x, batch.sizes, rng=rng, resamples=resamples)
        shapes, _ = assess(list(shape), x, batch.sizes, rng=rng, resamples=resamples)
        upper = bounds.upper()
        tests = [_rejects(exact.p), _rejects(exact.p_trend), _rejects(shapes.p)]
        covered = [upper >= batch.deviation, np.all(np.abs(bounds.d - d) <= bounds.band())]
        rows.append([*tests, upper < margin, bounds.lower() >= margin, *covered, upper - batch.deviation])
    wrong = chi_square_on_points(z), permutation_with_fitted_floor(batch.loss, x, batch.sizes, rng=rng)
    return Rates(*np.mean(np.array(rows, dtype=float), axis=0).tolist(), *map(_share, wrong))


def _share(p: np.ndarray) -> float:
    known = p[~np.isnan(p)]
    return float(np.mean(known < ALPHA)) if len(known) else float("nan")


def _rejects(p: float | None) -> float:
    return float("nan") if p is None else float(p < ALPHA)
