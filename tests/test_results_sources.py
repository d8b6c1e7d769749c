"""What the field's tools write is read, with the numbers that they logged: files in each format's own words."""

from __future__ import annotations

import gzip
import io
import json
import math
import sqlite3
import struct
import zlib
from pathlib import Path

import polars as pl
import pytest
import yaml
from onecurve.errors import InputError
from onecurve.results.importing import import_curves
from onecurve.results.layout import Layout
from onecurve.results.reading import read_curves
from onecurve.results.sources.readers import read_raw
from onecurve.results.sources.weights_and_biases import _records, _told_apart
from polars.testing import assert_frame_equal

STEPS = (100, 200, 300)
RUNS = [(size, seed) for size in (70_000_000, 160_000_000) for seed in (0, 1)]


def loss(size: int, seed: int, step: int) -> float:
    return 2.0 + size**-0.1 * step**-0.3 + seed / 7000


def table() -> pl.DataFrame:
    rows = [("gpt", "web", size, seed, step, loss(size, seed, step)) for size, seed in RUNS for step in STEPS]
    return pl.DataFrame(rows, schema=["family", "dataset", "size", "seed", "step", "loss"], orient="row")


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def read(path: Path):
    return read_raw(str(path))


def points(found: pl.DataFrame, step: str, value: str) -> list[tuple[str, int, float]]:
    """Run, step and value of every row that has a value, sorted."""
    return sorted(found.filter(pl.col(value).is_not_null()).select("run", step, value).rows())


def expected(name: str = "gpt-{size}-s{seed}") -> list[tuple[str, int, float]]:
    return sorted((name.format(size=n, seed=s), step, loss(n, s, step)) for n, s in RUNS for step in STEPS)


# Text in the dialects that people write


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_separators_and_encodings(tmp_path, separator, encoding):
    path = tmp_path / "t.txt"
    path.write_bytes(table().write_csv(separator=separator).encode(encoding))
    assert_frame_equal(read(path).table, table())


@pytest.mark.parametrize("newline", ["\r\n", "\r", "\n"])
def test_line_ends(tmp_path, newline):
    (tmp_path / "t.csv").write_bytes(table().write_csv().replace("\n", newline).encode())
    assert_frame_equal(read(tmp_path / "t.csv").table, table())


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda t: t.replace(",", ";").replace(".", ","), "decimal commas"),
        (lambda t: t.replace(",", "\t").replace(".", ","), "decimal commas"),
        (lambda t: t.replace(",", ", "), None),
        (lambda t: t.replace(",", " "), "blanks"),
        (lambda t: "# by hand\n# in nats\n\n" + t, "begin with #"),
        (lambda t: '"' + t.replace(",", '","').replace("\n", '"\n"').removesuffix('"'), None),
        (lambda t: t.replace("\n", "\n\n"), None),
        (
            lambda t: (
                ",".join(["", *t.splitlines(True)[:1]])
                + "".join(f"{n},{r}" for n, r in enumerate(t.splitlines(True)[1:]))
            ),
            "row numbers",
        ),
    ],
    ids=[
        "decimal commas",
        "tabs and decimal commas",
        "blanks after commas",
        "blanks",
        "comments",
        "quotes",
        "blank lines",
        "index",
    ],
)
def test_dialects_give_the_same_table_and_say_what_was_guessed(tmp_path, change, note):
    raw = read(put(tmp_path / "t.csv", change(table().write_csv())))
    assert_frame_equal(raw.table, table())
    assert (note is None and not raw.notes) or any(note in said for said in raw.notes)


def test_numpys_header_in_a_comment(tmp_path):
    raw = read(put(tmp_path / "t.dat", "# step loss\n1 2.5\n2 2.25\n"))
    assert raw.table.to_dict(as_series=False) == {"step": [1, 2], "loss": [2.5, 2.25]}


def test_a_comma_is_no_decimal_comma_where_points_are(tmp_path):
    raw = read(put(tmp_path / "t.csv", "size;loss\n70,000,000;2.5\n160,000,000;2.25\n"))
    assert raw.table.to_dict(as_series=False) == {"size": ["70,000,000", "160,000,000"], "loss": [2.5, 2.25]}


def test_a_later_row_of_another_type_costs_no_digits(tmp_path):
    rows = "".join(f"{n},{n}\n" for n in range(12_000))
    raw = read(put(tmp_path / "t.csv", f"step,loss\n{rows}12000,0.1234567890123456\n12001,nan\n"))
    assert raw.table["loss"][12_000] == 0.1234567890123456
    assert math.isnan(raw.table["loss"][12_001])


@pytest.mark.parametrize(
    "seeds", [(2**64 - 6, 2**64 - 5), (2**53 + 1, 2**53 + 2), (-5, 2**64 - 5), (10**23, 10**23 + 1)]
)
def test_seeds_of_any_length_stay_apart(tmp_path, seeds):
    raw = read(put(tmp_path / "t.csv", "seed,loss\n" + "".join(f"{seed},1.5\n" for seed in seeds)))
    assert raw.table["seed"].to_list() == list(seeds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3\n", "line 3: 1 fields where the header has 2"),
        ("a,b\n1,2\n\n3,4,5\n", "line 4: 3 fields where the header has 2"),
        ("# c\n# d\na,b\n1,2\n3\n", "line 5: 1 fields"),
        ('a,b\n"x, y",2\n"z"\n', "line 3: 1 fields"),
        ("a,b,a\n1,2,3\n", "the column 'a' is there twice"),
        ("a,b\n", "columns but no rows"),
        ("# nothing\n# here\n", "comments and no table"),
    ],
)
def test_ragged_and_empty_tables_are_refused_by_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(put(tmp_path / "t.csv", text))


def test_a_compressed_table(tmp_path):
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(table().write_csv().encode()))
    assert_frame_equal(read(tmp_path / "t.csv.gz").table, table())


# Columnar files


@pytest.mark.parametrize("name", ["t.pq", "t.PARQUET", "t.csv", "t"])
def test_parquet_is_known_by_content(tmp_path, name):
    table().write_parquet(tmp_path / name)
    assert_frame_equal(read(tmp_path / name).table, table())


def test_arrow_and_its_stream(tmp_path):
    table().write_ipc(tmp_path / "t.feather")
    table().write_ipc_stream(tmp_path / "t.arrows")
    for name in ("t.feather", "t.arrows"):
        assert_frame_equal(read(tmp_path / name).table, table())


def test_types_are_kept(tmp_path):
    typed = table().with_columns(pl.duration(seconds="step").alias("step"), pl.col("seed").cast(pl.UInt64) + 2**63)
    typed.write_parquet(tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet").table.schema == typed.schema


def test_rows_of_lists(tmp_path):
    curves = table().group_by("family", "dataset", "size", "seed", maintain_order=True).agg("step", "loss")
    curves.write_parquet(tmp_path / "t.parquet")
    assert_frame_equal(read(tmp_path / "t.parquet").table, table())
    short = curves.with_columns(pl.col("loss").list.head(2))
    short.write_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="row 1: loss is a list of 2 values where another column's list has 3"):
        read(tmp_path / "t.parquet")


def test_a_list_that_a_run_has_not_is_null_there(tmp_path):
    frame = pl.DataFrame({"run": ["a", "b"], "step": [[1, 2], [1]], "loss": [[1.0, 2.0], [3.0]], "acc": [[], [0.5]]})
    frame.write_parquet(tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet").table["acc"].to_list() == [None, None, 0.5]


def test_folders_of_parquet_parts(tmp_path):
    spark = tmp_path / "spark"
    spark.mkdir()
    for part in range(3):
        table()[part * 4 : part * 4 + 4].write_parquet(spark / f"part-0000{part}.snappy.parquet")
    (spark / "_SUCCESS").touch()
    assert_frame_equal(read(spark).table, table())
    hive = tmp_path / "hive"
    for (size, seed), group in table().group_by("size", "seed", maintain_order=True):
        (hive / f"size={size}" / f"seed={seed}").mkdir(parents=True)
        group.drop("size", "seed").write_parquet(hive / f"size={size}" / f"seed={seed}" / "0.parquet")
    found = read(hive).table.select(table().columns).sort("size", "seed", "step")
    assert_frame_equal(found, table())


def test_damaged_parquet_is_named(tmp_path):
    table().write_parquet(tmp_path / "t.pq")
    (tmp_path / "t.pq").write_bytes((tmp_path / "t.pq").read_bytes()[:200])
    with pytest.raises(InputError, match="begins as a Parquet file and is damaged"):
        read(tmp_path / "t.pq")


# JSON


def test_json_lines_records_lists_and_runs(tmp_path):
    rows = table().to_dicts()
    assert_frame_equal(read(put(tmp_path / "l.jsonl", "".join(json.dumps(r) + "\n" for r in rows))).table, table())
    assert_frame_equal(read(put(tmp_path / "r.json", json.dumps(rows))).table, table())
    assert_frame_equal(read(put(tmp_path / "c.json", json.dumps(table().to_dict(as_series=False)))).table, table())
    runs = {f"gpt-{n}-s{s}": {"step": STEPS, "loss": [loss(n, s, t) for t in STEPS]} for n, s in RUNS}
    assert points(read(put(tmp_path / "m.json", json.dumps(runs))).table, "step", "loss") == expected()


def test_json_keeps_nan_nested_names_and_says_that_a_line_is_cut_off(tmp_path):
    text = '{"step": 1, "m": {"loss": NaN}, "t": "a: NaN, b"}\n{"step": 2, "m": {"loss": 0.1}}\n'
    found = read(put(tmp_path / "l.jsonl", text)).table
    assert found.columns == ["step", "m.loss", "t"]
    assert math.isnan(found["m.loss"][0])
    assert found["m.loss"][1] == 0.1
    assert found["t"][0] == "a: NaN, b"
    quoted = read(put(tmp_path / "q.jsonl", '{"step": 1, "loss": 1.5}\n{"step": 2, "loss": "Infinity"}\n')).table
    assert quoted["loss"].to_list() == [1.5, math.inf]
    cut = read(put(tmp_path / "cut.jsonl", '{"step": 1, "loss": 1.5}\n{"step": 2, "lo'))
    assert cut.table.height == 1
    assert "Line 2, the last, is cut off" in cut.notes[0]
    with pytest.raises(InputError, match="line 2: no JSON"):
        read(put(tmp_path / "bad.jsonl", '{"step": 1}\n{"step": \n{"step": 3}\n'))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}', "an object with a, and no table"),
        ("[1, 2]", "a list without records"),
        ('[{"a": 1}', "damaged or cut"),
    ],
)
def test_json_that_is_no_table(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(put(tmp_path / "t.json", f"{text}\n" if text[0] == "[" else json.dumps(json.loads(text), indent=1)))


# Trackers


def test_wandb_chart_export(tmp_path):
    wide = pl.DataFrame({"Step": STEPS})
    for n, s in RUNS:
        values = pl.Series([loss(n, s, step) for step in STEPS])
        columns = {f"gpt-{n}-s{s} - eval/loss{end}": values for end in ("", "__MIN", "__MAX")}
        wide = wide.with_columns(**columns)
    wide.write_csv(tmp_path / "w.csv", quote_style="always")
    raw = read(tmp_path / "w.csv")
    assert raw.kind == "W&B chart export"
    assert points(raw.table, "Step", "eval/loss") == expected()
    assert not raw.notes
    name = "gpt-70000000-s0 - eval/loss__MIN"
    wide.with_columns(pl.col(name) - 0.1).write_csv(tmp_path / "w.csv")
    assert "means over bins" in " ".join(read(tmp_path / "w.csv").notes)


def test_wandbs_framing_of_messages_of_any_length():
    messages = [b"a", b"b" * 32740, b"c" * 80_000, b"", b"d" * 9]
    data = b":W&B\xe1\xbe\x00"
    for message in messages:
        left, first = message, True
        while left or first:
            room = 32768 - len(data) % 32768
            if room < 7:
                data += b"\0" * room
                room = 32768
            piece, left = left[: room - 7], left[room - 7 :]
            place = (1 if not left else 2) if first else (4 if not left else 3)
            data += struct.pack("<IHB", zlib.crc32(bytes([place]) + piece), len(piece), place) + piece
            first = False
    assert list(_records(data)) == messages
    assert list(_records(data[:-3])) == [*messages[:-1], None]
    assert list(_records(data[:9] + b"x" + data[10:]))[0] is None


def test_tensorboard_downloads(tmp_path):
    for n, s in RUNS:
        rows = "".join(f"{1.7e9 + t},{t},{loss(n, s, t)!r}\n" for t in STEPS)
        put(tmp_path / "tb" / f"run-gpt-{n}-s{s}-tag-loss_val.csv", f"Wall time,Step,Value\n{rows}")
    raw = read(tmp_path / "tb")
    assert points(raw.table, "Step", "loss_val") == expected()
    assert any("Value is called loss_val" in note for note in raw.notes)


def mlruns(root: Path) -> None:
    for n, s in RUNS:
        run = root / "1" / f"id{n}{s}"
        lines = "".join(f"{1_700_000_000_000 + t} {loss(n, s, t)!r} {t}\n" for t in STEPS)
        put(run / "metrics" / "val" / "loss", lines)
        put(run / "metrics" / "tokens", "".join(f"{1_700_000_000_000 + t} {t * 1024} {t} d 0af\n" for t in STEPS))
        put(run / "params" / "size", str(n))
        put(run / "params" / "seed", str(s))
        put(run / "meta.yaml", yaml.safe_dump({"run_name": f"gpt-{n}-s{s}", "lifecycle_stage": "active"}))
    put(root / "1" / "meta.yaml", yaml.safe_dump({"name": "ladder"}))


def test_mlflow_folders(tmp_path):
    mlruns(tmp_path / "mlruns")
    raw = read(tmp_path / "mlruns")
    assert raw.kind == "MLflow file store"
    assert points(raw.table, "step", "val/loss") == expected()
    assert raw.table["tokens"].to_list() == [step * 1024 for step in raw.table["step"]]
    assert raw.table.schema["size"] == raw.table.schema["seed"] == pl.Int64
    assert raw.table["experiment"].unique().to_list() == ["ladder"]
    gone = tmp_path / "mlruns" / "1" / f"id{RUNS[0][0]}0" / "meta.yaml"
    gone.write_text(yaml.safe_dump({"lifecycle_stage": "deleted"}))
    assert read(tmp_path / "mlruns").table["run"].n_unique() == 3


def test_runs_of_one_name_are_told_apart(tmp_path):
    for run in ("a1", "b2"):
        put(tmp_path / "mlruns" / "1" / run / "metrics" / "loss", "0 1.5 1\n")
        put(tmp_path / "mlruns" / "1" / run / "meta.yaml", "run_name: same\n")
    assert sorted(read(tmp_path / "mlruns").table["run"].to_list()) == ["same (a1)", "same (b2)"]
    resumed = pl.DataFrame({"run": ["s", "s", "t"], "run_id": ["a1", "b2", "c3"]})
    assert _told_apart(resumed)["run"].to_list() == ["s (a1)", "s (b2)", "t"]


def test_mlflow_database(tmp_path):
    base = sqlite3.connect(tmp_path / "mlflow.db")
    base.executescript(
        "CREATE TABLE experiments (experiment_id, name); CREATE TABLE params (key, value, run_uuid);"
        "CREATE TABLE runs (run_uuid, name, experiment_id, lifecycle_stage, start_time);"
        "CREATE TABLE metrics (key, value REAL, timestamp, run_uuid, step, is_nan);"
        "INSERT INTO experiments VALUES (1, 'ladder'); INSERT INTO runs VALUES ('gone', 'gone', 1, 'deleted', 0);"
        "INSERT INTO metrics VALUES ('val_loss', 1.0, 0, 'gone', 1, 0);"
    )
    for n, s in RUNS:
        run = f"gpt-{n}-s{s}"
        base.execute("INSERT INTO runs VALUES (?, ?, 1, 'active', ?)", (run, run, n + s))
        base.execute("INSERT INTO params VALUES ('size', ?, ?)", (str(n), run))
        rows = [("val_loss", loss(n, s, t), t, run, t, 0) for t in STEPS]
        rows += [("bad", 0.0, 1, run, 100, 1), ("bad", 1.7976931348623157e308, 2, run, 200, 0)]
        base.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", rows)
    base.commit()
    base.close()
    found = read(tmp_path / "mlflow.db").table
    assert points(found, "step", "val_loss") == expected()
    first = found.filter(run=f"gpt-{RUNS[0][0]}-s0")["bad"].to_list()
    assert math.isnan(first[0])
    assert first[1:] == [math.inf, None]


def test_a_database_of_something_else(tmp_path):
    base = sqlite3.connect(tmp_path / "other.db")
    base.execute("CREATE TABLE trials (number)")
    base.commit()
    base.close()
    with pytest.raises(InputError, match="a SQLite database, but not one of MLflow"):
        read(tmp_path / "other.db")


def test_a_restart_stays_visible_in_the_order_of_rows(tmp_path):
    run = tmp_path / "mlruns" / "1" / "r"
    put(run / "metrics" / "loss", "".join(f"{n} {1 / (n + 1)!r} {t}\n" for n, t in enumerate((1, 2, 3, 2, 3, 4))))
    put(run / "metrics" / "other", "0 5.0 3\n")
    put(run / "params" / "seed", "0")
    found = read(tmp_path / "mlruns").table
    assert found["step"].to_list() == [1, 2, 3, 2, 3, 4]
    assert found["other"].to_list() == [None, None, 5.0, None, None, None]


# Trainers


def lightning(folder: Path, n: int, s: int) -> None:
    rows = "".join(f"0,{t - 1},{loss(n, s, t) * 2!r},\n0,{t},,{loss(n, s, t)!r}\n" for t in STEPS)
    put(folder / "metrics.csv", f"epoch,step,train_loss,val_loss\n{rows}")
    put(folder / "hparams.yaml", f"size: {n}\nseed: {s}\nopt: !!python/object:x.Y\n  lr: 0.1\nnet:\n  depth: 3\n")


def test_lightning_logs(tmp_path):
    for n, s in RUNS:
        lightning(tmp_path / "logs" / f"gpt-{n}-s{s}", n, s)
    raw = read(tmp_path / "logs")
    assert "Lightning" in raw.kind
    assert points(raw.table, "step", "val_loss") == expected()
    assert raw.table.filter(run="gpt-160000000-s1").select("size", "seed", "net.depth").unique().rows() == [
        (160_000_000, 1, 3)
    ]
    assert raw.table["train_loss"].null_count() == raw.table.height // 2


def test_lightning_versions_of_several_names_are_several_runs(tmp_path):
    for n, s in RUNS:
        lightning(tmp_path / "logs" / f"gpt-{n}" / f"version_{s}", n, s)
    assert points(read(tmp_path / "logs").table, "step", "val_loss") == expected("gpt-{size}/version_{seed}")


def state(n: int, s: int, steps: tuple[int, ...]) -> dict:
    history = []
    for step in steps:
        history += [
            {"loss": 9.0, "step": step, "epoch": 0.1},
            {"eval_loss": loss(n, s, step), "step": step, "epoch": 0.1},
        ]
    return {"global_step": steps[-1], "max_steps": 300, "log_history": history}


def test_hugging_face_checkpoints_of_a_run_are_read_once(tmp_path):
    for n, s in RUNS:
        for upto in (1, 2, 3):
            path = tmp_path / "out" / f"gpt-{n}-s{s}" / f"checkpoint-{STEPS[upto - 1]}" / "trainer_state.json"
            put(path, json.dumps(state(n, s, STEPS[:upto])))
    raw = read(tmp_path / "out")
    assert points(raw.table, "step", "eval_loss") == expected()
    assert "loss" not in raw.table.columns
    assert raw.table["max_steps"].unique().to_list() == [300]


def test_an_evaluation_twice_at_the_resume_step_is_kept_once_and_said(tmp_path):
    twice = state(10, 0, STEPS)
    twice["log_history"].insert(4, {"eval_loss": 7.5, "step": 200, "epoch": 0.1})
    raw = read(put(tmp_path / "trainer_state.json", json.dumps(twice)))
    assert raw.table.filter(pl.col("eval_loss").is_not_null())["eval_loss"][1] == 7.5
    assert raw.table["eval_loss"].count() == 3
    assert any("1 evaluations were there twice" in note for note in raw.notes)


def test_evaluations_on_several_sets_at_one_step_are_all_kept(tmp_path):
    log = [{"eval_a_loss": 1.0, "step": 5}, {"eval_b_loss": 2.0, "step": 5}]
    found = read(put(tmp_path / "s.json", json.dumps({"log_history": log, "global_step": 5}))).table
    assert found.select("eval_a_loss", "eval_b_loss").rows() == [(1.0, None), (None, 2.0)]


def test_keras_logs_and_histories(tmp_path):
    for n, s in RUNS:
        values = [loss(n, s, t) for t in STEPS]
        rows = "".join(f"{e},{v * 2!r},{v!r}\n" for e, v in enumerate(values))
        put(tmp_path / "csv" / f"gpt-{n}-s{s}.csv", f"epoch,loss,val_loss\n{rows}")
        history = {"loss": [v * 2 for v in values], "val_loss": values}
        put(tmp_path / "json" / f"gpt-{n}-s{s}.json", json.dumps(history))
    for folder in ("csv", "json"):
        found = read(tmp_path / folder)
        assert [value for _, _, value in points(found.table, "epoch", "val_loss")] == [v for _, _, v in expected()]
        assert "loss" not in found.table.columns
        assert found.table["epoch"].unique().sort().to_list() == [0, 1, 2]


@pytest.mark.parametrize("form", ["result.json", "progress.csv"])
def test_ray_tune(tmp_path, form):
    for n, s in RUNS:
        trial = tmp_path / "exp" / f"gpt-{n}-s{s}"
        rows = [{"loss": loss(n, s, t), "training_iteration": t, "config": {"size": n, "seed": s}} for t in STEPS]
        put(trial / "params.json", json.dumps({"size": n, "seed": s}))
        if form == "result.json":
            put(trial / form, "".join(json.dumps(row) + "\n" for row in rows))
        else:
            lines = "".join(f"{r['loss']!r},{r['training_iteration']},{n},{s}\n" for r in rows)
            put(trial / form, f"loss,training_iteration,config/size,config/seed\n{lines}")
    put(tmp_path / "exp" / "unborn" / "params.json", "{}")
    put(tmp_path / "exp" / "unborn" / form, "")
    raw = read(tmp_path)
    assert points(raw.table, "training_iteration", "loss") == expected()
    assert set(raw.table.columns) == {"loss", "training_iteration", "size", "seed", "run"}
    assert any("1 trials without a result were left out, such as unborn" in note for note in raw.notes)


def test_hydra_multirun(tmp_path):
    for number, (n, s) in enumerate(RUNS):
        job = tmp_path / "multirun" / "2026-01-01" / str(number)
        put(job / ".hydra" / "config.yaml", f"model:\n  size: {n}\n  depth: 3\nseed: {s}\n")
        put(job / ".hydra" / "overrides.yaml", f"- model.size={n}\n- +seed={s}\n")
        put(job / "metrics.jsonl", "".join(json.dumps({"step": t, "loss": loss(n, s, t)}) + "\n" for t in STEPS))
        put(job / "train.log", "not a table\n")
    raw = read(tmp_path / "multirun")
    names = [f"2026-01-01/{number}" for number in range(4)]
    assert sorted(raw.table["run"].unique().to_list()) == names
    found = sorted(raw.table.select("model.size", "seed", "step", "loss").rows())
    assert found == sorted((n, s, t, loss(n, s, t)) for n, s in RUNS for t in STEPS)


def test_olmo_core_metric_files(tmp_path):
    for n, s in RUNS:
        for step in STEPS:
            content = json.dumps({"train/CE loss": 9.0, "eval/lm/c4/CE loss": loss(n, s, step)})
            put(tmp_path / "ladder" / f"gpt-{n}-s{s}" / f"metrics_step{step}.json", content)
    raw = read(tmp_path / "ladder")
    assert points(raw.table, "step", "eval/lm/c4/CE loss") == expected()


def test_olmo_core_log(tmp_path):
    stamp = "2026-08-08 12:01:00\thost:0\tolmo_core.train.callbacks.console_logger:68\tINFO\t"
    text = (
        f"{stamp}[step=100/2,000,epoch=1,eta=5h11m]\n    train/CE loss=6.234\n    throughput/total tokens=1.250B\n"
        f"{stamp}Finished lm evals in 3.2 seconds. Metrics:\n    c4-validation/CE loss=6.125\n"
        f"{stamp}[step=200/2,000,epoch=1]\n"
        f"{stamp}[step=300/2,000,epoch=1,eta=5h]\n    train/CE loss=5.125\n"
    )
    found = read(put(tmp_path / "run.log", text)).table
    assert found["step"].to_list() == [100, 100, 300]
    assert found["train/CE loss"].to_list() == [6.234, None, 5.125]
    assert found["eval/lm/c4-validation/CE loss"].to_list() == [None, 6.125, None]
    assert found["throughput/total tokens"][0] == 1.25e9
    assert found["max_steps"][0] == 2000


NANOCHAT = {
    "older": (
        "Number of parameters: 73,531,692\nStep 00000 | Validation bpb: 3.2\n"
        "step 00000/00200 (0.00%) | loss: 10.397219 | lrm: 1.00 | dt: 9.1ms | tok/sec: 1,024 | mfu: 1.00\n"
        "Step 00200 | Validation bpb: 0.882241\nMinimum validation bpb: 0.882241\n"
    ),
    "records": (
        "params wte=25165824 total=73531692\nvocabulary summary of what\neval step=0 val_bpb=3.2\n"
        "step 00000/00200 (0.00%) | loss: 10.397219 | lrm: 1.00 | dt: 9.1ms\neval step=200 val_bpb=0.882241\n"
        "summary model_tag=d12 depth=12 val_bpb=0.882241 gpu='NVIDIA H100'\n"
    ),
}


@pytest.mark.parametrize("form", NANOCHAT)
def test_nanochat_logs(tmp_path, form):
    raw = read(put(tmp_path / "d12" / "base_train.log", NANOCHAT[form]))
    assert points(raw.table, "step", "val_bpb") == [("d12", 0, 3.2), ("d12", 200, 0.882241)]
    assert raw.table["smooth_train_loss"].drop_nulls().to_list() == [10.397219]
    assert 73531692 in raw.table.row(0)
    assert any("smoothed" in note for note in raw.notes)
    put(tmp_path / "d24" / "base_train.log", NANOCHAT[form])
    assert sorted(read(tmp_path).table["run"].unique().to_list()) == ["d12", "d24"]


# Folders


def test_folders_of_tables_take_the_run_from_the_file(tmp_path):
    for n, s in RUNS:
        one = table().filter(size=n, seed=s).select("step", "loss")
        (tmp_path / "flat").mkdir(exist_ok=True)
        one.write_csv(tmp_path / "flat" / f"gpt-{n}-s{s}.csv")
        (tmp_path / "deep" / f"gpt-{n}-s{s}").mkdir(parents=True)
        one.write_parquet(tmp_path / "deep" / f"gpt-{n}-s{s}" / "curve.parquet")
    put(tmp_path / "flat" / "README.md", "# words, words\n")
    for folder in ("flat", "deep"):
        assert points(read(tmp_path / folder).table, "step", "loss") == expected()


def test_a_copy_under_another_name_is_no_other_run(tmp_path):
    for name in ("train", "val"):
        table().write_csv(tmp_path / f"{name}.csv")
    assert "run" not in read(tmp_path).table.columns
    with pytest.raises(InputError):
        read_curves([tmp_path])


def test_tables_of_several_kinds_are_refused(tmp_path):
    table().write_csv(tmp_path / "a.csv")
    table().write_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"tables of several kinds: 1 CSV \(such as a.csv\), 1 Parquet"):
        read(tmp_path)


def test_somebody_elses_folder_is_never_offered_to_be_trained_into(tmp_path):
    put(tmp_path / "src" / "main.py", "print()\n")
    put(tmp_path / "weights.bin", "xx")
    with pytest.raises(InputError, match=r"It holds 2 files \(1 .*py.*Known are: CSV") as raised:
        read_curves([tmp_path])
    assert "onecurve run" not in str(raised.value)


def test_a_missing_package_is_named_with_the_way_to_get_it(tmp_path, monkeypatch):
    import importlib

    real = importlib.import_module
    monkeypatch.setattr(
        importlib,
        "import_module",
        lambda name, *a: real("no_such_package") if name.startswith("tensorboard") else real(name, *a),
    )
    put(tmp_path / "run" / "events.out.tfevents.1.host", "x")
    with pytest.raises(InputError, match=r"needs the package tensorboard.*pip install 'onecurve\[sources\]'"):
        read(tmp_path)


# Histories that are not whole


def test_sampled_and_smoothed_histories_are_flagged(tmp_path):
    steps = sorted({(n * 7919) % 20_000 for n in range(500)})
    frame = pl.DataFrame({"_step": steps, "eval/loss": [1.0 / (s + 1) for s in steps]})
    frame.write_csv(tmp_path / "sampled.csv")
    assert "500 rows a run at uneven steps" in " ".join(read(tmp_path / "sampled.csv").notes)
    even = frame.with_columns(_step=pl.int_range(0, 500))
    even.write_csv(tmp_path / "even.csv")
    assert not read(tmp_path / "even.csv").notes
    even.rename({"eval/loss": "loss_smoothed"}).write_csv(tmp_path / "smooth.csv")
    assert "smoothed by the tracker" in " ".join(read(tmp_path / "smooth.csv").notes)


# Import


def test_import_writes_one_table_that_gives_the_same_curves(tmp_path):
    path = put(tmp_path / "t.csv", table().write_csv(separator=";").replace(".", ","))
    done = import_curves([str(path)], tmp_path / "to")
    here, there = read_curves([path]), read_curves([done.table])
    again = read_curves([tmp_path / "to"])
    assert len(here) == 4
    for one, other, folder in zip(here, there, again, strict=True):
        assert one.loss.tolist() == other.loss.tolist() == folder.loss.tolist()
        assert one.x.tolist() == other.x.tolist()
    record = json.loads(done.record.read_text())["sources"][0]
    assert record["read_as"] == "CSV"
    assert "Numbers have decimal commas." in record["notes"]


def test_import_of_several_sources_says_which(tmp_path):
    for n in (70_000_000, 160_000_000):
        table().filter(size=n).write_csv(tmp_path / f"{n}.csv")
    done = import_curves([str(tmp_path / "70000000.csv"), str(tmp_path / "160000000.csv")], tmp_path / "to")
    written = pl.read_parquet(done.table)
    assert written["source"].n_unique() == 2
    assert_frame_equal(written.drop("source"), table())
    with pytest.raises(InputError, match="give another folder with --to"):
        import_curves([str(tmp_path / "to")], tmp_path / "to")


def test_import_keeps_what_is_said_of_columns_and_names(tmp_path):
    one = table().filter((pl.col("size") == RUNS[0][0]) & (pl.col("seed") == 0))
    one.select("step", metric="loss").write_csv(tmp_path / "gpt-70M-s3.csv")
    said = Layout(column={"loss": "metric"}, run=r"gpt-(?P<size>[^-]+)-s(?P<seed>\d+)")
    done = import_curves([str(tmp_path / "gpt-70M-s3.csv")], tmp_path / "to", said)
    for path in (done.table, tmp_path / "to"):
        (curve,) = read_curves([path])
        assert (curve.size, str(curve.seed)) == (70e6, "3") and curve.loss.tolist() == one["loss"].to_list()
    with pytest.raises(InputError, match="unknown column 'metrc'. Did you mean 'metric'"):
        import_curves([str(tmp_path / "gpt-70M-s3.csv")], tmp_path / "to", Layout(column={"loss": "metrc"}))


def test_nested_parameters_and_planned_ends_are_taken(tmp_path):
    nested = {"size": "model.size", "seed": "train.seed"}
    table().with_columns(pl.lit(400).alias("trainer.max_steps")).rename(nested).write_csv(tmp_path / "c.csv")
    curves = read_curves([tmp_path / "c.csv"])
    assert {(curve.size, curve.seed) for curve in curves} == {(float(size), seed) for size, seed in RUNS}
    assert all(curve.x.tolist() == [0.25, 0.5, 0.75] for curve in curves)


def test_import_keeps_seeds_of_any_length(tmp_path):
    path = put(tmp_path / "t.csv", f"seed,loss\n{2**64 - 6},1.5\n{2**64 - 5},2.5\n")
    done = import_curves([str(path)], tmp_path / "to")
    assert read(done.table).table["seed"].to_list() == [2**64 - 6, 2**64 - 5]


def test_excel(tmp_path):
    pytest.importorskip("fastexcel", reason="needs pip install 'onecurve[sources]'")
    pytest.importorskip("openpyxl", reason="needs pip install 'onecurve[sources]'")
    buffer = io.BytesIO()
    table().to_pandas().to_excel(buffer, index=False)
    (tmp_path / "t.xlsx").write_bytes(buffer.getvalue())
    assert_frame_equal(read(tmp_path / "t.xlsx").table, table(), rel_tol=1e-15)


def test_what_excel_and_loggers_put_around_a_table_is_left_out(tmp_path):
    plain = "size;seed;step;loss\n70M;0;10;3,5\n70M;0;20;3,25\n"
    expected = read_raw(_written(tmp_path, "plain.csv", plain)).table
    for name, text in (
        ("separator.csv", "sep=;\n" + plain),
        ("carriage.csv", "SEP=;\r\n" + plain.replace("\n", "\r\n")),
        ("below.csv", plain + "\n# end of file\n# 2 rows\n"),
    ):
        assert read_raw(_written(tmp_path, name, text)).table.equals(expected), name


def test_a_chart_without_bounds_is_a_chart(tmp_path):
    text = "Step,a-70M-s0 - val/loss,a-70M-s1 - val/loss\n1,3.5,3.6\n2,3.25,\n"
    raw = read_raw(_written(tmp_path, "chart.csv", text))
    assert raw.table.rows() == [("a-70M-s0", 1, 3.5), ("a-70M-s0", 2, 3.25), ("a-70M-s1", 1, 3.6)]
    other = read_raw(_written(tmp_path, "other.csv", text.replace("Step", "word")))
    assert other.kind == "CSV"


def _written(folder, name, text):
    path = folder / name
    path.write_bytes(text.encode())
    return str(path)
