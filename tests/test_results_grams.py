"""Gram matrices as rows keep them: what float16 costs, and that every export brings them back."""

import numpy as np
import polars as pl
import pytest
from onecurve.errors import InputError
from onecurve.results.fields import empty_row
from onecurve.results.grams import gram_from, grams_of, packed_gram
from onecurve.results.published import publish
from onecurve.results.reading import read_curves, read_tables
from onecurve.results.store import Store
from onecurve.results.transfer import export

ABOUT = {"layer": "last", "step": 40, "examples": 12, "features": 5, "inputs": "ab12"}


def matrix_of(seed=0, n=12, k=5):
    drawn = np.random.default_rng(seed).normal(size=(n, k)) * 1e6
    centred = drawn - drawn.mean(0)
    return centred @ centred.T


def entry(matrix, **changes):
    scale = np.abs(matrix).max()
    return packed_gram({**ABOUT, "scale": scale, "values": (matrix / scale)[np.triu_indices(len(matrix))], **changes})


def test_a_matrix_comes_back_within_half_a_unit_of_float16():
    matrix = matrix_of()
    found = gram_from(entry(matrix))
    assert np.abs(found.matrix - matrix).max() <= 2**-11 * np.abs(matrix).max()
    assert (found.matrix == found.matrix.T).all()
    assert (found.layer, found.step, found.features, found.inputs) == ("last", 40, 5, "ab12")
    assert len(entry(matrix)["values"]) == 12 * 13


def test_bytes_of_another_number_of_examples_are_refused():
    with pytest.raises(InputError, match="of 11 examples has 66 numbers, its row holds 78"):
        gram_from({**entry(matrix_of()), "examples": 11})


@pytest.fixture
def kept(tmp_path):
    row = {**empty_row(), "trial_id": "t1", "family": "mlp", "dataset": "glyphs", "recipe": "r", "leg": "decayed"}
    row |= {"recipe_label": "", "rung": "width 4", "n_params": 100, "seed": 3, "status": "ok", "control": None}
    row |= {"step": [0, 40], "x": [0.0, 1.0], "test_loss": [2.0, 1.0], "lr": [1.0, 0.0], "horizon_steps": 40}
    row |= {"examples": [0, 4], "compute": [0.0, 1.0], "lr_integral": [0.0, 1.0], "test_accuracy": [None, None]}
    row |= {"observables": [{"name": "sharpness", "value": [5.0, None]}, {"name": "mine", "value": [1.0, -1.0]}]}
    row["measured"] = [
        {"label": "sharpness", "names": ["sharpness", "other"], "scales": ["ratio", "difference"], "seconds": 0.5}
    ]
    row["grams"] = [entry(matrix_of()), entry(matrix_of(1), layer="middle")]
    store = Store(tmp_path / "run")
    store.write_rows([row, {**row, "trial_id": "t2", "grams": None, "observables": None}], "a" * 16)
    return store


def same(rows):
    found = {row["trial_id"]: list(grams_of(row)) for row in rows}
    assert [gram.layer for gram in found["t1"]] == ["last", "middle"] and found["t2"] == []
    np.testing.assert_array_equal(found["t1"][1].matrix, gram_from(entry(matrix_of(1))).matrix)
    assert found["t1"][0].step == 40


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_exports_bring_them_back(kept, tmp_path, form):
    names = {path.name for path in export(kept, tmp_path / "out", form)}
    assert f"grams.{form}" in names
    same(read_tables([tmp_path / "out"], ["trial_id", "grams"])[0])
    if form == "parquet":
        same(read_tables([tmp_path / "out" / "trials.parquet"], ["trial_id", "grams"])[0])


def test_compaction_keeps_them(kept):
    kept.write_rows([{**kept.table().to_pylist()[1], "trial_id": "t3"}], "b" * 16)
    kept.compact()
    same(kept.table(["trial_id", "grams"]).to_pylist())


def test_published_tables_have_them_in_the_last_tier(kept, tmp_path):
    from onecurve.results.data_card import DataCard
    from onecurve.results.file_list import read_manifest

    card = DataCard(title="t", authors=("a",), licence="MIT", date="2026-01-01", version="1")
    told = ("family", "dataset", "recipe_label", "verdict", "rescaling", "control", "deviation", "upper_bound")
    group = dict.fromkeys((*told, "n_rungs", "n_seeds"))
    publish(kept.table(), None, [group], tmp_path / "out", card, {})
    tiers = {one.name: one.tier for one in read_manifest((tmp_path / "out" / "manifest.json").read_bytes(), "m")}
    assert tiers["grams.parquet"] == tiers["observables.parquet"] == "observables"
    same(read_tables([tmp_path / "out"], ["trial_id", "grams"])[0])


def test_observables_of_an_export_say_their_scale(kept, tmp_path):
    export(kept, tmp_path / "out", "csv")
    told = pl.read_csv(tmp_path / "out" / "observables.csv").select("name", "value", "scale").rows()
    assert told == [("sharpness", 5.0, "ratio"), ("mine", 1.0, None), ("mine", -1.0, None)]


def test_the_scale_is_known_where_the_trials_are_not_beside(kept, tmp_path):
    export(kept, tmp_path / "out", "csv")
    assert read_curves([tmp_path / "out"], "sharpness").curves[0].quantity.scale == "ratio"
    told = {row["trial_id"]: row["measured"] for row in read_tables([tmp_path / "out"], ["trial_id", "measured"])[0]}
    assert told["t1"] == kept.table(["trial_id", "measured"]).to_pylist()[0]["measured"]
    (tmp_path / "out" / "trials.csv").unlink()
    assert read_curves([tmp_path / "out"], "sharpness").curves[0].quantity.scale == "ratio"
    assert read_curves([tmp_path / "out"], "mine").curves[0].quantity.scale == "as-given"
