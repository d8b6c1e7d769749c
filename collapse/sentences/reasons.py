"""Every reason in words. The closed set of codes is the keys of the tables that are joined here.

A table maps a code to a template in the format language of `str.format`, with three more kinds of field:
``{upper:percent}``, ``{sizes:together}`` for names of model sizes and ``{where:stretches}`` for stretches of x.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from ..reasons import Reason
from .numbers import percent, stretches, together

_FORMATS = {"percent": percent, "together": together, "stretches": stretches}
#: Tables of the rooms, joined: code -> template.
SENTENCES: Mapping[str, str] = {}


class _Formatter(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        return _FORMATS[format_spec](value) if format_spec in _FORMATS else super().format_field(value, format_spec)


def say(reason: Reason) -> str:
    """A reason as a clause without a full stop.

    Raises
    ------
    KeyError
        Where the code is not of the closed set, or a value that its sentence shows is missing.
    """
    return _Formatter().vformat(SENTENCES[reason.code], (), reason.values)
