"""A form on a clock and a scale, ready to be searched: logarithms, annealing and the scale are applied here."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from ..ladders.rescaling import to_shape
from ..outcome import RescaledGroup, Scale
from .annealing import annealed, parameters_of
from .clock import Clock
from .form import Form, Parameter

_FAR = 1e3  # in place of what is no number, so that a search leaves it at once


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Posed:
    """A form whose q parameters, the annealing gain among them where it shows, are to be found.

    `curve` is for a search within bounds and takes many parameters at once, ``(N, q)`` to ``(N, m)``; `under_prior` is
    for a search under a prior, ``(q,)`` to ``(m,)``, each parameter unbounded.
    """

    form: Form
    clock: Clock
    scale: Scale
    parameters: tuple[Parameter, ...]

    @classmethod
    def on(cls, form: Form, clock: Clock, scale: Scale = "end-point") -> Posed:
        """A form on a clock."""
        return cls(form, clock, scale, parameters_of(form, clock))

    @classmethod
    def of(cls, form: Form, group: RescaledGroup) -> Posed:
        """A form on a group's clock and scale."""
        return cls.on(form, Clock.of(group), group.scale)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters."""
        return tuple(one.name for one in self.parameters)

    @property
    def low(self) -> np.ndarray:
        """``(q,)`` lower bounds of `curve`'s parameters."""
        return np.array([one.bounds[0] for one in self.parameters])

    @property
    def high(self) -> np.ndarray:
        """``(q,)`` upper bounds."""
        return np.array([one.bounds[1] for one in self.parameters])

    @property
    def starts(self) -> np.ndarray:
        """``(S, q)``: all combinations of the parameters' starts."""
        return np.array([[*row] for row in itertools.product(*(one.searched for one in self.parameters))])

    @property
    def prior(self) -> tuple[np.ndarray, np.ndarray]:
        """Centre and width of `under_prior`'s parameters, ``(q,)`` each."""
        centre, width = np.array([one.wide_prior for one in self.parameters]).T
        return centre, width

    def natural(self, theta: np.ndarray) -> np.ndarray:
        """Parameters ``(..., q)`` of `curve` as the formula has them."""
        logs = np.array([one.scale == "logarithm" for one in self.parameters])
        return np.where(logs, np.exp(np.where(logs, theta, 0.0)), theta)

    def curve(self, theta: np.ndarray) -> np.ndarray:
        """``(N, q)`` to curves ``(N, m)``; what is no number lies far off."""
        columns = [one.natural(theta[:, i : i + 1]) for i, one in enumerate(self.parameters)]
        return self._finite(columns)

    def under_prior(self, theta: np.ndarray) -> np.ndarray:
        """``(q,)`` to a curve ``(m,)``."""
        return self._finite([one.natural(value, prior=True) for one, value in zip(self.parameters, theta, strict=True)])

    def _finite(self, values: Sequence[np.ndarray | float]) -> np.ndarray:
        with np.errstate(all="ignore"):
            found = self.at(values)
            if np.isfinite(found).all():
                return found
            return np.nan_to_num(found, nan=_FAR, posinf=_FAR, neginf=-_FAR)

    def at(self, values: Sequence[np.ndarray | float]) -> np.ndarray:
        """The curve on the scale at parameters as the formula has them."""
        own = len(self.form.parameters)
        z = self.form.log_curve(values[:own], self.clock)
        z = annealed(z, values[own], self.clock) if len(values) > own else z
        return z if self.scale == "end-point" else to_shape(z, self.clock.x)
