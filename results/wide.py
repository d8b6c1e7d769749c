"""Tables whose observables are columns: which column an observable that is asked for would be."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import polars as pl

from ..errors import InputError
from .columns import choose, common_losses, kind_of_clock, normal
from .curves import LearningCurve
from .external import read_external
from .layout import Layout
from .observed import OtherCurves
from .quantity import TEST_ACCURACY, TEST_LOSS, stored_name
from .sources.source import Raw

_HELD_OUT = ("val", "eval", "valid", "validation", "test")
_SHARES: dict[str, tuple[str, ...]] = {
    "accuracy": ("accuracy", "acc", "top1", "top_1", "top1_accuracy", "top_1_accuracy", "top1_acc"),
    "error": ("error", "err", "error_rate", "top1_error", "top_1_error", "top1_err"),
}


@dataclasses.dataclass(frozen=True)
class Asked:
    """A column that is asked for as an observable."""

    column: str
    observable: str
    note: str


def asked_column(raw: Raw, layout: Layout, observable: str, path: str) -> Asked | None:
    """The column that holds an observable, by its own name or, for accuracy and error, by a common one.

    Parameters
    ----------
    observable : as the user asks for it.

    Raises
    ------
    InputError
        Several columns would do, or the column is read as something else.
    """
    columns = raw.table.columns
    chosen = choose(columns, layout.column, raw.kind)
    if stored_name(observable) == TEST_LOSS or "observable" in chosen.columns:
        return None  # the loss is no other observable, and such a table has a row for each
    exact = [name for name in columns if name == observable] or [n for n in columns if normal(n) == normal(observable)]
    if exact and (normal(exact[0]) in common_losses() or chosen.columns.get("loss") == exact[0]):
        raise InputError(f"{path}: {exact[0]!r} is a loss: ask for it by --of loss --column loss={exact[0]}")
    role = next((ours for ours, theirs in chosen.columns.items() if exact and theirs == exact[0]), None)
    if role is not None:
        raise InputError(f"{path}: {exact[0]!r} is read as the {role} and is no observable")
    found = exact or _common(observable, columns)
    if not found and observable == "error":
        found = _common("accuracy", columns)
        observable = "accuracy"  # whose complement the error is
    if len(found) > 1:
        ways = " or ".join(f"--of {name}" for name in found)
        raise InputError(f"{path}: {observable} could be {' or '.join(map(repr, found))}; say which: {ways}")
    if not found:
        return None
    name = TEST_ACCURACY if observable == "accuracy" else observable
    note = "" if exact else f"{found[0]!r} is taken for the {observable}"
    return Asked(found[0], name, note)


def _common(observable: str, columns: Sequence[str]) -> list[str]:
    """Columns of common names for accuracy or error; those of held-out data before one that says nothing."""
    names = _SHARES.get(observable, ())
    held_out = {f"{part}_{name}" for name in names for part in _HELD_OUT}
    held_out |= {f"{name}_{part}" for name in names for part in _HELD_OUT}
    found = [column for column in columns if normal(column) in held_out]
    return found or [column for column in columns if normal(column) in names]


def candidates(raw: Raw, layout: Layout) -> list[str]:
    """Columns of numbers that nothing else is read from, which a user could ask for."""
    used = {*choose(raw.table.columns, layout.column, raw.kind).columns.values(), *layout.only}
    numeric = [name for name, kind in raw.table.schema.items() if kind.is_numeric() and name not in used]
    return [name for name in numeric if kind_of_clock(name) is None]


def read_asked(raw: Raw, path: str, layout: Layout, observable: str) -> OtherCurves:
    """Read a table for an observable that may be a column of its own beside the loss. Arguments and errors are those of
    `read_external` and `asked_column`.

    A run that its loss ended early did not end well for the other observable either.
    """
    asked = asked_column(raw, layout, observable, path)
    if asked is None:
        found = read_external(raw, path, layout)
        more = () if stored_name(observable) == TEST_LOSS else candidates(raw, layout)
        return dataclasses.replace(found, columns=more)
    loss = choose(raw.table.columns, layout.column, raw.kind).columns.get("loss")
    losses = read_external(raw, path, layout).found if loss is not None else ()
    ended = {_run(curve): curve.status for curve in losses if curve.status != "ok"}
    table = raw.table.with_columns(pl.lit(asked.observable).alias("observable"))
    other = dataclasses.replace(layout, column={**layout.column, "loss": asked.column}, unit=None)
    own = read_external(Raw(table, raw.kind, raw.notes), path, other)
    curves = [dataclasses.replace(curve, status=ended.get(_run(curve), curve.status)) for curve in own.found]
    first = [asked.note] if asked.note else []
    return OtherCurves([*losses, *curves], {**own.notes, "": [*first, *own.notes.get("", ())]})


def _run(curve: LearningCurve) -> tuple[object, ...]:
    return curve.family, curve.dataset, curve.recipe, curve.leg, curve.size, curve.seed
