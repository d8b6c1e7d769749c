"""Variance shares: unbiased components and intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.families.crossing import Crossing
from onecurve.collapse.families.variance import SOURCES, Statistics, variance_shares
from onecurve.collapse.outcome import RescaledGroup
from onecurve.collapse.reasons import because
from onecurve.results.grid import common_grid, log_weights

X = common_grid()
SHAPE = -np.log(X) / np.sqrt(np.log(X) ** 2 @ log_weights(X))


def crossing(rng, effects, families=5, datasets=4, rungs=3, seeds=4, fixed=None) -> Crossing:
    """Cells with variance components ``effects`` in the order of SOURCES; ``fixed`` curves instead of random cells."""
    sd = np.sqrt(effects)
    d, a = sd[0] * rng.normal(size=datasets), sd[1] * rng.normal(size=families)
    cells = {}
    for i in range(families):
        for j in range(datasets):
            level = d[j] + a[i] + sd[2] * rng.normal() if fixed is None else fixed[i, j]
            rung = sd[3] * rng.normal(size=(rungs, 1, 1)) if fixed is None else 0.0
            values = (level + rung + sd[4] * rng.normal(size=(rungs, seeds, 1))) * SHAPE
            cells[f"f{i}", f"d{j}"] = RescaledGroup(
                scale="end-point",
                x=X,
                sizes=2.0 ** np.arange(rungs),
                rungs=tuple("abcdefgh"[:rungs]),
                values=tuple(values),
                seeds=(tuple(range(seeds)),) * rungs,
                phase=None,
                rate=None,
            )
    return Crossing.of(cells)


def test_components_are_unbiased():
    rng = np.random.default_rng(0)
    truth = np.array([4.0, 2.0, 1.0, 0.5, 0.25])
    tries = [Statistics.of(crossing(rng, truth)).components()[..., 0] @ log_weights(X) for _ in range(400)]
    error = np.std(tries, axis=0) / 20
    assert np.all(np.abs(np.mean(tries, axis=0) - truth) < 4 * error)
    assert np.all(error < 0.12 * truth + 0.12)


def test_shares_where_the_answer_is_plain():
    rng = np.random.default_rng(1)
    levels = np.arange(4.0) + 0.1 * np.arange(5.0)[:, None]
    found = variance_shares(crossing(rng, np.array([0, 0, 0, 0, 1e-6]), fixed=levels), rng=rng)
    dataset, family = np.var(np.arange(4.0), ddof=1), 0.01 * np.var(np.arange(5.0), ddof=1)
    shares = {row.source: row.share for row in found.shares}
    assert tuple(shares) == SOURCES
    assert shares["data set"] == pytest.approx(dataset / (dataset + family), abs=1e-3)
    assert shares["architecture"] == pytest.approx(family / (dataset + family), abs=1e-3)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert found.along.sum(axis=0) == pytest.approx(np.ones(24))


def test_the_seed_interval_covers_the_share_of_these_families():
    rng = np.random.default_rng(2)
    levels = np.random.default_rng(3).normal(size=(4, 1)) * 0.4 + np.random.default_rng(4).normal(size=4)
    levels = levels + 0.3 * np.random.default_rng(5).normal(size=(4, 4))
    quiet = crossing(rng, np.array([0, 0, 0, 0, 1e-12]), 4, 4, fixed=levels)
    components = Statistics.of(quiet).components()[..., 0] @ log_weights(X)
    components[3:] = [0.0, 0.5]
    truth = components / components.sum()
    inside = []
    for _ in range(100):
        made = crossing(rng, np.array([0, 0, 0, 0, 0.5]), 4, 4, seeds=5, fixed=levels)
        rows = variance_shares(made, rng=rng, resamples=199).shares[:2]
        intervals = [row.seed_interval for row in rows]
        inside.append([low <= t <= high for (low, high), t in zip(intervals, truth[:2], strict=True)])
    assert np.all(np.mean(inside, axis=0) >= 0.86)


def test_the_jackknife_says_when_one_family_decides():
    rng = np.random.default_rng(6)
    levels = np.arange(4.0) * np.ones((5, 1))
    levels[0] += 3.0
    odd = variance_shares(crossing(rng, np.array([0, 0, 0, 0, 1e-6]), fixed=levels), rng=rng)
    low, high = odd.shares[1].family_interval
    assert high - low > 0.5


def test_too_little_says_so():
    rng = np.random.default_rng(7)
    found = variance_shares(crossing(rng, np.ones(5), families=1), rng=rng)
    assert found.status == because("two-families-on-two-data-sets")
    found = variance_shares(crossing(rng, np.ones(5), rungs=1), rng=rng)
    assert found.status == because("one-size-in-a-cell")
