"""What a schedule is, how it is written in a trial, and how it is read back.

Warmup and decay are shares of the horizon, so that they scale with the ladder. A trial keeps a schedule as one text:
``linear``, ``cosine(to=0.1)``, ``wsd(decay_fraction=0.2, shape=sqrt)``, with names sorted and defaults left out.
"""

from __future__ import annotations

import dataclasses
import json
import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from ...catalogue import Catalogue
from ...errors import InputError
from ...own_files import take_files
from ...task import Ref
from ..entry import Entry, entry_of


@dataclasses.dataclass(frozen=True)
class Schedule(Entry):
    """A learning-rate schedule. Subclass it as a frozen dataclass whose fields, all with defaults, are its parameters.

    Attributes
    ----------
    leg : ``constant`` where the rate stays at its peak after the warmup, else ``decayed``.
    """

    kind: ClassVar[str] = "schedule"
    leg: ClassVar[Literal["decayed", "constant"]] = "decayed"

    @abstractmethod
    def after_warmup(self, steps: np.ndarray, warmup: int, horizon: int) -> np.ndarray:
        """The rate over its peak at ``steps``, ``(n,)`` updates from 0 on; entries before ``warmup`` are not used."""

    def relative(self, horizon: int, warmup_fraction: float) -> np.ndarray:
        """Learning rate over its peak at each update: ``(i + 1)/(w + 1)`` in the first ``w = round(f T)`` updates.

        Parameters
        ----------
        horizon : T, updates.
        warmup_fraction : f, share of the horizon.

        Returns
        -------
        array ``(T + 1,)``, float64
            Entry i is the rate of update i; the last one is what the next update would have.
        """
        warmup = round(warmup_fraction * horizon)
        steps = np.arange(horizon + 1)
        return np.where(steps < warmup, (steps + 1) / (warmup + 1), self.after_warmup(steps, warmup, horizon))

    @property
    def text(self) -> str:
        """What a trial calls it; `schedule_of` reads it back."""
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if getattr(self, f.name) != f.default}
        if self.ref.content:
            own["content"] = self.ref.content
        if self.version != "1":
            own["version"] = self.version
        words = ", ".join(f"{key}={_written(value)}" for key, value in sorted(own.items()))
        return f"{self.name}({words})" if words else self.name


SCHEDULES: Catalogue[Schedule] = Catalogue("schedule", "onecurve.benchmark.schedules")
take_files(SCHEDULES, Schedule, "a schedule")


def phase(steps: np.ndarray, start: int, end: int) -> np.ndarray:
    """How far the steps are on the way from ``start`` to ``end``: 0 before it, 1 after it."""
    return np.clip((steps - start) / max(1, end - start), 0.0, 1.0)


def check_end(schedule: Schedule, to: float) -> None:
    """Refuse an end of the decay that is no share below 1 of the peak."""
    if not 0.0 <= to < 1.0:
        raise schedule.refuse("to", "a share of the peak, at least 0 and below 1")


def schedule_of(text: str) -> Schedule:
    """The schedule that a text stands for.

    Parameters
    ----------
    text : a name, or a name with parameters such as ``cosine(to=0.1)``, in any order and with spaces as one likes.

    Raises
    ------
    InputError
        Another form, an unknown name or parameter with the nearest match, a value that is refused, another version.
    """
    found = re.fullmatch(r"\s*([^()]+?)\s*(?:\((.*)\))?\s*", text)
    if found is None:
        raise _misread(text)
    params: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in (found[2] or "").split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key or not value or key in params:
            raise _misread(text)
        params[key] = _read(value)
    return _made(found[1], params)


def schedule_from(value: object) -> Schedule:
    """The schedule that a sweep file gives: a text, or a mapping such as ``{name: cosine, to: 0.1}``."""
    if isinstance(value, str):
        return schedule_of(value)
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        return _made(value["name"], {str(key): given for key, given in value.items() if key != "name"})
    raise InputError(
        f"a schedule is a name, or a mapping with a `name` such as {{name: cosine, to: 0.1}}, got {value!r}"
    )


def _made(name: str, params: dict[str, Any]) -> Schedule:
    version, content = str(params.pop("version", "")), str(params.pop("content", ""))
    if version or content:
        return entry_of(SCHEDULES, Ref(name=name, version=version or "1", params=params, content=content))
    return SCHEDULES.make(name, params)


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _read(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _misread(text: str) -> InputError:
    return InputError(f"the schedule {text!r} is neither a name nor a name with parameters such as 'cosine(to=0.1)'")
