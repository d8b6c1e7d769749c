"""Any column is a curve: what collapses in one observable need not in another, and what cannot be asked is said."""

from __future__ import annotations

import csv
import dataclasses
import functools
import json

import numpy as np
import polars as pl
import pytest
from onecurve.benchmark.observables.ema_loss import EmaLoss
from onecurve.collapse.analysis import analyze
from onecurve.collapse.calibration.simulation import FLOOR, Scenario, simulate
from onecurve.collapse.drawing.limits import y_label
from onecurve.collapse.figures import draw_dataset, save_figures, sheets_of
from onecurve.collapse.inquiry import OF_GROUPS, QUESTIONS, inquire
from onecurve.collapse.inquiry_contract import inquiry_json
from onecurve.collapse.planning.patterns import wrong_horizon
from onecurve.collapse.planning.pilot import pilot_of
from onecurve.collapse.planning.planner import Plan
from onecurve.collapse.reasons import because
from onecurve.collapse.sentences.reasons import say
from onecurve.errors import InputError
from onecurve.results.curves import CurveSet
from onecurve.results.data_curves import read_data_curves
from onecurve.results.quantity import LOSS, Quantity, quantity_of
from onecurve.results.reading import read_curves
from onecurve.results.schema import CURVE_NAMES, empty_row
from onecurve.results.store import Store
from onecurve.results.transfer import export
from onecurve.results.trials import TrialSpec
from onecurve.scripts.cli import app
from onecurve.task import Ref
from typer.testing import CliRunner

ERROR = Quantity("test_accuracy", "complement")
SHARE = 8.0  # the simulated losses, divided by this, are errors


@functools.cache
def simulated(true: bool):
    """A ladder whose curves share one form, or one whose time exponent drifts with size."""
    return simulate(Scenario(seeds=8) if true else Scenario(drift=0.02, seeds=8), 1, np.random.default_rng(0)).curves(0)


def tidy(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def lines(curves, observable=None, value=lambda loss: loss, **more):
    """Rows of a tidy table."""
    named = {} if observable is None else {"observable": observable}
    return [
        {"family": "net", "dataset": "web", "size": c.size, "seed": c.seed, "x": x, "loss": value(y)} | named | more
        for c in curves
        for x, y in zip(c.x, c.loss, strict=True)
    ]


def accuracy(loss):
    return 1 - loss / SHARE


def rows(loss, share=None, family="net", status="ok", **observables):
    """Rows of our own table; ``observables`` by name are functions of the loss."""
    shared = {"family": family, "dataset": "web", "recipe": "r", "recipe_label": "r", "leg": "constant", "attempt": 1}
    shared |= {"status": status, "started_utc": "", "irreducible_loss": FLOOR, "irreducible_loss_se": 0.0}
    share = share or loss
    return [
        {**empty_row(), **shared, "trial_id": f"{family}-{c.size:g}-{c.seed}", "n_params": int(c.size)}
        | {"seed": c.seed, "x": c.x.tolist(), "lr": [1.0] * len(c.x), "test_loss": c.loss.tolist()}
        | {"step": list(range(len(c.x))), "rung": f"size {c.size:g}", "horizon_source": "exact"}
        | {"examples": [0] * len(c.x), "compute": [0.0] * len(c.x), "lr_integral": [0.0] * len(c.x)}
        | {"test_accuracy": accuracy(d.loss).tolist()}
        | {"observables": [{"name": name, "value": list(make(d))} for name, make in observables.items()]}
        for c, d in zip(loss, share, strict=True)
    ]


def stored(folder, table):
    Store(folder / "run").write_rows(table, "p")
    return [folder / "run"]


def asked(curves, floor="known", questions=()):
    return inquire(curves, questions, rng=np.random.default_rng(0), irreducible_loss=floor)


def verdict(curves, floor="known"):
    (group,) = asked(curves, floor).analysis.groups
    return group


# ---- known answers


@pytest.mark.parametrize("loss_collapses", [True, False])
@pytest.mark.parametrize("through", ["a tidy table", "our own table"])
def test_one_observable_collapses_and_the_other_does_not(tmp_path, loss_collapses, through):
    loss, error = simulated(loss_collapses), simulated(not loss_collapses)
    if through == "a tidy table":
        both = lines(loss, "loss", irreducible_loss=FLOOR) + lines(error, "accuracy", accuracy, irreducible_loss="")
        paths = [tidy(tmp_path / "c.csv", both)]
    else:
        paths = stored(tmp_path, rows(loss, error))
    of_loss, of_error = verdict(read_curves(paths)), verdict(read_curves(paths, "error"), FLOOR / SHARE)
    answers = {True: "collapse", False: "no-collapse"}
    assert (of_loss.verdict, of_error.verdict) == (answers[loss_collapses], answers[not loss_collapses])
    assert of_loss.irreducible_loss.source == "known"
    # The error is the loss over a constant, which every rescaling divides out.
    twin = verdict(CurveSet.of(error))
    assert of_error.deviation == pytest.approx(twin.deviation, rel=1e-6)
    assert of_error.p_exact == twin.p_exact


def test_the_profiled_floor_of_the_error_is_found(tmp_path):
    curves = read_curves(stored(tmp_path, rows(simulated(True))), "error")
    floor = verdict(curves, "profile").irreducible_loss
    assert floor.low < FLOOR / SHARE < floor.high
    within = verdict(curves, (0.9 * FLOOR / SHARE, 1.1 * FLOOR / SHARE))
    assert within.irreducible_loss.source == "profile" and within.p_exact > 0.05
    assert within.warnings[0] == because("exploratory-floor-profiled", quantity=ERROR)


@pytest.mark.parametrize("through", ["a tidy table", "our own table"])
def test_the_loss_of_other_weights_has_the_floor_of_the_loss(tmp_path, through):
    """As is said of it where the tables say so, else as the user says; without that word it has no floor."""
    loss, other = simulated(False), simulated(True)
    if through == "a tidy table":
        both = lines(loss, "loss", irreducible_loss=FLOOR) + lines(other, "ema_loss", irreducible_loss="")
        paths, scale = [tidy(tmp_path / "c.csv", both)], "as-loss"
    else:
        averaged = {(c.size, c.seed): c.loss for c in other}
        table = rows(loss, ema_loss=lambda c: averaged[c.size, c.seed])
        said = {"label": "mine", "names": ["ema_loss"], "scales": [EmaLoss.scale], "seconds": 1.0}
        paths, scale = stored(tmp_path, [{**row, "measured": [said]} for row in table]), None
    found = verdict(read_curves(paths, "ema_loss", scale))
    assert (found.verdict, found.irreducible_loss.value) == ("collapse", FLOOR)
    assert found.deviation == verdict(read_curves(stored(tmp_path / "twin", rows(other)))).deviation
    assert verdict(read_curves(paths, "ema_loss", "as-given")).irreducible_loss.source == "none"
    assert read_curves(paths, "loss", "as-loss").quantity == LOSS


def test_the_floor_of_the_loss_is_no_floor_of_the_error(tmp_path):
    both = lines(simulated(True), "test_loss", irreducible_loss=0.01)
    both += lines(simulated(True), "test_accuracy", accuracy, irreducible_loss=0.01)
    as_given = tidy(tmp_path / "given.csv", lines(simulated(True), "error", irreducible_loss=0.01))
    for paths in ([as_given], [tidy(tmp_path / "c.csv", both)], stored(tmp_path, rows(simulated(True)))):
        group = verdict(read_curves(paths, "error"))
        assert group.verdict == "cannot-tell" and group.irreducible_loss.source == "none"
        assert say(group.reason.root) == "the smallest reachable error is not known"
        assert group.deviation is not None and group.p_exact is None


@pytest.mark.parametrize("true", [True, False])
def test_what_has_no_floor_is_compared_as_ratios_or_differences(tmp_path, true):
    """A value that rises as the loss falls, and its logarithm of either sign, say what the loss says."""
    made = {"norm": lambda c: 5 / (c.loss - FLOOR), "margin": lambda c: 0.3 - np.log(c.loss - FLOOR)}
    table = rows(simulated(true), **made)
    said = {"label": "mine", "names": ["norm", "margin"], "scales": ["ratio", "difference"], "seconds": 1.0}
    for row in table:
        row["measured"] = [said]
    paths = stored(tmp_path, table)
    assert (
        min(row["observables"][1]["value"][0] for row in table)
        < 0
        < max(row["observables"][1]["value"][-1] for row in table)
    )
    loss = verdict(read_curves(paths), FLOOR)
    for name, scale, words in (
        ("norm", "ratio", "as ratios to"),
        ("margin", "difference", "by their differences from"),
    ):
        curves = read_curves(paths, name)
        assert curves.quantity == Quantity(name, scale) and words in curves.notes[-1]
        group = verdict(curves)
        assert group.verdict == loss.verdict == ("collapse" if true else "no-collapse")
        assert group.deviation == pytest.approx(loss.deviation, rel=0.1)
        assert group.p_exact == pytest.approx(loss.p_exact, abs=0.02)
        as_given = verdict(read_curves(paths, name, "as-given"))
        assert as_given.verdict == "cannot-tell" and as_given.reason.code == "rises"
    refused = invoked("analyze", paths[0], "--of", "norm", "--irreducible-loss", "0.1")
    assert isinstance(refused.exception, InputError)
    assert str(refused.exception).startswith(
        "--irreducible-loss 0.1: norm is compared on the scale ratio, which has no "
    )


def test_beside_curves_that_rise_unrelated_ones_rise(tmp_path):
    """And nothing is called reducible, or above a floor, where nothing is subtracted."""
    table = rows(simulated(True), norm=lambda c: 5 / (c.loss - FLOOR))
    for row in table:
        row["measured"] = [{"label": "mine", "names": ["norm"], "scales": ["ratio"], "seconds": 1.0}]
    curves = read_curves(stored(tmp_path, table), "norm")
    analysis = analyze(curves, rng=np.random.default_rng(0), resamples=99)
    points = dict(sheets_of(analysis, curves))["summary"]().points
    for series in ("unrelated", "rung mean"):
        drawn = [one for one in points if one["panel"] == "collapsed" and one["series"].startswith(series)]
        early = [one["y"] for one in drawn if one["x"] < 0.2]
        assert early and all(0 < y < 1 for y in early), series
    quantity = curves.quantity
    assert [y_label(kind, quantity) for kind in ("excess", "end-point")] == ["norm", "norm\nover its final value"]


def test_a_ratio_of_values_of_either_sign_cannot_be_told(tmp_path):
    paths = stored(tmp_path, rows(simulated(True), margin=lambda c: c.loss - 2))
    group = verdict(read_curves(paths, "margin", "ratio"))
    assert group.verdict == "cannot-tell" and group.p_exact is None
    assert say(group.reason.root).startswith("the smallest reachable margin 0 is not below the margin of size ")


# ---- points that are not there


def test_an_observable_has_the_points_at_which_it_was_measured(tmp_path):
    def some(curve):
        return [y if i % 2 == 0 else None for i, y in enumerate(curve.loss[::-1])][::-1]

    curves = read_curves(stored(tmp_path, rows(simulated(True), halves=some)), "halves")
    whole = simulated(True)[0]
    curve = next(c for c in curves if (c.size, c.seed) == (whole.size, whole.seed))
    assert curve.x.tolist() == whole.x[::-2][::-1].tolist() and curve.x[-1] == 1
    assert curve.loss.tolist() == whole.loss[::-2][::-1].tolist()
    assert curve.lr.shape == curve.x.shape and curve.complete
    assert verdict(curves, FLOOR).verdict == "collapse"


def test_an_observable_without_a_value_at_the_end_has_no_end(tmp_path):
    table = rows(simulated(True), early=lambda c: [*c.loss[:-1], None])
    group = verdict(read_curves(stored(tmp_path, table), "early"))
    assert group.verdict == "cannot-tell" and group.deviation is None
    assert group.reason == because(
        "no-value-at-the-end", runs=48, noun="early", how=(because("cut-short-or-not-measured"),)
    )


@pytest.mark.parametrize("blank", ["", "nan"])
def test_a_missing_value_of_a_tidy_table_is_a_point_less(tmp_path, blank):
    both = lines(simulated(True), "loss") + lines(simulated(True), "sharpness")
    blanked = [row for row in both if row["observable"] == "sharpness" and row["x"] < 0.3]
    for row in blanked:
        row["loss"] = blank
    curves = read_curves([tidy(tmp_path / "c.csv", both)], "sharpness")
    assert all(curve.x[0] >= 0.3 and curve.complete for curve in curves)
    both[0]["loss"] = blank
    with pytest.raises(InputError, match="row 1: loss is .* where a finite number is needed"):
        read_curves([tidy(tmp_path / "c.csv", both)], "sharpness")


def test_text_in_the_place_of_a_value_is_refused(tmp_path):
    both = lines(simulated(True), "sharpness")
    both[4]["loss"] = "diverged"
    with pytest.raises(InputError, match="row 5: loss is 'diverged'"):
        read_curves([tidy(tmp_path / "c.csv", both)], "sharpness")


# ---- who lacks it


def test_groups_and_trials_that_lack_it_are_named(tmp_path):
    table = rows(simulated(True), family="with", waves=lambda c: c.loss)
    for row in table[:3]:
        row["observables"] = None
    table += rows(simulated(True), family="without")
    curves = read_curves(stored(tmp_path, table), "waves")
    assert len(curves) == 45 and {curve.family for curve in curves} == {"with"}
    assert curves.warnings == (
        "no waves is in the tables of without on web: left out",
        "3 of 48 trials of with on web have no waves: left out",
    )
    inquiry = asked(curves)
    assert inquiry.analysis.warnings == curves.warnings
    assert inquiry_json(inquiry)["warnings"] == list(curves.warnings)
    assert read_curves(stored(tmp_path, table)).warnings == ()


def test_a_trial_that_failed_before_it_had_any_stays_a_failure(tmp_path):
    table = rows(simulated(True), waves=lambda c: c.loss)
    table[0] |= {"status": "diverged", "observables": None, **dict.fromkeys(CURVE_NAMES, [])}
    curves = read_curves(stored(tmp_path, table), "waves")
    assert not curves.warnings and verdict(curves, FLOOR).n_censored == 1


def test_tables_of_others_that_lack_it_are_named(tmp_path):
    both = lines(simulated(True), "loss") + lines(simulated(True), "error", lambda y: y / SHARE)
    tidy(tmp_path / "both.csv", both)
    tidy(tmp_path / "loss.csv", lines(simulated(True), family="gpt"))
    paths = [tmp_path / "both.csv", tmp_path / "loss.csv"]
    curves = read_curves(paths, "error")
    assert curves.quantity == Quantity("error") and curves.quantity.title == "error"
    assert curves.warnings == ("no error is in the tables of gpt on web: left out",)
    assert {curve.family for curve in read_curves(paths)} == {"net", "gpt"}


@pytest.mark.parametrize(
    ("name", "scale", "message"),
    [
        (
            "acuracy",
            None,
            "unknown observable 'acuracy'. Did you mean 'accuracy'.*accuracy, error, loss, test_accuracy",
        ),
        ("wave", None, "unknown observable 'wave'. Did you mean 'waves'"),
        ("error", "complement", "the error is 1 - accuracy already"),
        ("waves", "complement", r"net on web, size .* waves.* is .* taken of shares alone, between 0 and 1"),
        ("loss", "complement", "1 - loss means nothing: a complement is taken of shares, such as `--of accuracy`"),
        ("waves", "log", "unknown scale 'log'.*Allowed: as-given, as-loss, complement, difference, ratio"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(tmp_path, name, scale, message):
    table = rows(simulated(True), waves=lambda c: c.loss)
    with pytest.raises(InputError, match=message):
        read_curves(stored(tmp_path, table), name, scale)


def test_the_complement_of_others_values_is_checked_too(tmp_path):
    path = tidy(tmp_path / "c.csv", lines(simulated(True), "margin", lambda y: y / SHARE - 0.2))
    with pytest.raises(InputError, match="curve of net on web, size .*: margin is .* shares alone"):
        read_curves([path], "margin", "complement")


def test_short_names_yield_to_stored_ones():
    there = {"test_loss", "test_accuracy", "waves 1 to 1.4"}
    assert quantity_of("error", None, there) == ERROR
    assert quantity_of("error", None, {*there, "error"}) == Quantity("error")
    assert quantity_of("accuracy", None, there) == Quantity("test_accuracy")
    assert quantity_of("accuracy", "complement", there) == ERROR
    assert quantity_of("waves 1 to 1.4", None, there).noun == "waves 1 to 1.4"
    assert quantity_of("averaged-loss", None, {"averaged_loss"}) == Quantity("averaged_loss")
    assert quantity_of("my-loss", None, {"my-loss", "my_loss"}) == Quantity("my-loss")
    with pytest.raises(InputError, match="unknown observable 'error'"):
        quantity_of("error", None, {"test_loss"})


def test_curves_of_two_quantities_are_not_one_set():
    first = simulated(True)[0]
    with pytest.raises(InputError, match="curves of one quantity are compared, got test error, test loss"):
        CurveSet.of([first, dataclasses.replace(first, quantity=ERROR)])


# ---- curves that cannot be asked


def test_a_quantity_that_rises_is_told_where_to_go(tmp_path):
    table = rows(simulated(True), norm=lambda c: 10 - c.loss, hits=lambda c: accuracy(c.loss))
    paths = stored(tmp_path, table)
    for name, floor, way in (
        ("accuracy", "known", because("ask-for-error")),
        ("accuracy", 0.0, because("ask-for-error")),
        ("hits", "profile", because("ask-for-complement", noun="hits")),
        ("norm", "fit", because("ask-for-falling")),
    ):
        inquiry = asked(read_curves(paths, name), floor, QUESTIONS)
        (group,) = inquiry.analysis.groups
        assert group.verdict == "cannot-tell" and group.deviation is group.p_exact is group.upper_bound is None
        assert group.reason == because("rises", noun=name, instead=way)
        assert inquiry.groups[0].laws is None and inquiry.groups[0].tightness.tightness is None
    assert verdict(read_curves(paths, "hits", "complement"), FLOOR / SHARE).verdict == "collapse"


def test_curves_that_are_constant_negative_or_change_sign(tmp_path):
    table = rows(
        simulated(True), flat=lambda c: 0 * c.loss + c.loss[0], signed=lambda c: c.loss - 2, below=lambda c: c.loss - 9
    )
    paths = stored(tmp_path, table)
    flat = verdict(read_curves(paths, "flat"))
    assert (
        flat.verdict == "cannot-tell" and flat.reason.root.code == "curve-does-not-improve" and flat.deviation is None
    )
    loss = verdict(read_curves(paths), FLOOR)
    for name, lower in (("signed", 2), ("below", 9)):
        curves = read_curves(paths, name)
        assert verdict(curves).verdict == "cannot-tell"
        moved = verdict(curves, FLOOR - lower)
        assert moved.verdict == loss.verdict == "collapse"
        assert moved.deviation == pytest.approx(loss.deviation, rel=1e-6)
        above = verdict(curves, FLOOR - lower + 1)
        assert say(above.reason).startswith(f"the smallest reachable {name} ") and above.verdict == "cannot-tell"


def test_an_error_that_reaches_its_floor_is_told(tmp_path):
    table = rows(simulated(True))
    table[0]["test_accuracy"][-1] = 1.0
    group = verdict(read_curves(stored(tmp_path, table), "error"), 0.0)
    assert group.verdict == "cannot-tell"
    assert say(group.reason).startswith("the smallest reachable error 0 is not below the error of size ")


# ---- words and numbers that leave


def test_no_sentence_about_an_error_speaks_of_the_loss(tmp_path):
    curves = read_curves(stored(tmp_path, rows(simulated(True))), "error")
    for floor, questions in (("known", QUESTIONS), ("profile", ()), ("fit", ()), (FLOOR / SHARE, QUESTIONS), (2.0, ())):
        inquiry = asked(curves, floor, questions)
        found = inquiry_json(inquiry)
        assert (found["observable"], found["scale"]) == ("test_accuracy", "complement")
        said = [text for text in _texts(found) if "loss" in text]
        assert not said, said


def _texts(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for member in value for text in _texts(member)]
    return [value] if isinstance(value, str) else []


def test_sentences_about_the_loss_stay_as_they_are():
    assert LOSS.say("the irreducible loss is not known") == "the irreducible loss is not known"
    assert ERROR.say("an irreducible loss") == "a smallest reachable error"
    waves = Quantity("train_loss of waves")
    assert waves.say("the losses and the loss") == ("the values of train_loss of waves and the train_loss of waves")


def test_figures_name_the_observable(tmp_path):
    curves = read_curves(stored(tmp_path, rows(simulated(True), **{"waves 1 to 1.4": lambda c: c.loss})), "error")
    analysis = asked(curves, FLOOR / SHARE).analysis
    paths = save_figures(analysis, curves, tmp_path / "figures")
    assert {path.stem for path in paths} == {"summary-error", "deviations-error", "dataset-web-error"}
    drawn = (tmp_path / "figures" / "dataset-web-error.svg").read_text()
    for words in ("Data set web, test error", "test error above its floor", "excess error", "floor = 0.125 (given)"):
        assert words in drawn
    assert "loss" not in drawn and "L0" not in drawn
    assert "Test error" in (tmp_path / "figures" / "summary-error.svg").read_text()


def test_a_name_too_long_for_an_axis_stands_in_the_title(tmp_path):
    name = "token class: copied from the context a long way back"
    curves = read_curves(stored(tmp_path, rows(simulated(True), **{name: lambda c: c.loss})), name)
    figure = draw_dataset(asked(curves, FLOOR).analysis, curves, "web")
    labels = {axes.get_ylabel() for axes in figure.axes}
    assert {"value above its floor", "excess value\nover its final value"} <= labels
    written = " ".join(str(text.get_text()) for text in figure.texts)
    assert f"Data set web, {name}" in " ".join(written.split())


def test_a_pilot_may_be_of_any_observable(tmp_path):
    paths = stored(tmp_path, rows(simulated(True)))
    pilot = pilot_of(read_curves(paths, "error"))
    assert pilot.scale == "shape" and pilot.quantity == ERROR and pilot.level[0] > 0
    with pytest.raises(InputError, match="needs a known smallest reachable error"):
        wrong_horizon(pilot, pilot.sizes, 0.2)
    with pytest.raises(InputError, match=r"accuracy rises .*--of error"):
        pilot_of(read_curves(paths, "accuracy"))


def test_export_has_every_observable_and_reads_back(tmp_path):
    def some(curve):
        return [None, *curve.loss[1:]]

    (folder,) = stored(tmp_path, rows(simulated(True), waves=some))
    trials, _, observables = export(Store(folder), tmp_path / "out", "parquet")
    seen = pl.read_parquet(observables)
    assert seen["name"].unique().to_list() == ["waves"] and seen["value"].null_count() == 0
    assert seen.height == sum(len(curve.x) - 1 for curve in simulated(True))
    for name in ("waves", "error", "loss"):
        before, after = read_curves([folder], name), read_curves([trials], name)
        assert len(before) == len(after) == 48 and before.quantity == after.quantity
        assert all(np.array_equal(a.loss, b.loss) for a, b in zip(before, after, strict=True))


def test_curves_against_data_of_any_observable(tmp_path):
    spec = TrialSpec(
        family=Ref(name="mlp"), rung={"width": 8}, dataset=Ref(name="text"), optimizer=Ref(name="adam"), peak_lr=0.01,
        schedule="linear", warmup_fraction=0.0, batch_size=8, parametrization=Ref(name="mup"), horizon_rule="",
        horizon_steps=10, eval_grid="v1", precision="float32", packed=True, seed=0, protocol="1",
    )  # fmt: skip
    table = []
    for size, hit in ((100, 0.5), (200, 0.75), (400, 0.9)):
        own = dataclasses.replace(spec, train_size=size)
        said = {"trial_id": own.trial_id, "family": "mlp", "dataset": "text", "recipe": own.recipe, "leg": "decayed"}
        said |= {"spec": json.dumps(own.to_dict()), "status": "ok", "n_params": 100, "train_size": size, "attempt": 1}
        said |= {"x": [0.0, 1.0], "test_loss": [3.0, 1.0], "test_accuracy": [0.1, hit], "irreducible_loss": 0.5}
        table.append({**empty_row(), **said})
    (curve,) = read_data_curves(stored(tmp_path, table), observable="error")
    assert curve.loss.tolist() == pytest.approx([0.5, 0.25, 0.1]) and curve.x.tolist() == [0.25, 0.5, 1.0]
    assert curve.quantity == ERROR and curve.irreducible_loss is None
    assert curve.recipe_label.endswith("final error against examples")
    (loss,) = read_data_curves(stored(tmp_path, table))
    assert loss.loss.tolist() == [1.0, 1.0, 1.0] and loss.irreducible_loss == 0.5


# ---- the command line


def invoked(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


def test_several_observables_stand_one_after_the_other(tmp_path):
    (folder,) = stored(tmp_path, rows(simulated(True), waves=lambda c: c.loss))
    both = invoked("analyze", folder, "--of", "loss", "--of", "error")
    assert both.exit_code == 0, both.exception
    first, second = both.stdout.index("Test loss"), both.stdout.index("Test error")
    assert first < both.stdout.index("collapse") < second
    found = json.loads(invoked("analyze", folder, "--of", "loss", "--of", "waves", "--json", "-").stdout)
    assert [one["observable"] for one in found["by_observable"]] == ["test_loss", "waves"]
    assert all(set(OF_GROUPS) <= set(one["groups"][0]) for one in found["by_observable"])
    alone = json.loads(invoked("analyze", folder, "--floor", FLOOR, "--of", "waves", "--json", "-").stdout)
    assert alone["observable"] == "waves" and alone["groups"][0]["verdict"] == "collapse"
    refused = invoked("analyze", folder, "--of", "loss", "--of", "waves", "--floor", FLOOR)
    assert isinstance(refused.exception, InputError)
    assert str(refused.exception) == "the floor 1.0 is that of one observable, got 2: ask for one"


def test_plot_draws_an_observable_beside_the_loss(tmp_path):
    (folder,) = stored(tmp_path, rows(simulated(True)))
    assert invoked("plot", folder, "--of", "loss", "--of", "error").exit_code == 0
    drawn = {path.name for path in (folder / "figures").glob("*.png")}
    assert {"summary.png", "summary-error.png", "dataset-web.png", "dataset-web-error.png"} <= drawn


def test_power_takes_an_observable_of_its_pilot(tmp_path, monkeypatch):
    given = []

    def plan(source, **_):
        given.append(source)
        return Plan(noise=0.01, noise_low=0.01, noise_high=0.01, designs=(), alternatives=(), unit=None, warnings=())

    monkeypatch.setattr("onecurve.collapse.planning.planner.plan", plan)
    (folder,) = stored(tmp_path, rows(simulated(True)))
    found = json.loads(invoked("power", folder, "--of", "error", "--json").stdout)
    assert (found["observable"], found["scale"]) == ("test_accuracy", "complement")
    assert given[0].quantity == ERROR
    assert "noise of one normalised curve of the test error" in invoked("power", folder, "--of", "error").stdout
    assert "noise of one normalised curve: " in invoked("power", folder).stdout
    refused = invoked("power", "--noise", "0.01", "--of", "error")
    assert isinstance(refused.exception, InputError) and "read of a pilot" in str(refused.exception)
