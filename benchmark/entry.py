"""What optimisers, schedules and other entries of the trainer share: checked parameters, and a reference."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from abc import ABC
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from ..catalogue import Catalogue
from ..errors import InputError
from ..task import Ref

E = TypeVar("E", bound="Entry")


def later(default: Any) -> Any:
    """A field that an entry was given after its first release, or that may be None.

    It stays out of the reference while it has its default, so older trials keep their names. The default is what they
    had and may never change.
    """
    return dataclasses.field(default=default, kw_only=True, metadata={"later": True})


@dataclasses.dataclass(frozen=True)
class Entry(ABC):
    """A frozen dataclass whose fields are its parameters: numbers, flags or words.

    Attributes
    ----------
    kind : what it is called in messages.
    name : what users write in a sweep.
    version : raise it when the same name would do something else.
    summary : one clause for the list of what there is.
    """

    kind: ClassVar[str]
    name: ClassVar[str]
    version: ClassVar[str] = "1"
    summary: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, self._typed(field))
        self.check()

    def check(self) -> None:  # noqa: B027  # most entries have nothing to add
        """Refuse parameters that make no sense together; each one has its type already."""

    @property
    def ref(self) -> Ref:
        """The name, version and parameters that enter a trial's identity."""
        params = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        left_out = {f.name for f in dataclasses.fields(self) if "later" in f.metadata and params[f.name] == f.default}
        return Ref(name=self.name, version=self.version, params={k: v for k, v in params.items() if k not in left_out})

    def refuse(self, parameter: str, allowed: str) -> InputError:
        """The error for a parameter's value, with what is allowed in words."""
        value = getattr(self, parameter)
        return InputError(f"`{parameter}` of the {self.kind} {self.name!r} is {allowed}, got {value!r}")

    def _typed(self, field: dataclasses.Field[Any]) -> Any:
        """The value of a field as the type that it is annotated with: 0 and "1e-8" are as good as 0.0 and 1e-8."""
        annotated = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", str(field.type))
        value, wanted = getattr(self, field.name), annotated.split("|")[0].strip()
        if value is None and "None" in annotated:
            return None
        if wanted == "float" and isinstance(value, (int, float, str)) and not isinstance(value, bool):
            with contextlib.suppress(ValueError, OverflowError):
                value = float(value)
        if type(value).__name__ == wanted and not (isinstance(value, float) and not math.isfinite(value)):
            return value
        words = {"float": "a finite number", "int": "a whole number", "bool": "true or false", "str": "a word"}
        raise self.refuse(field.name, words.get(wanted, annotated))


def entry_of(catalogue: Catalogue[E], ref: Ref) -> E:
    """The entry that a reference stands for, the inverse of `Entry.ref`.

    Raises
    ------
    InputError
        An unknown name or parameter, another version, or a user's file that is another one now.
    """
    entry = catalogue.make(ref.name, {**ref.params, **({"content": ref.content} if ref.content else {})})
    if entry.version != ref.version:
        raise InputError(
            f"{catalogue.kind} {ref.name!r} is at version {entry.version} here, the trial was made with {ref.version}"
        )
    return entry


def entry_from(catalogue: Catalogue[E], value: object) -> E:
    """The entry that a sweep file gives: a name, or a mapping such as ``{name: adamw, weight_decay: 0.1}``.

    Raises
    ------
    InputError
        Another form, an unknown name or parameter with the nearest match, a value that is refused.
    """
    if isinstance(value, str):
        return catalogue.make(value)
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        return catalogue.make(value["name"], {str(key): given for key, given in value.items() if key != "name"})
    raise InputError(
        f"an entry of the kind {catalogue.kind} is a name, or a mapping with a `name` and its parameters, got {value!r}"
    )
