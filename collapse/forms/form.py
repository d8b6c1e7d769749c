"""What a form is, and the catalogue of forms."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from ...catalogue import Catalogue
from ...own_files import take_files
from .clock import Clock

_SHARE_PRIOR = 0.0, 2.0  # of a logit: flat enough between .02 and .98


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One number of a form, in the unit that its formula has.

    Attributes
    ----------
    low, high : bounds of the search.
    starts : where a search starts; the starts of several parameters are combined.
    scale : where the parameter moves. ``logarithm`` is for what is above 0: a search within bounds and a search under a
        prior both take its logarithm. ``share`` is for what lies between 0 and 1: a search within bounds takes it as it
        is, a search under a prior its logit. ``linear`` is as it is.
    prior : mean and standard deviation of a wide normal prior, on the logarithm, the logit or the number itself. None
        is the middle of the bounds with a quarter of their distance; of a share, a logit of 0 with sd 2.
    """

    name: str
    low: float
    high: float
    starts: tuple[float, ...]
    scale: Literal["linear", "logarithm", "share"] = "linear"
    prior: tuple[float, float] | None = None

    @property
    def bounds(self) -> tuple[float, float]:
        """Low and high as a search within bounds has them."""
        return (np.log(self.low), np.log(self.high)) if self.scale == "logarithm" else (self.low, self.high)

    @property
    def searched(self) -> np.ndarray:
        """The starts as a search within bounds has them."""
        return np.log(np.array(self.starts)) if self.scale == "logarithm" else np.array(self.starts)

    @property
    def wide_prior(self) -> tuple[float, float]:
        """The prior, or the one that follows from the bounds."""
        if self.prior is not None:
            return self.prior
        low, high = self.bounds
        return _SHARE_PRIOR if self.scale == "share" else ((low + high) / 2, (high - low) / 4)

    def natural(self, moved: np.ndarray, *, prior: bool = False) -> np.ndarray:
        """The parameter from where a search has moved it: within bounds, or under a ``prior``."""
        if self.scale == "logarithm":
            return np.exp(moved)
        return 1 / (1 + np.exp(-moved)) if prior and self.scale == "share" else moved


@dataclasses.dataclass(frozen=True)
class Form(ABC):
    """A form of the normalised curve, ``ln l(x)`` with ``l(1) = 1``. Subclass it as a frozen dataclass in one file.

    A user's own form is named by its file, ``my_form.py:MyForm``; another package names its form in the entry-point
    group ``onecurve.collapse.forms``.

    Attributes
    ----------
    name : what the catalogue calls it.
    formula : l or ln l in the phase ``y``, without the annealing factor.
    citation : where the form is from.
    parameters : in the order in which `log_curve` takes them.
    annealed : whether the annealing factor multiplies it. False where the form carries the schedule itself or ignores
        it.
    same_at_constant_rate : name of the form that it coincides with where the rate does not change.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    citation: ClassVar[str] = ""
    parameters: ClassVar[tuple[Parameter, ...]]
    annealed: ClassVar[bool] = True
    same_at_constant_rate: ClassVar[str | None] = None

    @abstractmethod
    def log_curve(self, parameters: Sequence[np.ndarray | float], clock: Clock) -> np.ndarray:
        """``ln l`` without annealing.

        Parameters
        ----------
        parameters : one a parameter, as the formula has them: numbers, or arrays ``(..., 1)`` that broadcast against
            the clock's grid ``(m,)``.
        clock : what the form sees of the schedule.

        Returns
        -------
        array ``(..., m)``
        """

    def coincides(self, clock: Clock) -> str | None:
        """The form that this one is under a clock, where it is another one in disguise."""
        return None if clock.varying else self.same_at_constant_rate


FORMS: Catalogue[Form] = Catalogue("form", "onecurve.collapse.forms")
take_files(FORMS, Form, "a form")
