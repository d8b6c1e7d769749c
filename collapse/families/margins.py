"""The margin that depends on x: nowhere wider than a third of what curves of other data sets show."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..outcome import RescaledGroup, Scale
from ..reasons import Reason, because
from .crossing import Crossing

_FEWEST = 3
_SHARE = 1 / 3
_CLEAR = 3.0  # standard errors by which the spread must exceed 0 to carry information


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Margin:
    """A margin along x.

    Attributes
    ----------
    scale : of the curves that were compared, None where there were none.
    x : ``(m,)`` grid.
    flat : the margin that was chosen before the data.
    values : ``(m,)`` the margin; infinite where blank.
    spread, spread_se : ``(m,)`` s_N2(x), the sd between data sets, and its standard error; None with fewer than three.
    blank : ``(m,)`` where curves of other data sets do not differ either: agreement there is no information.
    note : what a reader must know of it.
    """

    scale: Scale | None
    x: np.ndarray
    flat: float
    values: np.ndarray
    spread: np.ndarray | None
    spread_se: np.ndarray | None
    blank: np.ndarray
    note: Reason

    @property
    def tightened(self) -> bool:
        """Whether the spread between data sets was used."""
        return self.spread is not None

    def certifies(self, upper: np.ndarray) -> bool:
        """Whether ``U95(x) < eps(x)`` for upper bounds ``(..., m)`` at every x that is not blank, and any is left."""
        informed = ~self.blank
        return bool(informed.any() and np.all(upper[..., informed] < self.values[informed]))

    def refutes(self, lower: np.ndarray) -> bool:
        """Whether some lower bound of ``(..., m)`` is at least the margin, or the flat one where that is blank."""
        return bool(np.any(lower >= self.reach()))

    def bears_on(self, group: RescaledGroup) -> bool:
        """Whether it was tightened, on this group's own scale and grid."""
        return self.tightened and self.scale == group.scale and np.array_equal(self.x, group.x)

    def reach(self) -> np.ndarray:
        """``(m,)`` what a lower bound must reach to refute: where blank, the flat margin."""
        return np.minimum(self.flat, self.values)


def tightened_margin(crossing: Crossing, margin: float) -> Margin:
    """``eps(x) = min(eps, s_N2(x)/3)`` with at least three data sets, blank where s_N2 is below 3 standard errors.

    ``s_N2(x)`` is the sd over data sets of the mean over families of their mean curves; on a crossing with missing
    cells, over those that are there. Its standard error comes from the seed noise by the delta method::

        s^2 = sum_d (g_d - g)^2/(D-1),   se^2 = sum_d [(g_d - g)/((D-1) s)]^2 var(g_d)

    Parameters
    ----------
    crossing : families crossed with data sets, one leg.
    margin : the flat margin, chosen before the data.
    """
    x, m = crossing.x, len(crossing.x)
    scale: Scale | None = next((group.scale for group in crossing.cells.values()), None)
    datasets = crossing.datasets
    if len(datasets) < _FEWEST:
        return Margin(
            scale=scale,
            x=x,
            flat=margin,
            values=np.full(m, margin),
            spread=None,
            spread_se=None,
            blank=np.zeros(m, dtype=bool),
            note=because("flat-margin", needed=_FEWEST, datasets=len(datasets)),
        )
    means, variances = zip(*(_dataset(crossing, dataset) for dataset in datasets), strict=True)
    spread, se = _spread(np.stack(means), np.stack(variances))
    blank = spread < _CLEAR * se
    return Margin(
        scale=scale,
        x=x,
        flat=margin,
        values=np.where(blank, np.inf, np.minimum(margin, _SHARE * spread)),
        spread=spread,
        spread_se=se,
        blank=blank,
        note=because("margin-tightened-in-part", datasets=len(datasets), blank=float(blank.mean()))
        if blank.any()
        else because("margin-tightened", datasets=len(datasets)),
    )


def _dataset(crossing: Crossing, dataset: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean over families of their mean curves on a data set, ``(m,)``, and its variance."""
    found = [_mean(group) for (_, d), group in crossing.cells.items() if d == dataset]
    means, variances = zip(*found, strict=True)
    return np.mean(means, axis=0), np.sum(variances, axis=0) / len(found) ** 2


def _mean(group: RescaledGroup) -> tuple[np.ndarray, np.ndarray]:
    means = [rows.mean(axis=0) for rows in group.values]
    variances = [rows.var(axis=0, ddof=1) / len(rows) for rows in group.values]
    return np.mean(means, axis=0), np.sum(variances, axis=0) / len(means) ** 2


def _spread(means: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """sd over data sets of ``(D, m)`` and its standard error."""
    rest = means - means.mean(axis=0)
    spread = means.std(axis=0, ddof=1)
    safe = np.maximum(spread, np.finfo(float).tiny)
    return spread, np.sqrt(((rest / ((len(means) - 1) * safe)) ** 2 * variances).sum(axis=0))
