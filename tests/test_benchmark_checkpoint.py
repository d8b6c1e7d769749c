"""States in mid-training: gone on with bit for bit, whole or not there, taken up only where bits are kept; branches."""

from __future__ import annotations

import dataclasses
import json

import pytest
from onecurve.benchmark import checkpoint
from onecurve.benchmark.checkpoint import FOLDER, InStore
from onecurve.benchmark.observables.observable import observable_from
from onecurve.benchmark.preemption import Preempted
from onecurve.benchmark.train import train
from onecurve.benchmark.trunk_branches import branch, trunk
from onecurve.errors import InputError
from onecurve.results.store import Store
from onecurve.results.trials import TrialSpec
from small_trials import GLYPHS, small_trial


def spec(*what, **changes) -> TrialSpec:
    return small_trial(*what, **{"schedule": "cosine", "warmup_fraction": 0.1, "horizon_steps": 60} | changes)


class Cut(InStore):
    """Is asked to end after some updates."""

    def __init__(self, *given, after: int, **named) -> None:
        self.done_so_far, self.after = 0, after
        super().__init__(*given, every=0.0, asked=lambda: self.done_so_far >= self.after, **named)

    def due(self, updates):
        self.done_so_far = updates
        return self._asked()


def curves(trials):
    return [(t.spec.trial_id, t.status, t.step, t.test_loss, t.test_accuracy, t.observables) for t in trials]


KINDS = {
    "packed": (3, {}, ("ema-loss", {"name": "gradient-norm", "every": 4})),
    "muon": (2, {"optimizer": "muon"}, ()),
    "running statistics": (
        1,
        {"family": "convmixer", "dataset": GLYPHS, "optimizer": "adamw", "packed": False, "horizon_steps": 12},
        ("training-loss",),
    ),
}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] * (kind == "running statistics")) for kind in KINDS]
)
def test_a_pack_that_ends_in_the_middle_goes_on_bit_for_bit(kind, tmp_path):
    count, how, recorded = KINDS[kind]
    specs, record = [spec(seed=s, **how) for s in range(count)], [observable_from(each) for each in recorded]
    horizon, store = specs[0].horizon_steps, Store(tmp_path)
    undisturbed, begun = train(specs, record=record), []
    for share in (0.2, 0.5, 0.8, 2.0):
        keeper = Cut(store, "pack", after=round(share * horizon))
        begins = keeper.begins
        keeper.begins = lambda *a, begins=begins: begun.append(begins(*a)) or begun[-1]
        if share < 1:
            with pytest.raises(Preempted):
                train(specs, record=record, keeper=keeper)
            assert checkpoint.reached(store, "pack") == round(share * horizon)
        else:
            ended = train(specs, record=record, keeper=keeper)
    assert [state and state.updates for state in begun] == [None, *(round(s * horizon) for s in (0.2, 0.5, 0.8))]
    assert curves(ended) == curves(undisturbed) and ended[0].status == "ok"
    assert all(trial.resumed is None for trial in ended)
    keeper.done()
    assert checkpoint.kept(store) == {}


def test_one_that_diverged_stays_so(tmp_path):
    specs = [spec(optimizer="sgd", peak_lr=rate, horizon_steps=40, schedule="constant") for rate in (0.05, 1e6)]
    undisturbed = train(specs)
    assert [trial.status for trial in undisturbed] == ["ok", "diverged"]
    with pytest.raises(Preempted):
        train(specs, keeper=Cut(Store(tmp_path), "pack", after=30))
    ended = train(specs, keeper=Cut(Store(tmp_path), "pack", after=99))
    assert curves(ended) == curves(undisturbed) and ended[1].reason == undisturbed[1].reason


def cut(tmp_path, specs, after=30, **named):
    with pytest.raises(Preempted):
        train(specs, keeper=Cut(Store(tmp_path), "pack", after=after, **named))
    return tmp_path / FOLDER / "pack"


def begun_at(tmp_path, specs, **named):
    keeper, begun = Cut(Store(tmp_path), "pack", after=999, **named), []
    begins = keeper.begins
    keeper.begins = lambda *a: begun.append(begins(*a)) or begun[-1]
    trained = train(specs, keeper=keeper)
    return (begun[0].updates if begun[0] else 0), trained


@pytest.mark.parametrize("damage", ["cut", "empty", "zero", "flip", "header"])
def test_a_damaged_checkpoint_is_not_taken_up(damage, tmp_path):
    specs = [spec(seed=s) for s in range(2)]
    path = cut(tmp_path, specs)
    whole = path.read_bytes()
    broken = bytearray(whole)
    broken[-100] ^= 1
    path.write_bytes(
        {
            "cut": whole[: len(whole) // 2],
            "empty": b"",
            "zero": bytes(len(whole)),
            "flip": bytes(broken),
            "header": b'{"format": 1}\n' + whole,
        }[damage]
    )
    updates, trained = begun_at(tmp_path, specs)
    assert updates == 0 and curves(trained) == curves(train(specs))


def test_a_foreign_checkpoint_is_not_taken_up(tmp_path):
    specs = [spec(seed=s) for s in range(2)]
    cut(tmp_path, specs)
    assert begun_at(tmp_path, specs)[0] == 30
    cut(tmp_path, [spec(seed=s) for s in (0, 2)])
    assert begun_at(tmp_path, specs)[0] == 0  # other trials under one name
    cut(tmp_path, specs)
    assert begun_at(tmp_path, specs, record=["loss"])[0] == 0


def test_a_write_that_was_cut_off_leaves_the_one_before(tmp_path, monkeypatch):
    specs = [spec(seed=s) for s in range(2)]
    path = cut(tmp_path, specs)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("onecurve.results.store.os.replace", lambda *_: (_ for _ in ()).throw(OSError("power")))
        with pytest.raises(Preempted):
            train(specs, keeper=Cut(Store(tmp_path), "pack", after=40))
    assert path.read_bytes() == before
    assert begun_at(tmp_path, specs)[0] == 30


def test_where_bits_are_not_kept_it_goes_on_only_if_asked_to_and_says_so(tmp_path, monkeypatch):
    specs = [spec(seed=s) for s in range(2)]
    with monkeypatch.context() as patch:
        patch.setattr("onecurve.benchmark.devices.cpu_kind", lambda: "another processor")
        path = cut(tmp_path, specs)
    assert json.loads(path.read_bytes().partition(b"\n")[0])["bits"]["device"] == "another processor"
    assert begun_at(tmp_path, specs)[0] == 0
    updates, trained = begun_at(tmp_path, specs, across=True)
    assert updates == 30
    assert all(t.resumed.startswith("until update 30: device another processor, threads 1") for t in trained)
    assert begun_at(tmp_path / "none", specs, across=True)[1][0].resumed is None


def test_another_number_of_threads_is_another_kind(tmp_path):
    specs = [spec(seed=s) for s in range(2)]
    cut(tmp_path, specs, threads=1)
    assert begun_at(tmp_path, specs, threads=2)[0] == 0


@pytest.mark.parametrize("how", [{}, {"packed": False, "optimizer": "sgd"}])
def test_a_branch_is_the_trial_of_its_schedule_bit_for_bit(how):
    specs = [spec(seed=s, schedule="constant", **how) for s in range(2 if how.get("packed", True) else 1)]
    states = trunk(specs, [20, 48])
    for state, horizon in zip(states, (25, 60), strict=True):
        schedule = f"wsd(decay_fraction={(horizon - state.updates) / horizon})"
        ended = branch(state, schedule, horizon)
        whole = train([t.spec for t in ended])
        for one, other in zip(ended, whole, strict=True):
            assert one.status == "ok" and one.step[-1] == horizon
            tail = [i for i, step in enumerate(other.step) if step >= state.updates]
            assert one.test_loss[-len(tail) :] == other.test_loss[-len(tail) :] and len(tail) > 2
    again = branch(states[0], "wsd(decay_fraction=0.2)", 25)
    assert curves(again) == curves(branch(states[0], "wsd(decay_fraction=0.2)", 25))  # a state may be used again


def test_a_branch_whose_past_would_be_another_is_refused():
    (state,) = trunk([spec(schedule="constant")], [30])
    with pytest.raises(InputError, match=r"cosine over 60 updates has another rate than constant at update 7, before"):
        branch(state, "cosine", 60)
    with pytest.raises(InputError, match="cannot end after 20"):
        branch(state, "constant", 20)
    with pytest.raises(InputError, match="after 1 to 60 updates"):
        trunk([spec()], [61])
    with pytest.raises(InputError, match="one trunk to each"):
        trunk([spec(packed=False), spec(packed=False, seed=1)], [3])


def test_specs_of_a_branch_name_the_new_trial():
    trial = spec(schedule="constant")
    (state,) = trunk([trial, dataclasses.replace(trial, seed=1)], [30])
    ended = branch(state, "wsd(decay_fraction=0.5)", 60)
    assert [t.spec for t in ended] == [
        dataclasses.replace(trial, schedule="wsd(decay_fraction=0.5)", seed=seed) for seed in (0, 1)
    ]
