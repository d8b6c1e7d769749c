"""Published tables: what is in the folder, who can read it, and that its numbers are those of the results folder."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml
from onecurve.errors import InputError
from onecurve.results.data_card import LICENCES, DataCard
from onecurve.results.file_list import read_manifest
from onecurve.results.own_tables import own_table
from onecurve.results.published import SUMMARY_BYTES, publish
from onecurve.results.pulling import pull
from onecurve.results.schema import empty_row
from onecurve.results.store import Store

HOSTILE = "a|b`<script>alert(1)</script>\n---\n../x & $y_z"


def card(**changes) -> DataCard:
    said = {"title": "demo", "authors": ("Ada",), "licence": "CC-BY-4.0", "date": "2026-11-29", "version": "0.1.0"}
    return DataCard(**{**said, **changes})


def group(family="mlp", **more):
    fixed = {
        "family": family,
        "dataset": "fourier",
        "recipe_label": "adam",
        "control": None,
        "n_rungs": 3,
        "n_seeds": 3,
    }
    numbers = {"deviation": 0.1 + 0.2, "upper_bound": None, "verdict": "cannot-tell", "rescaling": "shape"}
    return {**fixed, **numbers, "single": False, **more}


@pytest.fixture
def run(kept, tmp_path):
    """The tiny sweep with a trial that failed, and observables."""
    store = Store(tmp_path / "run")
    rows = Store(kept()).table().to_pylist()
    for row in rows:
        row["observables"] = [{"name": "norm", "value": [loss / 3 for loss in row["test_loss"]]}]
    rows.append({**empty_row(), "trial_id": "f" * 16, "family": HOSTILE, "dataset": "fourier", "recipe": "12345678",
                 "leg": "decayed", "n_params": 7, "seed": 0, "status": "oom", "host": "my-machine", "attempt": 1,
                 "schema_version": 1, "recorded": []})  # fmt: skip
    store.write_rows(rows, "p")
    store.write_json("tiny.lock.json", {"margin": 0.05})
    return store


@pytest.fixture
def published(run, tmp_path):
    folder = tmp_path / "pub"
    publish(*own_table(run.uri), [group(), group(HOSTILE)], folder, card(title=HOSTILE), {"family": "who"})
    return folder


def listed(folder: Path):
    return read_manifest((folder / "manifest.json").read_bytes(), "manifest")


def test_every_file_is_listed_with_its_tier_and_checksum(published):
    tiers = {entry.name: entry.tier for entry in listed(published)}
    assert tiers["groups.parquet"] == tiers["groups.csv"] == "summary"
    assert tiers["trials.parquet"] == tiers["curves.parquet"] == "curves"
    assert tiers["observables.parquet"] == "observables"
    assert {name for name, tier in tiers.items() if tier is None} == {
        *("README.md", "LICENSE", "CITATION.cff", "croissant.json", "checksums.sha256")
    }
    assert {*tiers, "manifest.json"} == {path.name for path in published.iterdir()}
    for entry in listed(published):
        content = (published / entry.name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry.size, entry.sha256)
    done = subprocess.run(["sha256sum", "--check", "--quiet", "checksums.sha256"], cwd=published, check=False)
    assert done.returncode == 0


def test_the_tables_are_those_of_the_results_folder_less_the_names_of_machines(run, published):
    expected, margin = own_table(run.uri)
    found, found_margin = own_table(str(published))
    assert (margin, found_margin) == (0.05, 0.05)
    order = [("trial_id", "ascending")]
    expected, found = (one.sort_by(order).to_pylist() for one in (expected, found))
    for left, right in zip(expected, found, strict=True):
        assert left.pop("host") and right.pop("host") is None
        # A list without members and one that is missing are text, and so one.
        assert {k: v or None for k, v in left.items()} == {k: v or None for k, v in right.items()}


@pytest.mark.parametrize(("tier", "names"), [
    ("summary", {"groups"}), ("curves", {"groups", "trials", "curves"}),
    ("observables", {"groups", "trials", "curves", "observables"}),
])  # fmt: skip
def test_a_tier_holds_those_before_it(published, tmp_path, tier, names):
    pull(str(published), tmp_path / "copy", tier)
    assert {path.stem for path in (tmp_path / "copy").glob("*.parquet")} == names
    # The copy is handed on as it is, and what is there is not copied again.
    assert pull(str(tmp_path / "copy"), tmp_path / "again", "summary")[0] == 6
    assert pull(str(published), tmp_path / "copy", tier)[0] == 0


def test_the_summary_alone_says_how_to_get_the_curves(published, tmp_path):
    pull(str(published), tmp_path / "copy", "summary")
    with pytest.raises(InputError, match="summary of published tables alone.*--tier curves"):
        own_table(str(tmp_path / "copy"))


@pytest.mark.parametrize(("tier", "message"), [("curve", "Did you mean 'curves'"), ("curves", "has no tiers")])
def test_tiers_that_are_not_there(run, published, tmp_path, tier, message):
    source = published if tier == "curve" else run.uri
    with pytest.raises(InputError, match=message):
        pull(str(source), tmp_path / "copy", tier)
    assert not (tmp_path / "copy").exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of rdflib's own names, 7.6 in November 2026
def test_croissant_is_valid_and_hands_out_the_rows(published):
    mlc = pytest.importorskip("mlcroissant")
    read = mlc.Dataset(str(published / "croissant.json"))
    assert read.metadata.issues.report() == ""
    assert read.metadata.license == [LICENCES["CC-BY-4.0"]] and read.metadata.name == HOSTILE
    found = {one.id: list(read.records(one.id)) for one in read.metadata.record_sets}
    heights = {name: pq.read_metadata(published / f"{name}.parquet").num_rows for name in found}
    assert {name: len(rows) for name, rows in found.items()} == heights and len(found) == 4
    assert found["groups"][0]["groups/deviation"] == 0.1 + 0.2
    losses = [row["curves/test_loss"] for row in found["curves"]]
    assert losses == pl.read_parquet(published / "curves.parquet")["test_loss"].to_list()


def test_the_card_is_one_that_hugging_face_reads(published):
    hub = pytest.importorskip("huggingface_hub")
    said = hub.DatasetCard.load(published / "README.md")
    assert (said.data.license, said.data.pretty_name) == ("cc-by-4.0", HOSTILE)
    names = {one["config_name"]: one["data_files"] for one in said.data.configs}
    assert names == {name: f"{name}.parquet" for name in ("groups", "trials", "curves", "observables")}
    assert "<script>" not in said.text and all(Path(published / file).is_file() for file in names.values())
    rows = [line for line in said.text.splitlines() if "alert" in line and line.startswith("| a")]
    assert len(rows) == 1 and rows[0].replace("\\|", "").count("|") == 8


def test_the_card_counts_trials_and_those_that_ended_well(run, published):
    rows = run.table().to_pylist()
    ended = sum(row["status"] == "ok" for row in rows)
    assert ended == len(rows) - 1  # one ran out of memory
    text = (published / "README.md").read_text()
    facts = dict(cells for line in text.splitlines() if len(cells := [c.strip() for c in line.split("|")[1:-1]]) == 2)
    assert (facts["trials"], facts["ended well"], facts["families"]) == (str(len(rows)), str(ended), "3")


def test_licence_and_citation(published):
    citation = yaml.safe_load((published / "CITATION.cff").read_text())
    assert citation["authors"] == [{"name": "Ada"}] and citation["title"] == HOSTILE and citation["type"] == "dataset"
    assert "SPDX-License-Identifier: CC-BY-4.0" in (published / "LICENSE").read_text()


@pytest.mark.parametrize(("changes", "message"), [
    ({"licence": "CC-BY-4"}, "unknown licence 'CC-BY-4'. Did you mean 'CC-BY-4.0'"), ({"title": " "}, "a title"),
    ({"authors": ()}, "at least one author"), ({"authors": ("",)}, "at least one author"),
])  # fmt: skip
def test_a_card_that_says_nothing_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        card(**changes)


def test_publishing_again_replaces_what_was_published_and_nothing_else(run, published):
    before = {path.name: path.read_bytes() for path in published.iterdir()}
    args = (*own_table(run.uri), [group(), group(HOSTILE)])
    publish(*args, published, card(title=HOSTILE), {"family": "who"})
    assert {path.name: path.read_bytes() for path in published.iterdir()} == before
    (published / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="has other files in it"):
        publish(*args, published, card(), {})
    assert {path.name for path in published.iterdir()} == {*before, "mine.txt"}
    assert [path.name for path in published.parent.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("to", "message"), [("run", "other files"), ("file", "no folder"), ("s3://b/x", "this machine")]
)
def test_a_folder_in_use_is_refused(run, tmp_path, to, message):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=message):
        publish(*own_table(run.uri), [group()], to if "://" in to else tmp_path / to, card(), {})
    assert (tmp_path / "file").read_text() == "mine" and Store(tmp_path / "run").table().num_rows == 19


def test_tables_of_a_later_schema_are_refused_by_name(run, tmp_path):
    run.write_rows([{**empty_row(), "trial_id": "e" * 16, "status": "ok", "schema_version": 2}], "q")
    with pytest.raises(InputError, match=r"run' has version 2 of the result table"):
        own_table(run.uri)


def test_nothing_to_publish_and_too_large_a_summary(run, tmp_path):
    table, margin = own_table(run.uri)
    with pytest.raises(InputError, match="no results to publish"):
        publish(table.slice(0, 0), margin, [], tmp_path / "pub", card(), {})
    rows = [group(hashlib.sha512(str(number).encode()).hexdigest()) for number in range(10_000)]
    with pytest.raises(InputError, match=f"more than {SUMMARY_BYTES}"):
        publish(table, margin, rows, tmp_path / "pub", card(), {})
    assert not (tmp_path / "pub").exists()


def test_somebody_elses_table_is_refused(tmp_path):
    (tmp_path / "c.csv").write_text("size,step,loss\n1,1,2\n")
    with pytest.raises(InputError, match="is no table of Onecurve's"):
        own_table(str(tmp_path / "c.csv"))


def test_the_verb_and_a_round_trip_with_equal_numbers(kept, onecurve, tmp_path):
    assert onecurve("publish", kept(), "--to", "pub", "--author", "Ada", "--licence", "CC0-1.0").returncode == 0
    assert onecurve("pull", "pub", "--to", "copy", "--tier", "curves").returncode == 0
    for name in (kept(), "copy"):
        assert onecurve("analyze", name, "--json", f"{Path(name).name}.json").returncode == 0
    found = json.loads((tmp_path / "copy.json").read_text())
    assert found == json.loads((tmp_path / f"{kept().name}.json").read_text())
    table = pl.read_parquet(tmp_path / "copy" / "groups.parquet")
    assert table["deviation"].to_list() == [one["deviation"] for one in found["groups"]]
    assert onecurve("publish", kept(), "--to", "pub", "--licence", "none").returncode == 2
