"""Pilots from the command line: found, kept, put into the sweep; and what happens where there is no answer."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from onecurve.benchmark.horizon import ComputeOptimal
from onecurve.benchmark.pilots.horizon_pilot import HorizonPilot
from onecurve.benchmark.sweep import Group
from onecurve.collapse.composing import Estimate
from onecurve.collapse.pilots.horizon_law import HorizonLaw
from onecurve.datasets.dataset import DATASETS
from onecurve.errors import InputError
from onecurve.results.store import Store
from onecurve.scripts.piloting import _seen_again
from onecurve.scripts.publish.study_table import page_of

LINEAR = {
    "families": "linear",
    "datasets": "power-law-regression",
    "rungs": [6, 10, 17, 29, 60],
    "optimizer": "sgd",
    "parametrization": "standard",
    "warmup_fraction": 0,
    "peak_lr": 0.1,
    "batch_size": 32,
    "seeds": 2,
    "pack": True,  # else each cell of each stage is timed both ways
}


@pytest.fixture
def write(tmp_path):
    def written(*groups):
        path = tmp_path / "asked.yaml"
        path.write_text(yaml.safe_dump({"name": "asked", "groups": [{**LINEAR, **group} for group in groups]}))
        return str(path)

    return written


@pytest.mark.slow
def test_a_pilot_is_trained_once_and_its_answer_used(write, tmp_path, onecurve):
    sweep, out = (
        write({"horizon": {"rule": "compute-optimal", "updates": 60, "longest": 240, "seeds": 4}}),
        tmp_path / "out",
    )
    where = ("--out", str(out))
    planned = json.loads(onecurve("plan", sweep, *where, "--json").stdout)
    assert planned["cells"] == [] and planned["pilots"]["n_trials"] == 20 and planned["pilots"]["most_trials"] == 60
    assert planned["pilots"]["most_minutes"] > planned["pilots"]["expected_minutes"]
    assert onecurve("run", sweep, *where, "--shard", "1/2", "--address", "in-process").returncode == 2
    done = onecurve("run", sweep, *where, "--address", "in-process")
    assert done.returncode == 0, done.stderr
    (kept,) = json.loads((out / "pilot" / "pilots.json").read_text()).values()
    assert kept["family"] == "linear" and kept["status_code"] == "ok" and len(kept["crossings"]) == 4
    # Spectrum and prior of this regression give an exponent of 1.5 in the limit; so few features are not quite there.
    assert 1.2 < kept["exponent"]["value"] < 1.6
    rows = Store(out).table(["rung", "n_params", "horizon_steps", "horizon_source", "schedule"]).to_pylist()
    assert len(rows) == 10 and {row["horizon_source"] for row in rows} == {"pilot"}
    first, exponent = round(kept["updates"]["value"]), round(kept["exponent"]["value"], 3)
    assert {row["horizon_steps"] for row in rows} == {
        max(1, round(first * (row["n_params"] / 6) ** exponent)) for row in rows
    }
    assert (out / "pilot" / "figures").is_dir()
    page = page_of([Store(out)])
    assert f"| {kept['exponent']['value']:.3g} ({kept['exponent']['low']:.3g} to " in page
    ladder = rf"\| linear on power-law-regression \| loss \| 0\.1 \| {first} \(p/p1\)\^{exponent} \| 5 x 2 \|"
    assert re.search(ladder, page) and "10 trials" in page
    gained = [line.split(" | ")[3] for line in page.splitlines() if line.endswith(") |") and "features 6 (" in line]
    assert [float(cell.split()[0]) for cell in gained] == pytest.approx([gain_of(out, 6)], rel=0.01)
    trunks = Store(out / "pilot").table(["schedule"]).num_rows
    assert trunks in (20, 40, 60)
    again = onecurve("run", sweep, *where, "--address", "in-process")
    assert again.returncode == 0 and Store(out / "pilot").table(["schedule"]).num_rows == trunks
    assert onecurve("pilot", sweep, *where).returncode == 0  # answered before: trains nothing, starts no workers
    planned = json.loads(onecurve("plan", sweep, *where, "--json").stdout)
    assert "pilots" not in planned and planned["n_trials"] == planned["n_done"] == 10


def gain_of(out, size):
    """Loss of the trunks over that of the ladder's runs at the length of these, of geometric means."""
    columns = ["n_params", "schedule", "horizon_steps", "step", "test_loss"]
    trunks, runs = (
        [r for r in Store(p).table(columns).to_pylist() if r["n_params"] == size] for p in (out / "pilot", out)
    )
    steps = runs[0]["horizon_steps"]
    high = [np.interp(steps, r["step"], r["test_loss"]) for r in trunks if r["step"][-1] >= steps]
    return np.exp(np.mean(np.log(high)) - np.mean([np.log(r["test_loss"][-1]) for r in runs]))


def test_a_ladder_without_an_answer_is_left_out_and_said(write, tmp_path, onecurve):
    """Two updates of the smallest size are too few, also twice over; the other ladder is trained all the same."""
    asks = {"horizon": {"rule": "compute-optimal", "updates": 10, "longest": 20, "seeds": 2}}
    sweep, out = write(asks, {"horizon": {"rule": "steps", "steps": 5}}), tmp_path / "out"
    done = onecurve("run", sweep, "--out", str(out), "--address", "in-process")
    assert done.returncode == 1 and "no compute-optimal training length" in done.stdout
    assert {row["horizon_rule"] for row in Store(out).table(["horizon_rule"]).to_pylist()} == {"5 steps"}
    assert not (out / "pilot" / "pilots.json").exists()
    only = onecurve("run", write(asks), "--out", str(tmp_path / "other"), "--address", "in-process")
    assert only.returncode == 2 and "no ladder is left to train" in only.stderr
    other = write(asks, {"families": "mlp", "parametrization": "mup", "horizon": {"rule": "steps", "steps": 5}})
    where = ("--out", str(tmp_path / "third"), "--address", "in-process")
    left = onecurve("run", other, "--only", "family=linear", *where)
    assert left.returncode == 2 and "no ladder is left to train" in left.stderr
    wrong = onecurve("run", other, "--only", "family=linaer", *where)
    assert wrong.returncode == 2 and "Did you mean 'linear'" in wrong.stderr
    none = onecurve("pilot", write({"horizon": {"rule": "steps", "steps": 5}}), "--out", str(out))
    assert none.returncode == 2 and "asks for no pilot" in none.stderr
    with pytest.raises(InputError, match="no pilot's training lengths"):
        page_of([Store(out)])


@pytest.mark.parametrize(("pool", "said"), [(None, 0), (10_000, 0), (9_999, 1)])
def test_a_ladder_that_sees_its_pool_again_is_told(pool, said):
    """100 updates at 10 parameters, times 10 at the largest size, of 10 examples: 10,000 examples."""
    updates, exponent = Estimate(value=100, low=90, high=110), Estimate(value=1, low=0.9, high=1.1)
    law = HorizonLaw(first=10, updates=updates, exponent=exponent)

    class Pooled(HorizonPilot):
        data = SimpleNamespace(
            pool_size=pool, how_to_draw_more="", name="d", task=DATASETS.make("power-law-regression", {}).task
        )

    rule = ComputeOptimal(seeds=2)
    group = Group(families=["linear"], datasets=["power-law-regression"], rungs=[10, 100], batch_size=10, horizon=rule)
    assert len(list(_seen_again(Pooled(group=group, rule=rule), law))) == said


def test_a_rate_is_found_and_stands_in_the_table(write, tmp_path, onecurve):
    asks = {
        "peak_lr": {"rule": "tuned", "updates": 20, "seeds": 2, "around": 0.3},
        "horizon": {"rule": "steps", "steps": 20},
    }
    out = tmp_path / "out"
    done = onecurve("run", write({**asks, "rungs": [6, 12, 24]}), "--out", str(out), "--address", "in-process")
    assert done.returncode == 0, done.stderr
    (kept,) = json.loads((out / "pilot" / "pilots.json").read_text()).values()
    assert kept["asks"] == "learning rate" and kept["rungs"] == ["features 6", "features 12"]
    rows = Store(out).table(["peak_lr", "tuned"]).to_pylist()
    assert {row["peak_lr"] for row in rows} == {float(f"{kept['rate']['value']:.3g}")}
    assert {row["tuned"] for row in rows} == {kept["tuned"]} and len(rows) == 6
