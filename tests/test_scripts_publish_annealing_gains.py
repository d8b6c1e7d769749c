"""What the decay of the rate gains, against numbers that are worked out by hand."""

from __future__ import annotations

import itertools
import math

import pytest
from onecurve.scripts.publish.annealing_gains import gains

FLOOR = 2.0
# Two-sided 95 % quantile of Student's t at 2.8824 degrees of freedom; at 3, of pooled variances, it is 3.1824.
T = 3.2572


SEEDS = itertools.count()


def row(loss, schedule="linear", size=10, floor=FLOOR, last=100, status="ok", seed=None):
    """A run whose reducible loss falls as 1 / step to ``loss`` at 100 updates; ``last`` is where it ends. Each has a
    seed of its own unless one is given."""
    steps = [0, 1, 10, last]
    losses = [9.0, *((floor or 0.0) + loss * 100 / step for step in steps[1:])]
    return {
        "seed": next(SEEDS) if seed is None else seed, "rung": f"width {size}", "n_params": size,
        "horizon_steps": last, "schedule": schedule, "status": status,
        "step": steps, "test_loss": losses, "irreducible_loss": floor,
    }  # fmt: skip


def trunk(loss, **more):
    return row(loss, "constant", **{"last": 400, **more})


def test_the_gain_is_the_ratio_of_reducible_losses_with_the_interval_of_welch():
    """Logs of the trunks over those of the runs: 0 and .2 about .1, and -1.2, -1.0, -.8 about -1: ln ratio = 1.1."""
    trunks = [trunk(math.exp(log)) for log in (0.0, 0.2)]
    runs = [row(math.exp(log)) for log in (-1.2, -1.0, -0.8)]
    (found,) = gains(trunks, runs)
    assert (found.rung, found.n_params, found.updates) == ("width 10", 10, 100)
    assert found.ratio.value == pytest.approx(math.exp(1.1))
    # Variances .02 of 2 and .04 of 3: squared errors of .01 and .01333, which have 1 and 2 degrees of freedom.
    one, other = 0.02 / 2, 0.04 / 3
    assert (one + other) ** 2 / (one**2 / 1 + other**2 / 2) == pytest.approx(2.8824, abs=1e-4)
    half = T * math.sqrt(one + other)
    assert [found.ratio.low, found.ratio.high] == pytest.approx([math.exp(1.1 - half), math.exp(1.1 + half)], rel=1e-4)


def test_where_no_irreducible_loss_is_known_the_whole_loss_is_compared():
    (found,) = gains([trunk(3.0, floor=None), trunk(4.5, floor=None)], [row(1.0, floor=None), row(1.5, floor=None)])
    assert found.ratio.value == pytest.approx(3.0)


def test_trunks_are_read_at_the_length_of_the_runs():
    """Between two evaluations, on the line of a power law. What ended before, or diverged, is not read, nor the shorter
    trunk of a seed that has a longer one, which may be its beginning."""
    between = trunk(2.0)
    assert 100 not in between["step"]
    sound = [between, trunk(2.42, last=100)]
    left_out = [
        trunk(50.0, last=99),
        trunk(50.0, last=200, seed=between["seed"]),
        trunk(50.0, status="diverged"),
        row(50.0),
    ]
    runs = [row(1.0), row(1.21)]
    (found,) = gains([*sound, *left_out], [*runs, row(50.0, status="diverged"), trunk(50.0)])
    assert found.ratio.value == pytest.approx(2.0)


def test_sizes_are_compared_each_with_itself_and_single_runs_not_at_all():
    trunks = [trunk(loss, size=size) for size in (20, 10, 40) for loss in (2.0 * size, 2.2 * size)]
    runs = [row(loss, size=size) for size in (20, 10, 30) for loss in (size, 1.1 * size)]
    found = list(gains([*trunks, trunk(1.0, size=50), trunk(1.0, size=60), trunk(2.0, size=60)],
                       [*runs, row(1.0, size=50), row(2.0, size=50), row(1.0, size=60)]))  # fmt: skip
    assert [(one.n_params, one.rung) for one in found] == [(10, "width 10"), (20, "width 20")]
    assert [one.ratio.value for one in found] == pytest.approx([2.0, 2.0])
