"""Why a number could not be had, or what a reader must know of one: a code from a closed set and the values behind it.

What computes returns reasons and never English, so that tests assert codes and values, JSON carries both, and
`sentences.reasons` says them in one place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class Reason:
    """A code of `sentences.reasons` and the values that its sentence shows.

    Attributes
    ----------
    code : one of the closed set; a test holds that every code used has a sentence.
    values : numbers, names and tuples of them, by the names that the sentence uses.
    """

    code: str
    values: Mapping[str, Any] = dataclasses.field(default_factory=lambda: MappingProxyType({}))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reason) and (self.code, dict(self.values)) == (other.code, dict(other.values))

    def __hash__(self) -> int:
        return hash((self.code, tuple(sorted(self.values))))


def because(code: str, **values: Any) -> Reason:
    """A reason: ``because("fewer-sizes", sizes=2)``."""
    return Reason(code, MappingProxyType(values))
