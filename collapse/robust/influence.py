"""The verdict without each run in turn: which single run it rests on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from ..composing import Missing
from ..conclusion import Judgement, decided
from ..irreducible.choice import shared_error
from ..ladders.interpolation import untold
from ..ladders.measurement import Measured, floor_shift
from ..outcome import Bounds, RescaledGroup, Verdict
from ..reasons import because
from ..within.battery import assess_with
from ..within.bootstrap import draw_signs
from ..within.equivalence import Deviations, with_error
from ..within.sharper import sharpened
from .pooling import pooled_bounds

_RESAMPLES = 999


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Influence:
    """The run on which a group's answer rests most.

    Attributes
    ----------
    rung, seed : the run: of those whose omission changes the verdict, or else of all, the one that moves the upper
        bound most.
    verdict : without it; None where some size would be left with two seeds, or the irreducible loss was chosen by these
        curves: then bounds alone are compared.
    upper_bound, p_exact : without it.
    plain_upper_bound : with it; at the irreducible loss in use, where that was profiled.
    changes : whether the verdict is another one without it.
    n_changing : runs whose omission changes the verdict, of ``n_runs`` that could be left out.
    """

    rung: str
    seed: int | str
    verdict: Verdict | None
    upper_bound: float
    p_exact: float | None
    plain_upper_bound: float
    changes: bool
    n_changing: int
    n_runs: int


def most_influential(
    one: Measured, plain: Judgement, *, margin: float, rng: np.random.Generator
) -> Influence | Missing:
    """Leave out each run of the sizes that have three or more, and judge the others.

    All runs keep their signs in the resamples, so that what differs is the run alone. A p-value that crosses .05 by the
    chance of the resamples changes nothing: the verdict without the run must differ from the printed one and from that
    of the same resamples with it.

    Parameters
    ----------
    one : what was measured; with seeds of their own.
    plain : the verdict on it.
    margin : in use.
    rng : chance.
    """
    group = one.rescaled
    assert group is not None
    if max(len(rows) for rows in group.values) < 3:
        return Missing(Influence, because("influence-needs-three-seeds"))
    signs = draw_signs([len(rows) for rows in group.values], _RESAMPLES, rng)
    chance = _Chance(rng.normal(size=_RESAMPLES), int(rng.integers(2**62)))
    whole, all_runs, _ = _judged(one, group, signs, chance, plain, margin)
    rows = []
    for k, s, left, kept in _each_left_out(group, signs):
        verdict, found, p = _judged(one, left, kept, chance, plain, margin)
        changes = verdict is not None and verdict not in (whole, plain.verdict)
        # With two seeds left only the reference can be had, which is then held against the reference.
        before = all_runs.reference() if found.calibration is None else all_runs.upper()
        rows.append((changes, abs(np.log(found.upper() / before)), k, s, verdict, found.upper(), before, p))
    changes, _, k, s, verdict, bound, before, p = max(rows, key=lambda row: row[:2])
    return Influence(
        rung=group.rungs[k],
        seed=group.seeds[k][s],
        verdict=verdict,
        upper_bound=bound,
        p_exact=p,
        plain_upper_bound=before,
        changes=changes,
        n_changing=sum(row[0] for row in rows),
        n_runs=len(rows),
    )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Chance:
    """What all judgements share: ``draws`` ``(B,)`` of an error of L0, and the seed of the calibrated bound."""

    draws: np.ndarray
    seed: int


def _each_left_out(
    group: RescaledGroup, signs: Sequence[np.ndarray]
) -> Iterator[tuple[int, int, RescaledGroup, list[np.ndarray]]]:
    """Size and run that is left out, the group without it, and the signs of the others."""
    for k, rows in enumerate(group.values):
        for s in range(len(rows) if len(rows) > 2 else 0):
            values, units, kept = list(group.values), list(group.units), list(signs)
            values[k], units[k], kept[k] = (np.delete(each[k], s, axis=0) for each in (values, units, kept))
            yield k, s, dataclasses.replace(group, values=tuple(values), units=tuple(units)), kept


def _judged(
    one: Measured,
    group: RescaledGroup,
    signs: Sequence[np.ndarray],
    chance: _Chance,
    plain: Judgement,
    margin: float,
) -> tuple[Verdict | None, Deviations, float | None]:
    """Verdict, bounds and p of a group by given resamples; no verdict where bounds alone can be compared."""
    se = shared_error(one.floor) if group.scale == "end-point" else 0.0
    shift = floor_shift(group, se) if se else None
    exact, found = assess_with(group.values, group.x, group.sizes, signs, shift=shift, draws=chance.draws)
    rare = untold(group, found.se)
    found = sharpened(with_error(found, group.error), group.values, rng=np.random.default_rng(chance.seed))
    if one.pooled is not None:
        found = pooled_bounds(group, found, equal=one.pooled.equal)
    fewest = min(len(rows) for rows in group.values)
    if fewest < 3 or one.floor.source in ("profile", "fit"):
        return None, found, None
    p = None if rare is not None else exact.p
    bounds = Bounds(deviation=float(np.abs(found.d).max()), lower_bound=found.lower(), upper_bound=found.upper())
    extent = dataclasses.replace(plain.extent, n_seeds=fewest)
    again = dataclasses.replace(one, exact=exact if rare is None else one.exact, deviations=found)
    verdict, _ = decided(again, extent, bounds, margin, plain.gate, plain.discrimination)
    return verdict, found, p
