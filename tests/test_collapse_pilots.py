"""Compute-optimal training lengths from trunks: laws whose answer is known, coverage, and what gives no answer."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from onecurve.collapse.composing import Estimate
from onecurve.collapse.drawing.pilot import pilot_sheet
from onecurve.collapse.pilots import horizon_law as horizon_law_module
from onecurve.collapse.pilots.crossings import SizeCrossing, _zeros, crossings
from onecurve.collapse.pilots.horizon_law import horizon_law
from onecurve.collapse.pilots.sensitivity import _cut, sensitivity
from onecurve.collapse.pilots.trunks import Trunk, trunks_of
from onecurve.collapse.sentences.of_pilots import pilot_sentence, sensitivity_sentence
from onecurve.collapse.within.rise import Rise
from onecurve.errors import InputError
from scipy.optimize import brentq

SIZES = 1000.0 * 2.0 ** np.arange(6)
FIRST = 300.0
FOUND = Estimate(value=300, low=290, high=310)


def best(size, mu, nu):
    """Updates at which ``loss`` falls as fast along t as along p at equal compute ``6 p t``: 300 at the smallest."""
    return FIRST * (size / SIZES[0]) ** (nu / mu)


def loss(t, size, mu, nu):
    return (t / FIRST) ** -mu / mu + (size / SIZES[0]) ** -nu / nu


def simulated(rng, *, mu=0.5, nu=0.5, noise=0.0, seeds=8, sizes=SIZES, beyond=8.0):
    """Trunks of a sum of power laws; noise is half a seed's offset, half correlated over a factor of 1.35 in time."""
    trunks = []
    for size in sizes:
        t = np.unique(np.geomspace(1, beyond * best(size, mu, nu), 80).round())
        z = rng.standard_normal((seeds, len(t)))
        for i, rho in enumerate(np.exp(-np.diff(np.log(t)) / 0.3), start=1):
            z[:, i] = rho * z[:, i - 1] + np.sqrt(1 - rho**2) * z[:, i]
        z = np.sqrt(0.5) * (z + rng.standard_normal((seeds, 1)))
        values = loss(t, size, mu, nu) * np.exp(noise * z)
        trunks.append(Trunk(rung=f"size {size:g}", size=size, flops=6 * size, updates=t, loss=values))
    return trunks


def test_a_crossing_is_where_two_curves_meet():
    trunks, rng = simulated(np.random.default_rng(0), noise=1e-9), np.random.default_rng(1)
    found, log_t = crossings(trunks, rng=rng, resamples=20)
    for one, small, large in zip(found, SIZES, SIZES[1:], strict=False):

        def gap(log_c, small=small, large=large):
            of_small, of_large = (loss(np.exp(log_c) / (6 * p), p, 0.5, 0.5) for p in (small, large))
            return of_small - of_large

        at = np.exp(brentq(gap, np.log(6 * large), np.log(6 * small * best(small, 0.5, 0.5) * 8)))
        assert one.compute == pytest.approx(at, rel=0.02)
        assert one.updates.value == pytest.approx(at / (6 * np.sqrt(small * large)), rel=0.02)
        assert one.size == pytest.approx(np.sqrt(small * large))
    assert log_t.shape == (21, 5) and np.allclose(np.exp(log_t[0]), [one.updates.value for one in found])


@pytest.mark.parametrize(("mu", "nu"), [(0.5, 0.5), (0.4, 0.6), (0.6, 0.4)])
def test_the_exponent_is_that_of_the_law(mu, nu):
    trunks = simulated(np.random.default_rng(0), mu=mu, nu=nu, noise=1e-6)
    law = horizon_law(trunks, rng=np.random.default_rng(1), resamples=50)
    assert law.status.code == "ok" and law.first == 1000
    assert law.exponent.value == pytest.approx(nu / mu, abs=0.01)
    assert law.compute_exponent.value == pytest.approx(1 + nu / mu, abs=0.01)
    assert law.updates.value == pytest.approx(best(1000, mu, nu), rel=0.04)


def test_intervals_cover():
    rng, hits = np.random.default_rng(0), []
    for _ in range(60):
        law = horizon_law(simulated(rng, noise=0.01), rng=rng, resamples=99)
        assert law.status.code == "ok"
        hits.append((law.exponent.low <= 1 <= law.exponent.high, law.updates.low <= best(1000, 0.5, 0.5)))
        assert 0.01 < law.exponent.high - law.exponent.low < 0.4
    assert np.mean(hits, axis=0).min() >= 0.93


def test_what_gives_no_law():
    rng = np.random.default_rng(0)
    whole = simulated(rng, noise=0.01)

    def code(trunks):
        law = horizon_law(trunks, rng=np.random.default_rng(1), resamples=50)
        assert law.updates is None and law.exponent is None
        assert pilot_sentence(law).startswith("no compute-optimal training length: ")
        return law.status.code

    def replaced(place, **fields):
        old = {name: getattr(whole[place], name) for name in ("rung", "size", "flops", "updates", "loss", "lost")}
        return [*whole[:place], Trunk(**{**old, **fields}), *whole[place + 1 :]]

    assert code([]) == code(whole[:4]) == "pilot-too-few-sizes"
    assert code(simulated(rng, sizes=np.geomspace(1000, 5000, 6))) == "pilot-span"
    assert code(replaced(2, lost=1)) == "pilot-lost"
    assert code(replaced(2, loss=whole[2].loss[:1])) == "pilot-one-seed"
    short = horizon_law(simulated(rng, noise=0.01, beyond=0.5), rng=rng, resamples=50)
    assert short.status.code == "pilot-not-crossed" and short.status.values["why"].code == "crossing-not-reached"
    assert len(short.status.values["pairs"]) == 5 and short.crossings[0].tried > 0
    # Curves that end at their crossing do not show it.
    law = horizon_law(simulated(rng, noise=1e-9, beyond=2.2), rng=rng, resamples=50)
    assert {one.status.code for one in law.crossings} == {"crossing-at-the-end"}


def test_a_length_that_need_not_grow_is_not_used(monkeypatch):
    """Crossings that scatter about one length: their slope is small, and the residuals know it may be none."""
    found = [
        SizeCrossing(smaller="a", larger="b", size=size, updates=FOUND, compute=1.0) for size in (2e3, 4e3, 8e3, 3e4)
    ]
    log_t = np.log([300.0, 500.0, 250.0, 400.0]) + 0.01 * np.random.default_rng(0).standard_normal((51, 4))
    monkeypatch.setattr(horizon_law_module, "crossings", lambda trunks, **_: (found, log_t))
    trunks = simulated(np.random.default_rng(3), noise=0.01, sizes=np.geomspace(1e3, 3e4, 5))
    law = horizon_law(trunks, rng=np.random.default_rng(1))
    assert law.status.code == "pilot-exponent-holds-0" and law.exponent.low < 0 < law.exponent.high
    assert law.status.values["low"] == law.exponent.low and "is not used" in pilot_sentence(law)


def test_a_zero_is_one_of_a_difference_that_rises():
    u = np.linspace(-1, 1, 41)
    rising, falling = 2 * (u - 0.1) + 0.3 * (u - 0.1) ** 2, -(u - 0.1)
    found = _zeros(u, np.array([rising, falling, np.ones_like(u)]), 0.0)
    assert found[0] == pytest.approx(0.1) and np.isnan(found[1:]).all()
    turning = (u - 0.1) * (u - 0.6)  # it falls at the centre, and rises at its other zero
    assert np.isnan(_zeros(u, turning[None], 0.0)).all()


def test_a_trunk_cut_short_is_the_run_of_that_length():
    (trunk,) = simulated(np.random.default_rng(0), sizes=[1000.0], seeds=2)
    curve = _cut(trunk, 777.7)[1]
    assert curve.x[-1] == 1 and (np.diff(curve.x) > 0).all() and len(curve.x) == (trunk.updates < 777.7).sum() + 1
    assert curve.loss == pytest.approx(loss(curve.x * 777.7, 1000.0, 0.5, 0.5), rel=1e-3)


def test_trunks_are_read_from_rows():
    def row(rung, size, seed, horizon, status="ok", flops=60):
        steps = [0, horizon // 2, horizon]
        losses = [1.0, 0.5 + seed / 10, 0.25]
        return {
            "rung": rung,
            "n_params": size,
            "seed": seed,
            "status": status,
            "horizon_steps": horizon,
            "batch_size": 4,
            "irreducible_loss": 0.1,
            "step": steps,
            "compute": [flops * step for step in steps],
            "test_loss": losses,
        }

    rows = [row("b", 20, 0, 100), row("a", 10, 1, 50), row("a", 10, 0, 50), row("a", 10, 0, 25)]
    a, b = trunks_of([*rows, row("b", 20, 1, 100, "diverged")])
    assert (a.rung, a.size, a.flops, a.batch_size, a.irreducible_loss, a.lost) == (
        "a",
        10,
        60,
        4,
        0.1,
        0,
    ) and b.lost == 1
    assert a.updates.tolist() == [25, 50] and a.loss.tolist() == [[0.6, 0.25], [0.5, 0.25]] and len(b.loss) == 1
    assert trunks_of([]) == []
    averaged = [{**each, "observables": [{"name": "ema_loss", "value": [0.9, None, 0.2]}]} for each in rows[1:3]]
    (again,) = trunks_of(averaged, "ema_loss")
    assert again.averaged and not a.averaged and np.array_equal(again.loss, [[np.nan, 0.2]] * 2, equal_nan=True)
    with pytest.raises(InputError, match="1 of 2 trunks of a have no ema_loss.*--retry record"):
        trunks_of([averaged[0], rows[2]], "ema_loss")


def test_the_figure_draws_what_was_found():
    trunks = simulated(np.random.default_rng(0), noise=0.01)
    law = horizon_law(trunks, rng=np.random.default_rng(1), resamples=99)
    points = pilot_sheet("net on data", law, trunks).points
    drawn = [point for point in points if point["panel"] == "t*" and point["series"] == "crossing"]
    assert [point["y"] for point in drawn] == [one.updates.value for one in law.crossings]
    line = [point for point in points if point["series"] == "power law"]
    assert line[0]["y"] == pytest.approx(law.updates.value) and line[0]["x"] == 1000
    assert len([point for point in points if point["panel"] == "t* intervals"]) == 5
    short = horizon_law(trunks[:3], rng=np.random.default_rng(1))
    assert {point["panel"] for point in pilot_sheet("net on data", short, trunks[:3]).points} == {"trunks"}


def test_trunks_collapse_best_at_the_exponent_of_their_law():
    """A sum of power laws collapses exactly at t* ~ p^(nu/mu), and at no other exponent."""
    trunks = simulated(np.random.default_rng(0), noise=0.002)
    law = horizon_law(trunks, rng=np.random.default_rng(1), resamples=99)
    found = sensitivity(trunks, law, 0.0, rng=np.random.default_rng(2))
    assert [one.factor for one in found] == [0.6, 0.8, 1.0, 1.2, 1.4] and {one.sizes for one in found} >= {6}
    deviations = [one.deviation for one in found]
    assert np.argmin(deviations) == 2 and found[2].upper_bound < 0.03
    assert found[1].lower_bound > found[2].upper_bound and found[3].lower_bound > found[2].upper_bound
    assert deviations[0] > deviations[1] and deviations[4] > deviations[3]
    assert found[2].rise is None and found[2].power is None
    assert all(one.rise.worse and one.power is None for one in found if one.factor != 1)
    again = sensitivity(trunks, law, 0.0, rng=np.random.default_rng(2))
    assert again == found and "at 100 %" in sensitivity_sentence(found)
    points = pilot_sheet("net on data", law, trunks, found).points
    drawn = [point for point in points if point["panel"] == "collapse"]
    assert [point["y"] for point in drawn] == pytest.approx([100 * value for value in deviations])
    assert [point["high"] for point in drawn] == pytest.approx([100 * one.upper_bound for one in found])


def test_trunks_plan_with_what_power_a_ladder_is_told_from_one_at_another_exponent():
    trunks = simulated(np.random.default_rng(0), noise=0.05)
    law = horizon_law(trunks, rng=np.random.default_rng(1), resamples=99)
    few, many = (sensitivity(trunks, law, 0.0, rng=np.random.default_rng(2), seeds=seeds) for seeds in (3, 24))
    assert [one.power is None for one in many] == [False, False, True, False, False]
    assert many[4].power.value >= few[4].power.value and many[4].power.value > 0.8
    assert [one.least is None for one in many] == [True, True, False, True, True]
    assert many[2].least < few[2].least and many[4].rise.rms_of_other < many[2].least < many[4].rise.rms
    assert "power" in sensitivity_sentence(many) and "power" not in sensitivity_sentence((many[2],))
    length = law.updates.value * (trunks[-1].size / law.first) ** law.exponent.value
    n = int(np.sum(trunks[-1].updates < 1.2 * length))
    short = dataclasses.replace(trunks[-1], updates=trunks[-1].updates[:n], loss=trunks[-1].loss[:, :n])
    some = sensitivity([*trunks[:-1], short], law, 0.0, rng=np.random.default_rng(2))
    assert some[4].sizes == some[2].sizes - 1 and isinstance(some[4].rise, Rise)  # of the sizes that both have


def test_what_tells_nothing_of_the_collapse():
    trunks = simulated(np.random.default_rng(0), noise=0.01)
    law = horizon_law(trunks, rng=np.random.default_rng(1), resamples=50)
    unknown = sensitivity(trunks, law, None, rng=np.random.default_rng(2))
    assert {one.status.code for one in unknown} == {"sensitivity-needs-a-floor"}
    assert "not known" in sensitivity_sentence(unknown)
    short = [dataclasses.replace(one, updates=one.updates[:20], loss=one.loss[:, :20]) for one in trunks]
    found = sensitivity(short, law, 0.0, rng=np.random.default_rng(2))
    assert {one.status.code for one in found} == {"sensitivity-trunks-short"}
    above = sensitivity(trunks, law, 1e6, rng=np.random.default_rng(2))
    assert all(one.deviation is None and one.status.code != "ok" for one in above)
    assert sensitivity(trunks[:3], horizon_law(trunks[:3], rng=np.random.default_rng(1)), 0.0, rng=None) == ()
