"""Which form does a ladder have? Forms fitted with intervals and compared on rungs that they did not see."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from ...results.grid import log_weights
from ...results.levels import UPPER
from ..composing import OK, Estimate, Missing
from ..forms.clock import Clock
from ..forms.form import FORMS, Form
from ..forms.posed import Posed
from ..outcome import RescaledGroup
from ..reasons import Reason, because
from .search import fit_from_many, fit_many

COMPARED = (
    "sum of power laws",
    "power law with offset",
    "two power laws",
    "stretched exponential",
    "logarithmic",
    "logistic",
    "broken power law",
    "multi-power law",
)
_EDGE = 1e-3  # of a parameter's range
_RIVAL = 2.0  # standard errors within which forms count as equally good
_SAME = 0.05  # of a mean square error: less is no difference, however sure


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FormFit:
    """One form: its parameters, its misfit, and how it predicts rungs that were left out.

    Attributes
    ----------
    parameters : estimates by name, intervals from a bootstrap over seeds; empty where there is no fit.
    error : largest misfit to the master curve over x.
    left_out_error : root of the mean square error on rungs left out, in ln l (.01 is 1 %).
    behind, behind_se : mean square error on rungs left out less that of the best form, and its standard error over
        rungs, paired.
    status : ``ok``, or what is wrong with the fit.
    """

    name: str
    formula: str
    n_parameters: int
    parameters: dict[str, Estimate] = dataclasses.field(default_factory=dict)
    error: float | None = None
    left_out_error: float | None = None
    behind: float | None = None
    behind_se: float | None = None
    status: Reason = OK


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FormComparison:
    """All forms, and whether the curves say which one holds.

    Attributes
    ----------
    fits : one a form, best first, those without a fit last.
    best : the form with fewest parameters among those within 2 standard errors of the smallest error; the smallest
        error decides between equals.
    rivals : other forms with no more parameters than ``best`` that are within 2 standard errors of it too.
    stability : share of bootstrap resamples, each searched anew, in which ``best`` wins again.
    """

    fits: tuple[FormFit, ...]
    best: str
    rivals: tuple[str, ...]
    stability: float
    status: Reason = OK


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """A form's fit to the data and to B resamples; scores are ``(K,)`` and ``(B, K)`` mean square errors."""

    posed: Posed
    theta: np.ndarray
    error: float
    scores: np.ndarray
    again: np.ndarray
    again_scores: np.ndarray


def compare_forms(
    group: RescaledGroup, *, rng: np.random.Generator, resamples: int = 99, forms: Sequence[Form] | None = None
) -> FormComparison | Missing:
    """Fit every form to a group's master curve and compare them by leave-one-rung-out error.

    For each rung k the form is fitted to the mean curve of the other rungs; its score is the mean over d ln x of
    ``[zbar_k - form]^2``. Differences between forms are paired over rungs, so what a rung does to all of them cancels.
    The bootstrap draws seeds within rungs and repeats everything.

    Parameters
    ----------
    group : curves on one grid and scale; at least three rungs of two seeds.
    rng : chance.
    resamples : bootstrap resamples.
    forms : the forms; None is those of `compared`.
    """
    forms = compared() if forms is None else forms
    if len(group.sizes) < 3:
        return _nothing(forms, because("forms-need-three-sizes", sizes=len(group.sizes)))
    if group.phase is None:
        return _nothing(forms, because("law-needs-schedule"))
    means = np.stack([rows.mean(axis=0) for rows in group.values])
    drawn = bootstrap_means(group.values, resamples, rng)
    clock = Clock.of(group)
    used = [form for form in forms if form.coincides(clock) is None]
    scored = [_score(form, group, means, drawn) for form in used]
    data = np.stack([one.scores for one in scored])
    best, rivals = _winner(data, scored)
    again = np.stack([one.again_scores for one in scored], axis=1)
    wins = [_winner(scores, scored)[0] == best for scores in again]
    fewest = min(len(rows) for rows in group.values)
    fits = [_fit(one, data, fewest) for one in scored]
    unused = [
        _unused(form, because("coincides-with", form=form.coincides(clock))) for form in forms if form not in used
    ]
    return FormComparison(
        fits=(*sorted(fits, key=lambda fit: fit.left_out_error or 0.0), *unused),
        best=scored[best].posed.form.name,
        rivals=tuple(scored[i].posed.form.name for i in rivals),
        stability=float(np.mean(wins)),
        status=because("form-not-identified", rivals=tuple(scored[i].posed.form.name for i in rivals))
        if rivals
        else OK,
    )


def compared(further: Sequence[Form] = ()) -> list[Form]:
    """The forms of `COMPARED`, and further ones after them."""
    known = {name: FORMS.make(name) for name in COMPARED}
    return list((known | {form.name: form for form in further}).values())


def bootstrap_means(values: Sequence[np.ndarray], resamples: int, rng: np.random.Generator) -> np.ndarray:
    """``(B, K, m)`` mean curves of rungs whose seeds are drawn with replacement."""
    return np.stack([rows[rng.integers(0, len(rows), (resamples, len(rows)))].mean(axis=1) for rows in values], axis=1)


def reach(resampled: np.ndarray, seeds: int) -> np.ndarray:
    """Half-width of a 95 % interval from resamples ``(B, ...)`` of the seeds: t and not 1.96, as the sd comes from few,
    and scaled up by ``n/(n-1)``, as seeds drawn with replacement spread too little."""
    scale = np.sqrt(seeds / (seeds - 1)) * student.ppf(UPPER, 2 * (seeds - 1))
    return scale * np.std(resampled, axis=0, ddof=1)


def _score(form: Form, group: RescaledGroup, means: np.ndarray, drawn: np.ndarray) -> _Scored:
    posed = Posed.of(form, group)
    weights = log_weights(group.x) / log_weights(group.x).sum()
    k = len(means)

    def fit(targets: np.ndarray, start: np.ndarray) -> np.ndarray:
        starts = np.tile(start, (len(targets), 1))
        return fit_many(posed.curve, starts, targets, weights, posed.low, posed.high)[0]

    theta, _ = fit_from_many(posed.curve, posed.starts, means.mean(axis=0), weights, posed.low, posed.high)
    every = np.concatenate([means[None], drawn])
    others = (every.sum(axis=1, keepdims=True) - every) / (k - 1)
    found = posed.curve(fit(others.reshape(-1, means.shape[1]), theta)).reshape(every.shape)
    scores = ((every - found) ** 2) @ weights
    return _Scored(
        posed=posed,
        theta=theta,
        error=float(np.abs(posed.curve(theta[None])[0] - means.mean(axis=0)).max()),
        scores=scores[0],
        again=fit(drawn.mean(axis=1), theta),
        again_scores=scores[1:],
    )


def _winner(scores: np.ndarray, scored: Sequence[_Scored]) -> tuple[int, list[int]]:
    """Index of the best form and of its rivals from scores ``(forms, K)``."""
    counts = np.array([len(one.posed.parameters) for one in scored])
    close = _close(scores, int(scores.mean(axis=1).argmin()))
    best = min(np.flatnonzero(close), key=lambda i: (counts[i], scores[i].mean()))
    near = _close(scores, int(best))
    return int(best), [int(i) for i in np.flatnonzero(near & (counts <= counts[best])) if i != best]


def _close(scores: np.ndarray, to: int) -> np.ndarray:
    behind = scores - scores[to]
    error = behind.std(axis=1, ddof=1) / np.sqrt(scores.shape[1])
    return behind.mean(axis=1) <= np.maximum(_RIVAL * error, _SAME * scores[to].mean())


def _fit(one: _Scored, scores: np.ndarray, fewest: int) -> FormFit:
    posed = one.posed
    behind = one.scores - scores[scores.mean(axis=1).argmin()]
    half = reach(one.again, fewest)
    value, low, high = (posed.natural(one.theta + sign * half) for sign in (0, -1, 1))
    edges = np.minimum(one.theta - posed.low, posed.high - one.theta) < _EDGE * (posed.high - posed.low)
    loose = 2 * half > posed.high - posed.low
    return FormFit(
        name=posed.form.name,
        formula=posed.form.formula,
        n_parameters=len(posed.parameters),
        parameters={
            name: Estimate(value=float(value[i]), low=float(low[i]), high=float(high[i]))
            for i, name in enumerate(posed.names)
        },
        error=one.error,
        left_out_error=float(np.sqrt(one.scores.mean())),
        behind=float(behind.mean()),
        behind_se=float(behind.std(ddof=1) / np.sqrt(len(behind))),
        status=_status(posed.names, edges, loose),
    )


def _status(names: Sequence[str], edges: np.ndarray, loose: np.ndarray) -> Reason:
    at_edge = tuple(name for name, edge in zip(names, edges, strict=True) if edge)
    unknown = tuple(name for name, wide in zip(names, loose, strict=True) if wide)
    if at_edge and unknown:
        return because("parameters-at-edge-and-not-identified", edge=at_edge, unknown=unknown)
    if at_edge:
        return because("parameters-at-edge", edge=at_edge)
    return because("parameters-not-identified", unknown=unknown) if unknown else OK


def _unused(form: Form, status: Reason) -> FormFit:
    return FormFit(name=form.name, formula=form.formula, n_parameters=len(form.parameters), status=status)


def _nothing(forms: Sequence[Form], status: Reason) -> Missing:
    return Missing(FormComparison, status, {"fits": tuple(_unused(form, status) for form in forms)})
