"""Along which curve a family learns: the nearest, within what, and except where, on curves with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.drawing.overlay import overlay_sheet
from onecurve.collapse.families.along import along_nearest
from onecurve.collapse.families.mean_curve import Member
from onecurve.collapse.outcome import RescaledGroup

X = np.geomspace(0.1, 0.98, 24)


def member(family, offset, rng, noise=0.01, rungs=4, seeds=8):
    mean = -0.5 * np.log(X) + offset
    values = tuple(mean + noise * rng.standard_normal((seeds, 1)) * (1 - X) for _ in range(rungs))
    group = RescaledGroup(
        scale="end-point",
        x=X,
        sizes=1000.0 * 2.0 ** np.arange(rungs),
        rungs=tuple(f"width {k}" for k in range(rungs)),
        values=values,
        seeds=tuple(tuple(range(seeds)) for _ in range(rungs)),
        phase=None,
        rate=None,
    )
    return Member(family, family, family, group)


def found(offset, noise=0.01):
    rng = np.random.default_rng(0)
    members = [
        member("far", 0.5 * (1 - X), rng, noise),
        member("near", 0.0 * X, rng, noise),
        member("mine", offset, rng, noise),
    ]
    return members, along_nearest(members, "mine", rng=np.random.default_rng(1))


def test_a_family_that_leaves_early_is_told_where_and_how_far():
    members, along = found(np.where(X < 0.2, 0.1, 0.0))
    assert along.nearest == "near" and along.amplitude == pytest.approx(0.1, abs=0.01)
    assert along.stretches == ((X[0], X[X < 0.2][-1]),)
    assert along.within is not None and along.within < 0.02 and along.resolution < 0.02
    assert list(along.apart) == list(X < 0.2)
    sheet = overlay_sheet(members, along, "mine")
    drawn = [point["y"] for point in sheet.points if point["panel"] == "difference"]
    assert drawn == pytest.approx(100 * along.difference)


def test_equal_curves_are_one_within_the_noise():
    _, along = found(0.0 * X)
    assert along.stretches == () and along.within < 0.03
    assert found(0.0 * X, noise=0.04)[1].resolution == pytest.approx(4 * along.resolution, rel=1e-6)


def test_a_family_apart_learns_along_no_other():
    _, along = found(-0.4 * np.ones_like(X))
    assert along.within is None and along.apart.all() and along.amplitude < 0


def test_curves_that_meet_at_the_end_alone_do_not_learn_alike():
    _, along = found(np.where(X < 0.6, -0.3, 0.0))
    assert along.within is None and along.stretches == ((X[0], X[X < 0.6][-1]),)
