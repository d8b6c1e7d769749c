"""Tables of final losses alone: parameters, tokens, compute and the loss of each run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import polars as pl

from ..errors import InputError
from .column_names import match_columns, missing_columns, numbers_of, read_frame, said_columns


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FinalLosses:
    """Runs of one family.

    Attributes
    ----------
    params, tokens, flops, loss : ``(n,)`` parameters, training tokens, training FLOPs and final loss, all above zero.
    flops_source : ``given``, or ``6 N D``.
    """

    params: np.ndarray
    tokens: np.ndarray
    flops: np.ndarray
    loss: np.ndarray
    flops_source: str = "given"

    def __post_init__(self) -> None:
        for name in ("params", "tokens", "flops", "loss"):
            values = np.array(getattr(self, name), dtype=float)
            values.flags.writeable = False
            object.__setattr__(self, name, values)
            if values.shape != self.params.shape or values.ndim != 1:
                raise InputError(f"{name} must be one-dimensional and as long as params")
            bad = ~(np.isfinite(values) & (values > 0))
            if bad.any():
                raise InputError(f"{name} must be a positive number, got {values[bad][0]:g} ({int(bad.sum())} runs)")

    def pick(self, mask: np.ndarray) -> FinalLosses:
        """The runs where a mask ``(n,)`` holds."""
        return dataclasses.replace(
            self, params=self.params[mask], tokens=self.tokens[mask], flops=self.flops[mask], loss=self.loss[mask]
        )


SYNONYMS = {
    "params": (
        *("n_params", "num_params", "parameters", "n_parameters", "num_parameters", "model_size", "model_params"),
        *("non_embedding_params", "params_non_embedding", "size", "N"),
    ),
    "tokens": (
        *("n_tokens", "num_tokens", "train_tokens", "training_tokens", "tokens_seen", "total_tokens"),
        *("data", "examples", "samples", "n_samples", "D"),
    ),
    "flops": ("budget", "compute", "train_flops", "training_flops", "total_flops", "flop", "compute_budget", "C"),
    "loss": (
        *("final_loss", "val_loss", "eval_loss", "eval/loss", "validation_loss", "test_loss", "valid_loss"),
        *("final_val_loss", "L"),
    ),
    "family": ("model", "architecture", "arch", "source", "model_family", "group", "experiment"),
}
_SUFFIXES = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}


def read_final_losses(path: str, said: Sequence[str] = ()) -> tuple[dict[str, FinalLosses], list[str]]:
    """Read a table of one run a row into the runs of each family, families in alphabetical order.

    Columns: parameters, tokens, FLOPs (or a budget), loss, and a family where there are several; common names of each
    are taken as they are. Two of parameters, tokens and FLOPs are enough: the third is from ``C = 6 N D``. Sizes may
    be written ``70M`` or ``1.3B``. Rows without a loss are left out.

    Parameters
    ----------
    path : a CSV or Parquet file.
    said : ``ROLE=COLUMN`` pairs, such as ``params=width_squared``.

    Returns
    -------
    The runs by family, and what was taken for what or left out, in words.

    Raises
    ------
    InputError : a file that cannot be read, a column that is missing, a value that is no positive number.
    """
    frame = read_frame(path)
    roles, notes = match_columns(frame.columns, SYNONYMS, said_columns(said, SYNONYMS), path)
    missing = [] if "loss" in roles else ["loss"]
    sizes = [role for role in ("params", "tokens", "flops") if role in roles]
    if len(sizes) < 2:
        missing += [role for role in ("params", "tokens") if role not in roles] or ["flops"]
    if missing:
        raise missing_columns(path, missing, frame.columns, "scaling-law")
    frame = _with_loss(frame, roles["loss"], notes)
    if not frame.height:
        raise InputError(f"{path} has no row with a loss")
    columns = {role: _sizes(frame, roles[role], path) for role in sizes}
    columns["loss"] = numbers_of(frame, roles["loss"], path).to_numpy()
    source = _complete(columns, notes)
    if "family" in roles and frame[roles["family"]].null_count():
        raise InputError(f"{path}: {roles['family']} is not given in every row")
    family = frame[roles["family"]].cast(pl.String).to_numpy() if "family" in roles else np.full(frame.height, "runs")
    found = {}
    for name in sorted(set(family.tolist())):
        mask = family == name
        try:
            found[name] = FinalLosses(**{key: one[mask] for key, one in columns.items()}, flops_source=source)
        except InputError as error:
            raise InputError(f"{path}, {name}: {error}") from None
    return found, notes


def _with_loss(frame: pl.DataFrame, column: str, notes: list[str]) -> pl.DataFrame:
    there = frame[column].is_not_null()
    if frame[column].dtype.is_float():
        there &= ~frame[column].is_nan()
    if not there.all():
        notes.append(f"{int((~there).sum())} rows without a loss are left out")
    return frame.filter(there)


def _sizes(frame: pl.DataFrame, column: str, path: str) -> np.ndarray:
    """Counts, written as numbers or as ``70M``."""
    if frame[column].dtype != pl.String:
        return numbers_of(frame, column, path).to_numpy()
    text = frame[column].str.strip_chars().str.replace_all(",|_| ", "").str.to_lowercase()
    factor = text.str.slice(-1).replace_strict(_SUFFIXES, default=1.0, return_dtype=pl.Float64)
    bare = pl.DataFrame({column: pl.select(pl.when(factor > 1).then(text.str.head(-1)).otherwise(text)).to_series()})
    return numbers_of(bare, column, path).to_numpy() * factor.to_numpy()


def _complete(columns: dict[str, np.ndarray], notes: list[str]) -> str:
    """Fill the one of parameters, tokens and FLOPs that is missing, or say how far 6 N D is from the given FLOPs."""
    if "flops" not in columns:
        columns["flops"] = 6 * columns["params"] * columns["tokens"]
        notes.append("there is no column of FLOPs: they are taken as 6 N D")
        return "6 N D"
    for one, other in (("params", "tokens"), ("tokens", "params")):
        if one not in columns:
            columns[one] = columns["flops"] / (6 * columns[other])
            notes.append(f"there is no column of {one}: they are taken as C / (6 x {other})")
            return "given"
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = float(np.median(columns["flops"] / (6 * columns["params"] * columns["tokens"])))
    if np.isfinite(ratio) and not 0.9 < ratio < 1.1:
        notes.append(
            f"the given FLOPs are {ratio:.3g} times 6 N D; budgets are the given FLOPs, the law's split is 6 N D"
        )
    return "given"
