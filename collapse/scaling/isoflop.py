"""Iso-FLOP profiles: which size is best at each budget, and how it grows with the budget."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from ...results.final_losses import FinalLosses
from ...results.levels import NORMAL, UPPER
from ..composing import OK, Missing, inline
from ..reasons import Reason, because
from .intervals import Interval
from .law import Law

_ONE_BUDGET = 0.05  # runs within 5 % of FLOPs of the next one share a budget
_FEWEST = 4  # sizes for a parabola with an error
_BUDGETS = 3  # budgets for a power law with an error


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Minimum:
    """The vertex of a parabola; the interval of the best size is from the scatter about all parabolas."""

    best_params: Interval
    best_tokens: float
    best_loss: float


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class IsoFlopProfile:
    """The runs of one budget and the parabola of their loss in ln N.

    Attributes
    ----------
    budget : FLOPs, the geometric mean of the runs'.
    params, tokens, loss : ``(n,)`` the runs, by size.
    coefficients : ``(3,)`` of ``(ln N - middle)^2``, its first power and 1; None where there is no parabola.
    middle : mean of ln N.
    minimum : None where there is no minimum inside, and ``status`` says why.
    """

    budget: float
    params: np.ndarray
    tokens: np.ndarray
    loss: np.ndarray
    coefficients: np.ndarray | None
    middle: float
    minimum: Minimum | None = dataclasses.field(default=None, metadata=inline(Minimum))
    status: Reason = OK


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """``value ~ C^exponent``: the exponent with its 95 % interval, and the value at C = 1 as a logarithm.

    ``bias`` is the exponent that the same parabolas give on the fitted law at the same runs, less the law's own: a
    parabola is not the shape of the law, and sizes that lie to one side of the minimum pull its vertex.
    """

    exponent: Interval
    log_factor: float
    bias: float | None
    status: Reason = OK


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class IsoFlop:
    """All profiles, smallest budget first, and how the best size and the best number of tokens grow with the budget."""

    profiles: tuple[IsoFlopProfile, ...]
    params: Growth | Missing
    tokens: Growth | Missing


def budgets_of(runs: FinalLosses) -> np.ndarray:
    """``(n,)`` the number of each run's budget, from 0 for the smallest."""
    order = np.argsort(runs.flops, kind="stable")
    gaps = np.diff(np.log(runs.flops[order])) > np.log1p(_ONE_BUDGET)
    found = np.empty(len(order), dtype=int)
    found[order] = np.append(0, np.cumsum(gaps))
    return found


def iso_flop(runs: FinalLosses, *, law: Law | None = None) -> IsoFlop:
    """A parabola for each budget and power laws through their vertices.

    ``L = c + b (ln N - m) + a (ln N - m)^2`` by least squares for each budget of at least four sizes; a vertex counts
    where the parabola opens upwards and the vertex lies among the sizes. The noise is pooled over the budgets. The
    best sizes, weighted by their errors, then give ``N = k C^a`` from three budgets on; the exponent of the tokens is
    that of ``C/N``. The error of an exponent is the larger one of what the vertices' errors leave and what the
    vertices' scatter about the line shows.

    Parameters
    ----------
    runs : final losses; runs within 5 % of FLOPs of each other share a budget.
    law : the fitted law, for the bias of the parabolas.
    """
    fitted = _parabolas(runs, runs.loss)
    bias = _bias(runs, law, fitted) if law is not None else None
    params = _growth(fitted, bias)
    tokens = params if isinstance(params, Missing) else _mirrored(params)
    return IsoFlop(profiles=tuple(fitted), params=params, tokens=tokens)


def _parabolas(runs: FinalLosses, loss: np.ndarray) -> list[IsoFlopProfile]:
    which = budgets_of(runs)
    rows = [np.flatnonzero(which == k) for k in range(which.max() + 1)]
    rows = [row[np.argsort(runs.params[row], kind="stable")] for row in rows]
    solved = [_solve(np.log(runs.params[row]), loss[row]) for row in rows]
    squares = sum(one[2] for one in solved if one is not None)
    free = sum(len(row) - 3 for row, one in zip(rows, solved, strict=True) if one is not None)
    noise = np.sqrt(squares / free) if free else 0.0
    return [_profile(runs, loss, row, one, noise, free) for row, one in zip(rows, solved, strict=True)]


def _solve(log_params: np.ndarray, loss: np.ndarray) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Coefficients, their covariance for unit noise and the sum of squares, None with too few sizes."""
    if len(np.unique(np.round(log_params, 6))) < _FEWEST:
        return None
    design = np.vander(log_params - log_params.mean(), 3)
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ loss
    return coefficients, inverse, float(((loss - design @ coefficients) ** 2).sum())


def _profile(
    runs: FinalLosses,
    loss: np.ndarray,
    row: np.ndarray,
    solved: tuple[np.ndarray, np.ndarray, float] | None,
    noise: float,
    free: int,
) -> IsoFlopProfile:
    log_params = np.log(runs.params[row])
    budget = float(np.exp(np.log(runs.flops[row]).mean()))
    found = IsoFlopProfile(
        budget=budget,
        params=runs.params[row],
        tokens=runs.tokens[row],
        loss=loss[row],
        coefficients=None if solved is None else solved[0],
        middle=float(log_params.mean()),
    )
    if solved is None:
        sizes = len(np.unique(np.round(log_params, 6)))
        return dataclasses.replace(found, status=because("parabola-needs-sizes", needed=_FEWEST, sizes=sizes))
    (a, b, c), covariance, _ = solved
    if a <= 0:
        return dataclasses.replace(found, status=because("parabola-opens-downwards"))
    vertex = -b / (2 * a)
    if not log_params.min() <= vertex + found.middle <= log_params.max():
        side = "smaller" if vertex < 0 else "larger"
        return dataclasses.replace(found, status=because("best-size-outside", side=side))
    slopes = np.array([b / (2 * a**2), -1 / (2 * a), 0.0])
    reach = float(student.ppf(UPPER, max(free, 1))) * noise * float(np.sqrt(slopes @ covariance @ slopes))
    at = vertex + found.middle
    # What a run costs beyond 6 N D, such as attention, is the same share at the vertex as at its neighbours.
    per_token = np.interp(at, log_params, np.log(runs.flops[row] / (runs.params[row] * runs.tokens[row])))
    minimum = Minimum(
        best_params=Interval(value=float(np.exp(at)), low=float(np.exp(at - reach)), high=float(np.exp(at + reach))),
        best_tokens=float(budget / np.exp(at + per_token)),
        best_loss=float(c - b**2 / (4 * a)),
    )
    return dataclasses.replace(found, minimum=minimum)


def _growth(profiles: Sequence[IsoFlopProfile], bias: float | None) -> Growth | Missing:
    good = [one for one in profiles if one.minimum is not None]
    if len(good) < _BUDGETS:
        return Missing(Growth, because("growth-needs-budgets", needed=_BUDGETS, budgets=len(good)))
    slope, factor, reach = _line(*_vertices(good))
    return Growth(
        exponent=Interval(value=slope, low=slope - reach, high=slope + reach),
        log_factor=factor,
        bias=bias,
    )


def _vertices(profiles: Sequence[IsoFlopProfile]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ln C, ln of the best size, and its weight."""
    x = np.log([one.budget for one in profiles])
    intervals = [one.minimum.best_params for one in profiles if one.minimum is not None]
    y = np.log([one.value for one in intervals])
    errors = np.array([np.log((one.high or one.value) / one.value) for one in intervals]) / NORMAL
    return x, y, 1 / np.maximum(errors, max(1e-3 * errors.max(), 1e-12)) ** 2


def _line(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[float, float, float]:
    """Exponent, logarithm of the factor, and half the 95 % interval of the exponent."""
    centre = weights @ x / weights.sum()
    spread = weights @ (x - centre) ** 2
    slope = float(weights @ ((x - centre) * y) / spread)
    level = float(weights @ y / weights.sum())
    df = len(x) - 2
    scatter = float(weights @ (y - level - slope * (x - centre)) ** 2) / df
    known, seen = NORMAL / np.sqrt(spread), float(student.ppf(UPPER, df)) * np.sqrt(scatter / spread)
    return slope, level - slope * float(centre), float(max(known, seen) if scatter > 1 else known)


def _mirrored(params: Growth) -> Growth:
    """``D ~ C/N``."""
    low, high = params.exponent.low, params.exponent.high
    return Growth(
        exponent=Interval(
            value=1 - params.exponent.value,
            low=None if high is None else 1 - high,
            high=None if low is None else 1 - low,
        ),
        log_factor=-params.log_factor - float(np.log(6)),
        bias=None if params.bias is None else -params.bias,
    )


def _bias(runs: FinalLosses, law: Law, fitted: Sequence[IsoFlopProfile]) -> float | None:
    """What the parabolas' exponent is too large by on the law's own losses, at the budgets that have a minimum."""
    clean = _parabolas(runs, law.loss(runs.params, runs.tokens))
    both = [pair for pair in zip(fitted, clean, strict=True) if all(one.minimum is not None for one in pair)]
    if len(both) < _BUDGETS:
        return None
    x, _, weights = _vertices([one for one, _ in both])
    found = _vertices([one for _, one in both])[1]
    return _line(x, found - np.log(law.best_params(np.exp(x))), weights)[0]
