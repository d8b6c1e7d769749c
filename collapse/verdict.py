"""From bounds and p-values to a verdict, its reason, and how strong the evidence can be."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from ..results.curves import LearningCurve
from ..results.levels import ALPHA
from .outcome import Evidence, IrreducibleLoss, Verdict
from .sentences.numbers import percent
from .within.equivalence import Deviations

_POOL = 1 / 8  # a pool under eight times the longest horizon makes noise shrink with size by construction


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """What the verdict on a group rests on.

    Attributes
    ----------
    deviation, lower, upper : the largest deviation and its 95 % bounds.
    largest_se : standard error where the upper bound is reached.
    p_exact : None where it cannot be had, as with two seeds.
    n_seeds : seeds of the rung that has fewest.
    n_censored : runs that did not reach their horizon.
    resolution : the largest deviation that the ladder was shown to resolve: what a horizon exponent 20 % off would
        cause, or a trained negative did; None where neither is known.
    gated : whether the resolution is held against a claim of collapse.
    trained : whether ``resolution`` is that of a trained negative.
    undetected : the trained negative that was missed, in words; None where none was.
    certified, refuted : whether the bounds lie below, or reach, a margin that other data sets tighten at each x; None
        where the margin is flat.
    """

    deviation: float
    lower: float
    upper: float
    largest_se: float
    p_exact: float | None
    n_seeds: int
    n_censored: int
    resolution: float | None
    gated: bool
    trained: bool = False
    undetected: str | None = None
    certified: bool | None = None
    refuted: bool | None = None

    def below(self, margin: float) -> bool:
        """Whether the deviation is bounded below the margin, everywhere."""
        return self.upper < margin if self.certified is None else self.certified

    def beyond(self, margin: float) -> bool:
        """Whether the deviation reaches the margin somewhere, shown with three seeds or more."""
        reached = self.lower >= margin if self.refuted is None else self.refuted
        return self.n_seeds >= 3 and reached


def decide(found: Findings, margin: float) -> tuple[Verdict, str | None]:
    """The verdict table.

    ======================================  ==============================================================
    upper < margin, p >= .05                ``collapse``
    upper < margin, p < .05                 ``approximate``: a real deviation, smaller than the margin
    lower >= margin                         ``no-collapse``
    lower < margin <= upper, p < .05        ``cannot-tell``: a deviation is real, its size is undecided
    lower < margin <= upper, p >= .05       ``cannot-tell``: underpowered, with the seeds it would take
    ======================================  ==============================================================

    Where other data sets tighten the margin, "below" is asked at every x, and "at least" at any.

    With two seeds there is no p: ``collapse``, exactness untested, or ``cannot-tell``.

    A claim of collapse, exact or approximate, is worth the smallest error that the same ladder would show. Where the
    upper bound exceeds the resolution, or where a ladder that was trained wrongly on purpose was not itself detected,
    the claim becomes ``cannot-tell`` (unresolved); a ``no-collapse`` stands. Rows
    of a control whose answer is known are not gated (``gated`` False): they ask whether the machinery reads a
    collapse that is there by construction, not whether the ladder could have shown another horizon to be wrong; their
    resolution is printed all the same. Runs that are missing make a claim of collapse ``cannot-tell`` too: what is
    left is a selection.

    Returns
    -------
    The verdict, and the reason: None where the verdict needs none.
    """
    if found.beyond(margin):
        return "no-collapse", None
    if found.below(margin):
        return _claim(found)
    if found.upper < margin:
        return "cannot-tell", (
            f"bounded by {percent(found.upper)}, yet not at every x by a third of other data sets' spread"
        )
    return "cannot-tell", _undecided(found, margin)


def _claim(found: Findings) -> tuple[Verdict, str | None]:
    if found.n_censored:
        return "cannot-tell", f"{found.n_censored} runs did not reach their horizon: what is left is a selection"
    if found.gated and found.undetected is not None:
        return "cannot-tell", f"unresolved: {found.undetected}"
    if found.gated and found.resolution is not None and found.upper > found.resolution:
        error = "a horizon exponent 20 % off would move these rungs"
        if found.trained:
            error = "the errors that were trained into this ladder moved its rungs"
        return "cannot-tell", (
            f"unresolved: {error} by only {percent(found.resolution)}, "
            f"which the bound of {percent(found.upper)} does not exclude"
        )
    if found.p_exact is None:
        return "collapse", "exactness untested: a test needs three seeds a rung"
    return ("collapse" if found.p_exact >= ALPHA else "approximate"), None


def _undecided(found: Findings, margin: float) -> str:
    between = f"between {percent(found.lower)} and {percent(found.upper)}"
    if found.n_seeds < 3:
        between = f"below {percent(found.upper)}"
    if found.p_exact is not None and found.p_exact < ALPHA:
        return f"a deviation is real (p = {found.p_exact:.2g}), its size is undecided: {between}"
    needed = seeds_needed(found, margin)
    if needed is None:
        return f"the deviation seen is at the margin of {percent(margin)}, which more seeds cannot certify"
    more = needed - found.n_seeds
    seeds = "seed" if more == 1 else "seeds"
    return f"underpowered: the deviation lies {between}; {more} more {seeds} would certify {percent(margin)}"


def seeds_needed(found: Findings, margin: float) -> int | None:
    """Seeds a rung with which the bound would fall below the margin, None where no number of seeds is enough.

    About ``n (U95/eps)^2`` where the deviation is within two standard errors of 0, so that it would shrink as well;
    else ``n [(U95 - D)/(eps - D)]^2`` with the deviation D.
    """
    if found.deviation <= 2 * found.largest_se:
        return max(found.n_seeds + 1, math.ceil(found.n_seeds * (found.upper / margin) ** 2))
    if found.deviation >= margin:
        return None
    ratio = (found.upper - found.deviation) / (margin - found.deviation)
    return max(found.n_seeds + 1, math.ceil(found.n_seeds * ratio**2))


def findings(
    deviations: Deviations,
    *,
    p_exact: float | None,
    n_seeds: int,
    n_censored: int = 0,
    resolution: float | None = None,
    gated: bool = True,
    trained: bool = False,
    undetected: str | None = None,
    certified: bool | None = None,
    refuted: bool | None = None,
) -> Findings:
    """Read the findings off the bounds."""
    upper = deviations.pointwise_upper()
    at = np.unravel_index(np.argmax(upper), upper.shape)
    return Findings(
        deviation=float(np.abs(deviations.d).max()),
        lower=deviations.lower(),
        upper=float(upper[at]),
        largest_se=float(deviations.se[at]),
        p_exact=p_exact,
        n_seeds=n_seeds,
        n_censored=n_censored,
        resolution=resolution,
        gated=gated,
        trained=trained,
        undetected=undetected,
        certified=certified,
        refuted=refuted,
    )


def grade(
    curves: Sequence[LearningCurve], floor: IrreducibleLoss, *, margin: float, planned: float
) -> tuple[Evidence, tuple[str, ...]]:
    """How strong the evidence can be: ``confirmatory``, or ``exploratory`` with why.

    Parameters
    ----------
    curves : the group's curves.
    floor : the irreducible loss that was used.
    margin : the margin that was used.
    planned : the margin that was chosen before the data.
    """
    sources = {
        "none": "the irreducible loss is not known",
        "given": "the irreducible loss was given by hand, the data set does not know it",
        "fit": "the irreducible loss was fitted: a test that plugs it in rejects 17 to 27 % of true collapses, not 5 %",
        "profile": "the irreducible loss was profiled: every claim reads 'there is a floor such that'",
    }
    repeats = max((curve.repeats for curve in curves), default=1.0)
    pool = max((curve.pool_fraction for curve in curves), default=0.0)
    why = [curves[0].quantity.say(sources[floor.source])] if floor.source in sources else []
    if any(curve.horizon_source == "assumed" for curve in curves):
        why.append("the horizons were assumed, not taken from a pilot or a formula")
    if repeats > 1:
        why.append(f"each example was seen {repeats:.3g} times, not once")
    if pool > _POOL:
        why.append(f"the longest run uses {pool:.2g} of the pool, more than an eighth: noise shrinks with size")
    if any(curve.running_statistics for curve in curves):
        why.append("batch norm: the network is evaluated with running statistics, which lag behind its weights")
    if not math.isclose(margin, planned, rel_tol=1e-9):
        why.append(f"margin changed after the data, from {planned:g} to {margin:g}")
    return ("exploratory" if why else "confirmatory"), tuple(why)
