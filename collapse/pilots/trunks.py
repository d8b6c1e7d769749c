"""Trunks: the curves of a pilot, trained at a constant learning rate beyond the training length that is sought."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

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


def trunks_of(rows: Sequence[Mapping[str, Any]]) -> list[Trunk]:
    """Trunks from the rows of a result table, smallest first. Of a model size that was trained to several lengths the
    longest counts."""
    longest: dict[str, int] = {}
    for row in rows:
        longest[row["rung"]] = max(longest.get(row["rung"], 0), row["horizon_steps"])
    members: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["horizon_steps"] == longest[row["rung"]]:
            members.setdefault(row["rung"], []).append(row)
    return sorted((_trunk(rung, own) for rung, own in members.items()), key=lambda trunk: trunk.size)


def _trunk(rung: str, rows: Sequence[Mapping[str, Any]]) -> Trunk:
    sound = [row for row in rows if row["status"] == "ok"]
    updates = np.array(sound[0]["step"], dtype=float) if sound else np.empty(0)
    late = updates > 0
    flops = float(sound[0]["compute"][-1]) / float(updates[-1]) if sound else float("nan")
    return Trunk(
        rung=rung,
        size=float(rows[0]["n_params"]),
        flops=flops,
        batch_size=rows[0]["batch_size"],
        irreducible_loss=rows[0]["irreducible_loss"],
        updates=updates[late],
        loss=np.array([row["test_loss"] for row in sound], dtype=float)[:, late] if sound else np.empty((0, 0)),
        lost=len(rows) - len(sound),
    )
