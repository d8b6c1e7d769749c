"""What a ladder costs, from what its rungs cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ...errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Cost of one trial, ``amount (p/size)^(1 + gamma)``: a step costs p, and a horizon is p^gamma long.

    Attributes
    ----------
    size : parameters of a rung whose cost is known.
    amount : what one of its trials costs.
    unit : ``seconds`` or ``FLOPs``.
    gamma : horizon exponent.
    """

    size: float
    amount: float
    unit: str = "seconds"
    gamma: float = 1.0

    @classmethod
    def of(
        cls, sizes: Sequence[float], amounts: Sequence[float], unit: str = "seconds", gamma: float | None = 1.0
    ) -> Cost:
        """From what trials of several rungs cost: the amplitude is the mean in logarithms, the exponent is held, or
        fitted where ``gamma`` is None and there are two sizes.

        Raises
        ------
        InputError : amounts that are not positive, or not one for each size.
        """
        if len(sizes) != len(amounts) or not len(sizes):
            raise InputError(f"one cost for each rung is needed, got {len(amounts)} for {len(sizes)} rungs")
        if not (np.min(sizes) > 0 and np.min(amounts) > 0):
            raise InputError("sizes and costs must be positive")
        centre = float(np.exp(np.log(sizes).mean()))
        if gamma is None:
            several = len(set(sizes)) > 1
            gamma = float(np.polyfit(np.log(sizes), np.log(amounts), 1)[0]) - 1 if several else 1.0
        scaled = np.log(amounts) - (1 + gamma) * (np.log(sizes) - np.log(centre))
        return cls(size=centre, amount=float(np.exp(scaled.mean())), unit=unit, gamma=gamma)

    def sweep(self, sizes: np.ndarray, seeds: int) -> float:
        """Cost of one family: all rungs, with as many seeds each."""
        return float(seeds * self.amount * ((np.asarray(sizes) / self.size) ** (1 + self.gamma)).sum())
