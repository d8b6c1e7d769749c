"""How somebody's table is to be read: which column is what, in which unit, and what a run's name says."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from ..errors import InputError, unknown

FILE = "onecurve.yaml"
TEXT = ("family", "dataset", "recipe", "leg", "status", "observable")
_ERRORS = ("irreducible_loss_se", "test_loss_se")
NUMBERS = ("size", "loss", "x", "step", "compute", "irreducible_loss", *_ERRORS, "lr", "horizon")
NAMES = (*TEXT, *NUMBERS, "seed", "run")
UNITS = ("nats", "bits", "bits-per-byte", "perplexity")
RESTARTS = ("last", "continue", "refuse")
HORIZONS = ("longest", "own", "common")
SCHEDULES = ("constant", "linear", "cosine")

_PAIRS = ("column", "value", "only")
_WORDS = {"unit": UNITS, "floor_unit": UNITS, "restarts": RESTARTS, "horizon": HORIZONS, "schedule": SCHEDULES}
_PER_ROW = ("loss", "x", "step", "compute", "lr", "run", "observable")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """What a user says of a table. Everything may be left out; the reader then looks for the usual names.

    Parameters
    ----------
    column : our name to the table's: ``{"size": "n_params", "loss": "eval/loss", "step": "tokens"}``.
    value : what holds for the whole table and is no column of it: ``{"size": "70M", "family": "gpt"}``.
    only : keep the rows that have these values: ``{"split": "val"}``.
    run : a regular expression with named groups, searched in the runs' names: ``gpt-(?P<size>[^-]+)-s(?P<seed>\\d+)``.
    unit : the loss's unit, one of nats, bits, bits-per-byte, perplexity. It is converted to nats.
    floor_unit : the irreducible loss's unit.
    restarts : what to do where a run's clock goes back: ``last`` (the later attempt wins), ``continue`` (count on from
        where the earlier ended) or ``refuse``; None resolves what is plain and refuses the rest.
    horizon : ``longest`` (without a column `horizon`, the longest run of a size reached it), ``own`` (each run did) or
        ``common`` (all are cut where the first of them ends).
    schedule : the learning-rate schedule of a table without a column `lr`: ``constant``, ``linear`` or ``cosine``, both
        of which end at 0.
    warmup : for how long the rate rises, in the clock's unit; None reads it off the column `lr`.

    Raises
    ------
    InputError
        A name, unit or rule that does not exist, or a pattern without a named group.
    """

    column: Mapping[str, str] = dataclasses.field(default_factory=dict)
    value: Mapping[str, str] = dataclasses.field(default_factory=dict)
    only: Mapping[str, str] = dataclasses.field(default_factory=dict)
    run: str | None = None
    unit: str | None = None
    floor_unit: str | None = None
    restarts: str | None = None
    horizon: str | None = None
    schedule: str | None = None
    warmup: float | None = None

    def __post_init__(self) -> None:
        for name in self.column:
            if name not in NAMES:
                raise unknown("column", name, NAMES)
        for name in self.value:
            if name not in NAMES or name in _PER_ROW:
                raise unknown("value for a whole table", name, set(NAMES) - set(_PER_ROW))
        for option, allowed in _WORDS.items():
            given = getattr(self, option)
            if given is not None and given not in allowed:
                raise unknown(option.replace("_", "-"), given, allowed)
        if self.warmup is not None and not (isinstance(self.warmup, int | float) and self.warmup >= 0):
            raise InputError(f"warmup is a number of at least 0, in the unit of the clock; got {self.warmup!r}")
        if self.run is not None:
            _check_pattern(self.run)

    def over(self, other: Layout) -> Layout:
        """This layout where it says something, the other where it does not."""
        pairs = {name: {**getattr(other, name), **getattr(self, name)} for name in _PAIRS}
        words = {name: getattr(self, name) or getattr(other, name) for name in ("run", *_WORDS)}
        return Layout(**pairs, **words, warmup=other.warmup if self.warmup is None else self.warmup)

    def beside(self, path: str) -> tuple[Layout, str | None]:
        """This layout over the ``onecurve.yaml`` in the folder, or beside the file, and where that is."""
        folder = Path(path) if Path(path).is_dir() else Path(path).parent
        file = folder / FILE
        return (self.over(read_layout(str(file))), str(file)) if file.is_file() else (self, None)


def pairs(given: Iterable[str], option: str) -> dict[str, str]:
    """``["size=n_params", ...]`` of the command line as a mapping.

    Raises
    ------
    InputError
        No equals sign, or a name given twice.
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise InputError(f"--{option} takes NAME=VALUE, such as {_EXAMPLES[option]}; got {text!r}")
        if name in found:
            raise InputError(f"--{option} {name} is given twice: {found[name]} and {value}")
        found[name.strip()] = value
    return found


_EXAMPLES = {"column": "size=n_params", "value": "size=70M", "only": "split=val"}


def read_layout(path: str) -> Layout:
    """Read a mapping file, whose keys are those of the command line.

    Raises
    ------
    InputError
        No such file, no YAML, an unknown key, or a value of the wrong kind.
    """
    try:
        given = yaml.safe_load(Path(path).read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"cannot read the mapping {path!r}: {str(error).splitlines()[0]}") from None
    fields = [field.name for field in dataclasses.fields(Layout)]
    if given is None:
        return Layout()
    if not isinstance(given, dict):
        raise InputError(f"{path}: a mapping has keys, such as `column: {{size: n_params}}`; allowed: {fields}")
    for key in given:
        if key not in fields:
            raise unknown(f"key in {path}", key, fields)
    return Layout(**{key: _kept(path, key, value) for key, value in given.items() if value is not None})


def _kept(path: str, key: str, value: Any) -> Any:
    if key in _PAIRS and not isinstance(value, dict):
        raise InputError(f"{path}: {key} has pairs, such as `{key}: {{{_EXAMPLES[key].replace('=', ': ')}}}`")
    if key not in _PAIRS and not isinstance(value, str):
        raise InputError(f"{path}: {key} is a word, got {value!r}")
    return {str(name): str(one) for name, one in value.items()} if isinstance(value, dict) else value


def _check_pattern(pattern: str) -> None:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise InputError(f"--run {pattern!r} is no regular expression: {error}") from None
    example = r"'gpt-(?P<size>[^-]+)-s(?P<seed>\d+)'"
    if not groups:
        raise InputError(f"--run {pattern!r} names no group: write it such as {example}")
    for name in groups:
        if name not in NAMES or name in _PER_ROW:
            raise unknown("group in --run", name, set(NAMES) - set(_PER_ROW))
