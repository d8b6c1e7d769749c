"""Does a law foretell budgets that it was not fitted to?"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.stats import t as student

from ...results.final_losses import FinalLosses
from ...results.levels import ALPHA, COVERAGE
from ..composing import OK, Missing
from ..reasons import Reason, because
from .intervals import resample
from .isoflop import budgets_of
from .law import Law, fit_law, problem_of
from .robust_fits import NAMES

_RESAMPLES = 199


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HeldOut:
    """The largest budgets, foretold by a law of the smaller ones.

    Attributes
    ----------
    budgets : how many were held out.
    params, flops, observed, expected : ``(n,)`` the runs that were held out, and the law's losses.
    low, high : ``(n,)`` 90 % prediction bands: the law's own uncertainty and one run's noise.
    error : root mean square of ``ln(observed/expected)``; .01 is 1 %.
    bias : its mean: above zero where the runs are worse than foretold.
    noise : sd of a run about the law of the smaller budgets: the least error that can be hoped for.
    baseline : the error of a plain power law of the loss in the FLOPs through each smaller budget's best run, on each
        held-out budget's best run; ``error_at_best`` is the law's on those same runs.
    covered : share of the runs inside the band.

    The baseline is None where the runs are not at fixed budgets.
    """

    budgets: int
    params: np.ndarray
    flops: np.ndarray
    observed: np.ndarray
    expected: np.ndarray
    low: np.ndarray
    high: np.ndarray
    error: float
    bias: float
    noise: float
    baseline: float | None
    error_at_best: float | None
    covered: float
    status: Reason = OK


def hold_out(
    runs: FinalLosses, *, rng: np.random.Generator, delta: float | None = None, one_sided: bool = False
) -> HeldOut | Missing:
    """Fit the law without the largest budget (the largest quarter of them, where there are eight or more) and foretell
    it.

    Where runs are not at fixed budgets the fifth of them with the most FLOPs is held out.

    Parameters
    ----------
    runs : final losses.
    rng : chance, for the bands.
    delta, one_sided : as in `fit_law`.
    """
    which = budgets_of(runs)
    count = int(which.max()) + 1
    fixed = count <= len(which) / 3
    left = max(1, count // 4) if fixed else 0
    out = which >= count - left if fixed else runs.flops > np.quantile(runs.flops, 0.8)
    seen, held = runs.pick(~out), runs.pick(out)
    problem = problem_of(seen) if seen.loss.size else because("no-smaller-budget")
    if not problem and count - left < 2:
        problem = because("fewer-than-two-smaller-budgets")
    if problem:
        return Missing(HeldOut, problem, {"budgets": left})
    law = fit_law(seen, delta=delta, one_sided=one_sided)
    expected = law.loss(held.params, held.tokens)
    drawn = law.design.at(held.params, held.tokens).log_loss(resample(law, rng=rng, resamples=_RESAMPLES))[0]
    spread = drawn - np.median(drawn, axis=0) + law.noise * rng.normal(size=drawn.shape)
    few = float(student.ppf(COVERAGE, len(seen.loss) - len(NAMES)) / student.ppf(COVERAGE, 1e9))
    low, high = np.exp(np.log(expected) + few * np.quantile(spread, [ALPHA, COVERAGE], axis=0))
    miss = np.log(held.loss / expected)
    baseline, at_best = _baseline(seen, held, law) if fixed else (None, None)
    return HeldOut(
        budgets=left,
        params=held.params,
        flops=held.flops,
        observed=held.loss,
        expected=expected,
        low=low,
        high=high,
        error=float(np.sqrt(np.mean(miss**2))),
        bias=float(miss.mean()),
        noise=law.noise,
        baseline=baseline,
        error_at_best=at_best,
        covered=float(np.mean((held.loss >= low) & (held.loss <= high))),
    )


def _best(runs: FinalLosses) -> FinalLosses:
    """The best run of each budget."""
    which = budgets_of(runs)
    rows = [np.flatnonzero(which == k) for k in range(int(which.max()) + 1)]
    mask = np.zeros(len(which), dtype=bool)
    mask[[row[runs.loss[row].argmin()] for row in rows]] = True
    return runs.pick(mask)


def _baseline(seen: FinalLosses, held: FinalLosses, law: Law) -> tuple[float, float]:
    low, high = _best(seen), _best(held)
    line = np.polyfit(np.log(low.flops), np.log(low.loss), 1)
    miss = np.log(high.loss) - np.polyval(line, np.log(high.flops))
    own = np.log(high.loss / law.loss(high.params, high.tokens))
    return float(np.sqrt(np.mean(miss**2))), float(np.sqrt(np.mean(own**2)))
