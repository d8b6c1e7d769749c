"""The permutation test over data sets, its size and power, and how groups are crossed."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import Scenario, autoregression, simulate
from onecurve.collapse.composing import Missing
from onecurve.collapse.families.crossing import Crossing, cross
from onecurve.collapse.families.permutation import permute_datasets
from onecurve.collapse.ladders.measurement import measure
from onecurve.collapse.outcome import RescaledGroup
from onecurve.collapse.reasons import because
from onecurve.errors import InputError
from onecurve.results.curves import CurveSet
from onecurve.results.grid import common_grid, log_weights

X = common_grid()
SHAPE = -np.log(X)  # one number a curve, as of a power law, of mean square 1 in d ln x
SHAPE = SHAPE / np.sqrt(SHAPE**2 @ log_weights(X))


def group(mean, rng, sd=0.0, rungs=2, seeds=2) -> RescaledGroup:
    return RescaledGroup(
        scale="end-point",
        x=X,
        sizes=2.0 ** np.arange(rungs),
        rungs=tuple(f"width {k}" for k in range(rungs)),
        values=tuple(mean + sd * autoregression((rungs, seeds), len(X), rng)),
        seeds=(tuple(range(seeds)),) * rungs,
        phase=None,
        rate=None,
    )


def crossing(rng, data=0.0, interaction=0.0, family=0.0, families=6, datasets=4) -> Crossing:
    a, d = family * rng.normal(size=families), data * rng.normal(size=datasets)
    cells = {
        (f"f{i}", f"d{j}"): group((a[i] + d[j] + interaction * rng.normal()) * SHAPE, rng)
        for i in range(families)
        for j in range(datasets)
    }
    return Crossing.of(cells)


def rejects(rng, tries, **effects) -> float:
    found = [permute_datasets(crossing(rng, **effects), rng=rng, permutations=199) for _ in range(tries)]
    return float(np.mean([one.p < 0.05 for one in found]))


def test_small_case_against_all_permutations():
    rng = np.random.default_rng(0)
    made = crossing(rng, data=0.05, interaction=0.04, family=0.1, families=3, datasets=3)
    curves = made.curves()

    def spread(table):
        return sum(((table[:, d] - table[:, d].mean(axis=0)) ** 2 @ log_weights(X)).sum() for d in range(3))

    orders = list(itertools.permutations(range(3)))
    every = [
        spread(np.stack([curves[i, list(order)] for i, order in enumerate(chosen)]))
        for chosen in itertools.product(orders, repeat=3)
    ]
    found = permute_datasets(made, rng=rng, permutations=4000)
    assert found.statistic == pytest.approx(spread(curves))
    assert found.p == pytest.approx(np.mean(np.array(every) <= spread(curves) * (1 + 1e-9)), abs=0.03)
    assert found.expected == pytest.approx(np.mean(every), rel=0.03)


def test_size():
    rng = np.random.default_rng(1)
    assert rejects(rng, 250, interaction=0.03, family=0.05) == pytest.approx(0.05, abs=0.042)


def test_power():
    rng = np.random.default_rng(2)
    assert rejects(rng, 100, data=0.05, interaction=0.02) == pytest.approx(0.97, abs=0.055)
    assert rejects(rng, 100, data=0.03, interaction=0.03) == pytest.approx(0.72, abs=0.14)


@pytest.mark.slow
def test_size_and_power_closely():
    rng = np.random.default_rng(3)
    assert rejects(rng, 2000, interaction=0.03) == pytest.approx(0.05, abs=0.015)
    assert rejects(rng, 1000, data=0.05, interaction=0.02) == pytest.approx(0.97, abs=0.02)
    assert rejects(rng, 1000, data=0.03, interaction=0.03) == pytest.approx(0.71, abs=0.045)  # of the exact F test


def test_missing_cells_are_no_hindrance_and_one_data_set_is():
    rng = np.random.default_rng(4)
    cells = dict(crossing(rng, data=0.2, interaction=0.01).cells)
    del cells["f0", "d0"], cells["f3", "d2"]
    found = permute_datasets(Crossing.of(cells), rng=rng)
    assert found.p < 0.01
    assert found.n_families == 6
    alone = Crossing.of({key: one for key, one in cells.items() if key[1] == "d1"})
    found = permute_datasets(alone, rng=rng)
    assert isinstance(found, Missing) and found.status == because("two-families-on-two-data-sets")


def test_the_complete_part_keeps_as_much_as_it_can():
    rng = np.random.default_rng(5)
    cells = dict(crossing(rng, families=4, datasets=3).cells)
    del cells["f1", "d0"], cells["f1", "d1"]
    part = Crossing.of(cells).complete()
    assert part.families == ("f0", "f2", "f3")
    assert part.datasets == ("d0", "d1", "d2")
    assert part.notes == (because("cell-not-trained", kind="family", name="f1"),)


def test_groups_of_two_grids_are_refused():
    rng = np.random.default_rng(6)
    other = dataclasses.replace(group(0 * X, rng), scale="shape")
    with pytest.raises(InputError, match="one grid and one scale"):
        Crossing.of({("a", "d"): group(0 * X, rng), ("b", "d"): other})


def test_measured_groups_are_crossed_by_leg():
    rng = np.random.default_rng(7)
    measured = []
    for family, dataset, mu in (("a", "one", 0.4), ("b", "one", 0.4), ("a", "two", 0.6), ("b", "two", 0.6)):
        curves = simulate(Scenario(rungs=3, seeds=3, mu=mu), 1, rng).curves(0, family=family, dataset=dataset)
        measured.append(measure(CurveSet.of(curves), choice="known", resamples=99, x_min=0.1, rng=rng))
    crossings = cross(measured)
    assert list(crossings) == ["constant"]
    assert crossings["constant"].families == ("a", "b")
    assert crossings["constant"].curves().shape == (2, 2, 24)
    assert crossings["constant"].cells["a", "one"].scale == "end-point"
