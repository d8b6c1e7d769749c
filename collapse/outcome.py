"""What an analysis returns: every number with its interval and its status, ready for a table, a figure or JSON."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

from ..results.quantity import LOSS, Quantity

Verdict = Literal["collapse", "approximate", "no-collapse", "cannot-tell"]
Evidence = Literal["confirmatory", "exploratory"]
Scale = Literal["end-point", "shape"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class IrreducibleLoss:
    """The floor that was subtracted: a value with its 95 % interval, or nothing and why (``source``)."""

    value: float | None
    low: float | None
    high: float | None
    source: Literal["known", "given", "profile", "fit", "none"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """Deviation of a group in one band of x: the largest |d| over rungs and x, its 95 % bounds, and what unrelated
    curves show in the same band."""

    x: tuple[float, float]
    deviation: float | None
    lower_bound: float | None
    upper_bound: float | None
    unrelated_deviation: float | None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RescaledGroup:
    """The curves of one group on the common grid.

    Attributes
    ----------
    scale : ``end-point``: z = ln(E(x)/E(1)) with a floor L0; ``shape``: the curve less its end over its own mean
        improvement, free of L0.
    x : ``(m,)`` common grid, log-spaced.
    sizes : ``(K,)`` parameters of each rung, ascending.
    rungs : what each rung is called.
    values : K arrays ``(n_k, m)``, one row a seed, on the scale above.
    seeds : K tuples with the seeds of the rows.
    phase : ``(m,)`` share of the learning-rate integral at x, y(x); None where the schedule is not known.
    rate : ``(m,)`` learning rate at x over its peak; None where the schedule is not known.
    end_rate : the same at x = 1.
    units : K arrays ``(n_k,)``: what each curve was divided by, E(1) or the mean improvement.
    quantity : what the curves are of.
    """

    scale: Scale
    x: np.ndarray
    sizes: np.ndarray
    rungs: tuple[str, ...]
    values: tuple[np.ndarray, ...]
    seeds: tuple[tuple[int | str, ...], ...]
    phase: np.ndarray | None
    rate: np.ndarray | None
    end_rate: float | None = None
    units: tuple[np.ndarray, ...] = ()
    quantity: Quantity = LOSS


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Spread:
    """Descriptions of the spread, for comparison with the literature; no verdict rests on them.

    Attributes
    ----------
    collapse_deviation : ``(m,)`` Delta(x) = sd/mean of the normalised curves, sizes and seeds pooled.
    noise : ``(K, m)`` sigma(x) = sd/mean over seeds of the excess loss, not normalised by its own end.
    between, within : ``(m,)`` variance between rungs (noise of the means taken off) and within.
    slope, slope_se, slope_df : ``(m,)`` slope of a rung's mean curve on ``ln p``, its standard error and degrees of
        freedom.
    """

    collapse_deviation: np.ndarray
    noise: np.ndarray
    between: np.ndarray
    within: np.ndarray
    slope: np.ndarray
    slope_se: np.ndarray
    slope_df: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FittedForm:
    """The sum of power laws, ``l = [(r y^-mu + 1)/(1 + r)] (1 - G eta(1)/eta_0)/(1 - G eta(x)/eta_0)``, fitted to a
    group's mean curve.

    ``share`` is r/(1+r), the part of the end excess that time still lowers; ``error`` the largest misfit over x.
    ``status`` is ``ok`` or says what could not be had; the numbers are None where there is no fit at all.
    """

    mu: float | None
    share: float | None
    gain: float | None
    error: float | None
    status: str


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GroupResult:
    """The verdict on one group (family, data set, recipe, leg) and everything it rests on.

    Numbers that could not be had are None, and ``reason`` or ``warnings`` says why. ``deviation`` is the largest |d|
    over rungs and x; ``lower_bound`` and ``upper_bound`` are its 95 % bounds; ``noise_bound`` is the upper bound that
    the seeds' noise alone would leave. ``d``, ``se`` and ``df`` are ``(K, m)``:
    each rung's deviation from the mean of the rungs, its standard error and degrees of freedom. ``unrelated`` is
    ``(draws, m)``: curves that share nothing but the schedule. ``sentence`` says the verdict in plain words.
    ``band`` is ``(K, m)``: half-widths of the simultaneous 95 % band, the only one that may say where a rung leaves.
    ``p_trend`` is the exactness test directed at a trend with size. ``form`` is the fitted form of the mean curve.
    ``single`` marks one run a size: the deviation is a description, and ``noise_from`` says where its noise level is
    from (``reruns``, ``groups`` or ``neighbours``; None without one), which is ``seeds`` everywhere else.
    """

    family: str
    dataset: str
    recipe: str
    recipe_label: str
    leg: str
    control: str | None
    n_rungs: int
    n_seeds: int
    x_min: float | None
    x_max: float | None
    irreducible_loss: IrreducibleLoss
    p_exact: float | None
    p_shape: float | None
    deviation: float | None
    lower_bound: float | None
    upper_bound: float | None
    margin: float
    bands: tuple[Band, ...]
    noise_floor: float | None
    unrelated_deviation: float | None
    resolution: dict[str, float | None]
    overlap: float | None
    verdict: Verdict
    evidence: Evidence
    reason: str | None
    warnings: tuple[str, ...]
    sentence: str
    n_censored: int
    rescaled: RescaledGroup | None
    d: np.ndarray | None
    se: np.ndarray | None
    df: np.ndarray | None
    unrelated: np.ndarray | None
    band: np.ndarray | None = None
    p_trend: float | None = None
    spread: Spread | None = None
    form: FittedForm | None = None
    noise_bound: float | None = None
    single: bool = False
    noise_from: str | None = "seeds"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FamilyDeviation:
    """How far a family's mean curve lies from the master curve of the other families on that data set.

    ``difference`` is ``(m,)``, signed, on the grid ``x``; ``deviation`` its largest modulus with a 95 % interval;
    ``where`` the stretch of x in which the simultaneous band excludes zero, None where there is none.
    """

    family: str
    recipe: str
    deviation: float | None
    low: float | None
    high: float | None
    where: tuple[float, float] | None
    verdict: Verdict
    reason: str | None
    x: np.ndarray | None
    difference: np.ndarray | None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class AcrossFamilies:
    """Families compared on one data set, on the scale that all of them share."""

    dataset: str
    leg: str
    scale: Scale
    smallest_model: str | None
    per_family: tuple[FamilyDeviation, ...]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """All groups and all comparisons across families, the warnings that concern the whole, what was guessed when the
    curves were read, and what all curves are of."""

    groups: tuple[GroupResult, ...]
    across_families: tuple[AcrossFamilies, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    quantity: Quantity = LOSS
