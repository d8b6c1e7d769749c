"""Bad input and limits, on both legs and for every choice of floor: a reason or a warning, never a number that looks
normal."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from onecurve.collapse.analysis import analyze, to_json, to_table
from onecurve.collapse.calibration.simulation import FLOOR, Scenario, simulate
from onecurve.collapse.composing import Missing
from onecurve.collapse.inquiry import QUESTIONS, inquire
from onecurve.collapse.inquiry_contract import inquiry_json
from onecurve.collapse.reasons import because
from onecurve.collapse.sentences.reasons import say
from onecurve.collapse.sentences.verdicts import sentence
from onecurve.results.curves import CurveSet

LEGS = ("constant", "decayed")
CHOICES = ("known", "profile", "fit")


@pytest.fixture(params=LEGS)
def leg(request):
    return request.param


def ladder(leg, seeds=5, rungs=6, seed=0, **cell):
    decay = {"decay": True, "gain": (0.15, 0.15)} if leg == "decayed" else {}
    return list(simulate(Scenario(seeds=seeds, rungs=rungs, **decay, **cell), 1, np.random.default_rng(seed)).curves(0))


def judged(curves, choice="known", **more):
    analysis = analyze(CurveSet.of(curves), rng=np.random.default_rng(0), resamples=99, irreducible_loss=choice, **more)
    json.dumps(to_json(analysis), allow_nan=False)
    to_table(analysis)
    return analysis.groups[0]


def refused(curves, code, choices=CHOICES, **values):
    """The group can be told nothing of, whatever floor is asked for, and the reason says why."""
    for choice in choices:
        group = judged(curves, choice)
        found = group.reason.root
        assert group.verdict == "cannot-tell" and found.code == code, (choice, found)
        assert values.items() <= dict(found.values).items() and say(found) in sentence(group)
        for name in ("p_exact", "p_shape", "deviation", "upper_bound", "noise_floor"):
            value = getattr(group, name)
            assert value is None or np.isfinite(value)


def warned(curves, code, choices=CHOICES, **values):
    for choice in choices:
        said = [one.root for one in judged(curves, choice).warnings if not isinstance(one, str)]
        assert any(one.code == code and values.items() <= dict(one.values).items() for one in said), (choice, said)


def codes(said) -> list[str]:
    """The codes of warnings, each by what it is given because of."""
    return [one.root.code for one in said if not isinstance(one, str)]


def kept(curve, mask, **changes):
    """The curve at some of its evaluations."""
    lr = None if curve.lr is None else curve.lr[mask]
    return dataclasses.replace(curve, x=curve.x[mask], loss=curve.loss[mask], lr=lr, **changes)


def given(curves, pick, **changes):
    return [dataclasses.replace(c, **changes) if pick(c) else c for c in curves]


# ---- too little


def test_fewer_than_three_rungs(leg):
    refused([c for c in ladder(leg) if c.size < 3e4], "fewer-sizes", sizes=2)
    refused([c for c in ladder(leg) if c.size < 2e4], "fewer-sizes", sizes=1)


def test_fewer_than_two_seeds(leg):
    refused([c for c in ladder(leg) if c.seed == 0], "fewer-sizes-with-seeds", sizes=0, alone=6)
    refused([c for c in ladder(leg) if c.seed == 0 or c.size < 3e4], "fewer-sizes-with-seeds", sizes=2, alone=4)
    refused(ladder(leg)[:1], "fewer-sizes-with-seeds", sizes=0, alone=1)


def test_two_seeds_have_no_exactness_test(leg):
    curves = [c for c in ladder(leg) if c.seed < 2]
    group = judged(curves)
    assert group.p_exact is None and group.p_shape is None and group.lower_bound is None and group.band is None
    refused(curves, "profile-needs-seeds", choices=("profile",))


def test_too_few_evaluations(leg):
    curves = ladder(leg)
    refused(
        [kept(c, np.isin(np.arange(25), (0, 12, 24))) for c in curves], "too-few-evaluations", ["known"], evaluations=3
    )
    warned([kept(c, np.arange(25) % 4 == 0) for c in curves], "few-evaluations", ["known"], evaluations=7)
    one = [kept(c, np.isin(np.arange(25), (0, 24))) if c.seed == 1 and c.size == 2e4 else c for c in curves]
    refused(one, "too-few-evaluations", ["known"], size="size 20k", seed=1, evaluations=2)


# ---- no overlap, different grids


def test_no_overlap(leg):
    curves = ladder(leg)
    late = [kept(c, c.x > 0.985) if c.size == 1e4 else c for c in curves]
    refused(late, "little-overlap", share=0.0)
    half = [kept(c, c.x > 0.4) if c.size == 1e4 else c for c in curves]
    refused(half, "little-overlap")
    assert judged(half).reason.values["share"] == pytest.approx(0.39, abs=0.005)
    refused([kept(c, c.x == 1) for c in curves], "little-overlap", share=0.0)


def test_different_grids_change_nothing(leg):
    curves, rng = ladder(leg), np.random.default_rng(3)
    whole = judged(curves)
    thinned = [kept(c, np.sort(np.append(rng.choice(np.arange(1, 24), 17, replace=False), [0, 24]))) for c in curves]
    group = judged(thinned)
    assert group.verdict == whole.verdict == "collapse" and group.overlap == 1.0
    assert group.d == pytest.approx(whole.d, abs=0.003)
    assert not [said for said in codes(group.warnings) if "evaluations" in said or "left-out" in said]
    later = [kept(c, c.x > 0.15) if c.seed == 2 else c for c in curves]
    assert judged(later).x_min == pytest.approx(min(x for x in curves[0].x if x > 0.15))


def test_a_point_at_zero_and_a_start_before_zero(leg):
    def longer(c, x):
        return dataclasses.replace(c, x=np.append(x, c.x), loss=np.append(9.0, c.loss), lr=np.append(1.0, c.lr))

    curves = ladder(leg)
    for x in (0.0, -0.1):
        assert judged([longer(c, x) for c in curves]).deviation == pytest.approx(judged(curves).deviation)


# ---- runs that failed


def test_all_diverged(leg):
    curves = ladder(leg)
    refused(
        [dataclasses.replace(c, status="diverged") for c in curves],
        "no-run-ended",
        runs=30,
        how=(because("ended-as", status="diverged"),),
    )
    short = [kept(c, c.x < 0.3, status="oom" if c.seed else "killed") for c in curves]
    refused(short, "no-run-ended", how=tuple(because("ended-as", status=one) for one in ("killed", "oom")))
    empty = [dataclasses.replace(c, x=[], loss=[], lr=None, status="error") for c in curves]
    refused(empty, "no-run-ended", how=(because("ended-as", status="error"),))
    beyond = [dataclasses.replace(c, x=c.x * 1.1) for c in curves]
    refused(beyond, "no-run-ended", how=(because("goes-beyond-the-end"),))


def test_censored_curves_are_left_out_of_the_end(leg):
    curves = ladder(leg, seeds=6)
    cut = [kept(c, c.x < 0.9) if c.seed == 4 else c for c in curves]
    group = judged(cut)
    assert group.n_censored == 6 and group.n_seeds == 5
    assert group.verdict == "cannot-tell" and group.reason == because("selection", runs=6)
    assert all(4 not in seeds for seeds in group.rescaled.seeds)
    without = judged([c for c in curves if c.seed != 4])
    assert group.deviation == without.deviation and group.upper_bound == without.upper_bound
    warned(cut, "runs-left-out", runs=6)


def test_a_rung_that_is_lost_is_named(leg):
    warned(given(ladder(leg), lambda c: c.size > 3e5, status="oom"), "sizes-lost", sizes=("size 320k",))
    refused(given(ladder(leg), lambda c: c.size > 3e4, status="oom"), "fewer-sizes", sizes=2)


def test_a_no_collapse_stands_though_runs_are_missing(leg):
    curves = ladder(leg, drift=0.04)
    group = judged(given(curves, lambda c: c.seed == 0 and c.size == 1e4, status="diverged"))
    assert group.verdict == "no-collapse" and group.n_censored == 1


# ---- floors


def test_a_floor_above_a_loss(leg):
    curves = ladder(leg)
    for floor in (FLOOR + 0.2, 50.0, float(curves[-1].loss[-1])):
        refused(given(curves, lambda c: True, irreducible_loss=floor), "floor-not-below", ["known"])
        refused(curves, "floor-not-below", [floor])
    group = judged(curves, 50.0)
    assert group.p_exact is None and group.rescaled.scale == "shape"


def test_floors_that_are_no_numbers_or_disagree(leg):
    for floor in (float("nan"), float("inf"), -float("inf")):
        refused(given(ladder(leg), lambda c: True, irreducible_loss=floor), "floor-not-finite", ["known"])
    refused(given(ladder(leg), lambda c: c.seed == 1, irreducible_loss=0.9), "floors-differ", ["known"])
    refused(given(ladder(leg), lambda c: True, irreducible_loss=None), "floor-unknown", ["known"])


def test_a_loss_that_reaches_zero(leg):
    curves = [dataclasses.replace(c, loss=np.where(c.x > 0.9, 0.0, c.loss), irreducible_loss=0.0) for c in ladder(leg)]
    refused(curves, "no-noise-at-an-x")


@pytest.mark.parametrize("factor", [1e300, 1e-300])
def test_losses_beyond_the_range_of_numbers(leg, factor):
    curves = [dataclasses.replace(c, loss=c.loss * factor, irreducible_loss=factor) for c in ladder(leg)]
    refused(curves, "values-out-of-range")


# ---- noise


def copy(code, seed, size):
    return because(code, seed=seed, size=size, first_seed=0, first_size="size 10k")


def test_copied_runs_are_named(leg):
    curves = ladder(leg)
    first = curves[0].loss
    refused(
        [dataclasses.replace(c, loss=first) if c is curves[3] else c for c in curves],
        "copied-runs",
        copies=(copy("equals-another", 3, "size 10k"),),
    )
    refused(
        [dataclasses.replace(c, loss=first) if c is curves[8] else c for c in curves],
        "copied-runs",
        copies=(copy("equals-another", 3, "size 20k"),),
    )
    refused(
        [dataclasses.replace(c, loss=first * (1 + 1e-12)) if c is curves[3] else c for c in curves],
        "copied-runs",
        copies=(copy("all-but-equals-another", 3, "size 10k"),),
    )


def test_every_seed_the_same_run(leg):
    curves = ladder(leg)
    own = {c.size: c.loss for c in curves}
    same = [dataclasses.replace(c, loss=own[c.size]) for c in curves]
    refused(same, "copied-runs")
    assert judged(same).reason.values["copies"][0] == copy("equals-another", 1, "size 10k")


def test_runs_that_are_not_copies_are_not_called_so(leg):
    for seed in range(4):
        group = judged(ladder(leg, seeds=12, seed=seed))
        assert group.verdict in ("collapse", "approximate")
        assert not [said for said in codes(group.warnings) if said in ("wild-seed", "quiet-sizes", "seeds-as-repeats")]


def test_zero_noise(leg):
    curves = [
        dataclasses.replace(c, loss=FLOOR + c.size**-0.3 * (1 + 0.01 * c.seed) * (c.x**-0.5 + 1)) for c in ladder(leg)
    ]
    refused(curves, "no-noise", ["known"])
    group = judged(curves)
    assert group.p_exact is None and group.upper_bound is None and group.d is None


def test_zero_noise_in_one_rung_names_it(leg):
    base = ladder(leg)
    curves = [
        dataclasses.replace(c, loss=FLOOR + (base[0].loss - FLOOR) * (1 + 0.01 * c.seed)) if c.size == 1e4 else c
        for c in base
    ]
    refused(curves, "no-noise-at-sizes", ["known"], sizes=("size 10k",))


def test_noise_as_small_as_repeating_one_run(leg):
    rng = np.random.default_rng(0)

    def repeated(c, noise):
        shape = (c.x**-0.5 + 1) * np.exp(noise * rng.normal(size=len(c.x)))
        return dataclasses.replace(c, loss=FLOOR + c.size**-0.3 * shape)

    warned([repeated(c, 1e-7) for c in ladder(leg)], "seeds-as-repeats", ["known"])
    uneven = [repeated(c, 1e-5 if c.size == 4e4 else 1e-2) for c in ladder(leg)]
    warned(uneven, "quiet-sizes", ["known"], sizes=("size 40k",))


def test_one_wild_seed_is_named(leg):
    curves = ladder(leg)
    steep = [dataclasses.replace(c, loss=FLOOR + (c.loss - FLOOR) * c.x**-0.3) if c is curves[7] else c for c in curves]
    jump = [
        dataclasses.replace(c, loss=np.append(c.loss[:-1], c.loss[-1] + 0.5)) if c is curves[7] else c for c in curves
    ]
    for wild in (steep, jump):
        warned(wild, "wild-seed", ["known"], size="size 20k", seed=2)
        assert judged(wild).verdict != "collapse"
    warned(jump, "curve-does-not-improve", ["known"], size="size 20k", seed=2)


# ---- uneven designs


def test_unequal_seeds(leg):
    curves = [c for c in ladder(leg, seeds=12) if c.seed < 4 + 1.6 * np.log2(c.size / 1e4)]
    group = judged(curves)
    assert group.n_seeds == 4 and group.n_rungs == 6
    assert [len(seeds) for seeds in group.rescaled.seeds] == [4, 6, 8, 9, 11, 12]
    assert group.verdict == "collapse" and group.deviation < group.upper_bound
    z = [np.log((c.loss - FLOOR) / (c.loss[-1] - FLOOR))[:-1] for c in curves]
    sizes = sorted({c.size for c in curves})
    means = np.array([np.mean([row for row, c in zip(z, curves, strict=True) if c.size == p], axis=0) for p in sizes])
    assert group.d == pytest.approx(means - means.mean(axis=0), abs=1e-9)
    assert group.se[0].mean() > group.se[-1].mean()


def test_seeds_missing_at_some_rungs(leg):
    curves = [c for c in ladder(leg, seeds=9) if (c.seed + round(np.log2(c.size / 1e4))) % 3]
    group = judged(curves)
    assert group.n_seeds == 6 and group.verdict == "collapse"
    assert len(set(group.rescaled.seeds)) == 3


def test_the_level_holds_for_unequal_seeds(leg):
    rejected = []
    for seed in range(60):
        curves = [c for c in ladder(leg, seeds=10, seed=seed) if c.seed < 3 + 1.4 * np.log2(c.size / 1e4)]
        rejected.append(judged(curves).p_exact < 0.05)
    assert sum(rejected) <= 9


def test_a_seed_given_twice_is_said(leg):
    warned(given(ladder(leg, seeds=6), lambda c: c.seed == 5, seed=4), "seed-twice", ["known"], size="size 10k")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "loss_of",
    [
        lambda c: c.loss if c.seed != 1 else ladder("constant")[int(np.log2(c.size / 1e4)) * 5].loss,
        lambda c: np.full_like(c.loss, 2.0),
        lambda c: 1e200 * c.loss,
    ],
    ids=["copied", "constant", "huge"],
)
def test_further_questions_are_not_answered_by_curves_that_say_nothing(loss_of):
    curves = [dataclasses.replace(c, loss=loss_of(c)) for c in ladder("constant")]
    found = inquire(CurveSet.of(curves), QUESTIONS, rng=np.random.default_rng(0))
    json.dumps(inquiry_json(found), allow_nan=False)
    (group,) = found.groups
    assert found.analysis.groups[0].verdict == "cannot-tell"
    assert (group.laws, group.where, group.detectable, group.forecast) == (None,) * 4
    assert group.controls is None or group.controls.shuffled is None


@pytest.mark.filterwarnings("error")
def test_losses_that_rise_have_no_rescaling(leg):
    curves = [dataclasses.replace(c, loss=4 - c.loss) for c in ladder(leg)]
    found = inquire(CurveSet.of(curves), ["laws"], rng=np.random.default_rng(0))
    assert isinstance(found.groups[0].laws.rescalings, Missing)
