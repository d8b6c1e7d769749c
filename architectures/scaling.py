"""Arguments written with ``w`` and ``d``: what of a constructor's arguments grows with a rung's width and depth."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from ..errors import InputError
from .family import Rung

KNOBS = {"w": "width", "d": "depth"}
_SCALED = re.compile(r"(?P<times>\d+(\.\d+)?)?\s*\*?\s*(?P<knob>[wd])\s*(/\s*(?P<over>[1-9]\d*))?")


def knobs_of(arguments: Any) -> tuple[str, ...]:
    """The knobs that arguments are written with, ``width`` before ``depth``."""
    found = {match["knob"] for leaf in _leaves(arguments) if (match := _match(leaf))}
    return tuple(KNOBS[letter] for letter in KNOBS if letter in found)


def at_rung(value: Any, rung: Rung, name: str, *, whole: bool) -> Any:
    """An argument at a rung: ``2w`` at width 12 is 24, in lists and mappings too.

    Parameters
    ----------
    value : the argument as it is written.
    rung : width and depth.
    name : what the argument is called, for the message.
    whole : whether it must be a whole number.

    Raises
    ------
    InputError
        A number that must be whole and is not.
    """
    if isinstance(value, list):
        return [at_rung(v, rung, name, whole=whole) for v in value]
    if isinstance(value, dict):
        return {k: at_rung(v, rung, f"{name}.{k}", whole=whole) for k, v in value.items()}
    match = _match(value)
    if match is None:
        return value
    knob = KNOBS[match["knob"]]
    number = Fraction(match["times"] or 1) * rung[knob] / int(match["over"] or 1)
    if number.denominator == 1:
        return int(number)
    if whole:
        raise InputError(f"`{name}: {value}` is {float(number):g} at {knob} {rung[knob]}, and must be a whole number")
    return float(number)


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """An argument with ``change`` done to every leaf."""
    if isinstance(value, list):
        return [mapped(v, change) for v in value]
    return {k: mapped(v, change) for k, v in value.items()} if isinstance(value, dict) else change(value)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _leaves(part)
    else:
        yield value


def _match(value: Any) -> re.Match[str] | None:
    return _SCALED.fullmatch(value.strip()) if isinstance(value, str) else None
