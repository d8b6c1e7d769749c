"""The result table in Arrow's types: one row a trial, the curve as list columns. `fields` has them in words."""

from __future__ import annotations

import pyarrow as pa

from .fields import COLUMNS, CURVE_NAMES, OBSERVABLE_COLUMNS, SCHEMA_VERSION, empty_row

__all__ = ["CURVE_NAMES", "MARGIN_KEY", "OBSERVABLE_COLUMNS", "SCHEMA", "SCHEMA_VERSION", "empty_row"]

_CURVE_FLOAT = pa.list_(pa.float64())
_TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "[string]": pa.list_(pa.string()),
    "[int64]": pa.list_(pa.int64()),
    "[float64]": _CURVE_FLOAT,
    # One column for all: a column of its own that came later would be missing in every older shard.
    "[label, names, scales, seconds]": pa.list_(
        pa.struct(
            [
                ("label", pa.string()),
                ("names", pa.list_(pa.string())),
                ("scales", pa.list_(pa.string())),
                ("seconds", pa.float64()),
            ]
        )
    ),
    "[layer, step, .., bytes]": pa.list_(
        pa.struct(
            [
                ("layer", pa.string()),
                ("step", pa.int64()),
                ("examples", pa.int64()),
                ("features", pa.int64()),
                ("inputs", pa.string()),
                ("scale", pa.float64()),
                ("values", pa.binary()),
            ]
        )
    ),
    "[name and [float64]]": pa.list_(pa.struct([("name", pa.string()), ("value", _CURVE_FLOAT)])),
}

# Always given when a shard is read: without it the first file's schema wins and later columns vanish in silence.
SCHEMA = pa.schema([pa.field(name, _TYPES[kind], metadata={"about": about}) for name, kind, about in COLUMNS])
MARGIN_KEY = b"onecurve.margin"
