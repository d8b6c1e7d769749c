"""Can the collapse foretell a large network's curve from its first part? (T8)"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import betaln
from scipy.stats import t as student

from ...errors import InputError
from ...results.levels import UPPER
from ..composing import OK, Missing
from ..forms.clock import Clock
from ..forms.form import Form
from ..outcome import RescaledGroup
from ..reasons import Reason, because
from .prediction import (
    Context,
    Method,
    by_form,
    by_given_master,
    by_last_value,
    by_master,
    by_own_power_law,
    by_sum_of_power_laws,
    master_of,
)

EARLY = 0.3
LEAST_COVERAGE = 0.9  # of the 90 % bands over simulated ladders, with trends of up to 2 % (docs/method.md)
_LEFT = 2  # largest rungs that nothing is fitted to
_REFERENCES: dict[str, Method] = {
    "own power law": by_own_power_law,
    "sum of power laws": by_sum_of_power_laws,
    "last value": by_last_value,
}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Skill:
    """A skill with its 95 % interval; there is none with one seed."""

    value: float
    low: float | None
    high: float | None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Score:
    """One way to forecast.

    Attributes
    ----------
    crps : continuous ranked probability score in ln E, mean over seeds and x; smaller is better, .01 is 1 %.
    skill : ``1 - crps/crps of the reference`` for each reference, with a 95 % jackknife interval over the target's
        seeds (none with one seed); empty for a reference.
    coverage_50, coverage_90 : share of (seed, x) inside the bands. Points of one curve are correlated: one forecast
        says little about coverage.
    location, scale, df : ``(n, m)``, ``(m,)``, ``(m,)``: a Student distribution at each x.
    """

    name: str
    crps: float
    skill: dict[str, Skill]
    coverage_50: float
    coverage_90: float
    location: np.ndarray
    scale: np.ndarray
    df: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Forecast:
    """The largest rung's curve after x = .3, forecast from rungs of which the largest two are left out.

    Attributes
    ----------
    rung : the rung that is forecast.
    trained_on : the rungs that were fitted.
    x : ``(m,)`` from the first point after .3 to the end.
    observed : ``(n, m)`` ln E of its seeds.
    master : the forecast by the training rungs' master curve.
    references : own power law, sum of power laws, last value, and further forms that were asked for.
    others : forecasts by other families' master curves, by name.
    """

    rung: str
    trained_on: tuple[str, ...]
    x: np.ndarray
    observed: np.ndarray
    master: Score
    references: tuple[Score, ...]
    others: tuple[Score, ...]
    status: Reason = OK


def forecast(
    group: RescaledGroup,
    *,
    others: Mapping[str, RescaledGroup] | None = None,
    early: float = EARLY,
    forms: Sequence[Form] = (),
) -> Forecast | Missing:
    """Forecast the largest rung's curve from its first part and from all rungs but the two largest.

    The master curve is moved through the early part in ln E; the rest of it is the forecast. Its spread is learnt by
    forecasting each training rung from the other ones: the root mean square error at each x, with Satterthwaite's
    degrees of freedom for what rungs and seeds contribute. References get their spread in the same way, so a bad
    reference is wide, not wrong twice.

    Parameters
    ----------
    group : on the end-point scale; at least five rungs.
    others : other families on the same data set, grid and schedule; their master curves are tried too.
    early : share of the horizon that is seen of the target.
    forms : further references: each form fitted to the same curves.

    Raises
    ------
    InputError : ``early`` is not between 0 and 1.
    """
    if not 0 < early < 1:
        raise InputError(f"the part that is seen must lie between 0 and 1, got {early:g}; .3 is its first 30 %")
    problem = _problem(group, early)
    if problem:
        return Missing(Forecast, problem)
    context = _context(group, early)
    e = context.early
    target = _log_excess(group, len(group.sizes) - 1)
    seen, observed = target[:, :e], target[:, e:]
    methods = _REFERENCES | {form.name: by_form(form) for form in forms if form.name not in _REFERENCES}
    references = {name: _predict(name, method, context, seen) for name, method in methods.items()}
    own = _predict("master curve", by_master, context, seen)
    foreign = [
        _predict(
            name, by_given_master(master_of([_log_excess(other, k) for k in range(len(other.sizes))])), context, seen
        )
        for name, other in (others or {}).items()
        if other.scale == "end-point" and len(other.x) == len(group.x) and np.allclose(other.x, group.x)
    ]
    against = {name: _crps(one, observed).mean(axis=1) for name, one in references.items()}
    return Forecast(
        rung=group.rungs[-1],
        trained_on=group.rungs[:-_LEFT],
        x=context.x[e:],
        observed=observed,
        master=_score(own, observed, against),
        references=tuple(_score(one, observed, {}) for one in references.values()),
        others=tuple(_score(one, observed, against) for one in foreign),
    )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Predicted:
    """A Student distribution for each seed and x: location ``(n, m)``, scale and degrees of freedom ``(m,)``."""

    name: str
    location: np.ndarray
    scale: np.ndarray
    df: np.ndarray


def _problem(group: RescaledGroup, early: float) -> Reason | None:
    if group.scale != "end-point":
        return because("forecast-needs-a-floor")
    if len(group.sizes) < 5:
        return because("forecast-needs-five-sizes", sizes=len(group.sizes))
    if (group.x <= early).sum() < 3:
        return because("too-few-early-points", x=early)
    return None


def _log_excess(group: RescaledGroup, k: int) -> np.ndarray:
    ends = np.log(group.units[k])[:, None]
    return np.append(group.values[k] + ends, ends, axis=1)


def _context(group: RescaledGroup, early: float) -> Context:
    clock = Clock.of(group)
    return Context(
        x=np.append(group.x, 1.0),
        phase=np.append(clock.phase, 1.0),
        rate=np.append(clock.rate, clock.end_rate),
        early=int((group.x <= early).sum()),
        rungs=[_log_excess(group, k) for k in range(len(group.sizes) - _LEFT)],
        log_sizes=np.log(group.sizes[:-_LEFT]),
        log_size=float(np.log(group.sizes[-1])),
    )


def _predict(name: str, method: Method, context: Context, seen: np.ndarray) -> _Predicted:
    e = context.early
    errors = [rows[:, e:] - method(context.without(k), rows[:, :e]) for k, rows in enumerate(context.rungs)]
    away = np.array([at - context.without(k).log_sizes.mean() for k, at in enumerate(context.log_sizes)])
    scale, df = _spread(errors, away, float(context.log_size - context.log_sizes.mean()))
    return _Predicted(name, method(context, seen), scale, df)


def _spread(errors: list[np.ndarray], away: np.ndarray, target: float) -> tuple[np.ndarray, np.ndarray]:
    """Root mean square error at each x and its degrees of freedom, from K arrays ``(n_k, m)``.

    The mean square is that of the rungs' means, on K degrees of freedom, plus what seeds add, on ``sum (n_k - 1)``. The
    target lies further from the rungs that foretell it than they lie from each other: where errors grow with that
    distance by the slope b, ``(target^2 - mean away^2) b^2`` is added, b^2 averaged over x.

    Parameters
    ----------
    errors : of each training rung, foretold from the others.
    away : ``(K,)`` its distance in ln p from their mean.
    target : the same for the rung that is forecast.
    """
    k, free = len(errors), sum(len(rows) - 1 for rows in errors)
    of_rungs = np.array([rows.mean(axis=0) for rows in errors])
    slope = away @ of_rungs / (away @ away)
    further = max(target**2 - float(np.mean(away**2)), 0.0)
    means = np.mean(of_rungs**2, axis=0) + further * np.mean(slope**2)
    within = np.sum([((rows - rows.mean(axis=0)) ** 2).sum(axis=0) for rows in errors], axis=0) / max(free, 1)
    share = free / sum(len(rows) for rows in errors)
    square = means + share * within
    df = square**2 / (means**2 / k + (share * within) ** 2 / max(free, 1))
    return np.sqrt(square), np.maximum(df, 2.0)


def _crps(one: _Predicted, observed: np.ndarray) -> np.ndarray:
    """``(n, m)`` score of a Student distribution (Jordan, Krueger and Lerch 2019, J. Stat. Softw. 90, 12)."""
    v, z = one.df, (observed - one.location) / one.scale
    spread = 2 * np.sqrt(v) / (v - 1) * np.exp(betaln(0.5, v - 0.5) - 2 * betaln(0.5, v / 2))
    value = z * (2 * student.cdf(z, v) - 1) + 2 * student.pdf(z, v) * (v + z**2) / (v - 1) - spread
    return one.scale * value


def _score(one: _Predicted, observed: np.ndarray, against: dict[str, np.ndarray]) -> Score:
    per_seed = _crps(one, observed).mean(axis=1)
    inside = [
        np.abs(observed - one.location) <= student.ppf(0.5 + level / 2, one.df) * one.scale for level in (0.5, 0.9)
    ]
    return Score(
        name=one.name,
        crps=float(per_seed.mean()),
        skill={name: _skill(per_seed, other) for name, other in against.items()},
        coverage_50=float(inside[0].mean()),
        coverage_90=float(inside[1].mean()),
        location=one.location,
        scale=one.scale,
        df=one.df,
    )


def _skill(mine: np.ndarray, other: np.ndarray) -> Skill:
    n, value = len(mine), float(1 - mine.sum() / other.sum())
    if n < 2:
        return Skill(value=value, low=None, high=None)
    left = 1 - (mine.sum() - mine) / (other.sum() - other)
    half = float(student.ppf(UPPER, n - 1) * np.sqrt((n - 1) * np.mean((left - left.mean()) ** 2)))
    return Skill(value=value, low=value - half, high=value + half)
