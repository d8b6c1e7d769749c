"""Which ladders ask for a pilot, what it trains, and how its answer takes the place of the question."""

from __future__ import annotations

import pytest
from onecurve.benchmark.horizon import PowerLaw
from onecurve.benchmark.pilots.of_sweep import pilot_sweep, pilots_of, with_answers, without_questions
from onecurve.benchmark.resolve import cell_key, trial
from onecurve.benchmark.sweep import expand, load_sweep, request
from onecurve.errors import InputError
from onecurve.results.trials import _hashed

SWEEP = """
name: asked
groups:
  - families: [linear, mlp]
    datasets: power-law-regression
    rungs: [16, 32]
    seeds: 4
    peak_lr: [0.1, 0.2]
    control: holds
    record: [accuracy]
    horizon: {horizon}
  - families: linear
    datasets: power-law-regression
    rungs: [16, 32]
    horizon: {{rule: steps, steps: 10}}
"""


@pytest.fixture
def asked(tmp_path):
    def read(horizon="compute-optimal", **changes):
        path = tmp_path / "asked.yaml"
        path.write_text(SWEEP.format(horizon=horizon))
        return load_sweep(str(path), [f"{key}={value}" for key, value in changes.items()])

    return read


def test_each_ladder_asks_once(asked):
    sweep = asked()
    pilots = pilots_of(sweep)
    assert [(pilot.family, pilot.dataset, pilot.group.peak_lr) for pilot in pilots] == [
        ("linear", "power-law-regression", 0.1),
        ("linear", "power-law-regression", 0.2),
        ("mlp", "power-law-regression", 0.1),
        ("mlp", "power-law-regression", 0.2),
    ]
    assert [pilot.family for pilot in pilots_of(sweep, {"family": "mlp"})] == ["mlp", "mlp"]
    assert pilots_of(sweep, {"control": "fails"}) == []
    twice = sweep.model_copy(update={"groups": [*sweep.groups, *sweep.groups]})
    assert len(pilots_of(twice)) == 4


def test_the_question_is_what_decides_a_trunk(asked):
    """What decides only the ladder leaves the question as it is, so that its answer is shared."""

    def keys(sweep):
        return [pilot.key for pilot in pilots_of(sweep)]

    one = keys(asked())
    assert one == keys(asked(seeds=9, schedule="cosine", control="fails"))
    assert one == keys(asked("{rule: compute-optimal, updates: 50, exponent_factor: 1.4}"))
    for other in ({"batch_size": 32}, {"warmup_fraction": 0.02}, {"rungs": "[16, 48]"}, {"optimizer": "sgd"}):
        assert not set(one) & set(keys(asked(**other)))
    assert not set(one) & set(keys(asked("{rule: compute-optimal, seeds: 4}")))


def test_trunks_are_ordinary_trials_at_a_constant_rate(asked):
    pilots = pilots_of(asked("{rule: compute-optimal, updates: 50, longest: 250, seeds: 6}"))
    assert pilots[0].stages == [50, 100, 200]
    cells = expand(pilot_sweep([(pilots[0], 50), (pilots[3], 100)]))
    assert [(cell.family[0], cell.rung) for cell in cells[:2]] == [
        ("linear", {"features": 16}),
        ("linear", {"features": 32}),
    ]
    for cell in cells:
        given = cell.settings
        assert (given.schedule, given.seed_list, given.control, given.record) == ("constant", list(range(6)), None, [])
    assert cells[0].settings.horizon == PowerLaw(rule="power-law", steps=50, exponent=1)
    assert cells[-1].settings.horizon.steps == 100 and cells[-1].settings.peak_lr == 0.2


def test_answers_take_the_place_of_the_question(asked):
    sweep = asked("{rule: compute-optimal, factor: 0.5, exponent_factor: 1.4}")
    keys = [pilot.key for pilot in pilots_of(sweep)]

    def law(updates, exponent):
        return {"updates": {"value": updates}, "exponent": {"value": exponent}}

    given = with_answers(sweep, {keys[0]: law(600.4, 1.1234), keys[3]: law(100.0, 0.5)})
    assert [pilot.key for pilot in pilots_of(given)] == keys[1:3]
    whole = without_questions(given)
    assert [(group.families, group.peak_lr, group.horizon_source) for group in whole.groups] == [
        (["linear"], 0.1, "pilot"),
        (["mlp"], 0.2, "pilot"),
        (["linear"], 0.003, "assumed"),
    ]
    assert whole.groups[0].horizon == PowerLaw(rule="power-law", steps=300, exponent=1.573)
    assert whole.groups[0].control == "holds" and whole.groups[0].record == ["accuracy"]
    assert whole.groups[2] == sweep.groups[1]
    assert len(without_questions(sweep).groups) == 1 and len(with_answers(sweep, {}).groups) == 5


def test_trunks_may_be_compared_by_averaged_weights(asked):
    kinds = ("loss", "ema-loss", "averaged-loss")
    pilots = [pilots_of(asked(f"{{rule: compute-optimal, of: {of}}}"))[0] for of in kinds]
    assert len({pilot.key for pilot in pilots}) == 3 and pilots[0].key == pilots_of(asked())[0].key
    assert [pilot.trials(10).record for pilot in pilots] == [
        [],
        [{"name": "ema-loss", "decay": 0.97}],
        ["averaged-loss"],
    ]
    assert [pilot.rule.column for pilot in pilots] == ["test_loss", "ema_loss", "averaged_loss"]


def test_a_ladder_may_ask_smaller_sizes(asked):
    """The pilot's smallest size has 16 weights and the ladder's 64, and the batch does not grow."""
    rule = "{rule: compute-optimal, rungs: [16, 32], exponent_factor: 2}"
    sweep = asked(rule, families="linear", rungs="[64, 96]")
    pilot = pilots_of(sweep)[0]
    assert pilot.key == pilots_of(asked("{rule: compute-optimal}", families="linear"))[0].key
    assert [cell.rung["features"] for cell in expand(pilot_sweep([(pilot, 50)]))] == [16, 32]
    assert pilot.sizes([16, 64]) == [16, 64]
    given = with_answers(sweep, {pilot.key: {"updates": {"value": 100}, "exponent": {"value": 0.5}}})
    assert given.groups[0].horizon == PowerLaw(rule="power-law", steps=200, exponent=1.0)
    assert given.groups[0].rungs == [64, 96]


def test_a_pilot_on_other_sizes_needs_the_ladders_batch(asked):
    growing = {"families": "linear", "batch_size": "{rule: power-law, size: 8, exponent: 0.5}"}
    for rungs, fits in (("[16, 32]", True), ("[24, 32]", False)):
        pilot = pilots_of(asked(f"{{rule: compute-optimal, rungs: {rungs}}}", **growing))[0]
        if fits:
            assert pilot.trials(10).rungs == [16, 32]
        else:
            with pytest.raises(InputError, match="batch"):
                pilot.trials(10)


def test_an_open_question_is_refused_where_a_number_is_needed(asked):
    rule = asked().groups[0].horizon
    for ask in (lambda: rule.horizon(100, 10, 32), lambda: rule.label("features 16")):
        with pytest.raises(InputError, match="onecurve run"):
            ask()
    with pytest.raises(InputError, match="compute-optimal"):
        asked("{rule: compute-optimum}")
    with pytest.raises(InputError, match="seeds"):
        asked("{rule: compute-optimal, seeds: 1}")


def test_a_rate_is_asked_for_before_a_length(asked):
    sweep = asked(peak_lr="{rule: tuned, updates: 30, seeds: 2, around: 0.08}")
    pilots = pilots_of(sweep)
    # The second group asks for its rate alone, and asks the same.
    assert [(pilot.asks, pilot.family) for pilot in pilots] == [("learning rate", "linear"), ("learning rate", "mlp")]
    assert pilots[0].labels == ["features 16", "features 32"]
    assert [len(stage) for stage in pilots[0].stages] == [7, 15, 23]
    assert pilots[0].stages[0] == pytest.approx([0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64])
    scan = pilots[0].trials(pilots[0].stages[0])
    assert (scan.schedule, scan.seeds, scan.horizon.steps) == ("linear", 2, 30)
    assert len(expand(pilot_sweep([(pilots[0], pilots[0].stages[0])]))) == 14
    given = with_answers(sweep, {pilots[0].key: {"rate": {"value": 0.12345}, "tuned": "mis-scaled"}})
    assert [(pilot.asks, pilot.family) for pilot in pilots_of(given)] == [
        ("training length", "linear"),
        ("learning rate", "mlp"),
    ]
    (ladder,) = without_questions(given).groups
    assert (ladder.peak_lr, ladder.tuned, ladder.horizon.rule) == (0.123, "mis-scaled", "steps")
    both = with_answers(given, {pilots_of(given)[0].key: {"updates": {"value": 50}, "exponent": {"value": 1}}})
    assert [group.horizon_source for group in without_questions(both).groups] == ["pilot", "assumed"]


def test_a_rate_may_be_asked_of_two_sizes_whatever_the_ladder(asked):
    """So that a ladder which grows asks nothing anew."""
    rate = "{rule: tuned, updates: 30, seeds: 2, around: 0.08, rungs: [16, 64]}"
    assert len(pilots_of(asked(peak_lr=rate, families="linear"))) == 1
    pilots = [pilots_of(asked(peak_lr=rate, rungs=rungs))[0] for rungs in ("[16, 32]", "[16, 32, 64, 128]")]
    assert pilots[0].labels == pilots[1].labels == ["features 16", "features 64"]
    assert pilots[0].key == pilots[1].key != pilots_of(asked(peak_lr="{rule: tuned, updates: 30, seeds: 2}"))[0].key


@pytest.mark.parametrize(
    "given",
    ["{rule: tuned, rungs: [16]}", "tune", "{rule: tuned, seeds: 1}", "{rule: tuned, steps: 3}", "0", "{updates: no}"],
)
def test_a_rate_that_is_neither_a_number_nor_asked_for(asked, given):
    with pytest.raises(InputError, match="peak_lr"):
        asked(peak_lr=given)


def test_a_request_is_what_it_was_where_nothing_is_tuned(asked):
    sweep = asked("{rule: steps, steps: 10}")
    tuned = sweep.model_copy(update={"groups": [group.model_copy(update={"tuned": "yes"}) for group in sweep.groups]})
    assert request(sweep) == "a9b0428714b5f7f2" and request(tuned) != request(sweep)


def test_a_ladder_with_one_thing_wrong_takes_the_lengths_of_the_right_one(asked):
    """It asks what the right one asks, so the answer is shared, and trains as it is itself."""
    right = pilots_of(asked())[0]
    wrong = pilots_of(
        asked("{rule: compute-optimal, found_at: {peak_lr: 0.1, warmup_updates: null}}", peak_lr=0.2, warmup_updates=3)
    )[0]
    assert wrong.key == right.key and wrong.trials(2000) == right.trials(2000)
    ladder = wrong.answered({"updates": {"value": 50}, "exponent": {"value": 1}})
    assert (ladder.peak_lr, ladder.warmup_updates, ladder.horizon.steps) == (0.2, 3, 50)
    own = pilots_of(asked(peak_lr=0.2, warmup_updates=3))[0]
    assert own.key != right.key and own.trials(2000).warmup_updates == 3
    with pytest.raises(InputError, match="no key .peak_rate."):
        asked("{rule: compute-optimal, found_at: {peak_rate: 0.1}}")


def test_a_warmup_of_fixed_updates_is_another_share_of_each_size_and_one_setting(asked):
    horizon = "{rule: power-law, steps: 40, exponent: 1}"
    cells = expand(asked(horizon, peak_lr=0.1, record="[]", warmup_updates=4))[:2]
    trials = [
        trial(cell, 0, batch_size=8, horizon_steps=steps, packed=True)
        for cell, steps in zip(cells, (40, 80), strict=False)
    ]
    assert [each.warmup_fraction for each in trials] == [0.1, 0.05]
    assert trials[0].recipe == trials[1].recipe and "warmup 4 updates" in trials[0].recipe_label
    assert {cell_key(cell) for cell in cells}.isdisjoint(
        cell_key(cell) for cell in expand(asked(horizon, peak_lr=0.1, record="[]"))
    )
    shares = [
        trial(cell, 0, batch_size=8, horizon_steps=40, packed=True)
        for cell in expand(asked(horizon, peak_lr=0.1, record="[]"))
    ]
    assert shares[0].recipe != trials[0].recipe and "warmup_rule" not in _hashed(shares[0])
    with pytest.raises(InputError, match="fewer `warmup_updates`"):
        trial(cells[0], 0, batch_size=8, horizon_steps=8, packed=True)
