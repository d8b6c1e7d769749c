"""From which model size on: sub-ladders from the top, corrections to scaling, and how both are told."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from onecurve.collapse.calibration.onset_power import CASES, OnsetCase, onset_power
from onecurve.collapse.composing import Missing
from onecurve.collapse.drawing.onset import save_onset
from onecurve.collapse.inquiry import inquire
from onecurve.collapse.inquiry_contract import inquiry_json
from onecurve.collapse.onset.corrections import FEWEST, Corrections, fit_corrections
from onecurve.collapse.onset.question import agreement
from onecurve.collapse.onset.sub_ladders import find_onset, onset_index
from onecurve.collapse.sentences.answers import group_lines
from onecurve.collapse.within.battery import assess
from onecurve.collapse.within.sharper import sharpened
from onecurve.results.curves import CurveSet, LearningCurve
from onecurve.scripts.cli import app
from typer.testing import CliRunner

MARGIN = 0.03


def learned(case: OnsetCase, *, seeds: int = 5, family: str = "net", draw: int = 1) -> list[LearningCurve]:
    """Learning curves whose normalised curves are those of a case, over a floor of 0."""
    group, found = case.draw(np.random.default_rng(draw)), []
    x = np.append(group.x, 1.0)
    for size, rows in zip(group.sizes, group.values, strict=True):
        for seed, row in enumerate(rows[:seeds]):
            shared = 0.4 * (size / 1000) ** -0.3 * x**-0.5
            found.append(
                LearningCurve(
                    family=family,
                    dataset="simulated",
                    recipe="exact",
                    leg="constant",
                    size=float(size),
                    seed=seed,
                    x=x,
                    loss=shared * np.exp(np.append(row, 0.0)),
                    lr=np.ones_like(x),
                    irreducible_loss=0.0,
                    horizon_source="exact",
                )
            )
    return found


def asked(curves, questions=("onset",), **options):
    return inquire(CurveSet.of(curves), questions, rng=np.random.default_rng(0), **options)


# ---- the path down the sub-ladders


@pytest.mark.parametrize(
    ("passing", "onset"),
    [
        ([True, True, True, True], 0),
        ([False, False, True, True], 2),
        ([True, True, False, True], 3),  # what passes below a failure does not count
        ([True, True, True, False], 4),
    ],
)
def test_the_path_stops_at_the_first_sub_ladder_that_fails(passing, onset):
    assert onset_index(lambda j: passing[j], len(passing)) == onset


def test_each_sub_ladder_is_the_battery_of_its_sizes():
    group = CASES["third-size"]().draw(np.random.default_rng(3))
    found = find_onset(group, margin=MARGIN, rng=np.random.default_rng(0))
    for j, row in enumerate(found.sub_ladders):
        _, bounds = assess(group.values[j:], group.x, group.sizes[j:], rng=np.random.default_rng(5))
        upper = sharpened(bounds, group.values[j:], rng=np.random.default_rng(6)).upper()
        assert row.upper_bound == pytest.approx(upper, rel=0.12)
        assert row.deviation == pytest.approx(np.abs(bounds.d).max())
        assert (row.size, row.n_sizes) == (group.sizes[j], 6 - j)
        assert row.within_margin is (upper < MARGIN)
    assert found.size == group.sizes[2] and not found.at_or_below_smallest
    assert found.low <= found.size <= (found.high or np.inf)
    assert found.stopped.code == "onset-refuted" and found.stopped.values["lower"] > MARGIN


def test_a_collapse_from_the_first_size_has_its_onset_there_or_below():
    group = CASES["first-size"]().draw(np.random.default_rng(0))
    found = find_onset(group, margin=MARGIN, rng=np.random.default_rng(0))
    assert found.at_or_below_smallest and found.size == group.sizes[0]
    assert found.low is None and found.stopped is None and found.status.code == "ok"


def test_a_ladder_without_onset_says_which_bound_and_what_it_takes():
    far = find_onset(CASES["none"]().draw(np.random.default_rng(0)), margin=MARGIN, rng=np.random.default_rng(0))
    assert (far.size, far.low, far.high, far.without_onset) == (None, None, None, 1.0)
    assert far.status.code == "onset-none" and far.status.root.code == "onset-refuted"
    assert far.status.root.values["size"] == far.sub_ladders[-1].model_size
    loud = dataclasses.replace(CASES["first-size"](), noise=0.05)
    near = find_onset(loud.draw(np.random.default_rng(1)), margin=MARGIN, rng=np.random.default_rng(0))
    assert near.status.root.code in ("onset-underpowered", "onset-undecided", "onset-beyond-seeds")
    assert near.status.root.values["upper"] == pytest.approx(near.sub_ladders[-1].upper_bound)
    if near.status.root.code == "onset-underpowered":
        assert near.status.root.values["more"] > 0


# ---- corrections to scaling


def test_omega_without_noise_is_what_was_put_in():
    case = dataclasses.replace(CASES["slow-approach"](), noise=1e-4)
    found = fit_corrections(case.draw(np.random.default_rng(0)), margin=MARGIN, rng=np.random.default_rng(0))
    assert found.omega == pytest.approx(0.5, abs=0.005) and found.low < 0.5 < found.high
    assert np.allclose(found.limit, 0.0, atol=1e-3) and found.correction[0] == pytest.approx(0.15, rel=0.01)
    # .15 (p/1000)^-.5 = .03 at 25 times the smallest size.
    assert found.crossing == pytest.approx(25_000, rel=0.03)
    assert found.crossing_low < 25_000 < found.crossing_high


@pytest.mark.parametrize(
    ("case", "codes"),
    [
        ("first-size", {"omega-not-seen"}),
        ("odd-size", {"omega-open-above", "omega-not-seen"}),
        ("none", {"omega-open-below"}),
    ],
)
def test_omega_is_not_identified_where_there_is_none(case, codes):
    group = CASES[case]().draw(np.random.default_rng(1))
    found = fit_corrections(group, margin=MARGIN, rng=np.random.default_rng(0))
    assert found.omega is None and found.crossing is None and found.limit is None
    assert found.status.code in codes


def test_a_size_in_the_middle_that_leaves_is_no_correction():
    case = CASES["first-size"]()
    case.truth[3] += 0.3 * np.linspace(1, 0, case.truth.shape[1])
    found = fit_corrections(case.draw(np.random.default_rng(0)), margin=MARGIN, rng=np.random.default_rng(0))
    assert found.status.code == "omega-does-not-fit" and found.n_sizes == FEWEST and found.p_fit < 0.05


def test_three_sizes_have_no_omega():
    case = CASES["slow-approach"]()
    case = dataclasses.replace(case, truth=case.truth[:3], sizes=case.sizes[:3])
    found = fit_corrections(case.draw(np.random.default_rng(0)), margin=MARGIN, rng=np.random.default_rng(0))
    assert isinstance(found, Missing) and found.status.code == "omega-needs-four-sizes"


def test_onset_and_correction_agree_where_their_intervals_overlap():
    group = CASES["third-size"]().draw(np.random.default_rng(3))
    onset = dataclasses.replace(
        find_onset(group, margin=MARGIN, rng=np.random.default_rng(0)), low=4000.0, size=4000.0, high=8000.0
    )
    base = fit_corrections(group, margin=MARGIN, rng=np.random.default_rng(0))

    def crossing(low: float | None, high: float | None) -> Corrections:
        return dataclasses.replace(base, crossing_low=low, crossing_high=high)

    # An onset at 4,000 says that the margin is crossed between 2,000 and 4,000.
    assert agreement(onset, crossing(2500, 3000)) and agreement(onset, crossing(7000, 1e6))
    assert agreement(onset, crossing(1000, 1900)) is False and agreement(onset, crossing(9000, 1e5)) is False
    assert agreement(onset, crossing(None, None)) is None
    none = dataclasses.replace(onset, size=None, low=None, high=None)
    assert agreement(none, crossing(2000, 7000)) is False and agreement(none, crossing(2000, 9000))


# ---- size and power


def test_an_onset_below_the_true_one_is_rare():
    """The second size lies at the margin: the worst case of the level, .05, at three Monte Carlo errors."""
    case = CASES["at-the-margin"]()
    chances = np.random.default_rng(0).spawn(40)
    found = [find_onset(case.draw(chance), margin=MARGIN, rng=chance, resamples=19) for chance in chances]
    early = np.mean([one.at_or_below_smallest or one.size == case.sizes[1] for one in found])
    assert case.onset() == 2 and early <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 40)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_size_and_power(case):
    found = onset_power(CASES[case](), 60, np.random.default_rng(1))
    assert found.too_early <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)
    if found.none < 0.5:
        assert found.covered >= 0.85
    if found.omega_covered is not None and found.identified > 0.5:
        assert found.omega_covered >= 0.8
    if case in ("first-size", "third-size", "none", "odd-size"):
        assert found.exact >= 0.95 and found.identified <= 0.1


# ---- how it is told


@pytest.fixture(scope="module")
def answered():
    return asked(learned(CASES["slow-approach"](), family="slow") + learned(CASES["none"](), family="no"))


def test_a_group_that_fails_as_a_whole_and_passes_above_says_both(answered):
    slow = next(group for group in answered.groups if group.family == "slow")
    lines = " ".join(group_lines(slow))
    assert slow.onset.onset.size == 8000 and "8,000 parameters" in lines and "as a whole" in lines
    found = inquiry_json(answered)["groups"]
    said = next(group for group in found if group["family"] == "slow")["onset"]
    assert said["onset"]["size"] == 8000 and said["onset"]["stopped_code"] in (
        *("onset-undecided", "onset-underpowered", "onset-beyond-seeds"),
    )
    assert len(said["corrections"]["x"]) == len(said["corrections"]["limit"])
    none = next(group for group in found if group["family"] == "no")["onset"]
    assert none["onset"]["status_code"] == "onset-none" and none["corrections"]["omega"] is None
    json.dumps(found, allow_nan=False)


def test_the_figure_is_drawn_and_its_points_are_written(answered, tmp_path):
    paths = save_onset(answered, tmp_path)
    assert [path.name for path in paths] == ["onset.png", "onset.svg", "onset.pdf", "onset.csv"]
    table = paths[-1].read_text()
    assert table.count("deviation") == 8 and "c(x) p^-omega" in table


def test_other_questions_keep_their_chance():
    """The onset has chance of its own: asking it changes no other answer."""
    curves = learned(CASES["third-size"]())
    alone, both = asked(curves, ["where"]), asked(curves, ["where", "onset"])
    assert alone.groups[0].where.p_value == both.groups[0].where.p_value


@pytest.mark.parametrize(
    ("curves", "code"),
    [
        (lambda: [c for c in learned(CASES["none"]()) if c.size < 3000], "onset-without-a-sound-ladder"),
        (lambda: [dataclasses.replace(c, seed=1) for c in learned(CASES["none"](), seeds=1)], None),
    ],
)
def test_where_there_is_no_onset_to_look_for_it_says_why(curves, code):
    group = asked(curves()).groups[0]
    if code is None:
        assert group.onset is None and group.single_runs.onset is not None
        return
    assert isinstance(group.onset, Missing) and group.onset.status.code == code
    assert list(group_lines(group))


def test_single_runs_have_a_description_and_reasons():
    one = asked(learned(CASES["third-size"](), seeds=1)).groups[0].single_runs
    assert one.onset.size == 4000 and not one.onset.bounded and one.onset.sub_ladders[0].upper_bound is None
    assert {reason.code for reason in one.reasons} == {"single-no-onset-interval", "single-no-omega"}
    none = asked(learned(CASES["none"](), seeds=1)).groups[0].single_runs
    assert none.onset.size is None and none.onset.status.code == "onset-none-of-runs"


def test_single_runs_have_a_bound_under_borrowed_noise():
    case = dataclasses.replace(CASES["third-size"](), noise=0.004)
    lender = [dataclasses.replace(curve, recipe="lender") for curve in learned(case, draw=2)]
    inquiry = asked([*lender, *learned(case, seeds=1)], noise_from="groups")
    one = next(group for group in inquiry.groups if group.single_runs is not None).single_runs.onset
    assert one.bounded and one.size == 4000
    assert all(row.upper_bound > row.deviation for row in one.sub_ladders)


@pytest.mark.slow
def test_the_command_line_asks(tmp_path):
    table = tmp_path / "curves.csv"
    rows = [
        f"net,simulated,{curve.size:g},{curve.seed},{10_000 * x:g},{loss!r}"
        for curve in learned(CASES["third-size"]())
        for x, loss in zip(curve.x, map(float, curve.loss), strict=True)
    ]
    table.write_text("\n".join(["family,dataset,size,seed,step,loss", *rows]))
    figures = tmp_path / "figures"
    done = CliRunner().invoke(app, ["analyze", str(table), "--onset", "--floor", "0", "--to", str(figures)])
    assert done.exit_code == 0, done.output
    assert "4,000 parameters" in done.output and (tmp_path / "figures" / "onset.png").exists()
