"""How results are put together: an answer that could not be had, and how JSON shows a small result in a larger one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .reasons import Reason, because

#: The status of a number that is what it says it is.
OK = because("ok")
#: Metadata of a field that JSON leaves out, such as an array that only figures need.
HIDDEN: Mapping[str, Any] = MappingProxyType({"json": "hidden"})


def flat(*names: str, **renamed: str) -> Mapping[str, Any]:
    """Metadata of a field some of whose values JSON shows beside those of the result that holds it: their names, or
    ``name=key``; null where the field is None."""
    return MappingProxyType({"json": MappingProxyType({name: name for name in names} | renamed)})


def named(key: str) -> Mapping[str, Any]:
    """Metadata of a field that JSON calls otherwise."""
    return MappingProxyType({"json": MappingProxyType({"": key})})


def inline(of: type) -> Mapping[str, Any]:
    """Metadata of a field whose own fields JSON shows beside those of the result that holds it; ``of`` is its class,
    whose fields are null where it is None."""
    return MappingProxyType({"json": "inline", "of": of})


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True, slots=True)
class Missing:
    """An answer that could not be had, in the place of the result that it would have been.

    Attributes
    ----------
    of : class of that result; JSON shows its fields as null.
    status : why there is none.
    known : fields of the result that are known all the same.
    """

    of: type
    status: Reason
    known: Mapping[str, Any] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
