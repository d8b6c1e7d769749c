"""A run at a constant rate that is wanted longer goes on from its kept state, and is the long run bit for bit."""

from __future__ import annotations

import dataclasses

import pytest
from onecurve.benchmark import checkpoint
from onecurve.benchmark.evaluation import eval_steps
from onecurve.benchmark.executors import InProcess
from onecurve.benchmark.horizon import ComputeOptimal, PowerLaw, TrunkLength
from onecurve.benchmark.longer_runs import FOLDER, Longer, curve_of, forgotten, on_hand, wanted_later
from onecurve.benchmark.observables.observable import observable_from
from onecurve.benchmark.packs import packs_of
from onecurve.benchmark.pilots.of_sweep import pilot_sweep, pilots_of
from onecurve.benchmark.resolve import resolve
from onecurve.benchmark.runner import run
from onecurve.benchmark.sweep import expand, sweep_of
from onecurve.benchmark.train import train
from onecurve.benchmark.update import Update
from onecurve.results.store import Store
from small_trials import small_trial

LENGTHS = (30, 60, 120)


def spec(horizon, **how):
    """One update of warmup, whatever the length."""
    how = {"schedule": "constant", "warmup_fraction": 1 / horizon} | how
    return small_trial(horizon_steps=horizon, horizon_rule=f"{horizon} steps", **how)


class Watched(Longer):
    """Notes from where it went on."""

    def begins(self, specs, device):
        found = super().begins(specs, device)
        self.went_on_from = found.updates if found else 0
        return found


def trained(store, specs, lengths=LENGTHS, record=()):
    later = {
        each.trial_id: wanted_later("v1", each.horizon_steps, [(t, 1 / t) for t in lengths if t > each.horizon_steps])
        for each in specs
    }
    keeper = Watched(store, f"pack-{specs[0].trial_id}", foreseen=later, every=1e9, record=record)
    return train(specs, keeper=keeper, record=[observable_from(each) for each in record]), keeper.went_on_from


def curves(trials):
    return [(t.spec.trial_id, t.status, t.step, t.test_loss, t.test_accuracy, t.observables) for t in trials]


@pytest.mark.parametrize(
    ("seeds", "how"),
    [
        ((0, 1, 2), {}),
        ((0,), {}),
        ((0,), {"packed": False, "optimizer": "sgd"}),
        ((0, 1), {"optimizer": "muon"}),
        ((0, 1), {"dataset": ("digits", {})}),
    ],
    ids=["packed", "one of a pack", "alone", "muon", "classes, several passes"],
)
def test_a_run_that_is_made_longer_is_the_long_run_bit_for_bit(seeds, how, tmp_path):
    store, before = Store(tmp_path), 0
    for horizon in LENGTHS:
        specs = [spec(horizon, seed=seed, **how) for seed in seeds]
        ended, went_on_from = trained(store, specs)
        assert went_on_from == before
        assert curves(ended) == curves(train(specs))
        assert ended[0].step == eval_steps("v1", horizon, 1 / horizon) and ended[0].status == "ok"
        before = horizon
    assert on_hand(store, specs) == {each.trial_id: 60 for each in specs}  # nothing longer goes on from the last


def test_what_is_recorded_goes_on_too_where_it_is_measured_each_time(tmp_path):
    kept = ["ema-loss", "averaged-loss", "gradient-norm"]
    for record, goes_on in ((kept, True), ([{"name": "gradient-norm", "every": 2}], False)):
        store = Store(tmp_path / str(goes_on))
        trained(store, [spec(30, seed=seed) for seed in (0, 1)], record=record)
        specs = [spec(60, seed=seed) for seed in (0, 1)]
        ended, went_on_from = trained(store, specs, record=record)
        assert went_on_from == (30 if goes_on else 0)
        assert curves(ended) == curves(train(specs, record=[observable_from(each) for each in record]))
        assert trained(store, specs, record=["ema-loss"])[1] == 0  # another record is another state


def test_longer_runs_may_be_packed_in_another_way(tmp_path):
    store = Store(tmp_path)
    for seeds in ((0, 1), (2,)):
        trained(store, [spec(30, seed=seed) for seed in seeds])
    specs = [spec(60, seed=seed) for seed in (2, 0)]
    assert on_hand(store, specs) == {each.trial_id: 30 for each in specs}
    ended, went_on_from = trained(store, specs)
    assert went_on_from == 30 and curves(ended) == curves(train(specs))


@pytest.mark.parametrize(
    "lacks", ["seed", "rate", "warmup", "evaluations", "bits", "damage", "decay", "data", "forgotten"]
)
def test_what_is_not_the_same_curve_starts_anew(lacks, tmp_path, monkeypatch):
    store, first, longer = Store(tmp_path), [spec(30), spec(30, seed=1)], [spec(60), spec(60, seed=1)]
    with monkeypatch.context() as patch:
        if lacks == "bits":
            patch.setattr("onecurve.benchmark.devices.cpu_kind", lambda: "another processor")
        trained(store, first, lengths=(30, 45) if lacks == "evaluations" else LENGTHS)
    other = {"seed": {"seed": 2}, "rate": {"peak_lr": 0.02}, "warmup": {"warmup_fraction": 0.1}}
    other |= {"decay": {"schedule": "wsd(decay_fraction=0.2)"}, "data": {"dataset": ("digits", {})}}
    longer[1] = dataclasses.replace(longer[1], **other[lacks]) if lacks in ("seed", "rate", "warmup") else longer[1]
    if lacks in ("decay", "data"):
        longer = [spec(60, seed=seed, **other[lacks]) for seed in (0, 1)]
    if lacks == "damage":
        path = tmp_path / FOLDER / curve_of(longer[1])
        path.write_bytes(path.read_bytes()[:-1])
    if lacks == "forgotten":
        forgotten(store, longer[1:])
    ended, went_on_from = trained(store, longer)
    assert went_on_from == 0 and curves(ended) == curves(train(longer))


def test_a_run_that_diverges_keeps_its_row_and_no_state(tmp_path):
    how = {"optimizer": "sgd"}
    specs = [spec(30, peak_lr=rate, **how) for rate in (0.05, 1e6)]
    ended, _ = trained(Store(tmp_path), specs)
    assert [trial.status for trial in ended] == ["ok", "diverged"]
    whole = train(specs)
    assert curves(ended) == curves(whole) and [t.reason for t in ended] == [t.reason for t in whole]
    assert Store(tmp_path).names(FOLDER) == [curve_of(specs[0])]


def test_a_longer_run_is_cut_off_and_goes_on_from_its_own_checkpoint(tmp_path):
    from onecurve.benchmark.preemption import Preempted

    store, specs = Store(tmp_path), [spec(60, seed=seed) for seed in (0, 1)]
    trained(store, [spec(30, seed=seed) for seed in (0, 1)])
    asked = iter([False] * 10 + [True] * 100)
    with pytest.raises(Preempted):
        train(specs, keeper=Longer(store, "pack", foreseen={}, every=0.0, asked=lambda: next(asked)))
    assert 30 < (reached := checkpoint.reached(store, "pack")) < 60
    keeper = Watched(store, "pack", foreseen={}, every=1e9)
    ended = train(specs, keeper=keeper)
    assert keeper.went_on_from == reached and curves(ended) == curves(train(specs))


def sweep(**rule):
    group = {"families": "mlp", "datasets": {"name": "fourier", "inputs": 2, "modes": 64, "pool": 4096}}
    group |= {"rungs": [8, 12], "batch_size": 8, "warmup_fraction": 0.1, "pack": True}
    rule = {"rule": "compute-optimal", "updates": 20, "longest": 80, "seeds": 2, **rule}
    return sweep_of({"name": "asked", "groups": [{**group, "horizon": rule}]}, "asked")


def test_trunks_go_on_only_where_they_are_one_curve():
    (share,), (fixed,) = pilots_of(sweep()), pilots_of(sweep(warmup="updates"))
    assert share.key != fixed.key
    for stage in (20, 40, 80):
        alike = share.trials(stage)
        assert alike.horizon == PowerLaw(rule="power-law", steps=stage, exponent=1) and alike.warmup_fraction == 0.1
        group = fixed.trials(stage)
        assert isinstance(group.horizon, TrunkLength) and group.warmup_fraction * stage == pytest.approx(2)
    assert (fixed.trials(40).horizon.before, fixed.trials(40).horizon.later) == (20, (80, 160))
    alike, first, later = (resolve(expand(pilot_sweep([at]))[1]) for at in ((share, 20), (fixed, 20), (fixed, 40)))
    assert (alike.foreseen, alike.before, first.before) == ([], 0, 0) and first.foreseen
    assert later.before == first.horizon_steps
    assert later.seconds == pytest.approx(
        later.step_seconds * (later.horizon_steps - first.horizon_steps) + later.beside_seconds
    )


def test_no_warmup_is_as_many_updates_whatever_the_length():
    asked = sweep()
    none = asked.model_copy(update={"groups": [asked.groups[0].model_copy(update={"warmup_fraction": 0.0})]})
    (pilot,) = pilots_of(none)
    assert isinstance(pilot.trials(40).horizon, TrunkLength) and pilot.trials(40).warmup_fraction == 0
    assert ComputeOptimal().warmup == "share"


def test_stages_of_a_pilot_are_extended_by_the_runner(tmp_path, monkeypatch):
    """Rows and ids are those of trunks that were trained at once, in another folder."""
    (pilot,) = pilots_of(sweep(warmup="updates"))
    # What is timed before a run makes updates, too, as many as there is time for.
    monkeypatch.setattr("onecurve.benchmark.resolve.update_and_evaluation", lambda *_, **__: (1e-3, 1e-3))
    updates, whole = [], Update.__call__
    monkeypatch.setattr(Update, "__call__", lambda self: updates.append(1) or whole(self))
    for stage in (20, 40, 80):
        run(pilot_sweep([(pilot, stage)]), Store(tmp_path / "steps"), InProcess())
    extended = len(updates)
    run(pilot_sweep([(pilot, 80)]), Store(tmp_path / "once"), InProcess())
    assert extended == len(updates) - extended > 80

    columns = ["trial_id", "rung", "seed", "step", "test_loss", "horizon_steps", "warmup_fraction", "status"]
    steps, once = (
        {row["trial_id"]: row for row in Store(tmp_path / name).table(columns).select(columns).to_pylist()}
        for name in ("steps", "once")
    )
    assert len(steps) == 12 and {row["status"] for row in steps.values()} == {"ok"}
    assert len(once) == 4 and once == {trial: steps[trial] for trial in once}


def test_trials_that_go_on_from_one_update_share_packs(tmp_path):
    asked = sweep()
    cells = expand(asked.model_copy(update={"groups": [pilots_of(asked)[0].trials(40)]}))[:1]
    resolved = dataclasses.replace(resolve(cells[0]), packed=True)
    specs = [spec(40, seed=seed) for seed in range(4)]
    known = {"cell": (cells[0], resolved, "cpu")}

    def packs(**on_hand):
        found = packs_of(known, {"cell": specs}, lambda trial: 0, on_hand=on_hand)
        return sorted([s.seed for s in pack.specs] for pack in found)

    assert packs() == [[0, 1, 2, 3]]
    assert packs(**{specs[1].trial_id: 20, specs[3].trial_id: 20}) == [[0, 2], [1, 3]]
