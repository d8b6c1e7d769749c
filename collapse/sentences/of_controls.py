"""Controls in words: curves dealt at random, wrong horizons, curves of other data sets."""

from __future__ import annotations

from collections.abc import Iterator

from ...results.quantity import LOSS, Quantity
from ..composing import OK, Missing
from ..controls.other_data_sets import Foreign
from ..controls.otherwise import Otherwise, TrainedOtherwise
from ..controls.unrelated import Shuffled
from ..controls.wrong_horizons import WrongHorizons
from .numbers import percent, percent_interval, sensible, signed_percent
from .reasons import say


def shuffled_line(found: Shuffled) -> str:
    """What chance makes of a group's own curves."""
    most = percent(found.deviation_high)
    return (
        f"curves dealt to the model sizes at random deviate by {percent(found.deviation)} in the median deal, and by "
        f"at most {most} in 95 of 100; at least as much as measured: p = {found.p_deviation:.3f}"
    )


def horizons_line(found: WrongHorizons | Missing, quantity: Quantity = LOSS) -> str:
    """The smallest error of the horizons that these very curves would have shown."""
    if isinstance(found, Missing):
        return f"wrong horizons: not tested, because {say(found.status, quantity)}"
    care = "" if found.status == OK else f"; {say(found.status, quantity)}"
    if found.revealed is None:
        return f"wrong horizons: none of the errors that were tried would have been detected{care}"
    size = percent(found.revealed)
    return f"wrong horizons: an error of {size} in the horizon exponent is detected in these curves{care}"


def foreign_line(found: Foreign | Missing, quantity: Quantity = LOSS) -> str:
    """How far curves of other data sets lie apart."""
    if isinstance(found, Missing):
        return f"control, {found.known['control']}: none, because {say(found.status, quantity)}"
    return f"control, {found.control}: curves differ by {percent(found.deviation)}"


def otherwise_lines(found: Otherwise, quantity: Quantity = LOSS) -> Iterator[str]:
    """Ladders that were trained otherwise on purpose, and from how much on one is told."""
    for one in found.ladders:
        yield f"trained otherwise, {one.recipe_label or one.recipe}: {_against(one, quantity)}"
    if found.least is not None:
        from_here = f"is {percent(found.least)} or more" if sensible(found.least) else "exceeds the curves themselves"
        yield (
            f"with {percent(found.power)} power a ladder as noisy is told from this one where the root mean square of "
            f"its deviations {from_here}"
        )


def _against(one: TrainedOtherwise, quantity: Quantity) -> str:
    if isinstance(one.rise, Missing):
        return f"not compared, because {say(one.rise.status, quantity)}"
    told = {True: "it deviates more", False: "it deviates less", None: "not told apart"}[one.rise.worse]
    change = f"{signed_percent(one.rise.rise)} {percent_interval(one.rise.low, one.rise.high, signed=True)}"
    before, after = percent(one.rise.rms_of_other), percent(one.rise.rms)
    return f"root mean square of the deviations {after} against {before} here, {change}: {told}"
