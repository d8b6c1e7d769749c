"""Curves two by two: which share one curve, which do not, and the classes that this makes of them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from ..outcome import Verdict
from .mean_curve import Contrast, MeanCurve
from .multiplicity import benjamini_hochberg

_Q = 0.1


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two curves: the largest modulus of their ``difference`` over x with its 95 % bounds.

    ``p`` is for a difference beyond the margin, ``p_adjusted`` by Benjamini and Hochberg over all pairs; ``listed``
    pairs differ by more than the margin, at most one in ten of them falsely. The verdict is ``collapse`` where the
    upper bound is below the margin, ``no-collapse`` where the pair is listed, else ``cannot-tell``.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    p_adjusted: float
    listed: bool
    verdict: Verdict

    @property
    def names(self) -> frozenset[str]:
        """Of both."""
        return frozenset((self.first, self.second))


def compare_pairs(
    names: Sequence[str], curves: Sequence[MeanCurve], *, margin: float, alike: Sequence[str] | None = None
) -> tuple[Pair, ...]:
    """Bound the difference of every two curves, see `bounded`.

    Parameters
    ----------
    names : of the curves.
    curves : mean curves with resamples.
    margin : largest difference that still counts as one curve.
    alike : a label for each; curves of one label are not compared with each other.
    """
    alike = names if alike is None else alike
    couples = [(i, j) for i, j in itertools.combinations(range(len(names)), 2) if alike[i] != alike[j]]
    unit = np.eye(len(names))
    return bounded([(names[i], names[j], Contrast.of(unit[i] - unit[j], curves)) for i, j in couples], margin=margin)


def bounded(differences: Sequence[tuple[str, str, Contrast]], *, margin: float) -> tuple[Pair, ...]:
    """Bounds and verdicts of differences between two curves each.

    "All share one curve" is a union over pairs of what would refute it, so each pair's own bound at 95 % is enough for
    the claim, without correction (intersection-union); to list the pairs that differ takes one.
    """
    p = [one.beyond(margin) for _, _, one in differences]
    rows = []
    for (first, second, one), own, adjusted in zip(differences, p, benjamini_hochberg(p), strict=True):
        high, listed = float(one.upper.max()), bool(adjusted <= _Q and own <= _Q / 2)
        rows.append(
            Pair(
                first=first,
                second=second,
                difference=float(np.abs(one.difference).max()),
                low=max(0.0, float(one.lower.max())),
                high=high,
                p=own,
                p_adjusted=float(adjusted),
                listed=listed,
                verdict="no-collapse" if listed else "collapse" if high < margin else "cannot-tell",
            )
        )
    return tuple(rows)


def together(pairs: Sequence[Pair], *, informs: bool, whole: bool = True) -> Verdict:
    """Whether all share one curve: ``no-collapse`` if some pair differs, ``collapse`` if every pair is bounded.

    Parameters
    ----------
    pairs : of all that could be compared.
    informs : whether the margin could be missed at enough of the grid.
    whole : whether every two could be compared.
    """
    verdicts = [pair.verdict for pair in pairs]
    if "no-collapse" in verdicts:
        return "no-collapse"
    return "collapse" if whole and informs and all(one == "collapse" for one in verdicts) else "cannot-tell"


def classes(names: Sequence[str], pairs: Sequence[Pair]) -> tuple[tuple[str, ...], ...]:
    """Groups of curves that share one curve among themselves and differ from all of the others.

    Empty where the pairs do not part them so: where some pair is undecided, or where a first curve shares that of a
    second, the second that of a third, and the third differs from the first.
    """
    verdicts = {pair.names: pair.verdict for pair in pairs}
    found: list[list[str]] = []
    for name in names:
        own = next((one for one in found if verdicts.get(frozenset((name, one[0])), "collapse") == "collapse"), None)
        if own is None:
            found.append([name])
        else:
            own.append(name)
    of = {name: i for i, one in enumerate(found) for name in one}
    parted = all(pair.verdict == ("collapse" if of[pair.first] == of[pair.second] else "no-collapse") for pair in pairs)
    return tuple(tuple(one) for one in found) if parted else ()


def odd_ones(names: Sequence[str], pairs: Sequence[Pair]) -> set[str]:
    """Those that differ from most of the others: a master curve is no reference with them in it.

    Empty where they are as many as those that remain: then there is no curve of the rest.
    """
    differ = {name: sum(pair.listed for pair in pairs if name in pair.names) for name in names}
    met = {name: sum(name in pair.names for pair in pairs) for name in names}
    odd = {name for name in names if differ[name] > met[name] / 2}
    return odd if len(odd) < len(names) / 2 else set()
