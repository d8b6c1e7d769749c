"""All that a table of final losses says: law, intervals, iso-FLOP profiles, held-out budgets; across families."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from ...errors import InputError
from ...results.final_losses import FinalLosses
from ...results.levels import LOWER, UPPER
from ..composing import OK, Missing
from ..families.random_effects import RandomEffects, random_effects
from ..reasons import Reason, because
from .held_out import HeldOut, hold_out
from .intervals import Interval, from_resamples, profile_intervals, resample
from .isoflop import IsoFlop, iso_flop
from .law import Law, best_params, fit_law, problem_of

RESAMPLES = 299
MARGIN = 0.1  # of an exponent's logarithm: 10 %
_SHARED = {"alpha": "alpha", "beta": "beta", "best size": "beta/(alpha+beta)"}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Fitted:
    """A law with its intervals.

    Attributes
    ----------
    law : the law.
    bootstrap : 95 % intervals of E, A, alpha, B, beta and ``best size``, the exponent ``a = beta/(alpha + beta)`` of
        the best size in the budget, by a wild bootstrap.
    profile : of E, alpha and beta by the profile of the objective, and of A and B taken at the geometric mean N and D.
    errors : standard errors of the logarithms of alpha, beta and ``best size``, for the comparison of families.
    frontier : ``(3, n)``: budgets, the law's best sizes there, and ``frontier_low``, ``frontier_high`` their interval.
    """

    law: Law
    bootstrap: dict[str, Interval]
    profile: dict[str, Interval]
    errors: dict[str, float]
    frontier: dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Study:
    """One family: its runs, the law through them, the profiles, and the prediction of the largest budgets."""

    family: str
    runs: FinalLosses
    fitted: Fitted | Missing
    iso: IsoFlop
    held_out: HeldOut | Missing

    @property
    def law(self) -> Law | None:
        """None where no law can be fitted."""
        return None if isinstance(self.fitted, Missing) else self.fitted.law


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """One exponent over families: its random effects (in logarithms), or why there are none."""

    name: str
    effects: RandomEffects | None
    status: Reason = OK


def study(
    runs: FinalLosses,
    *,
    rng: np.random.Generator,
    family: str = "",
    delta: float | None = None,
    one_sided: bool = False,
    resamples: int = RESAMPLES,
) -> Study:
    """Fit the law, its intervals and the iso-FLOP profiles of one family, and foretell its largest budgets.

    Parameters
    ----------
    runs : final losses.
    rng : chance, for the bootstrap and the bands.
    family : its name.
    delta, one_sided : as in `fit_law`.
    resamples : of the bootstrap, at least 99.

    Raises
    ------
    InputError : too few resamples, or a threshold that is not above zero. Runs that no law fits raise nothing.
    """
    if resamples < 99:
        raise InputError(f"an interval needs at least 99 resamples, got {resamples}")
    boot_rng, held_rng = rng.spawn(2)
    held = hold_out(runs, rng=held_rng, delta=delta, one_sided=one_sided)
    problem = problem_of(runs)
    if problem:
        none = Missing(Fitted, problem)
        return Study(family=family, runs=runs, fitted=none, iso=iso_flop(runs), held_out=held)
    law = fit_law(runs, delta=delta, one_sided=one_sided)
    drawn = resample(law, rng=boot_rng, resamples=resamples)
    bootstrap, errors = _bootstrap(law, drawn, len(runs.loss))
    fitted = Fitted(
        law=law,
        bootstrap=bootstrap,
        profile=profile_intervals(law),
        errors=errors,
        frontier=_frontier(law, drawn, runs),
    )
    return Study(family=family, runs=runs, fitted=fitted, iso=iso_flop(runs, law=law), held_out=held)


def _bootstrap(law: Law, drawn: np.ndarray, n: int) -> tuple[dict[str, Interval], dict[str, float]]:
    values = dict(law.parameters)
    columns = dict(zip(values, law.design.natural(drawn).T, strict=True))
    values["best size"] = values["beta"] / (values["alpha"] + values["beta"])
    columns["best size"] = columns["beta"] / (columns["alpha"] + columns["beta"])
    intervals = {}
    for name, column in columns.items():
        # E, A and B are above zero and skew: their percentiles are widened in the logarithm.
        if name in ("E", "A", "B"):
            one = from_resamples(float(np.log(values[name])), np.log(column), n)
            intervals[name] = Interval(value=values[name], low=_exp(one.low), high=_exp(one.high))
        else:
            intervals[name] = from_resamples(values[name], column, n)
    errors = {name: float(np.std(np.log(columns[name]), ddof=1)) for name in _SHARED}
    return intervals, errors


def _exp(value: float | None) -> float | None:
    return None if value is None else float(np.exp(value))


def _frontier(law: Law, drawn: np.ndarray, runs: FinalLosses) -> dict[str, np.ndarray]:
    flops = np.geomspace(runs.flops.min(), runs.flops.max() * 10, 40)
    low, high = np.quantile(best_params(drawn, law.design, flops), [LOWER, UPPER], axis=0)
    return {"flops": flops, "params": law.best_params(flops), "low": low, "high": high}


def shared_exponents(studies: Mapping[str, Study], *, margin: float = MARGIN) -> tuple[Shared, ...]:
    """Do families share alpha, beta and the exponent of the best size?

    Random effects of their logarithms, errors from each family's bootstrap.

    Parameters
    ----------
    studies : by family.
    margin : largest spread between families, as a share of the exponent, that still counts as equal.
    """
    fits = [one.fitted for one in studies.values() if isinstance(one.fitted, Fitted)]
    fitted = [one for one in fits if not one.law.reservations]
    if len(fitted) < 3:
        why = because("families-need-three-laws", laws=len(fitted))
        return tuple(Shared(name=name, effects=None, status=why) for name in _SHARED)
    found = []
    for name in _SHARED:
        values = [float(np.log(one.bootstrap[name].value)) for one in fitted]
        effects = random_effects(values, [max(one.errors[name], 1e-9) for one in fitted], margin=margin)
        found.append(Shared(name=name, effects=effects))
    return tuple(found)
