"""The collapse monitor: false alarms at most at the stated rate, wild seeds and odd rungs found, and it works live."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from onecurve.benchmark import runner
from onecurve.benchmark.executors import InProcess
from onecurve.benchmark.sweep import load_sweep
from onecurve.collapse.monitoring.departures import departures
from onecurve.collapse.monitoring.monitor import watch, watch_group
from onecurve.collapse.sentences.monitored import leaving_line, watched_line
from onecurve.results.curves import CurveSet, LearningCurve
from onecurve.results.grid import common_grid
from onecurve.results.store import Store
from onecurve.scripts.watching import Watching

X = common_grid()
FORM = -0.5 * np.log(X)


def ladder(rng, seeds, kind="walk", uneven=1.0, noise=0.02):
    """Rungs that share one curve; the noise is alike at all x, independent, or pinned to the end as real noise is."""
    rungs = []
    for k, n in enumerate(seeds):
        walk = np.cumsum(rng.normal(size=(n, len(X))), axis=1)[:, ::-1] / np.sqrt(np.arange(len(X), 0, -1))
        error = {"walk": walk, "one": rng.normal(size=(n, 1)), "apart": rng.normal(size=(n, len(X)))}[kind]
        rungs.append(FORM + noise * uneven ** (k / (len(seeds) - 1)) * error)
    return rungs


@pytest.mark.parametrize("seeds", [(3, 3, 3, 3), (5,) * 6, (2, 3, 1, 3)])
@pytest.mark.parametrize(("kind", "uneven"), [("one", 1.0), ("walk", 4.0), ("apart", 1.0)])
def test_at_most_one_group_in_a_hundred_has_a_false_alarm(seeds, kind, uneven):
    rng = np.random.default_rng(5)
    alarms = [bool((d := departures(ladder(rng, seeds, kind, uneven), rate=0.01)).leaving or d.shared is False)
              for _ in range(300)]  # fmt: skip
    assert np.mean(alarms) < 0.01 + 2.6 * np.sqrt(0.01 * 0.99 / 300)


def test_the_stated_rate_is_not_far_too_small():
    """At one in two, a fair share of groups has an alarm: the test could fail."""
    rng = np.random.default_rng(6)
    alarms = [bool(departures(ladder(rng, (8,) * 4, "apart"), rate=0.5).leaving) for _ in range(200)]
    assert 0.15 < np.mean(alarms) < 0.57


def test_a_wild_seed_and_two_of_one_rung_are_found():
    rng = np.random.default_rng(7)
    found, both = [], []
    for _ in range(60):
        rungs = ladder(rng, (5, 5, 5, 5))
        rungs[2][3] += 0.3 * (X < 0.5)
        found.append([(one.rung, one.seed) for one in departures(rungs, rate=0.01).leaving] == [(2, 3)])
        rungs[2][1] += 0.3 * (X < 0.5)
        both.append({1, 3} <= {one.seed for one in departures(rungs, rate=0.01).leaving if one.rung == 2})
    assert np.mean(found) > 0.9
    assert np.mean(both) > 0.75


def test_a_rung_with_another_horizon_is_found():
    """Stopped at half of the horizon that the others have, at constant rate: E = (x + 1/10)^-1/2 is no power of x."""
    rng = np.random.default_rng(8)
    wrong = np.log((X / 2 + 0.1) / 0.6) / -2 - np.log((X + 0.1) / 1.1) / -2
    found = []
    for _ in range(60):
        rungs = ladder(rng, (5, 5, 5, 5))
        rungs[1] += wrong
        d = departures(rungs, rate=0.01)
        found.append(d.shared and [(one.rung, one.seed) for one in d.leaving] == [(1, None)])
    assert np.abs(wrong).max() == pytest.approx(0.15, abs=0.03)
    assert np.mean(found) > 0.8


def test_the_second_seed_of_a_rung_is_compared_with_the_other_rungs():
    rungs = ladder(np.random.default_rng(9), (4, 4, 4, 2))
    rungs[3][1] += 0.5 * (X < 0.5)
    (one,) = departures(rungs, rate=0.01).leaving
    assert (one.rung, one.seed, one.from_rungs) == (3, 1, True)
    assert one.by == pytest.approx(0.5, abs=0.1) and one.within < 0.1


def test_rungs_that_all_differ_share_nothing():
    rungs = [rows + 0.2 * k * (1 - X) for k, rows in enumerate(ladder(np.random.default_rng(10), (5,) * 5))]
    found = departures(rungs, rate=0.01)
    assert found.shared is False and not found.leaving
    assert found.spread == pytest.approx(0.4 * 0.9, abs=0.04)


def curves(seeds, bend=None):
    """E = L - 1 = x^-1/2 over the size, noise 1 %; ``bend`` changes the curve of one (size, seed)."""
    rng = np.random.default_rng(11)
    x = np.append(np.geomspace(0.05, 0.95, 30), 1.0)
    for k, n in enumerate(seeds):
        for seed in range(n):
            size = 100.0 * 2**k
            excess = x**-0.5 / size**0.3 * np.exp(0.01 * rng.normal(size=len(x)))
            if bend and bend[0] == (size, seed):
                excess = excess * bend[1](x)
            yield LearningCurve(
                family="mlp", dataset="waves", recipe="r", size=size, seed=seed, x=x, loss=1 + excess,
                irreducible_loss=1.0, rung=f"width {8 * 2**k}", trial_id=f"{k}-{seed}",
            )  # fmt: skip


def test_in_words_and_numbers():
    (group,) = watch(CurveSet.of(curves((4, 4, 5), ((200.0, 3), lambda x: np.where(x < 0.4, 1.5, 1.0)))))
    assert group.rescaled is not None and group.rescaled.scale == "end-point"
    assert group.seeds == (("width 8", 4), ("width 16", 4), ("width 32", 5))
    (one,) = group.leaving
    assert (one.rung, one.seed) == ("width 16", 3)
    assert one.by == pytest.approx(np.log(1.5), abs=0.05)
    assert one.why.code == "leaves-its-size" and one.why.values["by"] == abs(one.by)
    assert leaving_line(one).startswith("seed 3 of width 16 leaves the other seeds of its size by ")
    assert "x = 0." in leaving_line(one) and "they keep within" in leaving_line(one)
    # the wild seed is no part of the master curve, which is x^-1/2
    assert np.abs(group.master + 0.5 * np.log(group.rescaled.x)).max() < 0.02
    line = watched_line(group)
    assert line.startswith("mlp on waves: 3 model sizes x 4 to 5 seeds; no more than noise between model sizes, within")
    assert group.shared and line.endswith("of the master curve, 1 left out")


def test_curves_without_a_place_are_told_and_stop_nothing():
    rows = list(curves((3, 3, 3), ((200.0, 1), lambda x: 0 * x + 1e-9 * x)))  # rises: no shape, no end
    rows = [LearningCurve(**{**_fields(c), "irreducible_loss": None}) for c in rows]
    lost = LearningCurve(**{**_fields(rows[0]), "seed": 9, "x": [0.1, 0.2], "loss": [3.0, 9e9], "status": "diverged"})
    group = watch_group(CurveSet.of([*rows, lost]))
    assert group.rescaled is not None and group.rescaled.scale == "shape"
    said = [leaving_line(one) for one in group.leaving]
    assert said == [
        "seed 1 of width 16 does not improve on the range of x that is compared",
        "seed 9 of width 8 ended early at x = 0.2 (diverged)",
    ]
    (only,) = watch(CurveSet.of([lost]))
    assert watched_line(only) == "mlp on waves: no complete trial, 1 ended early; no master curve yet"


def _fields(curve):
    return {name: getattr(curve, name) for name in LearningCurve.__dataclass_fields__}


def test_a_sweep_is_watched_while_it_runs(tmp_path, monkeypatch):
    """A healthy group and one whose rate makes it diverge; each trial is told once, and shards are read once."""
    plain = {
        "families": "linear", "datasets": "power-law-regression", "rungs": [4, 8, 16], "seeds": 3, "batch_size": 16,
        "optimizer": "sgd", "parametrization": "standard", "horizon": {"rule": "steps", "steps": 40}, "pack": False,
    }  # fmt: skip
    path, store, said, read = tmp_path / "s.yaml", Store(tmp_path / "run"), [], []
    path.write_text(yaml.safe_dump({"name": "s", "groups": [{**plain, "peak_lr": rate} for rate in (0.05, 1e6)]}))
    rows_of = Store.rows_of
    monkeypatch.setattr(Store, "rows_of", lambda self, shard: read.append(shard) or rows_of(self, shard))
    watching = Watching(store, said.append, every=0.0)

    def report(progress):
        if progress.stage == "train":
            watching._next = 0.0
            watching.look(last=progress.done == progress.total)

    runner.run(load_sweep(str(path)), store, InProcess(), report=report)
    early = [line for line in said if "ended early at" in line]
    assert len(early) == len(set(early)) == 9
    assert len(read) == len(set(read)) == len(store.shards()) - 1  # the first came with the whole table
    final = [line for line in said if line.startswith("watch: linear") and "3 model sizes x 3 seeds" in line]
    assert "no complete trial, 9 ended early" in "".join(said)
    assert len(final) == 1 and "no more than noise between model sizes" in final[0]


def test_a_damaged_shard_stops_no_look(tmp_path):
    store, said = Store(tmp_path / "run"), []
    watching = Watching(store, said.append, every=0.0)
    watching.look(last=True)
    (tmp_path / "run" / "trials").mkdir(parents=True)
    row = {
        "trial_id": "a" * 16, "family": "mlp", "dataset": "waves", "recipe": "r", "leg": "decayed", "n_params": 8,
        "seed": 0, "status": "ok", "x": [0.1, 1.0], "test_loss": [2.0, 1.0], "attempt": 1,
    }  # fmt: skip
    store.write_rows([row], "b" * 16)
    (tmp_path / "run" / "trials" / "a-1.parquet").write_bytes(b"PAR1 cut off")
    watching.look(last=True)
    assert said == ["watch: mlp on waves: 1 model size x 1 seed; one model size alone shares nothing"]
