"""Results as plain dictionaries, ready for `contract.plain`: one walk over fields, with every reason in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ...results.quantity import LOSS, Quantity
from ..composing import Missing
from ..reasons import Reason
from .headlines import HEADLINES
from .reasons import say


def worded(value: Any, quantity: Quantity = LOSS) -> Any:
    """A result, or a container of results, as dictionaries and lists.

    A field that holds a `Reason` keeps its name for the words and gets a twin for the code: ``status`` and
    ``status_code``; several of them ``notes`` and ``note_codes``. Of what is `Missing` every field is null, beside its
    ``status``. What `HEADLINES` says of a result stands beside its fields.

    Parameters
    ----------
    value : a result.
    quantity : what the curves are of; sentences about the loss are said of it.
    """
    if isinstance(value, Reason):
        return say(value, quantity)
    if isinstance(value, Missing):
        return _missing(value, quantity)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value, quantity) | _headlines(type(value), value, quantity)
    if isinstance(value, Mapping):
        return {key: worded(one, quantity) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [worded(one, quantity) for one in value]
    return value


#: Keys that have a name in the field's words since version 2 of the schema; the old one stays beside it.
NEW_KEYS = {
    "leg": "schedule",
    "recipe": "setting",
    "recipe_label": "setting_label",
    "rung": "model_size",
    "n_rungs": "n_model_sizes",
    "noise_floor": "noise_level",
    "unrelated_deviation": "null_deviation",
    "odd_rung": "odd_model_size",
}


def _fields(value: Any, quantity: Quantity) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        one, shown = getattr(value, field.name), field.metadata.get("json")
        if shown == "inline":
            found |= _blank(field.metadata["of"]) if one is None else worded(one, quantity)
        elif isinstance(shown, Mapping):
            parts = {key: None if one is None else _part(one, name) for name, key in shown.items()}
            found |= {key: worded(part, quantity) for key, part in parts.items()}
        elif shown != "hidden":
            found |= _field(field, one, quantity)
    return _with_new_keys(found)


def _with_new_keys(found: dict[str, Any]) -> dict[str, Any]:
    return found | {new: found[old] for old, new in NEW_KEYS.items() if old in found}


def _field(field: dataclasses.Field[Any], one: Any, quantity: Quantity) -> dict[str, Any]:
    found = {field.name: worded(one, quantity)}
    if "Reason" not in str(field.type):
        return found
    if isinstance(one, tuple | list):
        return found | {f"{field.name.removesuffix('s')}_codes": [_code(reason) for reason in one]}
    return found | {f"{field.name}_code": _code(one)}


def _part(value: Any, name: str) -> Any:
    return getattr(value, name) if name else value


def _code(reason: Reason | str | None) -> str | None:
    """What those who read files have to say comes as text and has no code."""
    return reason.code if isinstance(reason, Reason) else None


def _missing(value: Missing, quantity: Quantity) -> dict[str, Any]:
    found = _blank(value.of)
    for field in dataclasses.fields(value.of):
        if field.name in value.known:
            found |= _field(field, value.known[field.name], quantity)
    found |= {"status": say(value.status, quantity), "status_code": value.status.code}
    return found | _headlines(value.of, value, quantity)


def _blank(of: type) -> dict[str, Any]:
    """The fields of a class without values."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(of):
        kind, shown = str(field.type), field.metadata.get("json")
        if shown == "inline":
            found |= _blank(field.metadata["of"])
        elif shown != "hidden":
            several, named = kind.startswith("tuple"), kind.startswith("dict")
            empty: Any = None if "None" in kind else [] if several else {} if named else None
            found |= _field(field, empty, LOSS)
    return _with_new_keys(found)


def _headlines(of: type, value: Any, quantity: Quantity) -> dict[str, str | None]:
    return {name: make(value, quantity) for name, make in HEADLINES.get(of, {}).items()}
