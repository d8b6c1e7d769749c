"""Do data sets share one curve? Each two of them, over the families that were trained on both."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from ..composing import OK, Missing
from ..controls.discrimination import discriminates
from ..outcome import Verdict
from ..reasons import Reason, because
from .crossing import Crossing
from .mean_curve import Contrast, Member, mean_curves
from .pairs import Pair, bounded, classes, together


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DatasetPairs:
    """Data sets two by two on one leg.

    Attributes
    ----------
    leg, datasets : what was compared.
    deviation : the largest difference of two data sets, in ln l.
    upper_bound : the largest upper bound of a pair: what all share one curve within.
    shared : ``collapse`` where every pair is bounded below the margin, ``no-collapse`` where some pair differs by more.
    pairs, classes : as for families.
    """

    leg: str
    datasets: tuple[str, ...]
    deviation: float
    upper_bound: float
    shared: Verdict
    pairs: tuple[Pair, ...]
    classes: tuple[tuple[str, ...], ...]
    status: Reason = OK


def compare_datasets(
    leg: str, crossing: Crossing, *, margin: float, rng: np.random.Generator, resamples: int = 999
) -> DatasetPairs | Missing:
    """Bound the difference of every two data sets.

    ``D_de(x) = mean_a (g_ad - g_ae)`` over the families a that were trained on both, with the bounds of a pair of
    families. That data sets agree is a finding, one curve for these data sets; where they differ, curves of other
    data sets are a control.

    Parameters
    ----------
    leg : kind of schedule.
    crossing : families crossed with data sets; cells may be missing.
    margin : largest difference that still counts as one curve.
    rng : chance.
    resamples : wild resamples.
    """
    cells = sorted(crossing.cells)
    members = [Member(family, dataset, family, crossing.cells[family, dataset]) for family, dataset in cells]
    weights = [(d, e, _weights(cells, d, e)) for d, e in itertools.combinations(crossing.datasets, 2)]
    known = [(d, e, one) for d, e, one in weights if one is not None]
    if not known:
        why = because("no-family-on-two-data-sets")
        return Missing(DatasetPairs, why, {"leg": leg, "datasets": crossing.datasets})
    curves = mean_curves(members, rng, resamples)
    pairs = bounded([(d, e, Contrast.of(one, curves)) for d, e, one in known], margin=margin)
    whole = len(known) == len(weights)
    return DatasetPairs(
        leg=leg,
        datasets=crossing.datasets,
        deviation=max(pair.difference for pair in pairs),
        upper_bound=max(pair.high for pair in pairs),
        shared=together(pairs, informs=discriminates(members[0].group, margin).enough, whole=whole),
        pairs=pairs,
        classes=classes(crossing.datasets, pairs) if whole else (),
    )


def _weights(cells: list[tuple[str, str]], first: str, second: str) -> np.ndarray | None:
    """Of all cells in the difference of two data sets; None where no family was trained on both."""
    both = {family for family, dataset in cells if dataset == first and (family, second) in cells}
    if not both:
        return None
    sign = {first: 1.0, second: -1.0}
    return np.array([sign.get(dataset, 0.0) / len(both) if family in both else 0.0 for family, dataset in cells])
