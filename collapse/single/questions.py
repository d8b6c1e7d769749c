"""What single runs answer to further questions, each with a reason where they cannot."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from scipy.stats import t as student

from ...results.levels import LOWER, MARGIN, UPPER
from ..composing import Estimate, Missing
from ..forms.fitted import fit_form
from ..forms.form import Form
from ..irreducible.end_points import fit_means
from ..laws.forecast import Forecast, forecast
from ..onset.single_runs import SingleOnset, single_onset
from ..outcome import FittedForm, RescaledGroup
from ..reasons import Reason, because
from .from_reruns import single_runs
from .group import SingleGroup
from .tightness import Tightness

_NEEDS = {
    "controls": because("single-no-controls"),
    "envelope": because("single-no-envelope"),
    "deltas": because("single-no-deltas"),
    "rescalings": because("single-no-rescalings"),
    "balance": because("single-no-balance"),
    "forms": because("single-no-forms"),
}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Departing:
    """Where one run lies farthest from the mean of the runs; ``beyond`` whether by more than the noise band."""

    rung: str
    size: float
    deviation: float
    at: float
    beyond: bool | None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SingleWhere:
    """The runs with their largest deviations, and its change for each doubling of the size at the x of the largest.

    The interval of the trend is that of a straight line in ln size through the runs, on K - 2 degrees of freedom: the
    scatter of the runs about the line is all that is known of their noise.
    """

    rungs: tuple[Departing, ...]
    trend: Estimate | None
    at: float


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SingleLaws:
    """What one run a size says of laws.

    Attributes
    ----------
    end_floor, end_exponent : of ``L0 + a p^-b`` through the last losses, None where four or more give none.
    end_floor_range : smallest and largest floor with one run left out, from five runs on.
    frontier : minus the slope of ln end excess on ln size, with the interval of a straight line through the runs.
    form : the form fitted to the mean curve.
    tightness : the floor at which the curves are tightest, and whether that identifies one.
    """

    end_floor: float | None
    end_exponent: float | None
    end_floor_range: tuple[float, float] | None
    frontier: Estimate | None
    form: FittedForm
    tightness: Tightness | None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SingleAnswers:
    """Answers of a group of single runs; ``reasons`` says for each thing that was asked and cannot be had why."""

    where: SingleWhere | None = None
    laws: SingleLaws | None = None
    forecast: Forecast | Missing | None = None
    onset: SingleOnset | None = None
    reasons: tuple[Reason, ...] = ()


def answer_single(
    single: SingleGroup,
    questions: Collection[str],
    others: Mapping[str, RescaledGroup],
    x_min: float,
    forms: Sequence[Form] = (),
    *,
    margin: float = MARGIN,
) -> SingleAnswers:
    """Answer what single runs can answer.

    Parameters
    ----------
    single : the group.
    questions : as in `inquire`.
    others : groups of other families on the same data set, grid and scale, for the forecast.
    x_min : where the grid starts at the earliest.
    forms : further references of the forecast.
    margin : in use, for the onset.
    """
    reasons = []
    if "where" in questions:
        reasons.append(_NEEDS["envelope"])
    if "laws" in questions:
        reasons += [_NEEDS[name] for name in ("balance", "deltas", "forms", "rescalings")]
        if single.floor.value is None:
            reasons.append(because("single-no-frontier", quantity=single.ladder.quantity))
    if "controls" in questions:
        reasons.append(_NEEDS["controls"])
    if "onset" in questions:
        reasons += [because("single-no-onset-interval"), because("single-no-omega")]
    return SingleAnswers(
        where=_where(single) if "where" in questions else None,
        laws=_laws(single, x_min) if "laws" in questions else None,
        forecast=forecast(single.rescaled, others=others, forms=forms) if "forecast" in questions else None,
        onset=single_onset(single, margin=margin) if "onset" in questions else None,
        reasons=tuple(reasons),
    )


def _where(single: SingleGroup) -> SingleWhere:
    size, group = np.abs(single.d), single.rescaled
    # Every run at every x may leave: two-sided, and shared out over all of them.
    half = single.noise.half_width(len(single.d), 1 - LOWER / single.d.size)
    rows = []
    for k, name in enumerate(group.rungs):
        at = int(size[k].argmax())
        beyond = None if half is None else bool(np.any(size[k] > half))
        rows.append(
            Departing(
                rung=name,
                size=float(group.sizes[k]),
                deviation=float(single.d[k, at]),
                at=float(group.x[at]),
                beyond=beyond,
            )
        )
    at = int(size.max(axis=0).argmax())
    slope = line(np.log2(group.sizes), single.d[:, at])
    return SingleWhere(rungs=tuple(rows), trend=slope, at=float(group.x[at]))


def _laws(single: SingleGroup, x_min: float) -> SingleLaws:
    ends = np.array([rung[0].loss[-1] for rung in single.ladder.rungs])
    sizes = single.ladder.sizes
    floor, exponent = _end_point(ends, sizes)
    left = [_end_point(np.delete(ends, k), np.delete(sizes, k))[0] for k in range(len(ends))] if len(ends) > 4 else []
    known = [one for one in left if one is not None]
    frontier = None
    if single.floor.value is not None and np.all(ends > single.floor.value):
        slope = line(np.log(sizes), np.log(ends - single.floor.value))
        frontier = None if slope is None else Estimate(value=-slope.value, low=-slope.high, high=-slope.low)
    return SingleLaws(
        end_floor=floor,
        end_exponent=exponent,
        end_floor_range=(min(known), max(known)) if left and len(known) == len(left) else None,
        frontier=frontier,
        form=fit_form(single.rescaled),
        tightness=single_runs(single.ladder, x_min=x_min).tightness,
    )


def _end_point(ends: np.ndarray, sizes: np.ndarray) -> tuple[float | None, float | None]:
    if len(ends) < 4 or not np.ptp(ends) > 0:
        return None, None
    fit = fit_means(ends, np.ones(len(ends)), sizes)
    return (float(fit.floor[0]), float(fit.exponent[0])) if fit.inside[0] else (None, None)


def line(x: np.ndarray, y: np.ndarray) -> Estimate | None:
    """Slope of a straight line through three points or more, with the 95 % interval that their scatter gives."""
    df = len(x) - 2
    if df < 1:
        return None
    u = x - x.mean()
    slope = float(u @ y / (u @ u))
    left = y - y.mean() - slope * u
    reach = float(student.ppf(UPPER, df) * np.sqrt(left @ left / df / (u @ u)))
    return Estimate(value=slope, low=slope - reach, high=slope + reach)
