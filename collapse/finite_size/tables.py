"""Tables of an observable at several system sizes, and the exponents that a fit finds in them."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...errors import InputError
from ..composing import OK, Estimate
from ..reasons import Reason


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Table:
    """An observable against a control parameter at several system sizes.

    Attributes
    ----------
    sizes, t, y, se : ``(N,)`` system size L, control parameter, observable and its standard error, one row a point.
    dimensionless : whether the observable scales without a power of L, like a Binder ratio or a crossing probability;
        else it must be positive, and its logarithm is fitted.
    """

    sizes: np.ndarray
    t: np.ndarray
    y: np.ndarray
    se: np.ndarray
    dimensionless: bool = False

    def __post_init__(self) -> None:
        if len({len(column) for column in (self.sizes, self.t, self.y, self.se)}) > 1:
            raise InputError("the columns of a table differ in length")
        if len(np.unique(self.sizes)) < 2:
            raise InputError("finite-size scaling needs at least two sizes")
        if not np.all(self.se > 0):
            bad = int(np.sum(~(self.se > 0)))
            count = "all" if bad == len(self.se) else str(bad)
            raise InputError(
                f"every point needs a standard error above 0, and {count} of {len(self.se)} have none: the fit weighs "
                "each point by its own. Give the error of the mean over independent samples (their sd over the root of "
                "their number; by blocks or bootstrap where samples are correlated), or leave points without one out"
            )
        if not self.dimensionless and not np.all(self.y > 0):
            raise InputError("an observable with a dimension must be positive; or say that it is dimensionless")

    @property
    def target(self) -> np.ndarray:
        """What the scaling function is fitted to: y, or ln y where y has a dimension."""
        return self.y if self.dimensionless else np.log(self.y)

    @property
    def error(self) -> np.ndarray:
        """Standard error of `target`."""
        return self.se if self.dimensionless else self.se / self.y


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """Exponents at which the tables collapse.

    ``dimensions`` has one exponent a table (None where dimensionless): ``y ~ L^dimension`` at the critical point, so
    -beta/nu of a magnetisation. ``window`` is the largest ``|t - t_c| L^{1/nu}`` that was used, ``goodness`` the
    chi-square p-value inside. ``omega`` is the exponent of the correction to scaling where one was asked for and is
    identified, and ``plain_goodness`` what the fit without it reaches in the same window.
    """

    critical: Estimate
    inverse_nu: Estimate
    dimensions: tuple[Estimate | None, ...]
    window: float
    points: int
    goodness: float
    status: Reason = OK
    omega: Estimate | None = None
    plain_goodness: float | None = None
