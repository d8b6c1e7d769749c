"""Curves under one learning-rate schedule from those under another: the rate's integral, and the gradient's noise.

In gradient-flow time tau = int eta dt, slow modes of the loss do not see the schedule. Fast ones carry the noise of the
gradient, ``(1/4) eta Tr Sigma`` for relaxed modes of a quadratic loss, with Sigma the covariance of the gradient of a
batch. Between two schedules at equal tau (Qiu et al. 2025, `arXiv 2507.02119`)

    L'(tau) = L(tau) + alpha (eta' - eta) Tr Sigma(tau),   alpha <= 1/4
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import unknown
from ...results.grid import start_after
from ...results.trials import derived_by
from ..composing import HIDDEN, OK, Estimate
from ..reasons import Reason, because
from .comparison import reach

#: What of a trial's row a forecast under another schedule is made of.
COLUMNS = (
    *("family", "dataset", "optimizer", "parametrization", "precision", "peak_lr", "batch_size", "batch_rule"),
    *("train_size", "warmup_fraction", "horizon_rule", "horizon_steps", "rung", "n_params", "seed", "schedule"),
    *("status", "x", "lr", "lr_integral", "test_loss", "irreducible_loss", "observables", "spec"),
)
_SHOWN = COLUMNS[:11]  # what ladders share that differ only in the schedule, where the whole specification is not known
NOISE = "gradient_noise"  # trace of the covariance of single examples' gradients
THEORY = 0.25


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ScheduledRuns:
    """The runs of one model size under one schedule.

    Attributes
    ----------
    x : ``(m,)`` share of the horizon, above 0.
    rate, integral : ``(m,)`` learning rate and its sum over the updates so far.
    loss : ``(n, m)`` of each seed, above the irreducible loss where that is known.
    noise : ``(n, m)`` Tr Sigma of a batch's gradient, or None.
    seeds : of the rows, in order.
    plain : SGD under the standard parametrisation.
    """

    schedule: str
    rung: str
    size: float
    x: np.ndarray
    rate: np.ndarray
    integral: np.ndarray
    loss: np.ndarray
    seeds: tuple[int, ...]
    noise: np.ndarray | None = None
    plain: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ForecastCurve:
    """One model size's curve under a schedule, beside its forecast from another.

    Attributes
    ----------
    x, measured, forecast, by_time : ``(m,)`` mean loss over seeds, its forecast with the fitted alpha, and the one by
        the rate's integral alone.
    alpha : fitted to the other sizes; to this one where there is no other.
    errors : root mean square of forecast/measured - 1 with that alpha, with alpha = 1/4, and with alpha = 0.
    """

    rung: str
    size: float
    x: np.ndarray = dataclasses.field(metadata=HIDDEN)
    measured: np.ndarray = dataclasses.field(metadata=HIDDEN)
    forecast: np.ndarray = dataclasses.field(metadata=HIDDEN)
    by_time: np.ndarray = dataclasses.field(metadata=HIDDEN)
    alpha: float
    error: Estimate
    error_at_theory: Estimate
    error_by_time: Estimate


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleForecast:
    """A ladder's curves under one schedule from those under another.

    Attributes
    ----------
    ladder : family, data set and optimiser in words.
    plain : whether all weights have one rate (SGD, standard parametrisation), so that the measured noise is what 1/4
        goes with; else the noise would have to be divided by each weight's own.
    source, target : the schedules.
    alpha : fitted to all sizes, with its interval; None where there is no answer.
    curves : of each size.
    status : ``ok``, or why there is none.
    """

    ladder: str
    source: str
    target: str
    plain: bool = True
    alpha: Estimate | None = None
    curves: tuple[ForecastCurve, ...] = ()
    status: Reason = OK


def ladders_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, list[ScheduledRuns]]]:
    """Runs by ladder and schedule, the smallest size first; ladders differ in more than the schedule."""
    members: dict[str, dict[str, dict[tuple[float, str, int], list[Mapping[str, Any]]]]] = {}
    for row in rows:
        if row["status"] == "ok":
            ladder = members.setdefault(_ladder(row), {})
            size = (float(row["n_params"]), row["rung"], row["horizon_steps"])
            ladder.setdefault(row["schedule"], {}).setdefault(size, []).append(row)
    shown: dict[str, tuple[Any, ...]] = {}
    for row in rows:
        shown.setdefault(_ladder(row), tuple(row[name] for name in _SHOWN))
    labels = _labels({key: shown[key] for key in members})
    return {
        labels[key]: {
            schedule: [_runs(schedule, size[1], size[0], own) for size, own in sorted(sizes.items())]
            for schedule, sizes in sorted(schedules.items())
        }
        for key, schedules in members.items()
    }


def _ladder(row: Mapping[str, Any]) -> str:
    """All that decides the curves but the schedule and what a ladder derives."""
    if not row["spec"]:
        return json.dumps([row[name] for name in _SHOWN])
    spec = json.loads(row["spec"])
    apart = {"schedule", *derived_by(spec.get("batch_rule"), spec.get("warmup_rule"))}
    return json.dumps({name: value for name, value in spec.items() if name not in apart}, sort_keys=True)


def _labels(shown: Mapping[str, tuple[Any, ...]]) -> dict[str, str]:
    """Family, data set and optimiser, and what else is needed to tell ladders apart."""
    labels: dict[str, str] = {}
    for key, values in shown.items():
        alike = [other for other in shown.values() if other[:3] == values[:3]]
        apart = [i for i in range(3, len(_SHOWN)) if len({other[i] for other in alike}) > 1]
        label = ", ".join([f"{values[0]} on {values[1]}, {values[2]}", *(f"{_SHOWN[i]} {values[i]}" for i in apart)])
        again = sum(label == other.partition(" #")[0] for other in labels.values())
        labels[key] = f"{label} #{again + 1}" if again else label
    return labels


def _runs(schedule: str, rung: str, size: float, rows: Sequence[Mapping[str, Any]]) -> ScheduledRuns:
    rows = sorted(rows, key=lambda row: row["seed"])
    first = rows[0]
    x = np.array(first["x"], dtype=float)
    late = x >= start_after([first["warmup_fraction"] or 0.0]) * (1 - 1e-9)
    noise = [_observable(row, NOISE) for row in rows]
    told = [each[late] for each in noise if each is not None]
    known = len(told) == len(rows) and bool(np.isfinite(told).all())
    return ScheduledRuns(
        schedule=schedule,
        rung=rung,
        size=size,
        x=x[late],
        rate=np.array(first["lr"], dtype=float)[late] * first["peak_lr"],
        integral=np.array(first["lr_integral"], dtype=float)[late],
        loss=np.array([row["test_loss"] for row in rows], dtype=float)[:, late] - (first["irreducible_loss"] or 0.0),
        seeds=tuple(row["seed"] for row in rows),
        noise=np.array(told) / first["batch_size"] if known else None,
        plain=first["optimizer"] == "sgd" and first["parametrization"] == "standard",
    )


def _observable(row: Mapping[str, Any], name: str) -> np.ndarray | None:
    found = [entry["value"] for entry in row["observables"] or [] if entry["name"] == name]
    return np.array([np.nan if value is None else value for value in found[0]], dtype=float) if found else None


def forecast_under(
    ladder: str,
    source: Sequence[ScheduledRuns],
    target: Sequence[ScheduledRuns],
    *,
    rng: np.random.Generator,
    resamples: int = 399,
) -> ScheduleForecast:
    """Forecast each size's curve under a schedule from the same size's curve under another.

    alpha is fitted by least squares of relative errors. Intervals are of a bootstrap over seeds, of each size by itself
    and of both schedules together where they have the same seeds.

    Parameters
    ----------
    source, target : the sizes under the two schedules; sizes that only one of them has are left out.
    rng : chance.
    """
    said: dict[str, Any] = {"ladder": ladder, "source": source[0].schedule, "target": target[0].schedule}
    said["plain"] = source[0].plain
    known = {one.rung: one for one in source}
    pairs = [(known[one.rung], one) for one in target if one.rung in known]
    refused = _refused(pairs)
    if refused is not None:
        return ScheduleForecast(**said, status=refused)
    drawn = [_drawn(*pair, rng, resamples) for pair in pairs]
    alpha, apart = _alphas(drawn)
    seeds = min(len(runs.loss) for pair in pairs for runs in pair)
    curves = [_curve(pair[1], each, own, seeds) for pair, each, own in zip(pairs, drawn, apart, strict=True)]
    return ScheduleForecast(**said, alpha=_estimate(alpha, seeds), curves=tuple(curves))


def _refused(pairs: Sequence[tuple[ScheduledRuns, ScheduledRuns]]) -> Reason | None:
    if not pairs:
        return because("schedules-no-common-size")
    for source, target in pairs:
        if source.noise is None:
            return because("schedules-need-noise", schedule=source.schedule, rung=source.rung)
        if min(len(source.loss), len(target.loss)) < 2:
            return because("schedules-one-seed", rung=source.rung)
        if _inside(source, target).sum() < 3:
            return because("schedules-apart", rung=source.rung, source=source.schedule, target=target.schedule)
    return None


def _inside(source: ScheduledRuns, target: ScheduledRuns) -> np.ndarray:
    """``(m,)``: where the target's integral lies within the source's."""
    low, high = source.integral[0], source.integral[-1]
    return (target.integral >= low * (1 - 1e-9)) & (target.integral <= high * (1 + 1e-9))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Drawn:
    """``(B + 1, m)`` each, the data first: the target's loss, the source's at equal integral, and what alpha
    multiplies."""

    x: np.ndarray
    measured: np.ndarray
    by_time: np.ndarray
    push: np.ndarray


def _drawn(source: ScheduledRuns, target: ScheduledRuns, rng: np.random.Generator, resamples: int) -> _Drawn:
    assert source.noise is not None
    inside = _inside(source, target)
    at, log_tau = np.log(target.integral[inside]), np.log(source.integral)
    n, k = len(source.loss), len(target.loss)
    picks = np.concatenate([np.arange(n)[None], rng.integers(0, n, (resamples, n))])
    others = (
        picks
        if source.seeds == target.seeds
        else np.concatenate([np.arange(k)[None], rng.integers(0, k, (resamples, k))])
    )
    step = target.rate[inside] - np.interp(at, log_tau, source.rate)
    noise = np.array([np.exp(np.interp(at, log_tau, np.log(source.noise[pick].mean(axis=0)))) for pick in picks])
    return _Drawn(
        x=target.x[inside],
        measured=np.array([target.loss[pick].mean(axis=0)[inside] for pick in others]),
        by_time=np.array([np.exp(np.interp(at, log_tau, np.log(source.loss[pick].mean(axis=0)))) for pick in picks]),
        push=step * noise,
    )


def _alphas(drawn: Sequence[_Drawn]) -> tuple[np.ndarray, list[np.ndarray]]:
    """``(B + 1,)`` alpha of all sizes, and for each size that of the others, by least squares of relative errors."""
    z = [each.push / each.measured for each in drawn]
    r = [(each.measured - each.by_time) / each.measured for each in drawn]
    over, under = (
        np.array([(a * b).sum(axis=1) for a, b in pairs])
        for pairs in (list(zip(z, r, strict=True)), list(zip(z, z, strict=True)))
    )
    others = [slice(None)] if len(drawn) == 1 else [np.arange(len(drawn)) != i for i in range(len(drawn))]
    return over.sum(axis=0) / under.sum(axis=0), [over[i].sum(axis=0) / under[i].sum(axis=0) for i in others]


def _curve(target: ScheduledRuns, drawn: _Drawn, alpha: np.ndarray, seeds: int) -> ForecastCurve:
    forecasts = [drawn.by_time + a[:, None] * drawn.push for a in (alpha, np.full_like(alpha, THEORY), 0 * alpha)]
    error, theory, time = (_error(each, drawn.measured, seeds) for each in forecasts)
    return ForecastCurve(
        rung=target.rung,
        size=target.size,
        x=drawn.x,
        measured=drawn.measured[0],
        forecast=forecasts[0][0],
        by_time=drawn.by_time[0],
        alpha=float(alpha[0]),
        error=error,
        error_at_theory=theory,
        error_by_time=time,
    )


def _error(forecast: np.ndarray, measured: np.ndarray, seeds: int) -> Estimate:
    """Root mean square of forecast/measured - 1."""
    return _estimate(np.sqrt(((forecast / measured - 1) ** 2).mean(axis=1)), seeds, least=0.0)


def _estimate(values: np.ndarray, seeds: int, least: float = -np.inf) -> Estimate:
    value, half = float(values[0]), float(reach(values[1:], seeds))
    return Estimate(value=value, low=max(least, value - half), high=value + half)


def forecasts_of(
    rows: Sequence[Mapping[str, Any]], source: str | None = None, *, rng: np.random.Generator
) -> list[ScheduleForecast]:
    """Forecasts from one schedule to each other one, of every ladder that was trained under two or more.

    Parameters
    ----------
    rows : of result tables, with `COLUMNS`.
    source : the schedule to forecast from; by default the one with the largest sum of learning rates.

    Raises
    ------
    InputError
        No ladder was trained under that schedule.
    """
    ladders = {name: own for name, own in ladders_of(rows).items() if len(own) > 1}
    there = {schedule for own in ladders.values() for schedule in own}
    if source is not None and source not in there:
        raise unknown("schedule in these results:", source, sorted(there))
    found = []
    for ladder, own in ladders.items():
        best = source or max(own, key=lambda name: max(runs.integral[-1] for runs in own[name]))
        if best in own:
            found += [forecast_under(ladder, own[best], runs, rng=rng) for name, runs in own.items() if name != best]
    return found
