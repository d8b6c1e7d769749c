"""Gram matrices of representations: how a trial's row keeps them, and how they are read without its weights."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    import polars as pl

FIELDS = ("layer", "step", "examples", "features", "inputs", "scale", "values")
TRIAL = ("trial_id", "family", "dataset", "recipe", "leg", "n_params", "seed")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Gram:
    """A centred Gram matrix of a layer's features, on test inputs that trials of a data set share.

    Attributes
    ----------
    layer : ``last``, the input of the last layer, or ``middle``.
    step : updates done.
    features : numbers an example has there, the largest rank of the matrix.
    inputs : hash of the inputs: matrices on other inputs cannot be compared.
    matrix : ``(n, n)`` float64, rows and columns with mean zero up to rounding.
    """

    layer: str
    step: int
    features: int
    inputs: str
    matrix: np.ndarray


def packed_gram(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The `FIELDS` of a matrix as a row keeps them: ``values``, its upper triangle row by row over ``scale``, in bytes.

    Parameters
    ----------
    entry : the same with ``values`` as ``(n (n + 1) / 2,)`` numbers between -1 and 1.
    """
    return {**entry, "values": np.asarray(entry["values"]).astype("<f2").tobytes()}


def gram_from(entry: Mapping[str, Any]) -> Gram:
    """The inverse of `packed_gram`; the entries of the matrix are wrong by at most 2^-11 of their size.

    Raises
    ------
    InputError
        Bytes that are no triangle of that many examples.
    """
    n, upper = int(entry["examples"]), np.frombuffer(entry["values"], dtype="<f2").astype(float)
    if len(upper) != n * (n + 1) // 2:
        raise InputError(f"a Gram matrix of {n} examples has {n * (n + 1) // 2} numbers, its row holds {len(upper)}")
    matrix = np.zeros((n, n))
    matrix[np.triu_indices(n)] = upper * float(entry["scale"])
    matrix = matrix + np.triu(matrix, 1).T
    about = {"layer": entry["layer"], "step": int(entry["step"]), "features": int(entry["features"])}
    return Gram(**about, inputs=entry["inputs"], matrix=matrix)


def grams_of(row: Mapping[str, Any]) -> Iterator[Gram]:
    """The matrices that a row of the result table holds."""
    return map(gram_from, row.get("grams") or ())


def grams_alone(frame: pl.DataFrame) -> pl.DataFrame:
    """One row a matrix, for tables in which a cell is one value: the trial, what it is, and its bytes in base64."""
    import polars as pl  # what trains needs none of it

    kept = frame.filter(pl.col("grams").list.len() > 0).select(*TRIAL, "grams").explode("grams").unnest("grams")
    texts = [base64.b64encode(values).decode() for values in kept["values"]]
    return kept.with_columns(pl.Series("values", texts, dtype=pl.String))


def grams_gathered(rows: pl.DataFrame) -> pl.DataFrame:
    """The inverse of `grams_alone`: one row a trial, its matrices in a list."""
    import polars as pl

    texts: Sequence[str] = rows["values"].to_list()
    plain = rows.with_columns(pl.Series("values", [base64.b64decode(text) for text in texts], dtype=pl.Binary))
    entries = pl.struct(*(pl.col(name) for name in FIELDS)).alias("grams")
    return plain.group_by("trial_id", maintain_order=True).agg(entries)
