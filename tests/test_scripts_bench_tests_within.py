"""The benchmark of the tests finds the slow version that it measures against."""

from __future__ import annotations

import numpy as np
from onecurve.collapse.calibration.simulation import Scenario, simulate
from onecurve.scripts.bench.tests_within import slow_known, slow_profiled, slow_reference


def test_the_slow_version_is_there_and_takes_a_group():
    reference, batch = slow_reference(), simulate(Scenario(rungs=3, seeds=3), 1, np.random.default_rng(0))
    assert slow_known(reference, batch, 40) > 0 and callable(slow_profiled)
