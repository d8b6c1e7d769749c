"""What an analysis returns: every number with its interval and its status, ready for a table, a figure or JSON."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

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
    """

    scale: Scale
    x: np.ndarray
    sizes: np.ndarray
    rungs: tuple[str, ...]
    values: tuple[np.ndarray, ...]
    seeds: tuple[tuple[int, ...], ...]
    phase: np.ndarray | None
    rate: np.ndarray | None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GroupResult:
    """The verdict on one group (family, data set, recipe, leg) and everything it rests on.

    Numbers that could not be had are None, and ``reason`` or ``warnings`` says why. ``deviation`` is the largest |d|
    over rungs and x; ``lower_bound`` and ``upper_bound`` are its 95 % bounds. ``d``, ``se`` and ``df`` are ``(K, m)``:
    each rung's deviation from the mean of the rungs, its standard error and degrees of freedom. ``unrelated`` is
    ``(draws, m)``: curves that share nothing but the schedule. ``sentence`` says the verdict in plain words.
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
    """All groups and all comparisons across families, and the warnings that concern the whole."""

    groups: tuple[GroupResult, ...]
    across_families: tuple[AcrossFamilies, ...]
    warnings: tuple[str, ...] = ()
