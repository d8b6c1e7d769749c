"""The curves of one group in order: which can be used, which cannot, and which were copied."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from ...results.curves import LearningCurve, seed_order
from ...results.quantity import LOSS, Quantity
from ..reasons import Reason, because


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """A group's curves by rung.

    Attributes
    ----------
    rungs : complete curves of each rung with at least two seeds; sizes ascending, then seeds.
    censored : curves that did not reach their horizon. They have no end point and are never normalised by their last.
    alone : complete curves that are their rung's only seed: without a second one there is no noise to compare with.
    """

    rungs: tuple[tuple[LearningCurve, ...], ...]
    censored: tuple[LearningCurve, ...]
    alone: tuple[LearningCurve, ...]

    @classmethod
    def of(cls, curves: Iterable[LearningCurve]) -> Ladder:
        """Sort curves, so that nothing depends on the order in which they came."""
        by_size: dict[float, list[LearningCurve]] = {}
        censored = []
        for curve in sorted(curves, key=_order):
            by_size.setdefault(curve.size, []).append(curve) if curve.complete else censored.append(curve)
        rungs = tuple(tuple(rung) for rung in by_size.values() if len(rung) > 1)
        return cls(rungs, tuple(censored), tuple(rung[0] for rung in by_size.values() if len(rung) == 1))

    @property
    def curves(self) -> tuple[LearningCurve, ...]:
        """All curves in use, rung by rung."""
        return tuple(curve for rung in self.rungs for curve in rung)

    @property
    def quantity(self) -> Quantity:
        """What the curves are of."""
        return next((curve.quantity for curve in (*self.curves, *self.alone, *self.censored)), LOSS)

    @property
    def names(self) -> tuple[str, ...]:
        """What each rung is called."""
        return tuple(name_of(rung[0]) for rung in self.rungs)

    @property
    def sizes(self) -> np.ndarray:
        """``(K,)`` parameters."""
        return np.array([rung[0].size for rung in self.rungs])

    @property
    def fewest_seeds(self) -> int:
        """Seeds of the rung that has fewest, 0 where no rung is in use."""
        return min((len(rung) for rung in self.rungs), default=0)

    def first_x(self) -> float:
        """The x from which all curves in use have data."""
        return max((float(curve.x[curve.x > 0][0]) for curve in self.curves), default=1.0)

    def copies(self) -> list[Reason]:
        """Curves that equal an earlier one in every digit: a copied run, or a seed that was not set."""
        seen: dict[bytes, LearningCurve] = {}
        found = []
        for curve in self.curves:
            first = seen.setdefault(curve.x.tobytes() + curve.loss.tobytes(), curve)
            if first is not curve:
                whose = {"size": name_of(curve), "first_size": name_of(first)}
                found.append(because("equals-another", seed=curve.seed, first_seed=first.seed, **whose))
        return found


def name_of(curve: LearningCurve) -> str:
    """The rung in words, or its size."""
    if curve.rung:
        return curve.rung
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if curve.size >= unit:
            return f"size {curve.size / unit:.3g}{letter}"
    return f"size {curve.size:g}"


def _order(curve: LearningCurve) -> tuple[float, tuple[bool, int | str], str, bytes]:
    return curve.size, seed_order(curve.seed), curve.trial_id, curve.loss.tobytes()
