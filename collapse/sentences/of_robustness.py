"""The robust twin of a verdict and its most influential run, in words."""

from __future__ import annotations

from collections.abc import Iterator

from ...results.quantity import LOSS, Quantity
from ..composing import Missing
from ..robust.influence import Influence
from ..robust.robustness import Robustness
from ..robust.spikes import FarRun, Spike
from ..robust.twin import Twin
from .numbers import counted, percent, signed_percent, some, stretch
from .reasons import say


def robust_lines(found: Robustness | Missing, quantity: Quantity = LOSS) -> Iterator[str]:
    """The robust verdict beside the plain one, what was taken out, and the run that the answer rests on."""
    if isinstance(found, Missing):
        yield f"robust: {say(found.status, quantity)}"
        return
    yield f"robust: {robust_sentence(found, quantity)}"
    twin = found.twin
    if isinstance(twin, Twin) and twin.spikes:
        yield f"  bridged: {some([_spike(one) for one in twin.spikes])}"
    if isinstance(twin, Twin) and twin.far_runs:
        yield f"  left out: {some([_far(one) for one in twin.far_runs])}"
    yield f"influence: {influence_sentence(found.influence, quantity)}"


def robust_sentence(found: Robustness | Missing, quantity: Quantity = LOSS) -> str:
    """The robust verdict and the plain one."""
    if isinstance(found, Missing):
        return say(found.status, quantity)
    twin = found.twin
    chosen = isinstance(twin, Twin) and twin.irreducible_loss.source in ("profile", "fit")
    plain = _verdict(found.plain_verdict, found.plain_upper_bound, conditional=chosen)
    if isinstance(twin, Missing):
        return f"{say(twin.status, quantity)}; the plain verdict is {plain}"
    if not twin.anything:
        return f"no spike and no run far from the others of its size, so the verdict stays {plain}"
    taken = [counted(len(twin.spikes), "spike") + " bridged"] if twin.spikes else []
    taken += [counted(len(twin.far_runs), "far run") + " left out"] if twin.far_runs else []
    own = _verdict(twin.verdict, twin.bounds.upper_bound, conditional=chosen)
    why = f" ({say(twin.reason, quantity)})" if twin.reason is not None else ""
    return f"with {' and '.join(taken)}: {own}{why}; the plain verdict is {plain}"


def _verdict(verdict: str, upper: float | None, *, conditional: bool) -> str:
    said = f"{verdict}, conditional" if conditional and verdict != "cannot-tell" else verdict
    return said if upper is None else f"{said}, bound {percent(upper)}"


def _spike(one: Spike) -> str:
    return f"{one.rung}, seed {one.seed}, {stretch(*one.stretch)} by {signed_percent(one.peak)}"


def _far(one: FarRun) -> str:
    return f"{one.rung}, seed {one.seed}, {stretch(*one.stretch)} up to {percent(one.distance)} from the others"


def influence_sentence(found: Influence | Missing, quantity: Quantity = LOSS) -> str:
    """The run whose omission changes the verdict, or moves the bound most."""
    if isinstance(found, Missing):
        return say(found.status, quantity)
    who = f"{found.rung}, seed {found.seed}"
    bound = f"the bound {percent(found.upper_bound)} in place of {percent(found.plain_upper_bound)}"
    if not found.changes:
        changes = "no single run changes the verdict" if found.verdict is not None else "bounds alone are compared"
        return f"{changes}; most moved by {who}: without it {bound}"
    p = "" if found.p_exact is None else f" (p = {found.p_exact:.2g})"
    more = found.n_changing - 1
    others = "" if more == 0 else f"; {counted(more, 'other run')} of {found.n_runs} would change it as well"
    return f"without {who}, the verdict would be {found.verdict}{p}, {bound}{others}"
