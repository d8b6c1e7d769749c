"""The best learning rate and how it moves with width: on losses with a known optimum, and on small networks."""

import dataclasses

import numpy as np
import pytest
from onecurve.architectures.family import FAMILIES, widths
from onecurve.benchmark.checks.family_check import FamilyCheck, coordinate_jobs, do, gathered, transfer_jobs
from onecurve.benchmark.checks.rate_search import LIMITS, RateCurve, Training, rate_curve, search
from onecurve.benchmark.checks.rate_transfer import transfer_of, vertex
from onecurve.datasets.dataset import DATASETS
from onecurve.errors import InputError

SMALL = {"inputs": 2, "modes": 16, "pool": 4096, "test_size": 128}


def curve(growth, best, seeds=4, noise=0.0, low=-12, high=-2):
    """Losses ``exp(.1 (log2 rate - best)^2)``, the optimum of a seed shifted by ``noise`` times its number."""
    powers = np.arange(low, high + 1)
    shifts = noise * np.linspace(-1, 1, seeds)
    losses = np.exp(0.1 * (powers[:, None] - best - shifts) ** 2)
    rows = tuple(tuple(map(float, row)) for row in losses)
    return RateCurve(rung=f"width {growth}", growth=growth, log2_rates=tuple(map(int, powers)), losses=rows)


@pytest.mark.parametrize("slope", [0.0, -1.0, -0.4])
def test_the_slope_of_a_known_optimum(slope):
    found = transfer_of("known", [curve(m, -6.3 + slope * np.log2(m)) for m in (1.0, 2.0, 4.0, 8.0)], Training())
    assert found.slope.value == pytest.approx(slope, abs=1e-9)
    assert found.best[0].log2_rate == pytest.approx(-6.3)
    assert found.slope.status == {0.0: "pass", -1.0: "fail", -0.4: "pass"}[slope]


def test_the_interval_covers_the_spread_of_seeds():
    found = transfer_of("noisy", [curve(m, -6, seeds=6, noise=1.0) for m in (1.0, 8.0)], Training(n_seeds=6))
    assert found.slope.value == pytest.approx(0, abs=0.02)
    wide = [curve(1.0, -6, seeds=6, noise=1.0), curve(8.0, -6, seeds=6, noise=-1.0)]
    reach = transfer_of("opposed", wide, Training(n_seeds=6)).slope
    # seeds that shift both widths alike cancel; shifts of +-1 against each other do not
    assert reach.high - reach.low > 5 * (found.slope.high - found.slope.low)


def test_a_best_rate_on_the_edge_is_a_status_and_no_number():
    edge = curve(2.0, -40, low=LIMITS["adam"][0])
    found = transfer_of("edge", [curve(1.0, -6), edge], Training())
    assert (found.best[1].log2_rate, found.best[1].status) == (None, "edge")
    assert (found.slope.value, found.slope.status) == (None, "none")
    assert "width 2.0: the best rate lies on the edge" in found.slope.reason
    flat = dataclasses.replace(edge, losses=((1.0,) * 4,) * len(edge.losses))
    assert transfer_of("flat", [curve(1.0, -6), flat], Training()).best[1].status == "flat"


@pytest.mark.parametrize("best", [-8.2, -3.0, -14.0, 5.0, -40.0])
def test_the_search_walks_to_the_optimum_and_two_beyond(best):
    asked = []

    def losses(power):
        asked.append(power)
        return np.array([(power - best) ** 2, (power - best) ** 2 + 1])

    found = search(losses, -8, -16, 0)
    nearest = min(range(-16, 1), key=lambda power: abs(power - best))
    assert sorted(found) == sorted(asked) and len(set(asked)) == len(asked)
    assert {p for p in range(nearest - 2, nearest + 3) if -16 <= p <= 0} <= set(found)
    assert len(found) <= abs(nearest + 8) + 5


def test_the_vertex_of_a_parabola():
    powers = np.arange(5.0)
    assert vertex(powers, (powers - 2.3) ** 2) == pytest.approx(2.3)
    assert vertex(powers, powers) == 0.0


def small():
    dataset = DATASETS.make("fourier", SMALL)
    dataset.prepare()
    return dataset


def test_runs_that_fail_count_as_their_start_and_packs_are_equal_to_loops():
    how = Training(parametrization="mup", steps=30, batch_size=16, n_seeds=2)

    class Looped(type(FAMILIES.make("mlp"))):
        packable = False

    packed, looped = (rate_curve(family, small(), {"width": 24}, how) for family in (FAMILIES.make("mlp"), Looped()))
    assert packed.log2_rates == looped.log2_rates
    np.testing.assert_allclose(packed.losses, looped.losses, rtol=1e-3)
    losses = np.array(packed.losses)
    assert np.isfinite(losses).all() and losses.max() <= 1.3 and losses.min() < 0.8 * losses.max()


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="needs images"):
        rate_curve(FAMILIES.make("vit"), small(), {"width": 20}, Training())
    with pytest.raises(InputError, match="at least 2 seeds"):
        rate_curve(FAMILIES.make("mlp"), small(), {"width": 24}, Training(n_seeds=1))


def test_jobs_of_a_check_fit_the_time_and_gather_into_a_verdict():
    family, data = ("mlp", {}), ("fourier", SMALL)
    ladder = FAMILIES.make("mlp").ladder
    searches = transfer_jobs(family, data, ladder, seconds=40.0)
    assert sum(job.seconds for job in searches) <= 40
    assert {job.parametrization for job in searches} == {"mup", "standard"}
    assert len(transfer_jobs(family, data, ladder, seconds=0.0)) == 6  # the cheapest: three rungs
    small()
    jobs = [dataclasses.replace(job, n_seeds=6) for job in coordinate_jobs(family, data, ladder)]
    found = gathered("mlp", [(job, do(job)) for job in jobs])
    assert isinstance(found, FamilyCheck) and found.control_seen and found.transfers == {}
    assert found.status in ("pass", "unclear")
    swapped = dataclasses.replace(found, coordinates=dict.fromkeys(("mup", "standard"), found.coordinates["standard"]))
    assert swapped.status == "fail"
    blind = dataclasses.replace(found, coordinates=dict.fromkeys(("mup", "standard"), found.coordinates["mup"]))
    assert blind.status == "unclear"


@pytest.mark.slow
def test_best_rates_stay_under_maximal_update_and_fall_without():
    how = Training(steps=150, batch_size=64, n_seeds=6)
    family = FAMILIES.make("resmlp")
    slopes = {}
    for key in ("mup", "standard"):
        mine = dataclasses.replace(how, parametrization=key)
        curves = [rate_curve(family, small(), rung, mine) for rung in widths(24, 48, 96, 192)]
        slopes[key] = transfer_of("resmlp", curves, mine).slope.value
    assert abs(slopes["mup"]) < 0.4, slopes
    assert slopes["standard"] < -0.4, slopes
    assert slopes["standard"] < slopes["mup"] - 0.5, slopes
