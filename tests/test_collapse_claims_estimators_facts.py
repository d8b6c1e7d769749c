"""What estimators say beside their number, and their p-values: each by hand, where another rule would say otherwise."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from onecurve.collapse.claims.claim import claim_names, load_claim
from onecurve.collapse.claims.estimators.best_rate import BestRateExponent
from onecurve.collapse.claims.estimators.collapse import CollapseDeviation
from onecurve.collapse.claims.estimators.correction_power import CorrectionPower
from onecurve.collapse.claims.estimators.estimator import CannotTell, Estimator, Reading, judged
from onecurve.collapse.claims.estimators.logit_rate import LogitRate
from onecurve.collapse.claims.estimators.ratio import Ratio
from onecurve.collapse.claims.estimators.setting_exponent import SettingExponent
from onecurve.collapse.claims.estimators.settings_differ import SettingsDiffer
from onecurve.collapse.claims.estimators.time_exponent import TimeExponent
from onecurve.collapse.claims.judging import found, verdicts
from onecurve.collapse.claims.truths.laws import OneCurve
from onecurve.collapse.claims.truths.truth import made
from scipy.stats import t

STEPS = np.array([0, 10, 20, 40, 60, 80, 100])
SEEDS = 3


def runs_with(values, spread=0.0, **settings):
    """Runs of equal values, but for what each seed adds to them."""
    about = {"size": 10.0, **settings}
    return [made("loss", seed, STEPS, values + spread * (seed - 1), about) for seed in range(SEEDS)]


def test_p_values_are_students():
    one = judged(1.3, 0.05, 10, 1.0, 0.1, {})
    assert one.p_differs == pytest.approx(2 * t.sf(4, 10)) and one.p_agrees == pytest.approx(t.cdf(4, 10))
    near = judged(1.02, 0.05, 10, 1.0, 0.1, {})
    assert near.p_agrees == pytest.approx(t.sf(1.6, 10)) and near.p_differs == 1
    assert (near.low, near.high) == pytest.approx(t.interval(0.95, 10, 1.02, 0.05))


def test_the_jackknife_of_a_mean_has_its_standard_error():
    @dataclasses.dataclass(frozen=True)
    class Last(Estimator):
        name = "last"

        def measure(self, runs, observable):
            return Reading(value=float(np.mean([run.of(observable)[-1] for run in runs])))

    values = np.array([1.0, 2.0, 6.0, 3.0])
    runs = [made("loss", seed, STEPS, np.full(7, v), {"size": 1.0}) for seed, v in enumerate(values)]
    found = Last().estimate(runs, "loss", 0.0, 1.0)
    assert (found.high - found.value) / t.ppf(0.975, 3) == pytest.approx(values.std(ddof=1) / 2)
    assert found.facts == {"seeds": 4, "lost": 0}
    lost = [*runs, dataclasses.replace(runs[0], seed=9, status="diverged")]
    assert Last().estimate(lost, "loss", 0.0, 1.0).facts["lost"] == pytest.approx(0.2)


def test_seeds_that_a_setting_lacks_are_left_out_everywhere():
    runs = [run for width in (4.0, 16.0) for run in runs_with(np.full(7, width**-1.5), width=width)]
    odd = made("loss", 7, STEPS, np.full(7, 100.0), {"size": 10.0, "width": 4.0})
    found = SettingExponent(setting="width").estimate([*runs, odd], "loss", -1.5, 0.1)
    assert found.value == pytest.approx(-1.5) and found.facts["seeds"] == SEEDS


def test_a_best_rate_at_either_end_of_the_rates_is_not_inside():
    def scan(lowest, width):
        return [
            run
            for rate in (0.1, 0.2, 0.4)
            for run in runs_with(np.full(7, 1 + np.log(rate / lowest) ** 2), peak_lr=rate, width=width)
        ]

    for lowest in (0.05, 0.8):
        assert BestRateExponent().measure([*scan(0.2, 4.0), *scan(lowest, 8.0)], "loss").facts["interior"] == 0.5


def test_corrections_are_as_clear_as_the_least_clear_of_them():
    ends, spreads = {4.0: 3.0, 8.0: 2.0, 16.0: 1.5}, {4.0: 0.0, 8.0: 0.02, 16.0: -0.02}
    runs = [r for width, end in ends.items() for r in runs_with(np.full(7, end), spreads[width], width=width)]
    facts = CorrectionPower().measure(runs, "loss").facts
    assert facts["clear"] == pytest.approx(0.5 / (0.04 / np.sqrt(3)))
    assert facts["signs"] == 1 and facts["share"] == pytest.approx(1.0 / 1.5)
    back = [*runs, *runs_with(np.full(7, 1.8), width=32.0)]
    assert CorrectionPower().measure(back, "loss").facts["signs"] == pytest.approx(2 / 3)


def test_a_ratio_has_the_smallest_peak_and_the_largest_drift_of_its_settings():
    falling, level = np.array([9, 9, 9, 8, 4, 2, 1.0]), np.full(7, 3.0)
    runs = [*runs_with(falling, peak_lr=0.1), *runs_with(level, peak_lr=0.2)]
    found = Ratio().measure(runs, "loss")
    u, y = STEPS[4:] / 100, np.log(falling[4:])
    assert found.facts["drift"] == pytest.approx(abs(np.polyfit(u, y, 1)[0]) * 0.4)
    assert found.facts["peak"] == pytest.approx(3.0)
    assert found.value == pytest.approx((7 / 3 + 3) / 2) and found.facts["spread"] == pytest.approx((2 / 3) / (16 / 6))


def test_the_exponent_in_time_is_that_of_the_largest_size():
    late = np.maximum(STEPS, 1.0)
    runs = [*runs_with(late**-0.3, size=5.0), *runs_with(late**-0.8, size=50.0)]
    assert TimeExponent().measure(runs, "loss").value == pytest.approx(0.8)


def test_the_setting_that_differs_most_counts():
    runs = [
        run
        for batch, by in ((8.0, 1.0), (16.0, 1.1), (32.0, 1.5))
        for run in runs_with((200.0 - STEPS) * by, batch_size=batch)
    ]
    found = SettingsDiffer().measure(runs, "loss")
    assert found.value == pytest.approx(np.log(1.5)) and found.facts["settings"] == 3
    assert found.facts["fall"] == pytest.approx(190 / 100)


def test_what_is_read_off_the_runs_of_a_setting():
    values = np.array([5.0, 9.0, 9.0, 9.0, 2.0, 3.0, 4.0])
    runs = [run for width in (2.0, 4.0) for run in runs_with(values * width, width=width)]
    reads = {of: SettingExponent(of=of)._read(runs[:SEEDS], "loss") for of in ("end", "late", "change")}
    assert reads == {"end": 8.0, "late": 6.0, "change": 2.0}


def test_a_logit_has_the_fewest_points_and_the_largest_misfit_of_its_seeds():
    grown = [
        1 / (1 + np.exp(-(STEPS - middle) / width)) for middle, width in ((50.0, 20.0), (50.0, 12.0), (50.0, 20.0))
    ]
    grown[2] = grown[2] + np.where(STEPS == 60, 0.05, 0)
    runs = [made("loss", seed, STEPS, values, {"size": 1.0}) for seed, values in enumerate(grown)]
    facts = LogitRate(low=0.03, high=0.97).measure(runs, "loss").facts
    assert facts["points"] == sum((grown[1] > 0.03) & (grown[1] < 0.97)) < 7
    assert facts["misfit"] > 0.1


def test_a_deviation_agrees_as_its_worst_point_does_and_differs_with_the_number_of_points():
    runs = OneCurve(wrong_by=-0.4).runs("loss", np.random.default_rng(0))
    estimator = CollapseDeviation()
    assessed, _ = estimator._assessed(runs, "loss")
    one = estimator.estimate(runs, "loss", 0.0, 0.05)
    room = (0.05 - np.abs(assessed.d)) / assessed.se
    strict = room - assessed.error / assessed.se
    assert one.p_agrees == pytest.approx(t.sf(strict, assessed.df).max())
    loose = t.cdf(room + assessed.error / assessed.se, assessed.df).min()
    assert one.p_differs == pytest.approx(min(1.0, loose * assessed.d.size)) and assessed.d.size > 20


def test_a_number_that_is_not_finite_cannot_tell():
    nothing = SimpleNamespace(estimate=lambda *_: judged(float("nan"), 0.1, 3, 1.0, 0.1, {}))
    about = {"name": "c", "predicts": 1.0, "margin": 0.1, "observable": "loss", "regime": SimpleNamespace(where={})}
    (told,) = verdicts([found(SimpleNamespace(**about, estimator=nothing), [], "f", "d")])
    assert told.verdict == "cannot tell" and told.finding.estimate is None
    assert told.finding.reason == "the number is not finite"


@pytest.mark.parametrize(
    ("facts", "out"),
    [({"fall": 1.0}, False), ({"fall": 0.99}, True), ({"factor": 2.0}, False), ({"factor": 2.1}, True)],
)
def test_a_regime_has_its_ends(facts, out):
    from onecurve.collapse.claims.judging import _outside

    claim = load_claim("one-third-law")
    where = {"fall": (1.0, None), "factor": (None, 2.0)}
    ranged = claim.model_copy(update={"regime": claim.regime.model_copy(update={"where": where})})
    assert bool(_outside(ranged, {"fall": 1.5, "factor": 1.5, **facts})) == out


@pytest.mark.parametrize("name", claim_names())
def test_each_fact_has_words(name):
    facts = load_claim(name).estimator.facts
    assert all(len(words.split()) >= 3 for words in facts.values()) and len(set(facts.values())) == len(facts)


def test_what_stands_beside_is_called_by_its_name():
    from onecurve.collapse.claims.judging import _outside

    claim = load_claim("linear-feature-ansatz")
    assert _outside(claim, {"drift": 0.0, "beside": 0.5}).startswith("layer_balance is 0.5,")


def test_an_estimate_needs_three_seeds_in_all_settings():
    runs = [run for width in (4.0, 16.0) for run in runs_with(np.full(7, width), width=width)][:-1]
    with pytest.raises(CannotTell, match="2 seeds ended well in all settings"):
        SettingExponent().estimate(runs, "loss", 0.0, 1.0)
