"""Growing interfaces: exact widths, simulated widths, and two classes that must be told apart."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.truths import growth
from onecurve.errors import InputError

SEEDS, TRIES = 5, 40  # the certificate makes 100


def test_exact_width_saturates_and_grows_as_it_should():
    saturated = growth.exact_width(64, np.array([1e9]))[0] / 64
    assert saturated == pytest.approx((1 - 64**-2) / 12, rel=1e-9)
    around = growth.exact_width(4096, np.array([99.0, 101.0]))
    assert 0.5 * np.diff(np.log(around))[0] / np.log(101 / 99) == pytest.approx(0.2486, abs=2e-4)


@pytest.mark.parametrize("dynamics", growth.DYNAMIC_EXPONENT)
def test_both_classes_share_the_stationary_width(dynamics):
    """A ring of L free slopes with sum 0 has mean square width (L + 1)/12, the saw teeth's 1/4 included."""
    width = growth.grow(dynamics, 16, np.array([0, 500]), 40, np.random.default_rng(0))
    assert width[:, 0] == pytest.approx(np.zeros(40), abs=1e-12)
    assert width[:, 1].mean() == pytest.approx(17 / 12 - 0.25, rel=0.06)


def test_growth_exponents_before_saturation():
    times = np.array([16, 64])
    for dynamics, low, high in (("edwards-wilkinson", 0.23, 0.27), ("kpz", 0.30, 0.34)):
        width = growth.grow(dynamics, 512, times, 5, np.random.default_rng(1)).mean(axis=0)
        assert low < 0.5 * np.log(width[1] / width[0]) / np.log(4) < high


def test_slopes_are_conserved():
    """What a step does, it does by swaps: the sum over a ring stays 0 in every replica."""
    slopes = np.zeros((8, 2), dtype=np.uint64)
    slopes[1::2] = ~np.uint64(0)
    for dynamics in growth.DYNAMIC_EXPONENT:
        for _ in range(20):
            growth._step(slopes, dynamics, np.random.default_rng(2))
        ups = np.unpackbits(slopes[..., None].view(np.uint8), axis=-1).sum(axis=0)
        assert np.all(ups == 4)


def one_try(big, i):
    own = slice(SEEDS * i, SEEDS * (i + 1))
    return growth.GrownRings(big.sizes, big.times, tuple(widths[own] for widths in big.widths))


@pytest.mark.parametrize("dynamics, exponent", growth.DYNAMIC_EXPONENT.items())
def test_the_classes_are_told_apart_in_95_of_100_tries(dynamics, exponent):
    rng = np.random.default_rng(1)
    big = growth.simulate_growth(dynamics, SEEDS * TRIES, rng)
    found = [growth.dynamic_exponent(one_try(big, i), rng=rng) for i in range(TRIES)]
    told = [one.growth_class for one in found]
    assert told.count(dynamics) >= 0.95 * TRIES
    assert TRIES - told.count(dynamics) - told.count(None) <= 1  # nearly never the wrong one
    assert sum(one.low <= exponent <= one.high for one in found) >= 0.85 * TRIES
    assert np.mean([one.z for one in found]) == pytest.approx(exponent, abs=0.08)


def test_an_unknown_class_is_an_error():
    with pytest.raises(InputError, match="kpz"):
        growth.grow("kpx", 8, np.array([1]), 1, np.random.default_rng(0))
