"""The onset in words: from which model size on a ladder is universal, and how it approaches its limit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...results.quantity import LOSS, Quantity
from ..composing import Missing
from ..onset.corrections import Corrections
from ..onset.question import OnsetAnswer
from ..onset.single_runs import SingleOnset
from ..onset.sub_ladders import Onset
from .numbers import percent
from .reasons import say


def count(size: float) -> str:
    """A number of parameters to three digits: ``28,000``."""
    return f"{float(f'{size:.3g}'):,.0f}"


def between(found: Onset) -> str:
    """The interval of an onset: ``18,000 to 40,000``, ``at most 40,000``."""
    if found.low is None and found.high is None:
        return "interval open at both ends"
    if found.low is None:
        return f"at most {count(found.high or 0.0)}"
    if found.high is None:
        return f"at least {count(found.low)}, no upper end"
    return f"{count(found.low)} to {count(found.high)}"


def onset_sentence(found: Onset, quantity: Quantity = LOSS) -> str:
    """From which model size on the ladder is within the margin; what the whole ladder is where that differs."""
    margin = percent(found.margin)
    if found.size is None:
        return f"not universal within {margin} from any model size on: {say(found.status, quantity)}"
    if found.at_or_below_smallest:
        return (
            f"universal within {margin} from the smallest of its model sizes on, {count(found.size)} parameters: the "
            "onset lies there or below"
        )
    whole = found.sub_ladders[0]
    low = "?" if whole.lower_bound is None else percent(whole.lower_bound)
    bounds = "" if whole.upper_bound is None else f" [{low}, {percent(whole.upper_bound)}]"
    return (
        f"universal within {margin} from {count(found.size)} parameters ({between(found)}) on; as a whole it deviates "
        f"by {percent(whole.deviation)}{bounds}"
    )


def onset_lines(found: OnsetAnswer | Missing, quantity: Quantity = LOSS) -> Iterator[str]:
    """The onset, what keeps the next smaller size out, and the corrections."""
    if isinstance(found, Missing):
        yield f"onset: {say(found.status, quantity)}"
        return
    yield f"onset: {onset_sentence(found.onset, quantity)}"
    if found.onset.stopped is not None:
        yield f"  below it: {say(found.onset.stopped, quantity)}"
    for note in found.notes:
        yield f"  {say(note, quantity)}"
    yield from _correction_lines(found, quantity)


def _correction_lines(answer: OnsetAnswer, quantity: Quantity) -> Iterator[str]:
    found = answer.corrections
    if isinstance(found, Missing) or found.omega is None:
        yield f"corrections to scaling, c(x) p^-omega: {say(found.status, quantity)}"
        return
    yield f"corrections to scaling, {correction_sentence(found, quantity)}"
    assert found.crossing is not None and found.crossing_low is not None and found.crossing_high is not None
    span = f"{count(found.crossing_low)} to {count(found.crossing_high)}"
    fall = f"  they fall below {percent(answer.onset.margin)} from {count(found.crossing)} parameters ({span}) on"
    yield fall + ("" if answer.agree is None else ", which agrees with the onset" if answer.agree else _apart(answer))


def _apart(answer: OnsetAnswer) -> str:
    """What it means that the fitted correction and the sub-ladders disagree."""
    size, crossing = (
        answer.onset.size,
        answer.corrections.crossing if isinstance(answer.corrections, Corrections) else 0,
    )
    if size is not None and crossing is not None and crossing > size:
        return (
            ", which disagrees with the onset: from there on the sizes agree with each other, not yet with their limit"
        )
    return ", which disagrees with the onset: the sub-ladders deviate more than the fitted approach says"


def correction_sentence(found: Corrections | Missing, quantity: Quantity = LOSS) -> str:
    """The exponent of the approach, its size and the band of the limit."""
    if isinstance(found, Missing) or found.omega is None:
        return say(found.status, quantity)
    assert found.low is not None and found.high is not None
    assert found.correction is not None and found.limit_half_width is not None
    return (
        f"c(x) p^-omega: omega {found.omega:.2f} [{found.low:.2f}, {found.high:.2f}], "
        f"{percent(float(np.abs(found.correction).max()))} at {count(found.from_size)} parameters; the limit curve is "
        f"known to {percent(float(found.limit_half_width.max()))}"
    )


def single_onset_line(found: SingleOnset, quantity: Quantity = LOSS) -> str:
    """From which size on single runs lie within the margin."""
    kind = "onset under the noise level" if found.bounded else "onset, as a description"
    if found.size is None:
        return f"{kind}: none, {say(found.status, quantity)}"
    where = "the smallest of the runs" if found.at_or_below_smallest else f"{count(found.size)} parameters"
    whole = "" if found.at_or_below_smallest else f"; all runs differ by {percent(found.sub_ladders[0].deviation)}"
    return f"{kind}: runs lie within {percent(found.margin)} from {where} on{whole}"
