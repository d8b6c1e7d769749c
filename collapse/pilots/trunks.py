"""Trunks: the curves of a pilot, trained at a constant learning rate beyond the training length that is sought."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import InputError
from ...results.observed import values_of
from ...results.quantity import TEST_LOSS

#: What of a trial's row a trunk is made of.
COLUMNS = (
    "rung",
    "n_params",
    "seed",
    "status",
    "horizon_steps",
    "batch_size",
    "step",
    "compute",
    "test_loss",
    "observables",
    "irreducible_loss",
)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Trunk:
    """The runs of one model size at a constant learning rate.

    Attributes
    ----------
    rung, size : the model size in words, and its trainable parameters.
    flops : training FLOPs of an update.
    batch_size : examples of an update.
    updates : ``(m,)`` where the loss was measured, above 0.
    loss : ``(n, m)`` test loss of each seed.
    averaged : whether these are losses of averaged weights.
    irreducible_loss : L0 of the data set; None where it is not known.
    lost : seeds whose run did not end well.
    """

    rung: str
    size: float
    flops: float
    updates: np.ndarray
    loss: np.ndarray
    batch_size: int = 0
    irreducible_loss: float | None = None
    lost: int = 0
    averaged: bool = False


def trunks_of(rows: Sequence[Mapping[str, Any]], of: str = TEST_LOSS) -> list[Trunk]:
    """Trunks from the rows of a result table, smallest first. Of a model size that was trained to several lengths the
    longest counts.

    Parameters
    ----------
    of : the column or the observable that their losses are.

    Raises
    ------
    InputError
        A run that ended well has no such values.
    """
    longest: dict[str, int] = {}
    for row in rows:
        longest[row["rung"]] = max(longest.get(row["rung"], 0), row["horizon_steps"])
    members: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["horizon_steps"] == longest[row["rung"]]:
            members.setdefault(row["rung"], []).append(row)
    return sorted((_trunk(rung, own, of) for rung, own in members.items()), key=lambda trunk: trunk.size)


def _trunk(rung: str, rows: Sequence[Mapping[str, Any]], of: str) -> Trunk:
    sound = [row for row in rows if row["status"] == "ok"]
    updates = np.array(sound[0]["step"], dtype=float) if sound else np.empty(0)
    late = updates > 0
    flops = float(sound[0]["compute"][-1]) / float(updates[-1]) if sound else float("nan")
    losses = [values_of(row, of) for row in sound]
    if not all(losses):
        raise InputError(
            f"{losses.count(None)} of {len(sound)} trunks of {rung} have no {of}: they were trained without it. Train "
            "them again with `onecurve run --retry record`"
        )
    return Trunk(
        rung=rung,
        size=float(rows[0]["n_params"]),
        flops=flops,
        batch_size=rows[0]["batch_size"],
        irreducible_loss=rows[0]["irreducible_loss"],
        updates=updates[late],
        loss=np.array(losses, dtype=float)[:, late] if sound else np.empty((0, 0)),
        lost=len(rows) - len(sound),
        averaged=of != TEST_LOSS,
    )
