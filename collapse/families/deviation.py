"""Do families share one curve on a data set? Each family's mean curve against the master curve of the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..controls.discrimination import Discrimination, discriminates
from ..outcome import AcrossFamilies, FamilyDeviation, Scale, Verdict
from ..reasons import Reason, because
from ..within.envelope import runs
from .mean_curve import Contrast, MeanCurve, Member, mean_curves
from .pairs import Pair, classes, compare_pairs, odd_ones, together


def compare_families(
    dataset: str,
    leg: str,
    members: Sequence[Member],
    *,
    margin: float,
    rng: np.random.Generator,
    resamples: int = 999,
) -> AcrossFamilies:
    """Families two by two, and each family's mean curve against the master curve of the other families.

    With ``g_a = mean_k zbar_ak`` the mean curve of family a over its own rungs (taken as fixed), and the master curve
    of the others ``mean_{b != a} g_b``, computed anew in each resample::

        D_a(x) = g_a - mean_{b != a} g_b
        high   = max_x [|D_a| + t_{.95; nu} se]           one-sided and pointwise, as within a family
        low    = max(0, max_x [|D_a| - c se~])            from the simultaneous band of the wild bootstrap

    ``where`` is the longest stretch of x on which that band excludes 0. A mean of others hides what they do not share:
    of two halves that differ it sees three fifths. So a family ``collapse``-s only if each of its pairs is bounded
    below the margin too, and families that differ from most of the others are left out of the others' master curve,
    where the rest are more than half. Where it is the pairs that differ, families form `classes`. A family with several
    recipes is compared, recipe by recipe, with the other families, each of which counts once.

    Parameters
    ----------
    dataset, leg : what the members have in common.
    members : at least two families, all on one scale and one grid.
    margin : largest difference that still counts as one curve.
    rng : chance.
    resamples : wild resamples.
    """
    curves = mean_curves(members, rng, resamples)
    names, kinds = [member.name for member in members], [member.family for member in members]
    pairs = compare_pairs(names, curves, margin=margin, alike=kinds)
    odd = odd_ones(names, pairs)
    informs = discriminates(members[0].group, margin)
    scale: Scale = members[0].group.scale
    rows = []
    for i, member in enumerate(members):
        found = against_others(kinds, i, curves, without=[other in odd for other in names])
        met = [pair for pair in pairs if member.name in pair.names and (member.name in odd or not pair.names & odd)]
        rows.append(_row(member, found, met, margin, informs))
    return AcrossFamilies(
        dataset=dataset,
        leg=leg,
        scale=scale,
        smallest_model=None,
        per_family=tuple(rows),
        pairs=pairs,
        classes=classes(names, pairs),
        shared=together(pairs, informs=informs.enough),
    )


def left_out(family: str, recipe: str, name: str) -> FamilyDeviation:
    """The row of a family that cannot stand beside the others; its own row says what is wrong with its curves."""
    return FamilyDeviation(
        family=family, recipe=recipe, name=name, verdict="cannot-tell", reason=because("not-on-the-others-grid")
    )


def shares_of(families: Sequence[str], left_out: int, without: Sequence[bool] | None = None) -> np.ndarray:
    """Weights of all members in the master curve of the others of ``left_out``: each other family counts once.

    ``without`` marks members that are no part of it.
    """
    kept = [f != families[left_out] and not (without and without[i]) for i, f in enumerate(families)]
    inside = [f for f, one in zip(families, kept, strict=True) if one]
    counted = len(set(inside))
    return np.array([1 / inside.count(f) / counted if one else 0.0 for f, one in zip(families, kept, strict=True)])


def against_others(
    families: Sequence[str], i: int, curves: Sequence[MeanCurve], *, without: Sequence[bool] | None = None
) -> Contrast:
    """Member i less the master curve of the other families, apart from those that are left out of it."""
    weights = -shares_of(families, i, without)
    weights[i] = 1.0
    return Contrast.of(weights, curves)


def _row(
    member: Member, found: Contrast, met: Sequence[Pair], margin: float, informs: Discrimination
) -> FamilyDeviation:
    verdict, reason = _verdict(member.name, found, met, margin, informs)
    return FamilyDeviation(
        family=member.family,
        recipe=member.recipe,
        name=member.name,
        deviation=float(np.abs(found.difference).max()),
        low=max(0.0, float(found.lower.max())),
        high=float(found.upper.max()),
        where=longest_stretch(found.lower > 0, member.group.x),
        verdict=verdict,
        reason=reason,
        x=member.group.x,
        difference=found.difference,
        standard_error=np.sqrt(found.variance),
    )


def _verdict(
    name: str, found: Contrast, met: Sequence[Pair], margin: float, informs: Discrimination
) -> tuple[Verdict, Reason | None]:
    """From the difference to the others, and from the pairs with each of them."""
    if found.lower.max() >= margin:
        return "no-collapse", None
    apart = _others(name, [pair for pair in met if pair.verdict == "no-collapse"])
    if apart:
        return "no-collapse", because("differs-from", families=apart, margin=margin)
    if found.upper.max() >= margin:
        return "cannot-tell", because("margin-inside-interval", margin=margin)
    open_ = _others(name, [pair for pair in met if pair.verdict == "cannot-tell"])
    if open_:
        return "cannot-tell", because("pair-undecided", families=open_, margin=margin)
    if not informs.enough:
        return "cannot-tell", because("no-information", share=informs.share, margin=margin)
    return "collapse", None


def _others(name: str, pairs: Sequence[Pair]) -> tuple[str, ...]:
    return tuple(pair.second if pair.first == name else pair.first for pair in pairs)


def longest_stretch(inside: np.ndarray, x: np.ndarray) -> tuple[float, float] | None:
    """First and last x of the longest run of True in a mask ``(m,)``, None where there is none."""
    found = runs(inside, x)
    return max(found, key=lambda run: np.sum((x >= run[0]) & (x <= run[1]))) if found else None
