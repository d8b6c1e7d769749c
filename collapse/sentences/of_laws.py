"""Laws in words: the implied irreducible loss, exponents, forms, rescalings and forecasts."""

from __future__ import annotations

from collections.abc import Iterator

from ...results.quantity import LOSS, Quantity
from ..composing import OK, Missing
from ..irreducible.balance import Balance
from ..irreducible.joint import Joint
from ..laws.comparison import FormComparison
from ..laws.forecast import LEAST_COVERAGE, Forecast
from ..laws.frontier import Deltas
from ..laws.ranking import Ranked, Ranking
from .numbers import estimate, percent
from .reasons import say

#: The universality that holds where a rescaling predicts best.
_SAYS = {
    "end point with L0": "one curve in E(x)/E(1) after the irreducible loss is subtracted",
    "end point without L0": "one curve in L(x)/L(1), with nothing subtracted",
    "two anchors": "one time law up to any affine map of the loss",
    "power-law axes": "finite-size scaling: amplitude and time are powers of the model size",
    "learning-rate integral": "one curve in E/E(1) against the integral of the learning rate",
    "compute": "the loss is a function of compute alone",
    "nothing shared": "no universality: the power law of each model size by itself does as well",
}


def ranked_says(one: Ranked, quantity: Quantity = LOSS) -> str:
    """What holds where this rescaling is the best."""
    return quantity.say(_SAYS.get(one.name, one.name))


def ranking_sentence(found: Ranking | Missing, quantity: Quantity = LOSS) -> str:
    """Which universality holds."""
    if isinstance(found, Missing):
        return say(found.status, quantity)
    apart = f"; these predict as well: {', '.join(found.equal)}" if found.equal else ""
    return quantity.say(_SAYS.get(found.best, found.best)) + apart


def ranking_lines(found: Ranking | Missing, quantity: Quantity = LOSS) -> Iterator[str]:
    """Which universality holds, and the errors by which rescalings are ranked."""
    yield f"best rescaling: {ranking_sentence(found, quantity)}"
    if isinstance(found, Missing):
        return
    ranked = [f"{one.name} {percent(one.error)}" for one in found.rescalings if one.error is not None]
    yield f"error on a model size that was left out, with a penalty for free parameters: {', '.join(ranked)}"


def balance_lines(found: Balance, quantity: Quantity = LOSS) -> Iterator[str]:
    """The irreducible loss that the collapse implies, beside the two that it is compared with."""
    name = quantity.say("irreducible loss")
    if found.floor is None:
        yield f"{name} implied by the collapse: none, because {say(found.status, quantity)}"
        return
    value = estimate(found.floor, found.low, found.high)
    yield f"{name} implied by the collapse: {value}; {say(found.conclusion or found.status, quantity)}"
    for where, one in (("from the last losses", found.against_end_point), ("that is known", found.against_known)):
        if one.reference is None or one.z is None or one.critical is None:
            yield f"  {name} {where}: {say(one.status, quantity)}"
            continue
        fit = ""
        if one is found.against_end_point and found.p_lack_of_fit is not None:
            fit = f"; lack of fit of a power law to the last losses: p = {found.p_lack_of_fit:.2g}"
        yield f"  {name} {where}: {one.reference:.4g}, z = {one.z:.2f} against {one.critical:.2f}{fit}"


def joint_line(found: Joint, quantity: Quantity = LOSS) -> str:
    """Whether one floor serves whole curves and their ends."""
    said = say(found.status, quantity) if found.p is None else f"{found.floor:.4g}, p = {found.p:.3f}"
    return f"one {quantity.say('irreducible loss')} for whole curves and for a power law of the last losses: {said}"


def deltas_line(found: Deltas, quantity: Quantity = LOSS) -> str:
    """The estimates of the frontier exponent."""
    rows = [(one.name, one.estimate) for one in (found.frontier, found.composed, found.end_slope)]
    shown = ", ".join(f"{name} {estimate(one.value, one.low, one.high, '.3f')}" for name, one in rows if one)
    if not shown:
        return f"exponent delta of the frontier: none, because {say(found.frontier.status, quantity)}"
    agree = {True: "; they agree", False: "; they do not agree", None: ""}[found.agree]
    return f"exponent delta of the frontier: {shown}{agree}"


def forms_line(found: FormComparison | Missing, quantity: Quantity = LOSS) -> str:
    """The form of the curve."""
    if isinstance(found, Missing):
        return f"form of the curve: none, because {say(found.status, quantity)}"
    care = "" if found.status == OK else f"; {say(found.status, quantity)}"
    return f"form of the curve: {found.best}, which wins in {percent(found.stability)} of resamples{care}"


def forecast_line(found: Forecast | Missing, quantity: Quantity = LOSS) -> str:
    """How well small models predict the largest one."""
    if isinstance(found, Missing):
        return f"forecast: none, because {say(found.status, quantity)}"
    one = found.master
    skill = ", ".join(f"{name} {value.value:.2f}" for name, value in one.skill.items())
    return (
        f"forecast of {found.rung}: CRPS {percent(one.crps)}, skill against {skill}; the 90 % bands cover "
        f"{percent(one.coverage_90)} of these points, and on simulated ladders {percent(LEAST_COVERAGE)} or more"
    )
