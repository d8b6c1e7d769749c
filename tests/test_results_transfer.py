"""Exports for other tools: JSON, DuckDB, LaTeX and Markdown, with the store's numbers and no name taken for markup."""

from __future__ import annotations

import json
import sys

import pytest
from onecurve.errors import InputError
from onecurve.results.store import Store
from onecurve.results.transfer import FORMS, export
from test_results_exported import trial

NASTY = "a|b & $c_d% #~^\\{e} <b>"


def group(**more):
    fixed = {"family": NASTY, "dataset": "fourier", "recipe_label": "adam", "control": None, "n_rungs": 3, "n_seeds": 2}
    return {**fixed, "deviation": 0.1 + 0.2, "upper_bound": None, "verdict": "no", "rescaling": "shape", **more}


@pytest.fixture
def run(tmp_path):
    store = Store(tmp_path / "run")
    rows = [trial(10 * size + seed, size, seed) for size in (100, 200) for seed in (0, 1)]
    rows[0]["test_loss"][-1] = float("inf")
    store.write_rows(rows, "p")
    store.write_json("s.lock.json", {"margin": 0.05})
    return store


def losses(run) -> dict[tuple[str, int], float | None]:
    """The store's losses by trial and step; what is not finite is missing in JSON."""
    rows = run.table(["trial_id", "step", "test_loss"]).to_pylist()
    return {
        (row["trial_id"], step): loss for row in rows for step, loss in zip(row["step"], row["test_loss"], strict=True)
    }


def test_json_has_the_numbers_of_the_store(run, tmp_path):
    paths = export(run, tmp_path / "out", "json", [group()])
    assert [path.name for path in paths] == ["trials.json", "curves.json", "observables.json", "groups.json"]
    tables = {path.stem: json.loads(path.read_text()) for path in paths}
    found = {(row["trial_id"], row["step"]): row["test_loss"] for row in tables["curves"]}
    assert found == {key: None if loss == float("inf") else loss for key, loss in losses(run).items()}
    assert {row["planned_margin"] for row in tables["trials"]} == {0.05} and len(tables["trials"]) == 4
    assert tables["groups"][0]["deviation"] == 0.1 + 0.2 and tables["groups"][0]["family"] == NASTY


def test_duckdb_has_every_table_in_one_file(run, tmp_path):
    duckdb = pytest.importorskip("duckdb")
    for _ in range(2):  # the second replaces the first
        (path,) = export(run, tmp_path / "out", "duckdb", [group(), group(family="b")])
    assert path.name == "results.duckdb" and [one.name for one in path.parent.iterdir() if one.name[0] == "."] == []
    with duckdb.connect(str(path), read_only=True) as database:
        rows = database.execute("SELECT trial_id, step, test_loss FROM curves").fetchall()
        assert {(trial_id, step): loss for trial_id, step, loss in rows} == losses(run)
        counts = {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("trials", "groups")}
        joined = database.execute("SELECT count(*) FROM observables JOIN trials USING (trial_id)").fetchone()
    assert counts == {"trials": 4, "groups": 2} and joined == (4 * 8 * 2,)


def test_without_duckdb_it_is_said_what_to_install(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(InputError, match=r"pip install 'onecurve\[duckdb\]'"):
        export(run, tmp_path / "out", "duckdb", [group()])


def test_markdown_is_a_table_in_which_names_are_no_markup(run, tmp_path):
    (path,) = export(run, tmp_path / "out", "markdown", [group()])
    head, rule, row = path.read_text().splitlines()
    assert head == "| family | data set | setting | sizes x seeds | deviation | 95 % bound | verdict |"
    assert rule.count("|") == 8 and row.replace("\\|", "").count("|") == 8
    assert "\\<b\\>" in row and "| 30.0 %\\* | – |" in row


def test_latex_is_a_tabular_in_which_names_are_no_commands(run, tmp_path):
    (path,) = export(run, tmp_path / "out", "latex", [group()])
    lines = path.read_text().splitlines()
    assert lines[1] == r"\begin{tabular}{lllllll}" and lines[-1] == r"\end{tabular}"
    name = r"a\textbar{}b \& \$c\_d\% \#\textasciitilde{}\textasciicircum{}\textbackslash{}\{e\}"
    name += r" \textless{}b\textgreater{}"
    assert lines[5].startswith(f"{name} & fourier & adam & 3 x 2 & 30.0 \\%* & -- & no")


@pytest.mark.parametrize("form", FORMS)
def test_a_folder_that_cannot_be_written_is_said(run, tmp_path, form):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="cannot export to"):
        export(run, tmp_path / "file", form, [group()])


def test_the_verb_writes_what_analyze_found(kept, onecurve, tmp_path):
    assert onecurve("analyze", kept(), "--json", "a.json").returncode == 0
    told = json.loads((tmp_path / "a.json").read_text())["groups"]
    for form in ("json", "markdown", "latex", "duckdb"):
        assert onecurve("export", kept(), "--format", form, "--to", "out").returncode == 0
    groups = json.loads((tmp_path / "out" / "groups.json").read_text())
    assert [one["deviation"] for one in groups] == [one["deviation"] for one in told]
    assert len((tmp_path / "out" / "groups.md").read_text().splitlines()) == 2 + len(told)
    done = onecurve("export", kept(), "--format", "jsn", "--to", "out")
    assert done.returncode == 2 and "Did you mean 'json'" in done.stderr
