"""What may families differ in? Nested models, by how well each predicts a family that was left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit as student_quantile

from ...results.levels import COVERAGE
from ..forms.clock import Clock
from ..forms.form import FORMS, Form
from ..forms.posed import Posed
from ..forms.sum_of_power_laws import SUM
from ..ladders.rescaling import master_curve
from ..outcome import RescaledGroup
from ..reasons import Reason, because
from .covariance import counts_of, pool_noise
from .densities import Predict, SeedDraws, densities
from .deviation import shares_of
from .mean_curve import Member
from .predictions import (
    Setting,
    equal_exponents,
    horizon_factor,
    identical,
    own_curve,
    own_exponents,
)

FORM_NOT_IDENTIFIED = "form not identified"
HORIZON_SD = 0.15  # of ln c: a pilot that knows its exponent to 10-15 %
RIVALS = ("stretched exponential", "logarithmic")  # with as many parameters as M2
_FEWEST = 3


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ModelScore:
    """How a model does.

    ``density`` is the expected log predictive density summed over families, in nats; ``shortfall`` that of M3 (for a
    rival form, that of M2) less this one, with standard error ``shortfall_se`` over seeds
    (for a rival, the larger of that and the one over families); ``upper_bound`` a 95 %
    bound on what the model leaves unexplained of any family's curve; ``holds`` whether both criteria are met.
    """

    model: str
    density: float
    shortfall: float
    shortfall_se: float
    upper_bound: float
    holds: bool


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SmallestModel:
    """The smallest model that holds (``M0``, ``M1``, ``M2'``, ``M2``, ``M3`` or ``form not identified``), None where
    there is no comparison, and why. ``scores`` are the models' in order of size, ``rivals`` the rival forms';
    ``uncertified`` are smaller models that only the margin forbids: with more seeds they might hold."""

    model: str | None
    reason: Reason
    scores: tuple[ModelScore, ...] = ()
    rivals: tuple[ModelScore, ...] = ()
    uncertified: tuple[ModelScore, ...] = ()


def smallest_model(
    members: Sequence[Member],
    *,
    margin: float,
    rng: np.random.Generator,
    horizon_sd: float = HORIZON_SD,
    forms: Sequence[Form] = (),
) -> SmallestModel:
    """Find what families on one data set may differ in.

    ====  ====================================================================================
    M0    nothing: one curve
    M1    a factor on time; at constant rate only, since under a decay x is the schedule's phase
    M2'   balance r and annealing gain G of one form, with equal exponents
    M2    exponent mu, r and G of ``l = [(r y^-mu + 1)/(1+r)] (1 - G eta(1)/eta_0)/(1 - G eta(x)/eta_0)``
    M3    everything: a curve of its own
    ====  ====================================================================================

    Each family is left out in turn. What a model shares is learned from the other families; what is the family's own,
    from one half of its seeds; the other half is predicted, and the halves change places. The density is a
    multivariate t (the noise covariance is pooled over all seeds, rungs taken as fixed) of at most eight block means of
    the curve. A model holds where its summed density lies within two standard errors of M3's and the 95 % bound on its
    residuals below the margin. The standard error is that over 200 draws of all seeds with the pooled covariance: one
    from the scatter of the families' own shortfalls is as large as their sum where one family alone is off. Where M2'
    or M2 would be the answer, a stretched exponential and a logarithm with as many parameters must predict worse than
    M2 by more than two standard errors, the larger of that over seeds and that over families, or the form is not
    identified.

    Parameters
    ----------
    members : ladders of at least three families on one data set, one scale and one grid.
    margin : largest residual that still counts as none.
    rng : chance, of the draws of seeds.
    horizon_sd : prior sd of ln c in M1, from the pilot's interval.
    forms : further rivals; those with as many parameters as M2 are asked.
    """
    names = [member.family for member in members]
    if len(set(names)) < _FEWEST:
        few = because("fewer-families", needed=_FEWEST, families=len(set(names)))
        return SmallestModel(model=None, reason=few)
    groups = tuple(member.group for member in members)
    noise = pool_noise(groups)
    if noise.df < 6:
        return SmallestModel(model=None, reason=because("noise-not-known", df=noise.df))
    settings = [Setting(groups, noise, i, shares_of(names, i), horizon_sd) for i in range(len(names))]
    drawn = SeedDraws.of(groups, noise, rng)

    def scored(predict: Predict) -> np.ndarray:
        return np.array([densities(predict, one, drawn) for one in settings])

    found = {name: scored(predict) for name, predict in _models(groups)}
    bounds = {name: max(_bound(predict, one) for one in settings) for name, predict in _models(groups)}
    scores = tuple(_score(name, names, found["M3"], found[name], bounds[name], margin) for name in found)
    rivals = tuple(
        _score(form.name, names, found["M2"], scored(own_exponents(form)), 0.0, margin, rival=True)
        for form in _rivals(groups[0], forms)
    )
    return _choose(scores, rivals)


def _rivals(group: RescaledGroup, further: Sequence[Form]) -> list[Form]:
    """Forms that M2 has to beat: as many parameters, and not M2's own under another name."""
    if group.phase is None:
        return []
    known = {name: FORMS.make(name) for name in RIVALS}
    known |= {form.name: form for form in further if form.name != SUM.name and not form.coincides(Clock.of(group))}
    count = len(Posed.of(SUM, group).parameters)
    return [form for form in known.values() if len(Posed.of(form, group).parameters) == count]


def _models(groups: Sequence[RescaledGroup]) -> list[tuple[str, Predict]]:
    """The models that can be asked for: M1 needs a constant rate, the forms a schedule that is known."""
    known = all(group.phase is not None for group in groups)
    found: list[tuple[str, Predict]] = [("M0", identical)]
    if known and not any(Clock.of(group).varying for group in groups):
        found.append(("M1", horizon_factor))
    if known:
        found += [("M2'", equal_exponents), ("M2", own_exponents())]
    return [*found, ("M3", own_curve)]


def _bound(predict: Predict, setting: Setting) -> float:
    """``max_x [|residual| + t_{.95} se]`` of the left-out family's mean curve: pointwise, as within a family."""
    own = setting.groups[setting.left_out]
    found = predict(setting, own)
    variance = np.diag(found.shared + setting.noise.of_mean(setting.left_out, counts_of(own)))
    residual = np.abs(master_curve(own) - found.curve)
    return float((residual + student_quantile(setting.noise.df, COVERAGE) * np.sqrt(variance)).max())


def _score(
    name: str,
    families: Sequence[str],
    best: np.ndarray,
    own: np.ndarray,
    bound: float,
    margin: float,
    *,
    rival: bool = False,
) -> ModelScore:
    """Of log densities ``(G, 1 + D)`` of the data and of each draw of seeds, M3's (or M2's) and the model's own."""
    kinds = sorted(set(families))
    of = np.array([[family == kind for family in families] for kind in kinds])
    gaps = np.tensordot(of / of.sum(axis=1, keepdims=True), best - own, axes=1)
    shortfall = gaps.sum(axis=0)
    value, se = float(shortfall[0]), float(shortfall[1:].std(ddof=1))
    if rival:  # a form is named for families at large, so what families differ by counts
        se = max(se, float(np.sqrt(len(gaps)) * gaps[:, 0].std(ddof=1)))
    return ModelScore(
        model=name,
        density=float(own[:, 0].sum()),
        shortfall=value,
        shortfall_se=se,
        upper_bound=bound,
        holds=value <= 2 * se and bound < margin,
    )


def _choose(scores: Sequence[ModelScore], rivals: Sequence[ModelScore]) -> SmallestModel:
    own = scores[-1]
    chosen = next((score for score in scores if score.holds), None)
    if chosen is None:
        model, reason = None, because("noise-leaves-too-much", upper=own.upper_bound)
        return SmallestModel(model=model, reason=reason, scores=tuple(scores), rivals=tuple(rivals))
    equals = tuple(rival.model for rival in rivals if rival.shortfall <= 2 * rival.shortfall_se)
    model = chosen.model
    if model in ("M2'", "M2") and equals:
        model, reason = FORM_NOT_IDENTIFIED, because("rival-forms-predict-as-well", model=model, rivals=equals)
    elif chosen is own:
        reason = because("no-smaller-model")
    else:
        reason = because("smaller-model-suffices", upper=chosen.upper_bound)
    smaller = scores[: scores.index(chosen)]
    near = tuple(score for score in smaller if score.shortfall <= 2 * score.shortfall_se)
    return SmallestModel(model=model, reason=reason, scores=tuple(scores), rivals=tuple(rivals), uncertified=near)
