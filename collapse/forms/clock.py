"""What a form sees of a schedule."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..outcome import RescaledGroup


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """Time on a grid of x.

    Attributes
    ----------
    x : ``(m,)`` fraction of the horizon.
    phase : ``(m,)`` share of the learning-rate integral, ``y = int_0^x eta / int_0^1 eta``.
    rate : ``(m,)`` learning rate over its peak, ``eta(x)/eta_0``.
    end_rate : the same at x = 1.
    """

    x: np.ndarray
    phase: np.ndarray
    rate: np.ndarray
    end_rate: float

    @classmethod
    def of(cls, group: RescaledGroup) -> Clock:
        """A group's clock; that of a constant rate where its schedule is not known."""
        if group.phase is None or group.rate is None or group.end_rate is None:
            return cls.constant(group.x)
        return cls(group.x, group.phase, group.rate, group.end_rate)

    @classmethod
    def constant(cls, x: np.ndarray) -> Clock:
        """The clock of a constant rate."""
        return cls(x, x, np.ones_like(x), 1.0)

    @property
    def varying(self) -> bool:
        """Whether the rate changes."""
        return bool(np.ptp(np.append(self.rate, self.end_rate)) > 1e-9)
