"""Which ladders ask for a pilot, what it trains, and how its answer takes the place of the question."""

from __future__ import annotations

import pytest
from onecurve.benchmark.horizon import PowerLaw
from onecurve.benchmark.pilots import pilot_sweep, pilots_of, with_answers
from onecurve.benchmark.sweep import expand, load_sweep
from onecurve.errors import InputError

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
    assert pilots[0].lengths == [50, 100, 200]
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
    whole = with_answers(sweep, {keys[0]: (600.4, 1.1234), keys[3]: (100.0, 0.5)})
    assert [(group.families, group.peak_lr, group.horizon_source) for group in whole.groups] == [
        (["linear"], 0.1, "pilot"),
        (["mlp"], 0.2, "pilot"),
        (["linear"], 0.003, "assumed"),
    ]
    assert whole.groups[0].horizon == PowerLaw(rule="power-law", steps=300, exponent=1.573)
    assert whole.groups[0].control == "holds" and whole.groups[0].record == ["accuracy"]
    assert whole.groups[2] == sweep.groups[1]
    assert len(with_answers(sweep, {}).groups) == 1


def test_an_open_question_is_refused_where_a_number_is_needed(asked):
    rule = asked().groups[0].horizon
    for ask in (lambda: rule.horizon(100, 10, 32), lambda: rule.label("features 16")):
        with pytest.raises(InputError, match="onecurve run"):
            ask()
    with pytest.raises(InputError, match="compute-optimal"):
        asked("{rule: compute-optimum}")
    with pytest.raises(InputError, match="seeds"):
        asked("{rule: compute-optimal, seeds: 1}")
