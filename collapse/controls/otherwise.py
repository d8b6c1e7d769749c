"""Ladders trained otherwise on purpose, held against the one that is right: does what was changed show?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ...results.grid import latest_start
from ..composing import Missing, inline
from ..ladders.measurement import Measured
from ..ladders.rescaling import try_rescale
from ..outcome import RescaledGroup
from ..planning.detectable import POWER
from ..planning.telling import least_told
from ..reasons import because
from ..within.rise import Rise, rise


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TrainedOtherwise:
    """A ladder of the same family and data set that the sweep marks: what is different, and how much more it deviates.

    Attributes
    ----------
    recipe, recipe_label : how it was trained.
    control : its mark, ``fails`` where the change is meant to show.
    rise : of its deviation over that of the ladder, or why there is none.
    """

    recipe: str
    recipe_label: str
    control: str
    rise: Rise | Missing = dataclasses.field(metadata=inline(Rise))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Otherwise:
    """All of them, with the root mean square of its deviations from which on a ladder would be told, with that power;
    None where none would."""

    ladders: tuple[TrainedOtherwise, ...]
    least: float | None
    power: float = POWER


def trained_otherwise(one: Measured, measured: Sequence[Measured], *, rng: np.random.Generator) -> Otherwise | None:
    """Hold the marked ladders of a family on a data set against the one that is not marked; None where there are none.

    Both are read from the later of the two starts on. Under an irreducible loss that each chose for itself, and where
    one has no common scale with the other, they are not compared.

    Parameters
    ----------
    one : the ladder.
    measured : all groups.
    rng : chance.
    """
    marked = [] if one.control is not None else [other for other in measured if _beside(other, one)]
    if not marked:
        return None
    *chances, own = rng.spawn(len(marked) + 1)
    ladders = tuple(
        TrainedOtherwise(
            recipe=other.recipe,
            recipe_label=other.key.recipe_label,
            control=other.control or "",
            rise=_rise(one, other, chance),
        )
        for other, chance in zip(marked, chances, strict=True)
    )
    if one.rescaled is None or not any(isinstance(row.rise, Rise) for row in ladders):
        return Otherwise(ladders=ladders, least=None)
    return Otherwise(
        ladders=ladders, least=least_told(one.rescaled, [len(rows) for rows in one.rescaled.values], rng=own)
    )


def _beside(other: Measured, one: Measured) -> bool:
    same = (other.family, other.dataset, other.leg) == (one.family, one.dataset, one.leg)
    return same and other.control is not None and other.recipe != one.recipe


def _rise(one: Measured, other: Measured, rng: np.random.Generator) -> Rise | Missing:
    problem = one.problem or one.floor_problem or other.problem or other.floor_problem
    if problem is not None:
        return Missing(Rise, because("group-not-testable", why=problem))
    pair = _on_one_grid(one, other)
    return Missing(Rise, because("rise-needs-one-scale")) if pair is None else rise(*pair, rng=rng)


def _on_one_grid(one: Measured, other: Measured) -> tuple[RescaledGroup, RescaledGroup] | None:
    """The marked ladder and the other one; None where they have no scale in common."""
    mine, theirs = one.rescaled, other.rescaled
    if mine is None or theirs is None or mine.scale != theirs.scale or one.floor.value != other.floor.value:
        return None
    start = latest_start((mine.x, theirs.x))
    before, after = (try_rescale(each.ladder, mine.scale, each.floor.value, start)[0] for each in (other, one))
    if before is None or after is None or not np.array_equal(before.x, after.x):
        return None
    return before, after
