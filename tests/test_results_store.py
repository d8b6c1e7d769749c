"""The store: one shard a pack, the best row of a trial, damage noticed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from onecurve.errors import InputError
from onecurve.results.file_list import CHECKSUMS
from onecurve.results.pulling import pull
from onecurve.results.reading import read_curves
from onecurve.results.schema import SCHEMA, empty_row
from onecurve.results.store import Store
from onecurve.results.transfer import export


def row(trial: str, status: str = "ok", end: float = 0.5, attempt: int = 1, **more):
    curve = {"step": [0, 10, 20], "x": [0.0, 0.5, 1.0], "examples": [0, 1, 2], "compute": [0.0, 1.0, 2.0]}
    curve |= {"lr": [1.0, 0.5, 0.0], "lr_integral": [0.0, 1.0, 2.0], "test_loss": [1.0, 0.7, end]}
    curve |= {"test_accuracy": [None, None, None]}
    group = {"family": "mlp", "dataset": "fourier", "recipe": "ab", "leg": "decayed", "n_params": 10, "seed": 0}
    when = {"started_utc": f"2026-01-0{attempt}T00:00:00", "attempt": attempt, "horizon_steps": 20}
    return {**empty_row(), **group, **curve, **when, "trial_id": trial, "status": status, **more}


def test_a_trial_comes_back_as_it_was_written(tmp_path):
    store = Store(tmp_path / "run")
    store.write_rows([row("a", irreducible_loss=0.1, control="holds")], "p")
    (curve,) = read_curves([tmp_path / "run"])
    assert curve.x.tolist() == [0.0, 0.5, 1.0]
    assert curve.loss.tolist() == [1.0, 0.7, 0.5]
    assert (curve.irreducible_loss, curve.control, curve.complete) == (0.1, "holds", True)
    assert pq.read_schema(store.shards()[0]).names == SCHEMA.names


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_success_beats_a_later_failure_and_the_latest_success_wins(tmp_path, order):
    rows = [row("a", "ok", 0.5, 1), row("a", "ok", 0.4, 2), row("a", "killed", 0.9, 3)]
    store = Store(tmp_path)
    for i in order:
        store.write_rows([rows[i]], f"p{i}")
    table = store.table()
    assert table["status"].to_pylist() == ["ok"]
    assert table["test_loss"].to_pylist()[0][-1] == 0.4
    assert store.successful() == {"a"}


def test_a_failed_trial_is_a_row_and_not_done(tmp_path):
    store = Store(tmp_path)
    store.write_rows([row("a", "diverged", reason="test loss nan at step 10")], "p")
    assert store.table()["reason"].to_pylist() == ["test loss nan at step 10"]
    assert store.successful() == set()
    (curve,) = read_curves([tmp_path])
    assert not curve.complete


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"\x00" * 500])
def test_a_damaged_shard_is_named_and_the_others_are_read(tmp_path, damage):
    store = Store(tmp_path)
    store.write_rows([row("a")], "good")
    (tmp_path / "trials" / "bad-00000000-1.parquet").write_bytes(damage)
    with pytest.warns(UserWarning, match="bad-00000000-1.parquet is damaged"):
        assert store.successful() == {"a"}


def test_a_truncated_shard_loses_its_trials_only(tmp_path):
    store = Store(tmp_path)
    store.write_rows([row("a")], "good")
    path = store.write_rows([row("b")], "cut")
    shard = Path(path)
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    with pytest.warns(UserWarning, match="damaged"):
        assert store.successful() == {"a"}


def test_half_written_files_are_never_read(tmp_path):
    store = Store(tmp_path)
    store.write_rows([row("a")], "p")
    (tmp_path / "trials" / "q-1.parquet.deadbeef.tmp").write_bytes(b"half")
    assert store.successful() == {"a"}


def test_a_folder_that_cannot_be_written_is_refused_at_once(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(InputError, match="not writable"):
        Store(blocked / "run").check_writable()


def test_an_empty_folder_says_how_to_fill_it(tmp_path):
    with pytest.raises(InputError, match="holds no results.*onecurve run"):
        read_curves([tmp_path])


def test_margin_of_the_lock_reaches_the_curves_and_the_export(tmp_path):
    store = Store(tmp_path / "run")
    store.write_rows([row("a")], "p")
    store.write_json("s.lock.json", {"margin": 0.05})
    assert read_curves([tmp_path / "run"]).margin == 0.05
    trials, _ = export(store, tmp_path / "out", "parquet")
    exported = read_curves([trials])
    assert exported.margin == 0.05
    assert exported.curves[0].loss.tolist() == [1.0, 0.7, 0.5]


def test_csv_export_has_a_row_an_evaluation(tmp_path):
    store = Store(tmp_path / "run")
    store.write_rows(
        [
            row("a"),
            row(
                "b",
                "killed",
                **{
                    name: []
                    for name in ["step", "x", "examples", "compute", "lr", "lr_integral", "test_loss", "test_accuracy"]
                },
            ),
        ],
        "p",
    )
    trials, curves = export(store, tmp_path / "out", "csv")
    assert len(trials.read_text().splitlines()) == 1 + 2
    assert len(curves.read_text().splitlines()) == 1 + 3


def test_pull_copies_checks_and_repeats_nothing(tmp_path):
    store = Store(tmp_path / "run")
    store.write_rows([row("a")], "p")
    store.write_json("s.lock.json", {"margin": 0.05})
    assert pull(str(tmp_path / "run"), tmp_path / "copy") == (2, 0)
    assert pull(str(tmp_path / "run"), tmp_path / "copy") == (0, 2)
    assert Store(tmp_path / "copy").table().equals(store.table())
    assert len((tmp_path / "copy" / CHECKSUMS).read_text().splitlines()) == 2
    assert pull((tmp_path / "copy").as_uri(), tmp_path / "again") == (2, 0)


def test_pull_notices_a_file_that_changed_on_the_way(tmp_path):
    store = Store(tmp_path / "run")
    path = store.write_rows([row("a")], "p")
    pull(str(tmp_path / "run"), tmp_path / "copy")
    name = path.rsplit("/", 1)[1]
    (tmp_path / "copy" / "trials" / name).write_bytes(b"something else")
    with pytest.raises(InputError, match="has 14 bytes, its manifest says"):
        pull(str(tmp_path / "copy"), tmp_path / "again")


def test_pull_of_something_else_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a results folder"):
        pull(str(tmp_path / "nothing"), tmp_path / "copy")


def aged(path: str | Path, days: float = 2) -> None:
    then = time.time() - 86400 * days
    os.utime(path, (then, then))


def test_compaction_changes_no_row_and_leaves_the_shards(tmp_path):
    store = Store(tmp_path)
    for i, status in enumerate(["ok", "killed", "diverged"]):
        store.write_rows([row("abc"[i], status, 0.5 - i / 10)], f"p{i}")
    before, shards = store.table(), store.shards()
    part = store.compact()
    assert store.parts() == [part] and store.shards() == shards and store.loose() == []
    assert store.table().equals(before)
    assert store.compact() is None
    store.write_rows([row("b", "ok", attempt=2)], "p1")
    assert len(store.loose()) == 1
    assert store.statuses() == {"a": "ok", "b": "ok", "c": "diverged"}
    assert read_curves([tmp_path]).curves[0].loss.tolist() == [1.0, 0.7, 0.5]


def test_pruning_takes_only_old_shards_that_an_old_part_holds(tmp_path):
    store = Store(tmp_path)
    for name in "ab":
        store.write_rows([row(name)], name)
    part = store.compact()
    store.write_rows([row("c")], "c")
    before = store.table()
    for path in store.shards():
        aged(path)
    assert store.prune() == 0  # the part is young
    aged(part)
    assert store.prune() == 2
    assert len(store.shards()) == 1
    assert store.table().equals(before)


def test_a_damaged_part_costs_nothing_while_its_shards_are_there(tmp_path):
    store = Store(tmp_path)
    store.write_rows([row("a")], "a")
    store.write_rows([row("b")], "b")
    before = store.table()
    Path(store.compact()).write_bytes(b"PAR1 and nothing")
    with pytest.warns(UserWarning, match="part-.*damaged"):
        assert store.table().equals(before)


def test_damaged_and_foreign_files_are_put_aside(tmp_path):
    store = Store(tmp_path)
    store.write_rows([row("a")], "a")
    folder = tmp_path / "trials"
    (folder / "cut.parquet").write_bytes(Path(store.shards()[0]).read_bytes()[:900])
    pq.write_table(pa.table({"planet": ["mars"]}), folder / "other.parquet")
    with pytest.warns(UserWarning, match="damaged or foreign"):
        assert store.successful() == {"a"}
    moved = store.quarantine()
    assert [Path(path).name for path in moved] == ["cut.parquet", "other.parquet"]
    assert all(Path(path).is_file() for path in moved)
    assert store.successful() == {"a"}
    assert store.quarantine() == []


def test_pruning_takes_nothing_that_only_a_damaged_part_holds(tmp_path):
    store = Store(tmp_path)
    for name in "ab":
        store.write_rows([row(name)], name)
    part = Path(store.compact())
    before, raw = store.table(), bytearray(part.read_bytes())
    first = pq.ParquetFile(part).metadata.row_group(0).column(0)
    raw[first.data_page_offset + first.total_compressed_size - 40] ^= 0x40
    part.write_bytes(raw)  # its footer, which names the shards, is as it was
    for path in [*store.shards(), part]:
        aged(path)
    assert store.prune() == 0
    with pytest.warns(UserWarning, match="damaged"):
        assert store.table().equals(before)
