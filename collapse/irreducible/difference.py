"""A difference of two floors with its error and the quantile that it is held against."""

from __future__ import annotations

import dataclasses

from scipy.stats import t as student

from ..composing import OK
from ..reasons import Reason


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A difference of two floors: collapse-implied less reference.

    ``sd`` is that of the difference over wild resamples, ``z`` the difference over it, ``critical`` the quantile
    ``t_{.975; df}`` that it is held against. ``status`` is ``ok`` or says why there is none; then the numbers are None.
    """

    reference: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    sd: float | None = None
    z: float | None = None
    critical: float | None = None
    df: int | None = None
    rejected: bool | None = None
    status: Reason = OK


def compared(floor: float, reference: float | None, sd: float, df: int, problem: Reason) -> Comparison:
    """``floor - reference`` against ``t_{.975; df} sd``; without a reference, the problem."""
    if reference is None:
        return Comparison(status=problem)
    critical, difference = float(student.ppf(0.975, df)), floor - reference
    return Comparison(
        reference=reference,
        difference=difference,
        low=difference - critical * sd,
        high=difference + critical * sd,
        sd=sd,
        z=difference / sd,
        critical=critical,
        df=df,
        rejected=abs(difference) > critical * sd,
    )
