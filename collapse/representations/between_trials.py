"""Representations within a family, across its sizes and across families, trained and untrained, on shared inputs."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from ...errors import InputError
from ...results.grams import Gram, grams_of
from ...results.group_names import told_apart
from ..outcome import Key
from .seed_pairs import OverSeeds, PairMeans, interval
from .similarity import debiased_cka, permuted, procrustes_distance

COLUMNS = (
    *("trial_id", "family", "dataset", "recipe", "recipe_label", "leg", "rung", "n_params", "seed", "status"),
    *("horizon_steps", "grams"),
)
Measure = Literal["cka", "procrustes"]
Kind = Literal["one size", "neighbouring sizes", "two families"]
_ORDERS = 4  # of the inputs, for the control


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Represented:
    """A layer of one trial, before and after its training.

    Attributes
    ----------
    family : as it is called, with its setting where it has several.
    """

    family: str
    dataset: str
    rung: str
    size: float
    seed: int
    start: Gram
    end: Gram


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compared:
    """One set of pairs of trials of different seeds.

    Attributes
    ----------
    kind : what the pairs share; ``two families`` are compared at the largest size of each.
    first, second : family and model size of both sides; the same for one size.
    pairs : how many.
    trained, untrained : mean over pairs after training and before.
    gain : the first less the second.
    permuted : mean over the same pairs with the inputs of one side in another order, as no relation would have it.
    """

    kind: Kind
    first: tuple[str, str]
    second: tuple[str, str]
    pairs: int
    trained: OverSeeds
    untrained: OverSeeds
    gain: OverSeeds
    permuted: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class WithSize:
    """How similarity changes with the model size, for each factor of ten in parameters.

    Attributes
    ----------
    first, second : families; the same for pairs within one. Two families are paired size by size, smallest first.
    sizes : how many sizes.
    trained, untrained : slopes on the decimal logarithm of the parameters, geometric means of both sides.
    gain : the slope of the first less that of the second.
    points : mean parameters and the similarity, trained and untrained, at each size.
    """

    first: str
    second: str
    sizes: int
    trained: OverSeeds
    untrained: OverSeeds
    gain: OverSeeds
    points: Sequence[tuple[float, OverSeeds, OverSeeds]]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class LayerComparison:
    """All comparisons of one layer on one data set.

    Attributes
    ----------
    layer, dataset, measure : what was compared, and by what.
    trials : in the order of the matrices: by family, then by size, then by seed.
    trained, untrained : ``(T, T)`` similarities, or distances, of all pairs.
    rows, growth : the tables.
    left_out : trials without the layer or without an end, in words.
    """

    layer: str
    dataset: str
    measure: Measure
    trials: Sequence[Represented]
    trained: np.ndarray
    untrained: np.ndarray
    rows: Sequence[Compared]
    growth: Sequence[WithSize]
    left_out: Sequence[str] = ()


def compare_representations(
    rows: Iterable[Mapping[str, Any]], rng: np.random.Generator, measure: Measure = "cka", layer: str | None = None
) -> list[LayerComparison]:
    """Compare what trials kept, for each data set, its inputs and each layer.

    Parameters
    ----------
    rows : of the result table, with `COLUMNS`.
    layer : ``last`` or ``middle``; None for both.

    Raises
    ------
    InputError
        No trial has kept Gram matrices, or none of that layer; two trials of one family, size and seed.
    """
    rows = list(rows)
    if not any(row["grams"] for row in rows):
        raise InputError("no trial here has Gram matrices; a sweep with `record: [gram]` keeps them")
    found: dict[tuple[str, str, str], list[Represented]] = {}
    lost: dict[str, list[str]] = {}
    for row, family in zip(rows, _names(rows), strict=True):
        layers = list(_layers(row, family))
        for each in layers:
            found.setdefault((row["dataset"], each.end.inputs, each.end.layer), []).append(each)
        if row["grams"] and not layers:
            lost.setdefault(row["dataset"], []).append(f"{family}, {row['rung']}, seed {row['seed']}")
    wanted = {key: each for key, each in sorted(found.items()) if layer in (None, key[2])}
    if not wanted:
        raise InputError(f"no trial here that ended well has Gram matrices{f' of the {layer} layer' if layer else ''}")
    return [_compared(key[2], key[0], measure, each, rng, lost.get(key[0], ())) for key, each in wanted.items()]


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Families, with their setting where a family has several on a data set."""
    keys = [
        Key(**{name: row[name] or "" for name in ("family", "dataset", "recipe", "recipe_label", "leg")})
        for row in rows
    ]
    several = list(dict.fromkeys(keys))
    names = {key: told_apart(key, several) for key in several}
    return [names[key] for key in keys]


def _layers(row: Mapping[str, Any], family: str) -> Iterator[Represented]:
    kept: dict[str, dict[int, Gram]] = {}
    for gram in grams_of(row):
        kept.setdefault(gram.layer, {})[gram.step] = gram
    about = {"family": family, "dataset": row["dataset"], "rung": row["rung"], "size": float(row["n_params"])}
    for each in kept.values():
        if row["status"] == "ok" and 0 in each and row["horizon_steps"] in each:
            yield Represented(**about, seed=row["seed"], start=each[0], end=each[row["horizon_steps"]])


def _compared(
    layer: str,
    dataset: str,
    measure: Measure,
    trials: Sequence[Represented],
    rng: np.random.Generator,
    left_out: Sequence[str],
) -> LayerComparison:
    trials = sorted(trials, key=lambda each: (each.family, each.size, each.seed))
    for one, other in itertools.pairwise(trials):
        if (one.family, one.size, one.seed) == (other.family, other.size, other.seed):
            raise InputError(
                f"two trials of {one.family}, {one.rung}, have the seed {one.seed}; give one folder a call"
            )
    start, end = ([getattr(each, moment) for each in trials] for moment in ("start", "end"))
    matrices = _all_pairs(end, end, measure), _all_pairs(start, start, measure), _unrelated(end, measure, rng)
    table = _Table(trials, *matrices, rng)
    return LayerComparison(
        layer=layer,
        dataset=dataset,
        measure=measure,
        trials=trials,
        trained=matrices[0],
        untrained=matrices[1],
        rows=list(table.rows()),
        growth=list(table.growth()),
        left_out=left_out,
    )


def _all_pairs(left: Sequence[Gram], right: Sequence[Gram], measure: Measure) -> np.ndarray:
    if measure == "procrustes":
        return procrustes_distance(left, right)
    return debiased_cka([each.matrix for each in left], [each.matrix for each in right])


def _unrelated(grams: Sequence[Gram], measure: Measure, rng: np.random.Generator) -> np.ndarray:
    found = []
    for _ in range(_ORDERS):
        order = rng.permutation(len(grams[0].matrix))
        found.append(
            _all_pairs(grams, [dataclasses.replace(g, matrix=permuted(g.matrix, order)) for g in grams], measure)
        )
    return np.mean(found, axis=0)


class _Table:
    """The rows of a comparison."""

    def __init__(
        self,
        trials: Sequence[Represented],
        trained: np.ndarray,
        untrained: np.ndarray,
        unrelated: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        self._matrices, self._rng = (trained, untrained, unrelated), rng
        self._seeds = sorted({each.seed for each in trials})
        self._of: dict[str, dict[float, list[int]]] = {}
        self._rungs = {(each.family, each.size): each.rung for each in trials}
        self._at = [self._seeds.index(each.seed) for each in trials]
        for place, each in enumerate(trials):
            self._of.setdefault(each.family, {}).setdefault(each.size, []).append(place)

    def rows(self) -> Iterator[Compared]:
        """Within sizes, across neighbouring sizes, across families."""
        for family, sizes in self._of.items():
            for size in sizes:
                yield from self._row("one size", (family, size), (family, size))
        for family, sizes in self._of.items():
            for one, other in itertools.pairwise(sizes):
                yield from self._row("neighbouring sizes", (family, one), (family, other))
        for one, other in itertools.combinations(self._of, 2):
            yield from self._row("two families", (one, max(self._of[one])), (other, max(self._of[other])))

    def growth(self) -> Iterator[WithSize]:
        """Within each family, then between any two."""
        for one, other in itertools.combinations_with_replacement(self._of, 2):
            matched = list(zip(self._of[one], self._of[other], strict=False))
            sets = [self._pairs((one, a), (other, b)) for a, b in matched]
            if len(matched) > 1 and all(each.shape[1] for each in sets):
                yield self._growth(one, other, np.array([np.log10(a * b) / 2 for a, b in matched]), sets)

    def _growth(self, one: str, other: str, log_size: np.ndarray, sets: Sequence[np.ndarray]) -> WithSize:
        away = (log_size - log_size.mean()) / np.square(log_size - log_size.mean()).sum()
        nothing = 0 * away
        weights = np.append(away, nothing), np.append(nothing, away), np.append(away, -away)
        trained, untrained, gain = self._intervals(sets, weights)
        points = [
            (10.0**size, *self._intervals([each], ([1, 0], [0, 1]))) for size, each in zip(log_size, sets, strict=True)
        ]
        about = {"first": one, "second": other, "sizes": len(sets), "points": points}
        return WithSize(**about, trained=trained, untrained=untrained, gain=gain)

    def _row(self, kind: Kind, one: tuple[str, float], other: tuple[str, float]) -> Iterator[Compared]:
        pairs = self._pairs(one, other)
        if not pairs.shape[1]:
            return
        trained, untrained, gain = self._intervals([pairs], ([1, 0], [0, 1], [1, -1]))
        yield Compared(
            kind=kind,
            first=(one[0], self._rungs[one]),
            second=(other[0], self._rungs[other]),
            pairs=pairs.shape[1],
            trained=trained,
            untrained=untrained,
            gain=gain,
            permuted=float(pairs[4].mean()),
        )

    def _pairs(self, one: tuple[str, float], other: tuple[str, float]) -> np.ndarray:
        """``(5, m)``: places of the seeds of both, then each of the matrices' values."""
        left, right = self._of[one[0]][one[1]], self._of[other[0]][other[1]]
        places = [(i, j) for i in left for j in right if self._at[i] != self._at[j] and (one != other or i < j)]
        found = [(self._at[i], self._at[j], *(matrix[i, j] for matrix in self._matrices)) for i, j in places]
        return np.array(found, dtype=float).reshape(-1, 5).T

    def _intervals(self, sets: Sequence[np.ndarray], weights: Sequence[Any]) -> list[OverSeeds]:
        """Of weighted sums of the sets' means, of all trained ones and then of all untrained ones."""
        both = [each[[0, 1, 2 + moment]] for moment in (0, 1) for each in sets]
        used = sorted({int(place) for each in sets for place in each[:2].ravel()})
        renamed = [np.vstack([np.searchsorted(used, each[:2]), each[2:]]) for each in both]
        means = PairMeans([self._seeds[place] for place in used], renamed)
        return [interval(means, np.asarray(each, dtype=float), self._rng) for each in weights]
