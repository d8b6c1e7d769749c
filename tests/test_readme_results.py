"""`results/README.md` is true: each of its commands runs on tables and folders such as it speaks of."""

from __future__ import annotations

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml
from onecurve.results.layout import read_layout
from onecurve.results.reading import read_curves
from onecurve.results.store import Store

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "results" / "README.md").read_text()
COMMANDS = [
    line
    for text in re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
    for line in text.strip().splitlines()
    if line.startswith("onecurve ")
]
INLINE = re.findall(r"`(onecurve [a-z]+ [^`]*)`", README.replace("\n", " "))


def table() -> pl.DataFrame:
    """Three sizes, two seeds, 20 evaluations above a floor of 1.7 nats."""
    rng, x = np.random.default_rng(0), np.arange(1, 21) / 20
    frames = []
    for size in (7e7, 1.6e8, 4.1e8):
        for seed in (0, 1):
            loss = 1.7 + 30 * size**-0.1 * x**-0.4 * np.exp(0.003 * rng.standard_normal(20).cumsum())
            columns = {"family": "gpt", "dataset": "web", "size": size, "seed": seed}
            frames.append(pl.DataFrame({**columns, "step": (x * 1000).astype(int), "loss": loss}))
    return pl.concat(frames).with_columns(irreducible_loss=1.7)


def brought(command: str) -> tuple[str, pl.DataFrame]:
    """The file that a command names, and a table such as its options speak of."""
    frame, name = table(), command.split()[2]
    if "--column" in command:
        frame = frame.rename({"size": "n_params", "loss": "eval/loss", "step": "tokens"})
    if "--run" in command:
        run = pl.format("gpt-{}M-s{}", (pl.col("size") / 1e6).cast(pl.Int64), "seed")
        frame = frame.with_columns(run=run).drop("size", "seed")
    if "--only" in command:
        frame = pl.concat([frame.with_columns(split=pl.lit(part)) for part in ("train", "val")])
    if "--of" in command:
        frame = frame.with_columns(val_acc=0.95 - (pl.col("loss") - 1.7) / 20)
    return name, frame


@pytest.fixture
def onecurve(monkeypatch, tmp_path, capsys):
    """Runs a command line in a folder of its own and gives what it printed."""
    import shlex

    from onecurve.scripts.cli import app

    monkeypatch.chdir(tmp_path)

    def run(command: str) -> str:
        with pytest.raises(SystemExit) as ended:
            app(shlex.split(command)[1:])
        out = capsys.readouterr().out
        assert ended.value.code in (0, None), f"{command}\n{out}"
        return out

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command, onecurve, tmp_path):
    name, frame = brought(command)
    (frame.write_parquet if name.endswith("parquet") else frame.write_csv)(tmp_path / name)
    out = onecurve(command)
    assert "gpt     web " in out
    assert out.count("gpt     web ") == (2 if "--of" in command else 1)


def test_the_mapping_file_says_what_the_options_say(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
    file = tmp_path / "onecurve.yaml"
    file.write_text(text)
    said = read_layout(str(file))
    assert said.column == yaml.safe_load(text)["column"] and said.restarts == "last"
    run = pl.format("gpt-{}M-s{}", (pl.col("size") / 1e6).cast(pl.Int64), "seed")
    frame = table().with_columns(run=run, split=pl.lit("val")).drop("family", "dataset", "seed", "size")
    mapped = frame.with_columns(n_params=table()["size"]).rename({"loss": "eval/loss", "step": "tokens"})
    mapped.write_csv(tmp_path / "history.csv")
    curves = list(read_curves([tmp_path / "history.csv"]))
    assert len(curves) == 6 and {(c.family, c.dataset) for c in curves} == {("gpt", "webtext")}
    assert {str(curve.seed) for curve in curves} == {"0", "1"}


def test_import_export_publish_and_pull_run_as_the_text_says(onecurve, tmp_path):
    assert {line.split()[1] for line in INLINE} == {"import", "export", "publish", "pull"}
    table().write_csv(tmp_path / "mine.csv")
    onecurve("onecurve import mine.csv --to kept")
    assert {file.name for file in (tmp_path / "kept").iterdir()} >= {"curves.parquet", "sources.json"}
    assert "gpt     web " in onecurve("onecurve analyze kept")
    store = Store(tmp_path / "run")
    store.write_rows(pq.read_table(ROOT / "results" / "reference" / "quick.parquet").slice(0, 40).to_pylist(), "p")
    for form in ("csv", "parquet"):
        onecurve(f"onecurve export run --format {form} --to tables-{form}")
        assert len(list(read_curves([f"tables-{form}"]))) == len(list(read_curves(["run"]))) == 40
    onecurve("onecurve publish run --to published --author Ada --title mine --licence CC0-1.0")
    onecurve("onecurve pull published --to copy --tier curves")
    assert len(list(read_curves(["copy"]))) == 40


def test_a_table_is_analysed_from_a_server(onecurve, tmp_path, monkeypatch):
    (tmp_path / "served").mkdir()
    table().write_csv(tmp_path / "served" / "losses.csv")
    monkeypatch.setenv("ONECURVE_CACHE", str(tmp_path / "cache"))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            out = onecurve(f"onecurve analyze http://127.0.0.1:{server.server_address[1]}/losses.csv")
        finally:
            server.shutdown()
    assert "gpt     web " in out
