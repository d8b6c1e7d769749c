"""Small steps from what files hold to one row an evaluation. Types are kept: nothing goes through text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from ...errors import InputError
from ..stretches import together

_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}  # how JSON writers spell what JSON has not
_SAMPLED = (500, 1000)  # points that W&B's export and TensorBoard keep of a longer history


def from_records(records: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows from mappings; nested mappings become columns with dots in their names, what a row has not is null."""
    flat = [flatten(record) for record in records]
    names = list(dict.fromkeys(name for record in flat for name in record))
    return pl.DataFrame([_series(name, [record.get(name) for record in flat]) for name in names])


def flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested mapping as one level, its keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        name = f"{prefix}{key}"
        flat |= flatten(inner, f"{name}.") if isinstance(inner, Mapping) else {name: inner}
    return flat


def exploded(table: pl.DataFrame, path: object) -> tuple[pl.DataFrame, list[str]]:
    """One row an evaluation, where a row is a run with its curve in columns of lists of one length.

    Raises
    ------
    InputError
        Lists of different lengths within a row.
    """
    lists = [name for name, kind in table.schema.items() if isinstance(kind, (pl.List, pl.Array))]
    if len(lists) < 2 or not table.height:  # a lone list is no curve: it has no clock
        return table, []
    table = table.with_columns(pl.col(n).arr.to_list() for n in lists if isinstance(table.schema[n], pl.Array))
    lengths = table.select(pl.col(name).list.len().fill_null(0) for name in lists)
    longest = lengths.max_horizontal()
    for name in lists:
        other = (lengths[name] != longest) & (lengths[name] > 0)
        if other.any():
            row = int(other.arg_true()[0])
            raise InputError(
                f"{path}, row {row + 1}: {name} is a list of {lengths[name][row]} values where another column's list "
                f"has {longest[row]}; the curves of a run need one value an evaluation in every column"
            )
    # A list that is empty or missing says nothing at any evaluation.
    blank = pl.Series("blank", [[None] * n for n in longest], dtype=pl.List(pl.Null))
    for name in lists:
        if (lengths[name] < longest).any():
            kept = pl.when(pl.col(name).list.len() > 0).then(pl.col(name))
            table = table.with_columns(kept.otherwise(blank.cast(table.schema[name])))
    return table.filter(longest > 0).explode(lists), [f"One row a run: {', '.join(lists)} were lists."]


def joined(points: Iterable[tuple[str, str, Sequence[Any], Sequence[Any]]]) -> pl.DataFrame:
    """Metrics that were logged apart, side by side at the same step of the same session of a run.

    A step that does not go on begins a new session, so that restarts stay visible in the order of the rows.

    Parameters
    ----------
    points : (run, metric, steps, values), each in the order of logging.
    """
    long = pl.concat(
        [
            pl.DataFrame({"run": [run] * len(steps), "metric": [metric] * len(steps), "step": steps, "value": values})
            .cast({"run": pl.String, "metric": pl.String, "step": pl.Int64, "value": pl.Float64})
            .with_columns((pl.col("step").diff() <= 0).fill_null(False).cum_sum().alias("session"))
            for run, metric, steps, values in points
        ]
    )
    first = long.unique("run", keep="first", maintain_order=True).select("run").with_row_index("order")
    wide = long.pivot("metric", index=["run", "session", "step"], values="value", maintain_order=True)
    return wide.join(first, on="run").sort("order", "session", "step").drop("order", "session")


def stack(tables: Sequence[pl.DataFrame], path: object) -> pl.DataFrame:
    """Tables one under another; a column that one of them has not is null there.

    Raises
    ------
    InputError
        A column whose types in two tables have nothing in common.
    """
    try:
        return pl.concat(tables, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path}: its tables do not fit one another: {str(error).splitlines()[0][:160]}") from None


def with_parameters(table: pl.DataFrame, parameters: Mapping[str, Any]) -> pl.DataFrame:
    """The run's parameters as columns; what the table logs itself under the same name stays, and wins."""
    plain = {k: v for k, v in parameters.items() if isinstance(v, (str, int, float)) and k not in table.columns}
    columns = [_series(name, [value]) for name, value in plain.items()]
    return table.with_columns(pl.lit(column.item(), column.dtype).alias(column.name) for column in columns)


def numbers(table: pl.DataFrame) -> pl.DataFrame:
    """Columns of text in which every value is a number, as numbers: CSV and MLflow parameters have no other types."""
    changed = []
    for name in (n for n, kind in table.schema.items() if kind == pl.String):
        first = table[name].drop_nulls().head(1).str.strip_chars().cast(pl.Float64, strict=False)
        if not len(first) or first.null_count():
            continue  # most texts show at once that they are no numbers
        texts = table[name].str.strip_chars()
        whole = texts.str.contains(r"^[+-]?\d+$").fill_null(True).all()
        values = texts.cast(pl.Int128 if whole else pl.Float64, strict=False)
        if values.null_count() == texts.null_count() and values.null_count() < len(values):
            narrow = whole and values.is_between(-(2**63), 2**63 - 1).fill_null(True).all()
            changed.append(values.cast(pl.Int64) if narrow else values)
    return table.with_columns(changed)


def doubts(table: pl.DataFrame) -> list[str]:
    """What shows that a table is not the whole history: smoothed columns, bounds of bins, a sampler's count of rows."""
    found = []
    smooth = [name for name in table.columns if name.lower().endswith(("_smoothed", "/smoothed", "__smoothed"))]
    if smooth:
        found.append(f"{', '.join(smooth[:3])}: smoothed by the tracker; curves need the values as they were logged.")
    bins = [n for n in table.columns if f"{n}__MIN" in table.columns and f"{n}__MAX" in table.columns]
    mixed = [n for n in bins if (table[f"{n}__MIN"] < table[f"{n}__MAX"]).any()]
    if mixed:
        found.append(
            f"{mixed[0]} is the mean over bins of steps (its __MIN and __MAX differ): export the full history."
        )
    step = next((n for n in ("_step", "step", "Step", "global_step") if n in table.columns), None)
    if step is None or not table.schema[step].is_numeric():
        return found
    runs = (
        ["run"] if "run" in table.columns else [n for n in ("family", "dataset", "size", "seed") if n in table.columns]
    )
    rows, begin = together(table.select(*runs, step), runs)
    counts = np.diff(np.append(begin, rows.height))
    for place in np.flatnonzero(np.isin(counts, _SAMPLED))[:20]:
        count = int(counts[place])
        steps = rows[step].slice(int(begin[place]), count).drop_nulls()
        if steps.diff().drop_nulls().n_unique() > 2:
            found.append(f"{count} rows a run at uneven steps: this is how W&B and TensorBoard sample a history.")
            break
    return found


def _series(name: str, values: list[Any]) -> pl.Series:
    words = any(isinstance(value, str) for value in values)
    if words and any(isinstance(value, (int, float)) for value in values):
        values = [_WORDS.get(value, value) if isinstance(value, str) else value for value in values]
    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        return pl.Series(name, values, strict=False)
