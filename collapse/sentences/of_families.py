"""Families and data sets compared, in words."""

from __future__ import annotations

from collections.abc import Sequence

from ...results.quantity import LOSS, Quantity
from ..composing import Missing
from ..families.along import Along
from ..families.card import DeviationCard, Standing
from ..families.claims import Claims
from ..families.datasets import DatasetPairs
from ..families.models import SmallestModel
from ..families.permutation import DatasetTest
from ..families.random_effects import RandomEffects
from ..families.variance import VarianceShare, VarianceShares
from ..outcome import AcrossFamilies, FamilyDeviation, Scale
from .numbers import estimate, interval, percent, percent_interval, sensible, some, stretch_of, stretches
from .reasons import say

_SIDES = {"above": "above", "below": "below", "crosses": "partly above and partly below"}


def card_sentence(card: DeviationCard, quantity: Quantity = LOSS) -> str:
    """A family's deviation from the others, its likely cause and its change with size."""
    row, standing = card.row, card.standing
    if standing is None:
        return f"{row.name} cannot be compared with the other families: {_why(row, quantity)}"
    high, low = row.high or 0.0, row.low or 0.0
    if row.verdict == "collapse":
        return (
            f"{row.name} shares the curve of the other families within {percent(high)}, less than the margin of "
            f"{percent(card.margin)}"
        )
    least = f"the difference is at least {percent(low)}, and " if low > 0 else ""
    said = (
        f"{row.name} lies up to {percent(abs(standing.amplitude))}{_unit(standing.scale)} {_SIDES[standing.sign]} "
        f"the curve of the other families{_place(row)}; {least}the margin is {percent(card.margin)}"
    )
    if row.reason is not None and row.reason.code in ("differs-from", "pair-undecided", "no-information"):
        said += f"; {say(row.reason, quantity)}"
    elif row.verdict == "cannot-tell":
        said += f"; it may be as large as {percent(high)}, and more seeds would tell"
    cause = f"; {say(standing.explained, quantity)}" if standing.explained else ""
    return said + cause + _growth(card, standing)


def _why(row: FamilyDeviation, quantity: Quantity) -> str:
    return say(row.reason, quantity) if row.reason else "no reason is known"


def _unit(scale: Scale) -> str:
    return " of the mean improvement" if scale == "shape" else ""


def _place(row: FamilyDeviation) -> str:
    if row.where is None or row.x is None:
        return ", though at no x by more than the simultaneous 95 % band allows"
    return " " + stretch_of((row.x >= row.where[0]) & (row.x <= row.where[1]), row.x)


def _growth(card: DeviationCard, standing: Standing) -> str:
    trend = standing.trend
    if trend is None or trend.direction == "no trend" or card.row.where is None:
        return ""
    return f"; it {trend.direction} by {percent(abs(trend.per_doubling))} with each doubling of the model size"


def along_sentence(found: Along, quantity: Quantity = LOSS) -> str:
    """Which family's curve another one follows, within what, and where not."""
    unit, side = _unit(found.scale), "above" if found.amplitude > 0 else "below"
    far = f"up to {percent(abs(found.amplitude))}{unit} {side} it at x = {found.at:.2g}"
    if found.within is None:
        where = "everywhere" if found.apart.all() else f"over most of the range, {_where(found)}"
        said = f"{found.family} follows no other curve: it leaves the nearest one, of {found.nearest}, {where}, {far}"
    else:
        said = f"{found.family} follows the curve of {found.nearest} within {percent(found.within)}{unit}"
        # A detected difference may be smaller than what is possible elsewhere: that is no exception.
        but = "except" if abs(found.amplitude) > found.within else "and is told apart from it"
        said += f", {but} {_where(found)}, where it lies {far}" if found.stretches else ""
    unseen = f"differences below {percent(found.resolution)} could not be detected"
    if not sensible(found.resolution):
        unseen = "no difference that is smaller than the curves themselves could be detected"
    return f"{said}; with these seeds and model sizes, {unseen}"


def _where(found: Along) -> str:
    return stretch_of(found.apart, found.x) if len(found.stretches) == 1 else stretches(found.stretches)


def model_reason(found: SmallestModel, quantity: Quantity = LOSS) -> str:
    """Why a nested model is the smallest that holds, and which smaller ones more seeds might still show to hold."""
    near = [f"{one.model} predicts as well but may leave {percent(one.upper_bound)}" for one in found.uncertified]
    return "; ".join([say(found.reason, quantity), *near])


def shares_sentence(found: VarianceShares | Missing, quantity: Quantity = LOSS) -> str:
    """What decides the shape of a curve."""
    if isinstance(found, Missing):
        return f"the variance cannot be shared out between data sets and architectures: {say(found.status, quantity)}"
    dataset, family = (_share(row) for row in found.shares[:2])
    return f"the data set explains {dataset} of the variance of the curves' shape, the architecture {family}"


def _share(row: VarianceShare) -> str:
    around = row.family_interval
    return percent(row.share) + (f" {percent_interval(*around)}" if around else "")


def model_line(found: SmallestModel, quantity: Quantity = LOSS) -> str:
    """The smallest nested model that holds."""
    return f"smallest nested model that holds: {found.model or 'none'} ({model_reason(found, quantity)})"


def claims_line(found: Claims) -> str:
    """What may be claimed of all families together."""
    share = "all families share one curve" if found.all_share else "it is not shown that all families share one curve"
    deviating = [one.family for one in found.families if one.deviates]
    return f"{share}; families shown to deviate (p-values adjusted by Holm): {', '.join(deviating) or 'none'}"


def together_line(found: AcrossFamilies) -> str:
    """Whether the families on a data set share one curve, else the classes that they form, or the pairs that differ."""
    compared = [one for one in found.per_family if one.deviation is not None]
    listed = [one for one in found.pairs if one.listed]
    widest = max((one.high for one in found.pairs), default=None)
    if found.shared == "collapse" and widest is not None:
        left = len(found.per_family) - len(compared)
        rest = f"; {left} more could not be compared" if left else ""
        return f"all {len(compared)} share one curve: every two lie within {percent(widest)} of each other{rest}"
    if len(found.classes) > 1:
        near = min(one.difference for one in listed)
        return f"{len(found.classes)} classes, {percent(near)} or more apart: {classes_list(found.classes)}"
    if listed:
        few = [f"{one.first} and {one.second} by {percent(one.difference)}" for one in listed]
        return f"these differ by more than the margin: {some(few)}"
    most = f"; no two are shown to differ by more than the margin, and some may by {percent(widest)}" if widest else ""
    return f"it is not shown that all share one curve{most}"


def classes_list(found: Sequence[Sequence[str]]) -> str:
    """Classes of names: ``a, b, c | d, e``."""
    return " | ".join(", ".join(one) for one in found)


def across_datasets_line(found: DatasetPairs | Missing, quantity: Quantity = LOSS) -> str | None:
    """What data sets have in common, or how far they lie apart; None where no two can be compared."""
    if isinstance(found, Missing):
        return None
    rate = f"{len(found.datasets)} data sets ({found.leg} rate)"
    if found.shared == "collapse":
        return f"{rate} share one curve: every two lie within {percent(found.upper_bound)} of each other"
    apart = f"curves of two of {rate} differ by up to {percent(found.deviation)}"
    return apart + (f"; classes: {classes_list(found.classes)}" if 1 < len(found.classes) < len(found.datasets) else "")


def exponent_line(name: str, found: RandomEffects) -> str:
    """An exponent's mean over families and its spread between them."""
    equal = "equal within the margin" if found.equal else "not shown to be equal"
    return (
        f"{name}: mean {estimate(found.mean, found.low, found.high, '.3f')}, spread between families {found.tau:.3f} "
        f"{interval(0.0, found.tau_upper, '.3f')}: {equal}"
    )


def datasets_line(found: DatasetTest | Missing, quantity: Quantity = LOSS) -> str:
    """Whether curves of one data set lie together."""
    if isinstance(found, Missing):
        return f"whether curves of one data set lie together is not tested: {say(found.status, quantity)}"
    return f"curves of one data set lie together, whatever the family: p = {found.p:.3f} by permutation of data sets"
