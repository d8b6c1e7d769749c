"""Estimators against numbers worked out by hand, and their intervals against what they promise."""

import numpy as np
import pytest
from onecurve.collapse.claims.estimators.best_rate import BestRateExponent
from onecurve.collapse.claims.estimators.collapse import CollapseDeviation
from onecurve.collapse.claims.estimators.correction_power import CorrectionPower
from onecurve.collapse.claims.estimators.estimator import CannotTell, judged
from onecurve.collapse.claims.estimators.logit_rate import LogitRate
from onecurve.collapse.claims.estimators.ratio import Ratio
from onecurve.collapse.claims.estimators.setting_exponent import SettingExponent
from onecurve.collapse.claims.estimators.settings_differ import SettingsDiffer
from onecurve.collapse.claims.estimators.time_exponent import TimeExponent
from onecurve.collapse.claims.truths.laws import OneCurve, PowerOfSetting, PowerOfTime, RateValley
from onecurve.collapse.claims.truths.truth import made

STEPS = np.array([0, 10, 20, 40, 60, 80, 100])


def runs_with(values, **settings):
    return [made("loss", seed, STEPS, values, {"size": 10.0, **settings}) for seed in range(3)]


def test_a_power_of_time_has_its_exponent_and_no_curvature():
    runs = runs_with(3.0 * np.maximum(STEPS, 1) ** -0.7)
    found = TimeExponent().measure(runs, "loss")
    assert found.value == pytest.approx(0.7)
    assert found.facts["curvature"] == pytest.approx(0, abs=1e-12)
    assert found.facts["factor"] == pytest.approx(10) and found.facts["fall"] == pytest.approx(10**0.7)


def test_an_exponential_is_curved():
    found = TimeExponent().measure(runs_with(np.exp(-STEPS / 30.0)), "loss")
    assert found.facts["curvature"] < -0.5 or found.facts["curvature"] > 0.5


def test_a_power_of_a_setting():
    runs = [run for width in (4.0, 16.0) for run in runs_with(np.full(7, width**-1.5), width=width)]
    found = SettingExponent(setting="width").measure(runs, "loss")
    assert found.value == pytest.approx(-1.5) and found.facts["span"] == pytest.approx(4)


def test_a_variance_between_seeds_that_falls_with_the_width():
    rng = np.random.default_rng(1)
    runs = PowerOfSetting(exponent=-1.0, spread=True, seeds=4000).runs("loss", rng)
    assert SettingExponent(of="relative-spread").measure(runs, "loss").value == pytest.approx(-1, abs=0.05)


def test_a_ratio_takes_powers_of_settings():
    runs = [run for rate in (0.1, 0.4) for run in runs_with(np.full(7, 2 / rate), peak_lr=rate)]
    found = Ratio(factor=0.5, powers="peak_lr^1").measure(runs, "loss")
    assert found.value == pytest.approx(1) and found.facts["spread"] == pytest.approx(0)


def test_settings_that_differ_by_a_factor_differ_by_its_logarithm():
    runs = [run for batch in (8.0, 16.0) for run in runs_with((100.0 + STEPS) * batch, batch_size=batch)]
    assert SettingsDiffer().measure(runs, "loss").value == pytest.approx(np.log(2))


def test_the_best_rate_is_the_lowest_point_of_the_valley():
    runs = RateValley(exponent=-0.5, noise=0.0).runs("loss", np.random.default_rng(0))
    found = BestRateExponent().measure(runs, "loss")
    assert found.value == pytest.approx(-0.5) and found.facts["interior"] == 1


def test_a_logistic_curve_has_its_rate_wherever_it_begins():
    grown = [1 / (1 + np.exp(-(STEPS - middle) / 20.0)) for middle in (40.0, 50.0, 60.0)]
    runs = [made("loss", seed, STEPS, values, {"size": 1.0}) for seed, values in enumerate(grown)]
    found = LogitRate(rate=0.1).measure(runs, "loss")
    assert found.value == pytest.approx(0.5) and found.facts["misfit"] == pytest.approx(0, abs=1e-9)


def test_an_approach_to_a_limit_has_its_power_without_the_limit():
    runs = [run for width in (4.0, 8.0, 16.0) for run in runs_with(np.full(7, 7 - width**-0.5), width=width)]
    found = CorrectionPower().measure(runs, "loss")
    assert found.value == pytest.approx(-0.5) and found.facts["signs"] == 1
    uneven = [run for run in runs if run.settings["width"] != 8] + runs_with(np.full(7, 3.0), width=15.0)
    with pytest.raises(CannotTell, match="one factor"):
        CorrectionPower().measure(uneven, "loss")


def test_the_deviation_is_that_of_the_analysis():
    from onecurve.collapse.analysis import analyze
    from onecurve.collapse.claims.estimators.collapse import _curve
    from onecurve.results.curves import CurveSet

    runs = OneCurve(wrong_by=-0.4).runs("loss", np.random.default_rng(0))
    found = CollapseDeviation().estimate(runs, "loss", 0.0, 0.03)
    group = analyze(CurveSet.of(_curve(run, "loss") for run in runs), rng=np.random.default_rng(0)).groups[0]
    assert found.value == pytest.approx(group.deviation) and found.high == pytest.approx(group.reference_bound)


def test_the_interval_covers():
    rng = np.random.default_rng(0)
    systems = [PowerOfTime(noise=0.1).runs("loss", rng) for _ in range(300)]
    found = [TimeExponent().estimate(runs, "loss", 0.5, 0.02) for runs in systems]
    covered = np.mean([one.low <= 0.5 <= one.high for one in found])
    assert 0.9 <= covered <= 0.985


def test_at_the_margin_either_verdict_is_rare():
    rng = np.random.default_rng(0)
    systems = [PowerOfTime(noise=0.1).runs("loss", rng) for _ in range(400)]
    found = [TimeExponent().estimate(runs, "loss", 0.52, 0.02) for runs in systems]
    assert np.mean([one.p_agrees <= 0.05 for one in found]) <= 0.08
    assert np.mean([one.p_differs <= 0.05 for one in found]) <= 0.08


def test_without_an_error_the_answer_is_certain():
    assert judged(1.0, 0.0, 4, 1.0, 0.1, {}).p_agrees == 0
    assert judged(1.2, 0.0, 4, 1.0, 0.1, {}).p_differs == 0


@pytest.mark.parametrize(
    ("estimator", "runs", "why"),
    [
        (TimeExponent(), [], "none of 1 runs"),
        (TimeExponent(floor="known"), runs_with(-1.0 - STEPS), "positive"),
        (TimeExponent(start=0.99), runs_with(1.0 + STEPS), "evaluations lie in the window"),
        (SettingExponent(setting="depth"), runs_with(1.0 + STEPS), "no setting 'depth'"),
        (SettingExponent(setting="size"), runs_with(1.0 + STEPS), "one value"),
        (Ratio(powers="momentum^1"), runs_with(1.0 + STEPS), "no setting 'momentum'"),
        (CollapseDeviation(), runs_with(1.0 + STEPS), "sizes"),
        (TimeExponent(), runs_with(1.0 + STEPS)[:2], "2 seeds"),
    ],
)
def test_what_cannot_be_told_says_why(estimator, runs, why):
    import dataclasses

    runs = runs or [dataclasses.replace(runs_with(1.0 + STEPS)[0], status="diverged")]
    with pytest.raises(CannotTell, match=why):
        estimator.estimate(runs, "loss", 0.0, 1.0)


def test_an_observable_that_was_not_measured_is_said():
    with pytest.raises(CannotTell, match="no run has the observable 'sharpness'"):
        TimeExponent(floor="none").estimate(runs_with(1.0 + STEPS), "sharpness", 0.0, 1.0)
