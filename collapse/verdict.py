"""From bounds and p-values to a verdict, its reason, and how strong the evidence can be."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..results.curves import LearningCurve
from ..results.levels import ALPHA
from .outcome import Bounds, Evidence, Extent, IrreducibleLoss, Verdict
from .reasons import Reason, because

if TYPE_CHECKING:
    from .controls.discrimination import Discrimination
    from .controls.negatives import ResolutionLimit
    from .robust.pooling import PooledNoise

MOST_SEEDS = 50  # a model size; more than anyone trains is no advice
_POOL = 1 / 8  # a pool under eight times the longest horizon makes noise shrink with size by construction


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """What the verdict on a group rests on.

    Attributes
    ----------
    bounds : the largest deviation and its 95 % bounds.
    largest_se : standard error where the upper bound is reached.
    common : the bound that an error shared by all curves would leave alone, with any number of seeds.
    extent : seeds of the model size that has fewest, and runs that did not reach their horizon.
    p_exact : None where it cannot be had, as with two seeds.
    untested : why, where it is not for want of seeds.
    gate : what the ladder was shown to resolve; None where that is not held against a claim of collapse.
    discrimination : where along x unrelated curves would miss the margin; None leaves that out.
    """

    bounds: Bounds
    largest_se: float
    extent: Extent
    p_exact: float | None = None
    untested: Reason | None = None
    common: float = 0.0
    gate: ResolutionLimit | None = None
    discrimination: Discrimination | None = None

    @property
    def deviation(self) -> float:
        """The largest deviation."""
        assert self.bounds.deviation is not None
        return self.bounds.deviation

    @property
    def upper(self) -> float:
        """Its upper bound."""
        assert self.bounds.upper_bound is not None
        return self.bounds.upper_bound

    def below(self, margin: float) -> bool:
        """Whether the deviation is bounded below the margin."""
        return self.upper < margin

    def beyond(self, margin: float) -> bool:
        """Whether the deviation reaches the margin somewhere, shown with three seeds or more."""
        lower = self.bounds.lower_bound
        if lower is None or self.extent.n_seeds < 3:
            return False
        return lower >= margin


def decide(found: Findings, margin: float) -> tuple[Verdict, Reason | None]:
    """The verdict table.

    ======================================  ==============================================================
    upper < margin, p >= .05                ``collapse``
    upper < margin, p < .05                 ``approximate``: a real deviation, smaller than the margin
    lower >= margin                         ``no-collapse``
    lower < margin <= upper, p < .05        ``cannot-tell``: a deviation is real, its size is undecided
    lower < margin <= upper, p >= .05       ``cannot-tell``: underpowered, with the seeds it would take
    ======================================  ==============================================================

    Where unrelated curves under the same schedule agree within the margin over more than half of the grid, a claim of
    collapse is ``cannot-tell`` (no information).

    Without a p, as with two seeds or where the irreducible loss was fitted to the end losses: ``collapse``, exactness
    untested, or ``cannot-tell``.

    A claim of collapse, exact or approximate, is worth the smallest error that the same ladder would show. Where the
    upper bound exceeds the resolution, where that is not known, or where a ladder that was trained wrongly on purpose
    was not itself detected, the claim becomes ``cannot-tell`` (unresolved); a ``no-collapse`` stands. Rows of a control
    whose answer is known are not gated: they ask whether the machinery reads a collapse that is there by construction,
    not whether the ladder could have shown another horizon to be wrong; their resolution is printed all the same. Runs
    that are missing make a claim of collapse ``cannot-tell`` too: what is left is a selection.

    Returns
    -------
    The verdict, and the reason: None where the verdict needs none.
    """
    if found.beyond(margin):
        return "no-collapse", None
    if found.below(margin):
        return _claim(found, margin)
    return "cannot-tell", _undecided(found, margin)


def _claim(found: Findings, margin: float) -> tuple[Verdict, Reason | None]:
    if found.extent.n_censored:
        return "cannot-tell", because("selection", runs=found.extent.n_censored)
    if found.discrimination is not None and not found.discrimination.enough:
        return "cannot-tell", because("no-information", share=found.discrimination.share, margin=margin)
    unresolved = _unresolved(found.gate, found.upper) if found.gate is not None else None
    if unresolved is not None:
        return "cannot-tell", unresolved
    if found.p_exact is None:
        why = found.untested
        return "collapse", because("exactness-untested") if why is None else because("exactness-untested-for", why=why)
    return ("collapse" if found.p_exact >= ALPHA else "approximate"), None


def _unresolved(gate: ResolutionLimit, upper: float) -> Reason | None:
    """Why a claim of collapse within ``upper`` is worth nothing on this ladder; None where it is worth something."""
    if gate.undetected is not None:
        return because("unresolved", why=gate.undetected)
    if gate.limit is None:
        return because("unresolved", why=because("resolution-unknown", why=gate.unknown))
    if upper <= gate.limit:
        return None
    if gate.guessed and not gate.trained:
        return because("unresolved-without-schedule", limit=gate.limit, upper=upper)
    if gate.limit == 0:
        return because("unresolved-power-law")
    if gate.trained:
        return because("unresolved-by-trained", limit=gate.limit, upper=upper)
    return because("unresolved-by-horizon", limit=gate.limit, upper=upper)


def _undecided(found: Findings, margin: float) -> Reason:
    lower = found.bounds.lower_bound
    where = {"low": lower, "high": found.upper}
    if found.p_exact is not None and found.p_exact < ALPHA:
        return because("size-undecided", p=found.p_exact, **where)
    if found.common >= margin:
        return because("shared-error-reaches-margin", high=found.upper, common=found.common)
    needed = seeds_needed(found, margin)
    if needed is None:
        return because("at-the-margin", margin=margin)
    if needed > MOST_SEEDS:
        return because("beyond-seeds", **({} if lower is None else {"low": lower}), high=found.upper, margin=margin)
    more = needed - found.extent.n_seeds
    if lower is None:
        return because("underpowered-below", high=found.upper, more=more, margin=margin)
    return because("underpowered", **where, more=more, margin=margin)


def seeds_needed(found: Findings, margin: float) -> int | None:
    """Seeds a model size with which the bound would fall below the margin, None where no number of seeds is enough.

    About ``n (U95^2 - c^2)/(eps^2 - c^2)`` where the deviation is within two standard errors of 0, so that it would
    shrink as well, c being the bound that an error shared by all curves leaves; else ``n [(U95 - D)/(eps - D)]^2`` with
    the deviation D.
    """
    n, common = found.extent.n_seeds, found.common
    if common >= margin:
        return None
    if found.deviation <= 2 * found.largest_se:
        return max(n + 1, math.ceil(n * (found.upper**2 - common**2) / (margin**2 - common**2)))
    if found.deviation >= margin:
        return None
    ratio = (found.upper - found.deviation) / (margin - found.deviation)
    return max(n + 1, math.ceil(n * ratio**2))


_OF_SOURCE = {
    "none": because("exploratory-floor-unknown"),
    "given": because("exploratory-floor-given"),
    "fit": because("exploratory-floor-fitted"),
    "profile": because("exploratory-floor-profiled"),
}


def grade(
    curves: Sequence[LearningCurve],
    floor: IrreducibleLoss,
    *,
    margin: float,
    planned: float,
    pooled: PooledNoise | None = None,
) -> tuple[Evidence, tuple[Reason, ...]]:
    """How strong the evidence can be: ``confirmatory``, or ``exploratory`` with why.

    Parameters
    ----------
    curves : the group's curves.
    floor : the irreducible loss that was used.
    margin : the margin that was used.
    planned : the margin that was chosen before the data.
    pooled : the noise that the upper bound rests on, where sizes share it.
    """
    repeats = max((curve.repeats for curve in curves), default=1.0)
    pool = max((curve.pool_fraction for curve in curves), default=0.0)
    why = [_OF_SOURCE[floor.source].of(curves[0].quantity)] if floor.source in _OF_SOURCE else []
    if any(curve.horizon_source == "assumed" for curve in curves):
        why.append(because("exploratory-horizons-assumed"))
    if any(curve.horizon_source == "pilot" and curve.tuned != "yes" for curve in curves):
        moves = any(curve.tuned == "mis-scaled" for curve in curves)
        why.append(because("exploratory-rate-mis-scaled") if moves else because("exploratory-rate-unknown"))
    if repeats > 1:
        why.append(because("exploratory-examples-repeated", times=repeats))
    if pool > _POOL:
        why.append(because("exploratory-pool-small", share=pool))
    if any(curve.running_statistics for curve in curves):
        why.append(because("exploratory-batch-norm"))
    if not math.isclose(margin, planned, rel_tol=1e-9):
        why.append(because("exploratory-margin-changed", planned=planned, margin=margin))
    if pooled is not None:
        why.append(
            because(
                "exploratory-noise-pooled" if pooled.equal else "exploratory-noise-pooled-unequal",
                df=pooled.df,
                p=pooled.p_equal,
            )
        )
    return ("exploratory" if why else "confirmatory"), tuple(why)
