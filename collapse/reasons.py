"""Why a number could not be had, or what a reader must know of one: a code from a closed set and the values behind it.

What computes returns reasons and never English, so that tests assert codes and values, JSON carries both, and
`sentences.reasons` says them in one place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    from ..results.quantity import Quantity


@dataclasses.dataclass(frozen=True, slots=True)
class Reason:
    """A code of `sentences.reasons` and the values that its sentence shows.

    Attributes
    ----------
    code : one of the closed set; a test holds that every code used has a sentence.
    values : numbers, names, other reasons and tuples of them, by the names that the sentence uses. ``quantity`` is what
        the curves are of: the sentence then speaks of that observable where its template speaks of the loss.
    """

    code: str
    values: Mapping[str, Any] = dataclasses.field(default_factory=lambda: MappingProxyType({}))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reason) and (self.code, dict(self.values)) == (other.code, dict(other.values))

    def __hash__(self) -> int:
        return hash((self.code, tuple(sorted(self.values))))

    @property
    def root(self) -> Reason:
        """The reason that this one is given because of, at the end of all ``why``; itself where there is none."""
        why = self.values.get("why")
        return why.root if isinstance(why, Reason) else self

    def of(self, quantity: Quantity) -> Reason:
        """The same, said of what the curves are of."""
        return because(self.code, **{**self.values, "quantity": quantity})


def because(code: str, **values: Any) -> Reason:
    """A reason: ``because("fewer-sizes", sizes=2)``."""
    return Reason(code, MappingProxyType(values))


class Refusal(InputError):
    """An `InputError` made from a reason, for those who call what they cannot have; it says itself when printed."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        from .sentences.reasons import say  # computing needs no sentences: only an error that somebody reads does

        return say(self.reason)
