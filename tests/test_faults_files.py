"""Faults of files: shards cut, emptied, foreign, rotten; folders full or read-only; lock and logs damaged."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from onecurve.benchmark import runner, worker
from onecurve.benchmark.dispatch import Terms
from onecurve.benchmark.executors import InProcess
from onecurve.benchmark.sweep import load_sweep
from onecurve.errors import InputError
from onecurve.results.delivery import waiting_room
from onecurve.results.store import Store


def run(path, folder, **options):
    return runner.run(load_sweep(str(path)), Store(folder), InProcess(), **options)


@pytest.fixture
def finished(kept, tmp_path):
    """The folder of a finished tiny sweep."""
    return Path(shutil.copytree(kept(), tmp_path / "run"))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def rot(path: Path) -> None:
    """Change a byte of the last test loss, in the middle of the file, and nothing else."""
    data = pq.ParquetFile(path).metadata
    group = data.row_group(0)
    (column,) = [c for c in map(group.column, range(group.num_columns)) if c.path_in_schema.startswith("test_loss.")]
    place = (column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size - 8
    raw = bytearray(path.read_bytes())
    raw[place] ^= 0x40
    path.write_bytes(raw)


@pytest.mark.parametrize("damage", [cut, empty, zero, rot])
def test_a_damaged_shard_is_put_aside_and_trained_again(damage, finished, tiny, undisturbed, rows_of):
    shard = Path(Store(finished).shards()[2])
    before = shard.read_bytes()
    damage(shard)
    assert shard.read_bytes() != before
    with pytest.warns(UserWarning, match="damaged or foreign"):
        assert len(rows_of(finished)) == 15
    again = run(tiny(), finished)
    assert (again.found, again.statuses) == (15, {"ok": 18})
    assert [path.name for path in (finished / "quarantine").iterdir()] == [shard.name]
    assert rows_of(finished) == undisturbed()


@pytest.mark.parametrize(
    "columns",
    [{"planet": ["mars"]}, {"trial_id": [{"a": 1}], "test_loss": ["low"]}, {"trial_id": ["b"], "test_loss": ["low"]}],
)
def test_a_foreign_file_is_put_aside_and_costs_nothing(columns, finished, tiny, undisturbed, rows_of):
    pq.write_table(pa.table(columns), finished / "trials" / "other.parquet")
    with pytest.warns(UserWarning, match="other.parquet is damaged or foreign"):
        assert rows_of(finished) == undisturbed()
    assert run(tiny(), finished).found == 18
    assert [path.name for path in (finished / "quarantine").iterdir()] == ["other.parquet"]
    assert rows_of(finished) == undisturbed()


@pytest.mark.parametrize("damage", [cut, rot])
def test_a_damaged_part_costs_nothing_while_its_shards_are_there(damage, finished, tiny, undisturbed, rows_of):
    part = Path(Store(finished).compact())
    before = part.read_bytes()
    damage(part)
    assert part.read_bytes() != before
    with pytest.warns(UserWarning, match="part-.*damaged"):
        assert rows_of(finished) == undisturbed()
    assert run(tiny(), finished).found == 18
    assert [path.name for path in (finished / "quarantine").iterdir()] == [part.name]
    assert rows_of(finished) == undisturbed()


def test_a_read_that_fails_for_a_moment_is_no_damage(finished, tiny, monkeypatch):
    def unreachable(*_, **__):
        raise OSError(errno.ECONNREFUSED, "Connection refused")

    before = Store(finished).shards()
    with monkeypatch.context() as patch:
        patch.setattr(Store, "_dataset", unreachable)
        patch.setattr(Store, "_reached", unreachable)
        with pytest.raises(OSError, match="refused"):
            Store(finished).quarantine()
        with pytest.raises(OSError, match="refused"):
            Store(finished).table()
    assert Store(finished).shards() == before
    assert run(tiny(), finished).found == 18


def test_shards_of_two_machines_merge_by_copying(tiny, tmp_path, undisturbed, rows_of):
    for part, folder in ((1, "here"), (2, "there")):
        run(tiny(), tmp_path / folder, shard=(part, 2))
        assert 0 < len(rows_of(tmp_path / folder)) < 18
    run(tiny(), tmp_path / "there", only={"family": "linear"})  # some of it on both
    shutil.copytree(tmp_path / "here", tmp_path / "there", dirs_exist_ok=True)
    assert len(Store(tmp_path / "there").table()) == 18
    again = run(tiny(), tmp_path / "there")
    assert (again.asked, again.found) == (18, 18)
    assert rows_of(tmp_path / "there") == undisturbed()


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int):
    """A file system of its own; skips where this user may not mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all the space that is left."""
    ballast = folder / "ballast"
    with pytest.raises(OSError, match="No space left"), ballast.open("wb", buffering=0) as sink:
        while True:
            sink.write(bytes(1 << 16))
    with pytest.raises(OSError, match="No space left"):
        (folder / "more").write_bytes(bytes(1 << 13))
    (folder / "more").unlink()
    return ballast


def when(done, act):
    """A report that acts once, when so many trials are in the table."""
    acted = []

    def report(progress):
        if progress.stage == "train" and progress.done >= done and not acted:
            acted.append(act())

    return report


def test_a_full_disk_keeps_rows_aside_and_takes_them_when_there_is_space(tiny, tmp_path, undisturbed, rows_of):
    with small_disk(tmp_path / "disk", 120) as disk:
        full = when(6, lambda: fill(disk))
        summary = run(tiny(), disk / "run", terms=Terms(patience=0), report=full)
        assert (summary.statuses, summary.undelivered) == ({"ok": 9}, 3)
        assert any("No space left" in reason for reason in summary.reasons)
        with pytest.raises(InputError, match="not writable|MB left"):
            run(tiny(), disk / "run")
        (disk / "ballast").unlink()
        again = run(tiny(), disk / "run")
        assert (again.found, again.statuses) == (9, {"ok": 18})
        assert not list((disk / "run").rglob("*.tmp"))
        assert rows_of(disk / "run") == undisturbed()


def test_two_full_disks_are_said_and_cost_the_last_pack_only(tiny, tmp_path, undisturbed, rows_of, monkeypatch):
    with small_disk(tmp_path / "disk", 120) as disk:
        full = when(6, lambda: (fill(disk), monkeypatch.setenv("ONECURVE_CACHE", str(disk / "cache"))))
        with pytest.raises(InputError, match="takes no results.*neither does.*3 trials will be trained again"):
            run(tiny(), disk / "run", terms=Terms(patience=0), report=full)
        (disk / "ballast").unlink()
        monkeypatch.undo()
        again = run(tiny(), disk / "run")
        assert (again.found, again.statuses) == (6, {"ok": 18})
        assert rows_of(disk / "run") == undisturbed()


def test_a_waiting_shard_that_is_damaged_does_not_stop_later_runs(tiny, tmp_path, undisturbed, rows_of):
    room = waiting_room(Store(tmp_path / "run"))
    (Path(room.root) / "trials").mkdir(parents=True)
    (Path(room.root) / "trials" / "0123456789abcdefx3-00000000-1.parquet").write_bytes(b"PAR1 half a sh")
    assert run(tiny(), tmp_path / "run").statuses == {"ok": 18}
    assert room.shards() == [] and len(list((Path(room.root) / "quarantine").iterdir())) == 1
    assert rows_of(tmp_path / "run") == undisturbed()


@contextlib.contextmanager
def read_only(folder: Path):
    """Nobody may write there: by mode for a user, by a mount for root."""
    if os.geteuid():
        folder.chmod(0o555)
        try:
            yield
        finally:
            folder.chmod(0o755)
        return
    bind = subprocess.run(["mount", "--bind", str(folder), str(folder)], capture_output=True, check=False)
    if bind.returncode:
        pytest.skip("root writes everywhere, and no file system can be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_read_only_folder_is_refused_before_anything_is_trained(tiny, tmp_path, undisturbed, rows_of, monkeypatch):
    run(tiny(), tmp_path / "run", only={"family": "linear"})
    before = sorted(path.name for path in (tmp_path / "run").rglob("*"))
    with read_only(tmp_path / "run"), monkeypatch.context() as patch:
        with pytest.raises(OSError, match="Read-only|Permission"):
            (tmp_path / "run" / "probe").write_text("")
        patch.setattr(worker, "train", lambda *_, **__: pytest.fail("trained"))
        with pytest.raises(InputError, match="not writable"):
            run(tiny(), tmp_path / "run")
        assert len(rows_of(tmp_path / "run")) == 9  # reading goes on
    assert sorted(path.name for path in (tmp_path / "run").rglob("*")) == before
    assert run(tiny(), tmp_path / "run").statuses == {"ok": 18}
    assert rows_of(tmp_path / "run") == undisturbed()


def test_logs_that_cannot_be_written_stop_nothing(tiny, tmp_path, undisturbed, rows_of):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "logs").write_text("a file where the folder of logs should be")
    assert run(tiny(), tmp_path / "run").statuses == {"ok": 18}
    assert (tmp_path / "run" / "logs").is_file()
    assert rows_of(tmp_path / "run") == undisturbed()


def _holds(here, room, word, name):
    path = here / f"test_{room}_{word}.py"
    return path.exists() and f"def test_{name}" in path.read_text()


def test_each_row_of_the_table_of_faults_names_a_test():
    here = Path(__file__).parent
    table = (here.parent / "benchmark" / "README.md").read_text().partition("## Faults")[2]
    named = re.findall(r"\| `(\w+): (\w+)", table)
    rooms = ("faults", "benchmark", "results", "scripts")
    lost = [(word, name) for word, name in named if not any(_holds(here, room, word, name) for room in rooms)]
    assert len(named) >= 35 and lost == []


@pytest.mark.parametrize("text", ["", '{"sweep": "tiny"', "\0" * 400, "[1, 2]", '{"sweep": 1, "cells": []}'])
def test_a_damaged_lock_is_named_and_its_copy_goes_on(text, finished, tiny, undisturbed, rows_of):
    lock = finished / "tiny.lock.json"
    whole = lock.read_text()
    lock.write_text(text)
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        json.loads(lock.read_text())["cells"].items()
    with pytest.raises(InputError, match="tiny.lock.json.*is damaged.*restore it"):
        run(tiny(), finished)
    assert rows_of(finished) == undisturbed()
    lock.write_text(whole)
    assert run(tiny(), finished).found == 18
