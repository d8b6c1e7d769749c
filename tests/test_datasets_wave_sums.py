"""Waves without a pool: exact values, any two points independent, and what is said where a pool is too short."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from onecurve.benchmark.pool_use import seen_again
from onecurve.benchmark.sweep import expand, sweep_of
from onecurve.datasets.dataset import DATASETS
from onecurve.datasets.pool import seeded_generator
from onecurve.datasets.wave_sums import summed_points
from onecurve.errors import InputError

WAVES = {"inputs": 3, "modes": 300, "test_size": 64}


def unlimited(name="fourier", **more):
    waves = {key: value for key, value in WAVES.items() if name != "manifold-teacher" or key != "inputs"}
    return DATASETS.make(name, {**waves, "pool": "unlimited", **more})


@pytest.mark.parametrize("count", [1, 7, 1000])
def test_values_are_those_of_the_waves(count):
    data = unlimited()
    points, values = summed_points(seeded_generator("x", count), count, *data.waves)
    assert points.shape == (count, 3) and values.shape == (count, 1) and values.dtype == torch.float32
    assert float(points.min()) >= -0.5 and float(points.max()) < 0.5
    vectors, amplitudes = data.waves
    exact = np.sqrt(2) * np.real(np.exp(2j * np.pi * (points.double().numpy() @ vectors.T)) @ amplitudes)
    assert np.abs(values[:, 0].numpy() - exact).max() < 5e-6


def test_a_batch_has_the_mean_and_variance_of_independent_points():
    """Of y, whose mean is 0 and whose variance is 1, and of a wave: for a batch on one diagonal and for several."""
    data, blocks, k = unlimited(), 300, torch.tensor([2.0, -1.0, 0.0])
    drawn = [summed_points(seeded_generator(block), 8 * 32, *data.waves) for block in range(blocks)]
    for size in (16, 128):  # a block has a side of 16 here
        for of in (lambda x, y: y[:, 0], lambda x, y: np.sqrt(2) * torch.cos(2 * torch.pi * (x @ k))):
            means = np.array([float(of(x[:size], y[:size]).mean()) for x, y in drawn]) * np.sqrt(size)
            assert abs(means.mean()) < 4 / np.sqrt(blocks)
            assert abs(means.var() - 1) < 5 * np.sqrt(2 / blocks)


def test_neighbours_share_nothing():
    """Of the pairs whose sums are 64 points in a row, no two have a point in common."""
    side, chance, same = 64, seeded_generator("y"), seeded_generator("y")
    first, second = (torch.rand(side, 3, generator=same) - 0.5 for _ in range(2))
    points, _ = summed_points(chance, side**2, *unlimited().waves)
    for start in (0, 5 * side, 5 * side + 40):
        batch = points[start : start + side // 2]
        near = (batch[:, None, None] - first[None, :, None] - second[None, None]).abs()
        near = torch.minimum(near, (near - 1).abs()).amax(-1) < 1e-6
        rows, columns = near.any(2).long().argmax(1), near.any(1).long().argmax(1)
        assert near.sum() == len(set(rows.tolist())) == len(set(columns.tolist())) == side // 2


@pytest.mark.parametrize("name", ["fourier", "noisy-fourier", "manifold-teacher"])
def test_each_draw_is_new_and_a_function_of_seed_step_and_size(name):
    data = unlimited(name)
    assert data.pool_size is None and data.pool_fraction(10**9) == 0 and data.repeats(10**9) == 1
    pooled = DATASETS.make(name, {**data.ref.params, "pool": 1000})
    assert torch.equal(data.test_set().inputs, pooled.test_set().inputs)
    assert data.irreducible_loss == pooled.irreducible_loss
    stream = data.stream(0)
    late, early = stream.batch(1000, 32), stream.batch(3, 32)
    again = data.stream(0)
    for batch, step in ((early, 3), (late, 1000)):
        assert all(torch.equal(one, other) for one, other in zip(batch, again.batch(step, 32), strict=True))
    inputs = torch.cat([stream.batch(step, 32)[0] for step in (*range(20), 2100)] + [data.stream(1).batch(3, 32)[0]])
    assert len(torch.unique(inputs, dim=0)) == len(inputs)


def test_a_pool_is_what_it_was():
    given = {"inputs": 8, "modes": 10_000, "alpha": 2.0, "pool": 1_000_000, "test_size": 4096}
    assert DATASETS.make("fourier").ref.params == given
    inputs, targets = DATASETS.make("fourier", {**WAVES, "pool": 100}).stream(0).batch(3, 4)
    assert inputs[0].tolist() == pytest.approx([-0.28763837, -0.34361207, 0.40014011], abs=1e-7)
    assert targets[:2, 0].tolist() == pytest.approx([-0.98066145, 0.43635362], abs=1e-5)


@pytest.mark.parametrize("pool", ["unlimitd", 0, True, 1.5, None])
def test_another_pool_is_refused(pool):
    for name in ("fourier", "noisy-fourier", "manifold-teacher"):
        with pytest.raises(InputError, match="pool"):
            DATASETS.make(name, {"pool": pool})


@pytest.mark.parametrize(
    ("data", "train_size", "remedy"),
    [
        ({"name": "fourier", "pool": 6399}, None, "pool: unlimited"),
        ({"name": "fourier", "pool": 6400}, None, None),
        ({"name": "fourier", "pool": "unlimited"}, None, None),
        ({"name": "fourier", "pool": 6399}, 100, None),
        ({"name": "glyphs", "pool": 100}, None, "larger `pool`"),
        ("digits", None, "Train less"),
    ],
)
def test_a_ladder_that_takes_more_than_there_is_hears_the_remedy(data, train_size, remedy):
    group = {"families": "mlp", "datasets": data, "rungs": [8, 12], "train_size": train_size}
    sweep = sweep_of({"name": "x", "groups": [{**group, "horizon": {"rule": "steps", "steps": 1}}]}, "x")
    updates = iter((100, 50))  # only the first takes too many; of two that do the larger would be named
    cells = [
        (cell, SimpleNamespace(family="mlp", dataset="d", rung="width 8", horizon_steps=next(updates), batch_size=64))
        for cell in expand(sweep)
    ]
    said = seen_again(cells)
    assert [remedy in line and "6,400" in line for line in said] == ([True] if remedy else [])
    assert seen_again(cells, avoidably=True) == (said if remedy != "Train less" else [])
