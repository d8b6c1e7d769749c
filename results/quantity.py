"""What a curve is of: an observable as it was measured, or its complement; and how it is called in sentences."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Literal, cast, get_args

from ..errors import InputError, unknown

if TYPE_CHECKING:
    import numpy as np

Scale = Literal["as-given", "as-loss", "complement", "ratio", "difference"]
TEST_LOSS, TEST_ACCURACY = "test_loss", "test_accuracy"
_SHORT = {"loss": TEST_LOSS, "accuracy": TEST_ACCURACY}
_ERROR = "error"
_OF_LOSS = re.compile(r"an irreducible loss|irreducible loss|reducible loss|excess loss|test loss|losses|loss")


@dataclasses.dataclass(frozen=True, slots=True)
class Quantity:
    """An observable and the scale on which it is read.

    Attributes
    ----------
    observable : its name in the tables, such as ``test_loss`` or ``test_accuracy``.
    scale : ``as-given``, what is above a floor is compared; ``as-loss``, the same above the irreducible loss of the
        data, for a test loss of other weights than those that train; ``complement``: ``1 - value``, of shares alone,
        as the error is the accuracy's; ``ratio``: a positive value over its final one, whether it falls or rises;
        ``difference``: a value of either sign less its final one, as the ratio of ``exp(value)``.
    """

    observable: str = TEST_LOSS
    scale: Scale = "as-given"

    @property
    def noun(self) -> str:
        """What it is called within a sentence: ``loss``, ``accuracy``, ``error``, or the name in the tables."""
        short = self._short
        if self.scale in ("as-given", "as-loss", "ratio"):
            return short
        if self.scale == "difference":
            return f"exp({short})"
        return _ERROR if self.observable == TEST_ACCURACY else f"1 - {short}"

    @property
    def _short(self) -> str:
        return {name: noun for noun, name in _SHORT.items()}.get(self.observable, self.observable)

    @property
    def has_floor_of_loss(self) -> bool:
        """Whether the irreducible loss of the data is its floor."""
        return self == LOSS or self.scale == "as-loss"

    @property
    def known_floor(self) -> float | None:
        """The floor that belongs to the scale: 0 where nothing is subtracted; None where a floor has to be known."""
        return 0.0 if self.scale in ("ratio", "difference") else None

    @property
    def compared(self) -> tuple[str, ...]:
        """On which scale it is compared, in a sentence, where that is not what is above a floor."""
        if self.scale == "ratio":
            return (f"{self._short} has no floor: curves are compared as ratios to their final values",)
        if self.scale == "difference":
            return (
                f"{self._short} may have either sign: curves are compared by their differences from their final "
                f"values, as ratios of {self.noun}, and a deviation of 1 % is about 0.01 of its unit",
            )
        return ()

    @property
    def title(self) -> str:
        """What it is called on its own: ``test loss``, ``test error``, or as in a sentence."""
        return f"test {self.noun}" if self.observable in _SHORT.values() and self.noun.isalpha() else self.noun

    @property
    def heading(self) -> str:
        """The title with a capital letter."""
        return self.title[0].upper() + self.title[1:]

    @property
    def floor(self) -> str:
        """What the least value that can be reached is called, without an article."""
        if self.has_floor_of_loss:
            return "irreducible loss"
        return f"smallest reachable {self.noun}" if self.noun.isalpha() else f"smallest reachable value of {self.noun}"

    @property
    def symbol(self) -> str:
        """The sign of the floor beside its value."""
        return "L0" if self.has_floor_of_loss else "floor"

    def say(self, sentence: str) -> str:
        """A sentence about the loss, said of this quantity. For fixed words alone: it would change names of users."""
        if self == LOSS:
            return sentence
        plain = self.noun.isalpha()
        said = {
            "an irreducible loss": f"a {self.floor}",
            "irreducible loss": self.floor,
            "reducible loss": f"excess {self.noun}" if plain else f"excess of {self.noun}",
            "excess loss": f"excess {self.noun}" if plain else f"excess of {self.noun}",
            "test loss": self.title,
            "losses": f"values of {self.noun}",
            "loss": self.noun,
        }
        return _OF_LOSS.sub(lambda found: said[found[0]], sentence)

    def of(self, values: np.ndarray, who: str) -> np.ndarray:
        """Measured values on this scale.

        Raises
        ------
        InputError : a complement of what does not lie between 0 and 1; ``who`` says whose values these are.
        """
        if self.scale in ("as-given", "as-loss", "ratio"):
            return values
        if self.scale == "difference":
            import numpy as np

            with np.errstate(over="ignore"):
                return np.exp(values)
        outside = values[~((values >= 0) & (values <= 1))]
        if len(outside):
            raise InputError(
                f"{who}: {self.observable} is {outside[0]:g}, and 1 - {self.observable} is taken of shares alone, "
                "between 0 and 1. Ask for it with --scale as-given"
            )
        return 1.0 - values


LOSS = Quantity()


def stored_name(name: str) -> str:
    """The name in our tables of an observable that has a short one: ``test_loss`` for ``loss``."""
    return _SHORT.get(name, name)


def quantity_of(
    asked: str,
    scale: str | None,
    there: Collection[str],
    more: Collection[str] = (),
    scales: Mapping[str, str] | None = None,
) -> Quantity:
    """The quantity that a user asks for.

    Parameters
    ----------
    asked : a name in the tables, or ``loss``, ``accuracy``, ``error`` (1 - accuracy, where nothing is stored as that).
        A sweep spells its observables with hyphens, and so may be asked.
    scale : None is the scale that the tables have for it, else ``as-given``, but for ``error``.
    there : names in the tables.
    more : columns that may be asked for as well, for the message.
    scales : by name, where the tables say them.

    Raises
    ------
    InputError : nothing of that name, or a scale that there is not.
    """
    if scale not in (None, *get_args(Scale)):
        raise unknown("scale", scale, get_args(Scale))
    if asked == _ERROR and _ERROR not in there and TEST_ACCURACY in there:
        if scale is not None and scale != "as-given":
            raise InputError("the error is 1 - accuracy already; its complement is `--of accuracy`")
        return Quantity(TEST_ACCURACY, "complement")
    if asked not in there and asked.replace("-", "_") in there:
        asked = asked.replace("-", "_")
    if stored_name(asked) not in there:
        short = {noun for noun, name in _SHORT.items() if name in there}
        derived = {_ERROR} if TEST_ACCURACY in there else set()
        raise unknown("observable", asked, {*there, *short, *derived, *more})
    if stored_name(asked) == TEST_LOSS and scale == "complement":
        raise InputError("1 - loss means nothing: a complement is taken of shares, such as `--of accuracy`")
    if stored_name(asked) == TEST_LOSS and scale == "as-loss":
        return LOSS
    known = (scales or {}).get(stored_name(asked))
    return Quantity(stored_name(asked), cast(Scale, scale or (known if known in get_args(Scale) else "as-given")))
