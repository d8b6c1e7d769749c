"""One message for everything that a table does not say, with a command that would."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import polars as pl

from ..errors import InputError
from .column_names import match_columns
from .columns import UNIT_NAMES, Chosen, likely, normal
from .final_losses import SYNONYMS
from .layout import Layout
from .run_names import names_of, suggestion

_SHOWN = 30
_LOOK = 200  # rows from which a column's course is guessed
_WORDS = {"step": "x (or step, or compute)"}
_ANY_CLOCK = "Anything that counts up will do for a clock. "
_PREFERRED = ("val", "eval", "valid", "test")


def ask(path: str, table: pl.DataFrame, chosen: Chosen, missing: Sequence[str], layout: Layout) -> InputError:
    """Build the error for columns that are missing, or of which several would do.

    Parameters
    ----------
    path : for the message and the command.
    table : as its source has it.
    chosen : what was found.
    missing : our names, of size, loss and step.
    layout : what the user said, which the command repeats.
    """
    if {"size", "step"} <= {*missing} and _final_losses(table.columns, path):
        return InputError(
            f"{path} has no clock, but budgets with a loss each: final losses make no learning curve. `onecurve "
            f"scaling-law {path}` fits them"
        )
    used = {*chosen.columns.values(), *layout.only}
    free = [column for column in table.columns if column not in used]
    absent, either, options = [], [], []
    for name in missing:
        several = chosen.several.get(name)
        guess = min(several, key=_rank) if several else likely(name, free)
        if several:
            either.append(f" Its {name} could be {' or '.join(map(repr, several))}.")
        else:
            absent.append(_WORDS.get(name, name) + (f" (is it {guess!r}?)" if guess is not None else ""))
        options += _option(path, name, guess or _by_course(table, free, name), table, chosen)
    lacks = f"{path} has no column {', '.join(absent)}." if absent else f"{path} can be read in more than one way."
    shown = ", ".join(table.columns[:_SHOWN])
    more = f" and {len(table.columns) - _SHOWN} more" if len(table.columns) > _SHOWN else ""
    command = " ".join(["onecurve analyze", shlex.quote(path), *_given(layout), *options])
    return InputError(
        f"{lacks}{''.join(either)} It has: {shown}{more}.{_no_seeds(table, chosen)} "
        f"{_ANY_CLOCK if 'step' in missing else ''}Say what they are, such as\n  {command}"
    )


def _final_losses(columns: Sequence[str], path: str) -> bool:
    """Whether the columns are two of parameters, tokens and compute with a loss."""
    try:
        found, _ = match_columns(columns, SYNONYMS, {}, path)
    except InputError:  # two columns for one role: no plain case
        return False
    return "loss" in found and len(found) > 2


def _no_seeds(table: pl.DataFrame, chosen: Chosen) -> str:
    """A sentence where names repeat at one clock reading, so that runs are missing a name as well."""
    run, clock = chosen.columns.get("run"), chosen.columns.get("step", chosen.columns.get("x"))
    if run is None or clock is None or "seed" in chosen.columns:
        return ""
    loss = chosen.columns.get("loss")
    logged = table if loss is None else table.filter(pl.col(loss).is_not_null())
    most = logged.group_by(run, clock).len()["len"].max()
    if not isinstance(most, int) or most < 2:
        return ""
    return f" Each name in {run!r} stands {most} times at one {clock}: if these are seeds, add a column `seed`."


def _option(path: str, name: str, guess: str | None, table: pl.DataFrame, chosen: Chosen) -> list[str]:
    if name == "size" and guess is None:
        names = table[chosen.columns["run"]].cast(pl.String).drop_nulls().unique() if "run" in chosen.columns else []
        pattern = suggestion(list(names) or names_of(path)[:1])
        return [f"--run '{pattern}'"] if pattern else ["--value size=70M"]
    found = guess or f"COLUMN_OF_THE_{'CLOCK' if name == 'step' else name.upper()}"
    unit = unit_in(found) if name == "loss" else None
    floor = ["--floor-unit", unit] if unit and "irreducible_loss" in chosen.columns else []
    return [f"--column {shlex.quote(f'{name}={found}')}", *(["--unit", unit] if unit else []), *floor]


def unit_in(column: str) -> str | None:
    """The unit that a column's name says, where it is not nats."""
    plain = normal(column)
    return next((unit for word, unit in UNIT_NAMES.items() if f"_{word}_" in f"_{plain}_"), None)


def _given(layout: Layout) -> list[str]:
    pairs = [
        f"--{option} {shlex.quote(f'{name}={value}')}"
        for option in ("column", "value", "only")
        for name, value in getattr(layout, option).items()
    ]
    return pairs + ([f"--run {shlex.quote(layout.run)}"] if layout.run else [])


def _rank(column: str) -> tuple[int, str]:
    plain = normal(column)
    return next((i for i, word in enumerate(_PREFERRED) if word in plain), len(_PREFERRED)), plain


def _by_course(table: pl.DataFrame, free: Sequence[str], name: str) -> str | None:
    """The only column whose course is that of a clock, or of a loss."""
    fits = []
    for column in free:
        values = table[column].head(_LOOK)
        if not values.dtype.is_numeric() or name not in ("step", "loss"):
            continue
        steps = values.cast(pl.Float64).drop_nulls().drop_nans().diff().drop_nulls()
        share = (steps > 0 if name == "step" else steps < 0).mean()
        if isinstance(share, float) and share > 0.8:
            fits.append(column)
    return fits[0] if len(fits) == 1 else None
