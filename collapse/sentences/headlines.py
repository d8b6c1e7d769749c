"""What stands in JSON beside the fields of a result: its headline in words, and what its fields imply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...results.quantity import Quantity
from ..outcome import GroupResult
from .verdicts import sentence

#: Class of a result -> key -> what is written there.
HEADLINES: Mapping[type, Mapping[str, Callable[[Any, Quantity], Any]]] = {
    GroupResult: {"sentence": lambda result, _: sentence(result)},
}
