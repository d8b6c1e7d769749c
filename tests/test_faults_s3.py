"""Faults of an object store: a sweep on a real S3 server that is there, away for a while, and gone."""

from __future__ import annotations

import json
import socket
import threading

import pyarrow.fs as pafs
import pytest
from onecurve.benchmark import runner, worker
from onecurve.benchmark.dispatch import Terms
from onecurve.benchmark.executors import InProcess
from onecurve.benchmark.lock import Lock, Resolved, read_lock
from onecurve.benchmark.sweep import load_sweep
from onecurve.errors import InputError
from onecurve.results import store
from onecurve.results.delivery import waiting_room
from onecurve.results.store import Store
from onecurve.scripts.cli import app
from typer.testing import CliRunner


def run(path, uri, **options):
    return runner.run(load_sweep(str(path)), Store(uri), InProcess(), **options)


@pytest.fixture
def trained(monkeypatch):
    """Trial ids in the order in which they were trained."""
    ids, train = [], worker.train

    def count(pack, **options):
        ids.extend(spec.trial_id for spec in pack)
        return train(pack, **options)

    monkeypatch.setattr(worker, "train", count)
    return ids


@pytest.fixture
def refused(monkeypatch):
    """What the store answered to rows that it did not take."""
    errors, write = [], Store.write_rows

    def noted(self, rows, pack):
        try:
            return write(self, rows, pack)
        except OSError as error:
            errors.append(str(error))
            raise

    monkeypatch.setattr(Store, "write_rows", noted)
    return errors


@pytest.fixture(params=["impatient", pytest.param("as it is", marks=pytest.mark.slow)])
def retries(request, monkeypatch):
    """How often pyarrow itself tries before it says that nobody answers: once, or as it does, for six seconds."""
    opened = store._open

    def once(uri):
        fs, root = opened(uri)
        if "://" not in uri:
            return fs, root
        given = dict(pair.split("=") for pair in uri.partition("?")[2].split("&"))
        return pafs.S3FileSystem(**given, retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=1)), root

    if request.param == "impatient":
        monkeypatch.setattr(store, "_open", once)
    return request.param


def shut_after(door, done, then=lambda: None):
    """A report that shuts the door when so many trials are in the table."""

    def report(progress):
        if progress.stage == "train" and progress.done == done and door.uri not in shut:
            shut.add(door.uri)
            door.shut()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", door.port), timeout=5)
            then()

    shut = set()
    return report


def test_a_sweep_on_s3_gives_the_table_of_a_local_folder(tiny, s3, undisturbed, rows_of):
    assert run(tiny(), s3.uri).statuses == {"ok": 18}
    assert rows_of(s3.uri) == undisturbed()
    again = run(tiny(), s3.uri)
    assert (again.asked, again.found) == (18, 18)


def test_s3_gone_for_a_while_costs_waiting_only(retries, tiny, s3, undisturbed, rows_of, trained, refused):
    back = threading.Timer(3 if retries == "impatient" else 60, s3.open)
    summary = run(tiny(), s3.uri, terms=Terms(patience=120), report=shut_after(s3, 6, back.start))
    back.join()
    assert refused and all("connect" in error for error in refused)
    assert (summary.statuses, summary.undelivered) == ({"ok": 18}, 0)
    assert len(trained) == len(set(trained)) == 18
    assert rows_of(s3.uri) == undisturbed()


def test_the_command_line_on_s3(tiny, s3, tmp_path, monkeypatch):
    """As a user: the server's address in the environment, a plain URL at each verb."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3.port}")
    uri, copy = f"s3://bucket/{tmp_path.name}/verbs", str(tmp_path / "copy")

    def said(*words):
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 0, done.output
        return done.output

    assert "18 trained now" in said("run", tiny(), "--out", uri, "--address", "in-process")
    assert "18 were in the table, 0 trained now" in said("run", tiny(), "--out", uri, "--address", "in-process")
    assert json.loads(said("plan", tiny(), "--out", uri, "--json"))["n_done"] == 18
    assert json.loads(said("status", uri, "--json"))["ok"] == 18
    seen = said("analyze", uri, "--json", "-")
    assert len(said("export", uri, "--to", tmp_path / "tables").splitlines()) == 2
    assert "files copied" in said("pull", uri, "--to", copy)
    assert json.loads(said("analyze", copy, "--json", "-"))["groups"] == json.loads(seen)["groups"]


def test_s3_gone_for_good_leaves_rows_here_for_a_later_run(retries, tiny, s3, undisturbed, rows_of, trained, refused):
    summary = run(tiny(), s3.uri, terms=Terms(patience=0), report=shut_after(s3, 6))
    assert refused
    assert (summary.undelivered, summary.statuses) == (3, {"ok": 9})
    assert any("takes no results" in reason for reason in summary.reasons)
    room = waiting_room(Store(s3.uri))
    assert len(room.shards()) == 1 and len(trained) == 9
    s3.open()
    later = run(tiny(), s3.uri)
    assert (later.found, later.statuses, later.undelivered) == (9, {"ok": 18}, 0)
    assert len(trained) == len(set(trained)) == 18
    assert room.shards() == []
    assert rows_of(s3.uri) == undisturbed()


def test_a_store_that_cannot_be_reached_is_said_before_anything_is_trained(tiny, s3, trained):
    s3.shut()
    with pytest.raises(InputError, match="connect"):
        run(tiny(), s3.uri)
    assert trained == []


def test_drivers_that_write_the_lock_at_once_lose_no_cell(s3, monkeypatch):
    """Each reads before the other writes, as drivers of several shards do that start together."""
    both, save, first = threading.Barrier(2, timeout=300), Lock._save, []

    def save_together(self, store):
        if threading.get_ident() not in first:
            first.append(threading.get_ident())
            both.wait()
        save(self, store)

    def drive(key):
        Lock(sweep="tiny", margin=0.03, cells={key: resolved(key)}).merge(Store(s3.uri))

    monkeypatch.setattr(Lock, "_save", save_together)
    drivers = [threading.Thread(target=drive, args=(key,)) for key in "ab"]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    assert len(first) == 2
    lock = read_lock(Store(s3.uri), "tiny.lock.json")
    assert lock and lock.cells == {key: resolved(key) for key in "ab"}


class Replacing:
    """A file system on which another driver replaces the object between its size and its bytes, so many times."""

    def __init__(self, folder, name, times):
        self.folder, self.name, self.times, self.fs = folder, name, times, folder.fs

    def __getattr__(self, name):
        return getattr(self.fs, name)

    def open_input_stream(self, path):
        opened = self.fs.open_input_stream(path)
        if self.times:
            self.times -= 1
            Store(self.folder.uri).write_json(self.name, {"cells": ["longer"] * (100 - self.times)})
        return opened


def test_an_object_that_is_replaced_while_it_is_read_is_read_again(s3):
    folder = Store(s3.uri)
    folder.write_json("tiny.lock.json", {"cells": []})
    folder.fs = Replacing(folder, "tiny.lock.json", times=2)
    assert folder.read_json("tiny.lock.json") == {"cells": ["longer"] * 100}


def test_a_damaged_object_is_said(s3, monkeypatch):
    monkeypatch.setattr(store, "_PAUSE", 0.0)
    folder = Store(s3.uri)
    with folder.fs.open_output_stream(f"{folder.root}/tiny.lock.json") as sink:
        sink.write(b'{"cells": [')
    with pytest.raises(InputError, match="tiny.lock.json in 's3.*' is damaged"):
        folder.read_json("tiny.lock.json")


def resolved(key):
    what = {"family": "mlp", "dataset": "fourier", "rung": key, "recipe_label": "", "library": "onecurve"}
    how = {"n_params": 8, "flops_per_example": 48, "batch_size": 4, "horizon_steps": 9, "packed": True}
    return Resolved(**what, **how, step_seconds=0.25, trials={"0": key})
