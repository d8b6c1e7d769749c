"""One run as it was logged: its evaluations in the order of the file, and what holds for all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from .quantity import TEST_LOSS


@dataclasses.dataclass(slots=True, eq=False)
class Run:
    """One run.

    Attributes
    ----------
    family, dataset, recipe, leg, size, seed : whose run it is.
    clock : ``(m,)`` what its clock shows at each evaluation, in the order of the file.
    loss : ``(m,)`` loss there.
    lr : ``(m,)`` learning rate there, NaN where it is not given; None without such a column.
    horizon : planned end in the clock's unit; None where it is not given.
    irreducible_loss : the floor; None where it is not known.
    irreducible_loss_se, test_loss_se : standard errors of the floor, and of the loss from a finite test set; None where
        they are not given.
    status : ``ok``, or why it ended early.
    observable : what ``loss`` holds.
    reach : what the clock shows at the end of rows that have no value of another observable than the loss; 0 else.
    """

    family: str
    dataset: str
    recipe: str
    leg: str
    size: float
    seed: int | str
    clock: np.ndarray
    loss: np.ndarray
    lr: np.ndarray | None = None
    horizon: float | None = None
    irreducible_loss: float | None = None
    irreducible_loss_se: float | None = None
    test_loss_se: float | None = None
    status: str = "ok"
    observable: str = TEST_LOSS
    reach: float = 0.0

    @property
    def rung(self) -> tuple[str, str, str, str, float]:
        """What the seeds of one size share."""
        return self.family, self.dataset, self.recipe, self.leg, self.size

    @property
    def name(self) -> str:
        """The run in words."""
        of = "" if self.observable == TEST_LOSS else f", {self.observable}"
        return f"{self.family} on {self.dataset}, size {self.size:g}, seed {self.seed}{of}"

    @property
    def gap(self) -> float:
        """The usual distance between two evaluations; 0 with fewer than two."""
        return float(np.median(np.diff(self.clock))) if len(self.clock) > 1 else 0.0

    def keep(self, rows: np.ndarray) -> None:
        """Keep these evaluations, in this order: indices or a mask."""
        self.clock, self.loss = self.clock[rows], self.loss[rows]
        self.lr = None if self.lr is None else self.lr[rows]


def counted(count: int, total: int) -> str:
    """``3 of 16 runs``, or ``all 16 runs``."""
    return f"all {total} runs" if count == total > 1 else f"{count} of {total} runs"


def some(runs: Sequence[Run]) -> str:
    """The first runs in words."""
    more = f" and {len(runs) - 2} more" if len(runs) > 2 else ""
    return "; ".join(run.name for run in runs[:2]) + more
