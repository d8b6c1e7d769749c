"""Every reason in words. The closed set of codes is the keys of the tables that are joined here.

A table maps a code to a template in the format language of `str.format`, with more kinds of field: ``{upper:percent}``,
``{sizes:together}`` for names of model sizes, ``{names:list}`` for other names and ``{where:stretches}`` for stretches
of x. A value that is itself a reason is said in its place.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from ...results.quantity import LOSS, Quantity
from ..reasons import Reason
from .numbers import percent, stretches, together
from .templates import controls, families, finite_size, laws, planning, scaling_laws

_FORMATS = {"percent": percent, "together": together, "stretches": stretches, "list": ", ".join}
#: Tables of the rooms, joined: code -> template.
SENTENCES: Mapping[str, str] = {
    "ok": "ok",
    **families.TEMPLATES,
    **controls.TEMPLATES,
    **planning.TEMPLATES,
    **finite_size.TEMPLATES,
    **scaling_laws.TEMPLATES,
    **laws.TEMPLATES,
}


class _Formatter(string.Formatter):
    def __init__(self, quantity: Quantity) -> None:
        self.quantity = quantity

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, Reason):
            return say(value, self.quantity)
        return _FORMATS[format_spec](value) if format_spec in _FORMATS else super().format_field(value, format_spec)


def say(reason: Reason, quantity: Quantity = LOSS) -> str:
    """A reason as a clause without a full stop, said of a quantity.

    Raises
    ------
    KeyError
        Where the code is not of the closed set, or a value that its sentence shows is missing.
    """
    # The quantity's own words go into the template, not into the names that it shows.
    return _Formatter(quantity).vformat(quantity.say(SENTENCES[reason.code]), (), reason.values)
