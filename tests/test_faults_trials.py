"""Faults of trials: packs that hang, memory, NaN; workers with another version, other data, another clock."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
import yaml
from onecurve.benchmark import dispatch, runner, worker
from onecurve.benchmark.dispatch import Terms
from onecurve.benchmark.executors import InProcess
from onecurve.benchmark.sweep import load_sweep
from onecurve.datasets.synthetic import FourierTeacher
from onecurve.results.store import Store


def run(path, folder, **options):
    return runner.run(load_sweep(str(path)), Store(folder), InProcess(), **options)


def ended(folder) -> dict[str, dict]:
    """Rows as they are, with their attempts, by trial id."""
    return {row["trial_id"]: row for row in Store(folder).table().to_pylist()}


def instead(monkeypatch, rung, act):
    """Let the packs of one rung do something else than train."""
    train = worker.train

    def other(pack, **options):
        return act() if width(pack) == rung else train(pack, **options)

    monkeypatch.setattr(worker, "train", other)


def width(pack) -> int | None:
    return pack[0].rung.get("width")


def test_a_pack_that_hangs_is_ended_and_the_others_go_on(tiny, tmp_path, undisturbed, rows_of):
    began = []
    with pytest.MonkeyPatch.context() as patch:
        instead(patch, 12, lambda: (began.append(time.monotonic()), time.sleep(600)))
        limit = Terms(limit=lambda pack: 1.0 if pack.cell.rung == "width 12" else 300.0)
        summary = run(tiny(), tmp_path / "run", terms=limit)
    assert len(began) == 1 and time.monotonic() - began[0] < 300
    assert summary.statuses == {"ok": 15, "timeout": 3}
    failed = {trial: row for trial, row in ended(tmp_path / "run").items() if row["status"] != "ok"}
    assert {(row["rung"], row["reason"]) for row in failed.values()} == {("width 12", "took longer than 1 s")}
    assert rows_of(tmp_path / "run").items() >= {k: v for k, v in undisturbed().items() if k not in failed}.items()
    assert run(tiny(), tmp_path / "run").found == 18  # it would hang again
    assert run(tiny(), tmp_path / "run", retry="failed").found == 15
    assert rows_of(tmp_path / "run") == undisturbed()


def test_memory_that_torch_cannot_have_is_a_row(tiny, tmp_path, undisturbed, rows_of):
    with pytest.MonkeyPatch.context() as patch:
        instead(patch, 12, lambda: torch.empty(1 << 50))
        assert run(tiny(), tmp_path / "run").statuses == {"ok": 15, "oom": 3}
    failed = [row for row in ended(tmp_path / "run").values() if row["status"] == "oom"]
    assert {(row["rung"], row["attempt"]) for row in failed} == {("width 12", 3)}  # of three, of one, alone
    assert all("can't allocate memory" in row["reason"] for row in failed)
    assert run(tiny(), tmp_path / "run", retry="failed").statuses == {"ok": 18}
    assert rows_of(tmp_path / "run") == undisturbed()


def test_nan_ends_one_replica_and_leaves_its_pack_mates_bit_for_bit(tiny, tmp_path, undisturbed, rows_of):
    stream = FourierTeacher.stream

    class Poisoned:
        def __init__(self, whole):
            self.whole = whole

        def batch(self, step, size):
            inputs, targets = self.whole.batch(step, size)
            return inputs, targets * float("nan") if step >= 20 else targets

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            FourierTeacher,
            "stream",
            lambda self, seed: (Poisoned if seed == 1 else lambda s: s)(stream(self, seed)),
        )
        summary = run(tiny(), tmp_path / "run")
    assert summary.statuses == {"ok": 15, "diverged": 3}, summary.reasons
    rows, whole = rows_of(tmp_path / "run"), undisturbed()
    failed = [row for row in rows.values() if row["status"] == "diverged"]
    assert {(row["family"], row["seed"]) for row in failed} == {("mlp", 1)}
    for row in failed:
        assert "nan" in row["reason"].lower() and 0 < row["last_step"] <= 20
        assert np.all(np.isfinite(row["test_loss"]))
        before = len(row["test_loss"])
        assert 0 < before < len(whole[row["trial_id"]]["test_loss"])
        assert row["test_loss"] == whole[row["trial_id"]]["test_loss"][:before]
    lost = {row["trial_id"] for row in failed}
    assert {k: v for k, v in rows.items() if k not in lost} == {k: v for k, v in whole.items() if k not in lost}
    assert run(tiny(), tmp_path / "run", retry="failed").found == 18  # a divergence is a finding, not a fault


def test_a_worker_with_another_version_refuses(tiny, tmp_path, undisturbed, rows_of):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "version", lambda package: "9.9")
        patch.setattr(worker, "train", lambda *_, **__: pytest.fail("trained"))
        assert run(tiny(), tmp_path / "run").statuses == {"error": 18}
    reasons = {row["reason"] for row in ended(tmp_path / "run").values()}
    assert len(reasons) == 1 and "this worker has Onecurve 9.9, the driver has" in reasons.pop()
    mended = run(tiny(), tmp_path / "run", retry="failed")
    assert (mended.found, mended.statuses) == (0, {"ok": 18})
    assert rows_of(tmp_path / "run") == undisturbed()


def test_a_clock_that_was_set_back_changes_no_winner(tiny, tmp_path, undisturbed, rows_of):
    def fail(text):
        def raising(*_, **__):
            raise RuntimeError(text)

        return raising

    seen = []
    for year, text, retry in ((2026, "first", ""), (1990, "second", "failed"), (1980, None, "failed")):
        with pytest.MonkeyPatch.context() as patch:
            for module in (worker, dispatch):  # the driver writes the rows of what failed
                patch.setattr(module, "utc_now", lambda year=year: f"{year}-01-01T00:00:00.000000+00:00")
            if text:
                patch.setattr(worker, "train", fail(text))
            run(tiny(), tmp_path / "run", retry=retry)
        (found,) = {(row["started_utc"][:4], row["attempt"], row["reason"]) for row in ended(tmp_path / "run").values()}
        seen.append(found)
    assert seen == [("2026", 1, "RuntimeError: first"), ("1990", 2, "RuntimeError: second"), ("1980", 3, None)]
    assert rows_of(tmp_path / "run") == undisturbed()


def test_a_worker_that_reads_other_bytes_refuses(tmp_path, monkeypatch, rows_of):
    monkeypatch.setenv("ONECURVE_DATA", str(tmp_path))
    text = tmp_path / "tale.txt"
    tale = ("Once upon a time a curve met another one and they were the same. " * 400).encode()
    text.write_bytes(tale)
    group = {"families": "decoder", "datasets": {"name": "text-file", "path": "tale.txt", "length": 16, "test_size": 8}}
    group |= {"rungs": [8], "seeds": 2, "batch_size": 4, "horizon": {"rule": "steps", "steps": 4}, "pack": True}
    sweep = tmp_path / "told.yaml"
    sweep.write_text(yaml.safe_dump({"name": "told", "groups": [{**group, "peak_lr": 0.01}]}))
    run(sweep, tmp_path / "whole")
    work = worker.work

    def elsewhere(job):
        text.write_bytes(tale.replace(b"time", b"tune"))
        return work(job)

    with monkeypatch.context() as patch:
        patch.setattr("onecurve.benchmark.dispatch.work", elsewhere)
        assert run(sweep, tmp_path / "run").statuses == {"error": 2}
    assert b"tune" in text.read_bytes()
    rows = ended(tmp_path / "run").values()
    assert all("reads other data here" in row["reason"] and row["x"] == [] for row in rows)
    text.write_bytes(tale)
    assert run(sweep, tmp_path / "run", retry="failed").statuses == {"ok": 2}
    assert rows_of(tmp_path / "run") == rows_of(tmp_path / "whole")
