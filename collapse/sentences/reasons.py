"""Every reason in words. The closed set of codes is the keys of the tables that are joined here.

A table maps a code to a template in the format language of `str.format`, with more kinds of field: ``{upper:percent}``,
``{sizes:together}`` for names of model sizes, ``{names:list}``, ``{names:and}`` and ``{names:some}`` (the first three)
for other names, ``{where:stretches}`` for stretches of x and ``{more:n more seed}`` for a count. A value that is itself
a reason is said in its place, and so are several.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...results.quantity import LOSS, Quantity
from ..reasons import Reason
from .numbers import counted, percent, some, stretches, together
from .templates import (
    controls,
    families,
    finite_size,
    irreducible_loss,
    judging,
    ladders,
    laws,
    monitoring,
    onset,
    pilots,
    planning,
    representations,
    result_sets,
    robust,
    scaling_laws,
    single_runs,
)

TABLES = (
    *(ladders, irreducible_loss, judging, single_runs, monitoring),
    *(
        families,
        controls,
        planning,
        finite_size,
        scaling_laws,
        laws,
        onset,
        pilots,
        representations,
        result_sets,
        robust,
    ),
)
#: Tables of the rooms, joined: code -> template.
SENTENCES: Mapping[str, str] = {code: said for table in TABLES for code, said in table.TEMPLATES.items()}
_FORMATS: Mapping[str, Callable[[Any], str]] = {
    "percent": percent,
    "together": together,
    "stretches": stretches,
    "list": ", ".join,
    "and": " and ".join,
    "some": some,
}


class _Formatter(string.Formatter):
    def __init__(self, quantity: Quantity) -> None:
        self.quantity = quantity

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, Reason):
            return say(value, self.quantity)
        if isinstance(value, Sequence) and not isinstance(value, str):
            value = [say(one, self.quantity) if isinstance(one, Reason) else one for one in value]
        if isinstance(value, int) and format_spec.startswith("n "):
            return counted(value, format_spec.removeprefix("n "))
        return _FORMATS[format_spec](value) if format_spec in _FORMATS else super().format_field(value, format_spec)


def say(reason: Reason | str, quantity: Quantity = LOSS) -> str:
    """A reason as a clause without a full stop, said of its own quantity, or else of the one that is given.

    What those who read files have to say comes as text and stays as it is.

    Raises
    ------
    KeyError
        Where the code is not of the closed set, or a value that its sentence shows is missing.
    """
    if isinstance(reason, str):
        return reason
    quantity = reason.values.get("quantity", quantity)
    # The quantity's own words go into the template, not into the names that it shows.
    return _Formatter(quantity).vformat(quantity.say(SENTENCES[reason.code]), (), reason.values)
