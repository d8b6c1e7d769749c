"""From curves to verdicts: right answers on known ladders, honest ones on bad input, and the contract of the JSON."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from onecurve.collapse.analysis import analyze, to_json, to_table
from onecurve.collapse.calibration.simulation import FLOOR, Scenario, simulate
from onecurve.collapse.irreducible.choice import Around
from onecurve.collapse.outcome import HORIZON
from onecurve.collapse.reasons import because
from onecurve.collapse.sentences.of_groups import spread_line
from onecurve.collapse.sentences.verdicts import sentence
from onecurve.errors import InputError
from onecurve.results.curves import CurveSet, LearningCurve
from onecurve.results.grid import mean_over


def codes(said) -> list[str]:
    """The codes of warnings, each by what it is given because of."""
    return [one.root.code for one in said if not isinstance(one, str)]


def curves_of(cell=None, seed=0, **more) -> tuple[LearningCurve, ...]:
    return simulate(cell or Scenario(), 1, np.random.default_rng(seed)).curves(0, **more)


def analysed(curves, planned=None, **more):
    more.setdefault("resamples", 199)
    return analyze(CurveSet.of(curves, planned), rng=np.random.default_rng(0), **more)


def verdict_on(curves, **more):
    (group,) = analysed(curves, **more).groups
    return group


def changed(curves, pick, **changes):
    """The curves with some of them changed; a callable is given the curve."""
    return tuple(
        dataclasses.replace(c, **{k: v(c) if callable(v) else v for k, v in changes.items()}) if pick(c) else c
        for c in curves
    )


# ---- known answers


def test_a_true_collapse():
    group = verdict_on(curves_of(Scenario(seeds=8)))
    assert (group.verdict, group.evidence, group.reason) == ("collapse", "confirmatory", None)
    assert (group.n_rungs, group.n_seeds, group.n_censored, group.overlap) == (6, 8, 0, 1.0)
    assert group.p_exact > 0.05 and group.p_shape > 0.05
    assert group.deviation <= group.upper_bound < 0.03
    assert group.lower_bound == 0.0
    assert group.noise_floor == pytest.approx(0.01, rel=0.15)
    assert 0 < group.collapse_deviation < 1.2 * group.noise_floor
    assert sentence(group).startswith(f"all 6 model sizes share one curve within {100 * group.upper_bound:.2g} %")
    assert 0.2 < group.unrelated_deviation < 0.5
    assert group.resolution["horizon_exponent_plus_20_percent"] == pytest.approx(0.0455, rel=0.15)


def test_a_false_collapse():
    group = verdict_on(curves_of(Scenario(drift=0.02)))
    assert group.verdict == "no-collapse"
    assert group.lower_bound >= 0.03
    assert group.p_exact < 0.05
    assert group.lower_bound <= 0.0881 <= group.upper_bound
    assert "leave at x < " in sentence(group)
    assert group.d.shape == group.se.shape == group.df.shape == group.band.shape == (6, 24)
    early, middle, late = group.bands
    assert early.deviation == pytest.approx(group.deviation)
    assert early.deviation > middle.deviation > late.deviation
    assert early.unrelated_deviation > late.unrelated_deviation


def test_a_small_real_deviation_is_approximate():
    group = verdict_on(curves_of(Scenario(gamma_error=0.05, seeds=16)))
    assert group.verdict == "approximate"
    assert "not exactly (p = " in sentence(group)


def test_an_undecided_size_and_too_few_seeds():
    undecided = verdict_on(curves_of(Scenario(gamma_error=0.1), seed=1))
    assert undecided.verdict == "cannot-tell" and undecided.reason.code == "size-undecided"
    noisy = verdict_on(curves_of(Scenario(noise_ratio=8, rungs=4, seeds=3), seed=1))
    assert noisy.verdict == "cannot-tell" and noisy.reason.code == "underpowered"
    assert "would certify 3 %" in sentence(noisy)


def test_the_gate_is_for_measurements_and_not_for_controls():
    cell = Scenario(mu=0.3, nu=0.3, decay=True, gain=(0.15, 0.15), seeds=6)
    curves = curves_of(cell)
    network = verdict_on(curves)
    limit = network.resolution["horizon_exponent_plus_20_percent"]
    assert limit < network.upper_bound < 0.03
    assert network.verdict == "cannot-tell" and network.reason.code == "unresolved-by-horizon"
    control = verdict_on(changed(curves, lambda c: True, control="holds"))
    assert control.verdict in ("collapse", "approximate")
    assert control.resolution["horizon_exponent_plus_20_percent"] == limit


# ---- irreducible loss


def test_unknown_floor():
    group = verdict_on(changed(curves_of(), lambda c: True, irreducible_loss=None))
    assert group.verdict == "cannot-tell" and group.evidence == "exploratory"
    assert group.reason.code == "exactness-untested-shapes" and group.reason.root.code == "floor-unknown"
    assert group.rescaled.scale == "shape"
    assert group.p_exact is None and group.p_shape is not None
    assert group.upper_bound > group.deviation > 0
    assert group.irreducible_loss.source == "none" and group.irreducible_loss.value is None
    assert group.resolution["horizon_exponent_plus_20_percent"] is None


def test_every_seed_counts_on_the_shape_scale():
    batch = simulate(Scenario(rungs=3, seeds=3), 1, np.random.default_rng(3))
    group = verdict_on(changed(batch.curves(0), lambda c: True, irreducible_loss=None))
    gap = batch.loss[0, ..., :-1] - batch.loss[0, ..., -1:]
    q = gap / mean_over(gap, group.rescaled.x)[..., None]
    means, of_mean = q.mean(axis=1), q.var(axis=1, ddof=1) / 3
    assert group.d == pytest.approx(means - means.mean(axis=0), abs=1e-9)
    assert group.se**2 == pytest.approx(of_mean / 3 + of_mean.sum(axis=0) / 9, rel=1e-6)
    assert group.p_shape is not None
    assert verdict_on(batch.curves(0)).p_shape == group.p_shape


def test_every_seed_counts_on_the_end_point_scale():
    batch = simulate(Scenario(rungs=3, seeds=3), 1, np.random.default_rng(3))
    group = verdict_on(batch.curves(0))
    means, of_mean = batch.z[0].mean(axis=1), batch.z[0].var(axis=1, ddof=1) / 3
    assert group.d == pytest.approx(means - means.mean(axis=0), abs=1e-9)
    assert group.se**2 == pytest.approx(of_mean / 3 + of_mean.sum(axis=0) / 9, rel=1e-6)
    assert group.p_exact is not None


def test_p_shape_does_not_depend_on_the_floor():
    curves = curves_of()
    known, unknown = verdict_on(curves), verdict_on(changed(curves, lambda c: True, irreducible_loss=None))
    assert known.p_shape == unknown.p_shape
    assert known.rescaled.scale == "end-point"


def test_floor_above_a_loss():
    group = verdict_on(changed(curves_of(), lambda c: True, irreducible_loss=FLOOR + 0.2))
    assert group.verdict == "cannot-tell"
    assert (group.reason.root.code, group.reason.root.values["floor"]) == ("floor-not-below", 1.2)
    assert group.rescaled.scale == "shape"
    assert group.irreducible_loss.source == "known"


def test_floors_that_disagree():
    group = verdict_on(changed(curves_of(), lambda c: c.seed == 1, irreducible_loss=0.9))
    assert group.verdict == "cannot-tell" and group.reason.root.code == "floors-differ"


def test_a_wrong_floor_is_a_deviation():
    group = verdict_on(curves_of(), irreducible_loss=1.05 * FLOOR)
    assert group.p_exact < 0.05 and group.deviation > 0.1
    assert (group.verdict, group.evidence) == ("no-collapse", "exploratory")
    assert group.irreducible_loss.source == "given" and group.irreducible_loss.value == 1.05


def test_fitted_floor():
    group = verdict_on(curves_of(Scenario(seeds=10)), irreducible_loss="fit")
    assert group.irreducible_loss.source == "fit" and group.evidence == "exploratory"
    assert group.irreducible_loss.low < FLOOR < group.irreducible_loss.high
    assert "exploratory-floor-fitted" in codes(group.warnings)
    failed = verdict_on(curves_of(Scenario(rungs=3)), irreducible_loss="fit")
    assert failed.verdict == "cannot-tell" and failed.reason.root.code == "end-points-few"


def test_profiled_floor():
    group = verdict_on(curves_of(), irreducible_loss="profile")
    assert group.irreducible_loss.source == "profile" and group.evidence == "exploratory"
    assert group.irreducible_loss.value == pytest.approx(FLOOR, abs=0.01)
    assert group.irreducible_loss.low < FLOOR < group.irreducible_loss.high
    # A floor that is free hides a wrong horizon but for 1 %, which a bound of 2 % does not exclude.
    assert group.verdict == "cannot-tell" and group.reason.code == "unresolved-by-horizon" and group.p_exact > 0.05
    assert group.resolution[HORIZON] == pytest.approx(0.0105, abs=0.001)
    assert group.resolution[HORIZON] < group.upper_bound < group.margin
    assert "exploratory-floor-profiled" in codes(group.warnings)
    quiet = verdict_on(curves_of(Scenario(seeds=60)), irreducible_loss="profile")
    assert quiet.verdict == "collapse" and quiet.conditional
    assert sentence(quiet).startswith("there is an irreducible loss at which all 6 model sizes share")
    apart = verdict_on(curves_of(Scenario(seeds=10, drift=0.1, gamma_error=1.0)), irreducible_loss="profile")
    assert apart.verdict == "no-collapse" and apart.conditional and apart.lower_bound >= apart.margin
    fitted = verdict_on(curves_of(Scenario(seeds=60)), irreducible_loss="fit")
    assert fitted.p_exact is None and fitted.reason is not None
    two = verdict_on(curves_of(Scenario(seeds=2)), irreducible_loss="profile")
    assert two.verdict == "cannot-tell" and two.reason.root.code == "profile-needs-seeds"


def test_an_uncertain_floor_is_said_aloud():
    group = verdict_on(changed(curves_of(), lambda c: True, irreducible_loss_se=0.005))
    assert group.irreducible_loss.high == pytest.approx(FLOOR + 0.0098, abs=1e-4)
    (share,) = [w.values["share"] for w in group.warnings if not isinstance(w, str) and w.code == "floor-uncertain"]
    assert share == pytest.approx(0.035, abs=5e-4)


def test_a_floor_that_is_given_with_its_error():
    exact = verdict_on(curves_of(), irreducible_loss=FLOOR)
    rough = verdict_on(curves_of(), irreducible_loss=Around(FLOOR, 0.01))
    assert rough.irreducible_loss.high == pytest.approx(FLOOR + 0.0196, abs=1e-4)
    assert rough.upper_bound > 1.5 * exact.upper_bound and rough.deviation == exact.deviation
    with pytest.raises(InputError, match="at least 0"):
        verdict_on(curves_of(), irreducible_loss=Around(FLOOR, -1.0))


# ---- bad input


def test_two_seeds():
    group = verdict_on(curves_of(Scenario(seeds=2)))
    assert group.p_exact is None and group.lower_bound is None and group.upper_bound is not None
    assert group.verdict == "cannot-tell" and group.band is None
    quiet = changed(curves_of(Scenario(seeds=2)), lambda c: True, loss=lambda c: quieter(c, 0.05))
    calm = verdict_on(quiet)
    assert calm.verdict == "collapse" and calm.reason == because("exactness-untested")


def quieter(c, factor):
    """The curve with its distance from the noiseless one scaled down."""
    truth = (c.x**-0.5 + 1) / 2
    noise = np.log((c.loss - FLOOR) / (c.loss[-1] - FLOOR)) - np.log(truth)
    return FLOOR + (c.loss[-1] - FLOOR) * truth * np.exp(factor * noise)


def test_one_seed():
    group = verdict_on(curves_of(Scenario(seeds=1)))
    why = because("single-described-besides", why=because("fewer-sizes-with-seeds", sizes=0, alone=6))
    assert group.verdict == "cannot-tell" and group.reason == why and group.single
    assert group.deviation is not None and group.rescaled is not None and group.noise_from is None
    assert (group.p_exact, group.p_shape, group.lower_bound, group.upper_bound) == (None, None, None, None)


def test_two_rungs():
    group = verdict_on(curves_of(Scenario(rungs=2)))
    assert group.verdict == "cannot-tell" and group.reason == because("fewer-sizes", sizes=2)
    assert group.deviation is not None


def test_one_rung():
    group = verdict_on(curves_of(Scenario(rungs=1)))
    assert group.verdict == "cannot-tell" and group.deviation is None
    assert group.unrelated_deviation is None


def test_a_rung_with_one_seed_is_left_out_and_named():
    curves = [c for c in curves_of(Scenario(seeds=8)) if c.size > 1e4 or c.seed == 0]
    group = verdict_on(curves)
    assert group.verdict == "collapse" and group.n_rungs == 5
    assert because("size-left-out", size="size 10k", seed=0) in group.warnings


def test_unequal_seeds_and_missing_ones():
    curves = [c for c in curves_of(Scenario(seeds=9)) if c.seed >= 6 or c.size > 1e5 or c.seed < 4]
    group = verdict_on(curves)
    assert group.n_seeds == 7 and group.verdict == "collapse"


def test_all_diverged():
    group = verdict_on(changed(curves_of(), lambda c: True, status="diverged"))
    assert group.verdict == "cannot-tell" and group.n_censored == 30
    assert group.reason == because("no-run-ended", runs=30, how=(because("ended-as", status="diverged"),))
    assert (group.n_rungs, group.n_seeds, group.x_min) == (0, 0, None)


def test_some_diverged():
    curves = changed(curves_of(Scenario(seeds=9)), lambda c: c.seed == 0 and c.size < 3e4, status="diverged")
    group = verdict_on(curves)
    assert group.n_censored == 2
    assert group.verdict == "cannot-tell" and group.reason == because("selection", runs=2)
    assert group.upper_bound < 0.03


def test_a_run_that_ends_early_is_censored():
    def cut(c):
        return changed([c], lambda _: True, x=c.x[:-3], loss=c.loss[:-3], lr=c.lr[:-3])[0]

    curves = [cut(c) if c.seed == 4 else c for c in curves_of()]
    group = verdict_on(curves)
    assert group.n_censored == 6 and group.n_seeds == 4
    assert all(4 not in seeds for seeds in group.rescaled.seeds)


def test_an_empty_curve_is_censored():
    empty = dataclasses.replace(curves_of()[0], x=[], loss=[], lr=None, seed=99, status="error")
    group = verdict_on([empty, *curves_of(Scenario(seeds=8))])
    assert group.n_censored == 1


def test_a_copied_run_is_named():
    curves = curves_of()
    twin = next(c for c in curves if c.size == 2e4 and c.seed == 0)
    group = verdict_on(changed(curves, lambda c: c.size == 2e4 and c.seed == 3, loss=twin.loss))
    assert group.verdict == "cannot-tell"
    copy = because("equals-another", seed=3, size="size 20k", first_seed=0, first_size="size 20k")
    assert group.reason == because("copied-runs", copies=(copy,))
    assert sentence(group) == "runs are copied: seed 3 of size 20k equals seed 0 of size 20k"
    assert (group.deviation, group.upper_bound, group.p_exact, group.p_shape, group.noise_floor) == (None,) * 5


def test_no_noise():
    def noiseless(c):
        return FLOOR + (1e-5 * c.size + 1e-3 * c.seed) * (c.x**-0.5 + 1)

    group = verdict_on(changed(curves_of(), lambda c: True, loss=noiseless))
    assert group.verdict == "cannot-tell" and group.reason.code == "no-noise"
    assert group.upper_bound is None and group.p_exact is None


def test_a_wild_seed_is_a_warning():
    curves = curves_of(Scenario(seeds=6))
    assert "wild-seed" not in codes(verdict_on(curves).warnings)
    wild = changed(curves, lambda c: c.size == 4e4 and c.seed == 2, loss=lambda c: FLOOR + (c.loss - FLOOR) * c.x**-0.1)
    assert because("wild-seed", size="size 40k", seed=2) in verdict_on(wild).warnings


def test_little_overlap():
    def late(c):
        return c.x >= 0.4

    def cut(c):
        return dataclasses.replace(c, x=c.x[late(c)], loss=c.loss[late(c)], lr=None)

    group = verdict_on([cut(c) if c.size == 1e4 else c for c in curves_of()])
    assert group.verdict == "cannot-tell" and group.overlap < 0.5
    assert group.reason == because("little-overlap", share=group.overlap)
    assert group.bands[0].deviation is None and group.bands[1].deviation is not None


def test_a_seed_given_twice():
    curves = curves_of(Scenario(seeds=6))
    group = verdict_on(changed(curves, lambda c: c.seed == 5 and c.size == 1e4, seed=4))
    assert because("seed-twice", size="size 10k") in group.warnings


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"margin": 0.0}, "the margin must lie"),
        ({"margin": 3.0}, "the margin must lie"),
        ({"resamples": 10}, "at least 99"),
        ({"x_min": 0.95}, "x_min must lie"),
        ({"irreducible_loss": "knwon"}, "Did you mean 'known'"),
        ({"irreducible_loss": float("nan")}, "finite"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        analysed(curves_of(), **arguments)


# ---- margin, order, families, contract


def test_margin_of_the_sweep_and_another_one():
    curves = curves_of(Scenario(seeds=8))
    assert verdict_on(curves, planned=0.05).margin == 0.05
    assert verdict_on(curves, planned=0.05, margin=0.05).evidence == "confirmatory"
    analysis = analysed(curves, planned=0.05, margin=0.03)
    assert analysis.groups[0].evidence == "exploratory"
    assert analysis.warnings == (because("margin-changed", planned=0.05, margin=0.03),)
    assert verdict_on(curves, margin=0.001).verdict != "collapse"


def suite():
    cells = {"mlp": Scenario(), "vit": Scenario(gamma_error=0.1), "rnn": Scenario(drift=0.02), "net": Scenario(mu=0.7)}
    curves = [c for i, (name, cell) in enumerate(cells.items()) for c in curves_of(cell, seed=i, family=name)]
    control = [dataclasses.replace(c, control="holds") for c in curves_of(seed=9, family="exact")]
    decayed = Scenario(decay=True, gain=(0.1, 0.1))
    return [*curves, *control, *curves_of(decayed, family="mlp", dataset="other"), *curves_of(decayed, family="mlp")]


def test_nothing_depends_on_the_order_of_the_curves():
    curves = suite()
    shuffled = [curves[i] for i in np.random.default_rng(5).permutation(len(curves))]
    assert json.dumps(to_json(analysed(curves))) == json.dumps(to_json(analysed(shuffled)))


def test_nothing_depends_on_a_global_generator():
    np.random.seed(0)  # noqa: NPY002
    first = to_json(analysed(curves_of()))
    np.random.seed(1)  # noqa: NPY002
    assert to_json(analysed(curves_of())) == first


def test_families_are_compared_where_there_are_two_and_controls_are_left_out():
    (across,) = analysed(suite()).across_families
    assert (across.dataset, across.leg, across.scale) == ("power law", "constant", "end-point")
    rows = {row.family: row for row in across.per_family}
    assert sorted(rows) == ["mlp", "net", "rnn", "vit"]
    assert rows["net"].verdict == "no-collapse" and rows["net"].where[0] == pytest.approx(0.1)
    assert across.smallest_model is None


def test_a_family_that_cannot_be_compared_keeps_its_row():
    curves = changed(suite(), lambda c: c.family == "vit", status="killed")
    (across,) = analysed(curves).across_families
    rows = {row.family: row for row in across.per_family}
    assert sorted(rows) == ["mlp", "net", "rnn", "vit"]
    assert rows["vit"].verdict == "cannot-tell" and rows["vit"].deviation is None and rows["vit"].reason
    alone = changed(suite(), lambda c: c.family != "vit", status="killed")
    assert analysed(alone).across_families == ()


def test_families_without_a_floor_are_compared_on_shapes():
    curves = suite()
    blind = changed(curves, lambda c: c.family == "vit", irreducible_loss=None)
    (across,) = analysed(blind).across_families
    assert across.scale == "shape"


def test_families_share_the_grid_of_the_latest():
    def late(c):
        return dataclasses.replace(c, x=c.x[5:], loss=c.loss[5:], lr=None)

    curves = [late(c) if c.family == "vit" else c for c in suite()]
    (across,) = analysed(curves).across_families
    assert all(row.x[0] == pytest.approx(curves[0].x[5]) for row in across.per_family)


GROUP_KEYS = [
    "family",
    "dataset",
    "recipe",
    "recipe_label",
    "leg",
    "n_rungs",
    "n_seeds",
    "x_min",
    "x_max",
    "irreducible_loss",
    "p_exact",
    "p_shape",
    "deviation",
    "lower_bound",
    "upper_bound",
    "margin",
    "bands",
    "noise_floor",
    "unrelated_deviation",
    "resolution",
    "verdict",
    "evidence",
    "reason",
    "warnings",
    "control",
    "sentence",
    "overlap",
    "n_censored",
]
COLUMNS = [
    "family",
    "dataset",
    "recipe",
    "leg",
    "rescaling",
    "n_rungs",
    "n_seeds",
    "x_min",
    "x_max",
    "L0",
    "L0_source",
    "p_exact",
    "p_shape",
    "deviation",
    "lower_bound",
    "upper_bound",
    "margin",
    "noise_floor",
    "unrelated_deviation",
    "resolution",
    "verdict",
    "evidence",
    "reason",
]


def broken_suite():
    """Groups of every kind, good and bad."""
    unknown = changed(curves_of(family="blind"), lambda c: True, irreducible_loss=None)
    dead = changed(curves_of(family="dead"), lambda c: True, status="oom")
    return [
        *suite(),
        *unknown,
        *dead,
        *curves_of(Scenario(seeds=1), family="lone"),
        *curves_of(Scenario(seeds=2), family="two"),
    ]


def test_json_contract():
    data = to_json(analysed(broken_suite()))
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["schema_version"] == 3
    assert len(data["groups"]) == 11
    for group in data["groups"]:
        assert set(GROUP_KEYS) <= set(group)
        assert set(group["irreducible_loss"]) == {"value", "low", "high", "source"}
        assert set(group["resolution"]) == {"horizon_exponent_plus_20_percent"}
        assert group["verdict"] in ("collapse", "approximate", "no-collapse", "cannot-tell")
        assert group["evidence"] in ("confirmatory", "exploratory")
        assert group["reason"] is not None or group["verdict"] != "cannot-tell"
        assert group["sentence"] and isinstance(group["warnings"], list)
        assert len(group["warning_codes"]) == len(group["warnings"])
        assert (group["reason_code"] is None) == (group["reason"] is None)
        assert group["n_model_sizes"] == group["n_rungs"] and group["schedule"] == group["leg"]
        assert group["setting"] == group["recipe"] and group["setting_label"] == group["recipe_label"]
        assert group["noise_level"] == group["noise_floor"]
        assert group["null_deviation"] == group["unrelated_deviation"]
        for band in group["bands"]:
            assert {"x", "deviation", "upper_bound", "unrelated_deviation"} <= set(band)
    for across in data["across_families"]:
        assert {"dataset", "smallest_model", "per_family"} <= set(across)
        for row in across["per_family"]:
            assert {"family", "deviation", "low", "high", "where", "verdict"} <= set(row)


def test_missing_numbers_are_null():
    groups = {(g["family"], g["leg"]): g for g in to_json(analysed(broken_suite()))["groups"]}
    dead = groups["dead", "constant"]
    for name in (
        "x_min",
        "x_max",
        "p_exact",
        "p_shape",
        "deviation",
        "upper_bound",
        "noise_floor",
        "unrelated_deviation",
    ):
        assert dead[name] is None
    assert dead["bands"] == [] and dead["n_censored"] == 30
    assert groups["two", "constant"]["lower_bound"] is None
    assert groups["exact", "constant"]["control"] == "holds"


def test_table_has_the_same_columns_in_every_row():
    rows = to_table(analysed(broken_suite()))
    assert len(rows) == 11
    assert len({tuple(row) for row in rows}) == 1
    assert set(COLUMNS) <= set(rows[0])
    assert all(value is None or isinstance(value, str | int | float) for row in rows for value in row.values())


def test_the_collapse_deviation_stands_beside_its_noise_floor_and_decides_nothing():
    group = verdict_on(curves_of(Scenario(seeds=8)))
    assert 0 < group.collapse_deviation < 0.03 and group.noise_floor == pytest.approx(0.01, rel=0.15)
    below = group.collapse_deviation < group.noise_floor
    assert (", below the noise floor" in spread_line(group)) is below
    assert spread_line(dataclasses.replace(group, collapse_deviation=None)) is None
