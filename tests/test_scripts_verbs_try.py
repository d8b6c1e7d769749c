"""`onecurve try`: which data set it takes, what it lays beside a network, what it prints; bad input."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from onecurve.architectures.family import FAMILIES
from onecurve.architectures.flops import n_params
from onecurve.benchmark import runner, trying
from onecurve.benchmark.executors import InProcess
from onecurve.benchmark.resolve import trial
from onecurve.benchmark.sweep import expand, load_sweep
from onecurve.datasets.dataset import DATASETS
from onecurve.errors import InputError
from onecurve.results.store import Store
from onecurve.results.transfer import export
from onecurve.results.trials import spec_from_dict
from onecurve.scripts.verbs.try_ import try_network

FOURIER = {"name": "fourier", "inputs": 2, "modes": 64, "pool": 8192, "test_size": 256}
IMAGES = {"name": "letters-in-noise", "test_size": 64}
NET = """from torch import nn


class MyNet(nn.Module):
    ladder = [6, 9, 12]

    def __init__(self, width, task):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(task.n_inputs, width), nn.ReLU(), nn.Linear(width, task.outputs))

    def forward(self, x):
        return self.net(x)
"""


@pytest.fixture
def recipes(tmp_path, monkeypatch):
    """A recipe of seconds in place of ours, and a network in a file elsewhere."""
    group = {
        "batch_size": 16,
        "peak_lr": 0.01,
        "seeds": 3,
        "horizon": {"rule": "power-law", "steps": 60, "exponent": 0.3},
    }
    vectors = {**group, "families": ["mlp", "resmlp"], "datasets": FOURIER, "rungs": [8, 12, 16]}
    images = {**group, "families": "cnn", "datasets": IMAGES, "rungs": [4, 6, 9]}
    path = tmp_path / "recipes.yaml"
    path.write_text(yaml.safe_dump({"name": "try", "groups": [vectors, images]}))
    monkeypatch.setattr(trying, "RECIPES", str(path))
    net = tmp_path / "elsewhere" / "my_net.py"
    net.parent.mkdir()
    net.write_text(NET)
    return f"{net}:MyNet"


@pytest.fixture
def shipped(recipes, tmp_path, monkeypatch):
    """Curves that were trained under the recipe."""
    sweep = load_sweep(trying.RECIPES)
    sweep = sweep.model_copy(update={"groups": sweep.groups[:1]})
    store = Store(tmp_path / "shipped")
    runner.run(sweep, store, InProcess())
    export(store, tmp_path / "tables", "parquet")
    monkeypatch.setattr(trying, "SHIPPED", tmp_path / "tables" / "trials.parquet")
    return store


def test_a_network_is_laid_over_the_shipped_curves(recipes, shipped, tmp_path, capsys):
    out = tmp_path / "out"
    try_network(recipes, out=str(out), json_file=str(tmp_path / "try.json"), address="in-process")
    said = capsys.readouterr().out
    found = json.loads((tmp_path / "try.json").read_text())
    assert (found["family"], found["trained"], found["shipped_curves"]) == ("MyNet", 9, 18)
    assert found["along"]["nearest"] in ("mlp", "resmlp") and found["along"]["sentence"] in said
    assert found["card"]["sentence"] in said
    assert all((out / "figures" / f"try.{kind}").stat().st_size > 1000 for kind in ("png", "svg", "pdf", "csv"))
    try_network(recipes, out=str(out), address="in-process")
    assert "all found in the table" in capsys.readouterr().out


def test_no_curves_are_shipped_under_another_recipe():
    spec = spec_from_dict(json.loads(pq.read_table(trying.SHIPPED)["spec"][0].as_py()))
    assert len(list(trying.shipped_beside(spec))) > 0
    assert list(trying.shipped_beside(dataclasses.replace(spec, peak_lr=0.02))) == []


def test_only_curves_of_the_same_conditions_stand_beside_it():
    spec = json.loads(pq.read_table(trying.SHIPPED)["spec"][0].as_py())
    same = trying.conditions(spec)
    assert trying.conditions({**spec, "rung": {"width": 99}, "seed": 7, "horizon_steps": 5}) == same
    assert trying.conditions({**spec, "protocol": "0"}) != same
    assert trying.conditions({**spec, "peak_lr": 0.02}) != same
    assert trying.conditions({**spec, "batch_size": 17}) != same


def test_the_cheapest_data_set_that_fits_is_taken(recipes):
    assert trying.sweep_for(recipes).groups[0].datasets[0] == FOURIER
    assert trying.sweep_for("cnn").groups[0].datasets[0] == IMAGES
    assert trying.sweep_for("cnn", "letters-in-noise").groups[0].datasets[0] == IMAGES
    elsewhere = trying.sweep_for("cnn", "digits").groups[0]
    assert elsewhere.datasets == ["digits"] and elsewhere.batch_size == 16


def test_model_sizes_are_a_file_s_own_or_those_of_the_recipe(recipes, tmp_path):
    """A family that a recipe names has its sizes; another has as many parameters, unless its file says its sizes."""
    assert trying.sweep_for("cnn").groups[0].rungs == [{"width": width} for width in (4, 6, 9)]
    assert trying.sweep_for(recipes).groups[0].rungs == [{"width": width} for width in (6, 9, 12)]
    free = tmp_path / "free.py"
    free.write_text(NET.replace("    ladder = [6, 9, 12]\n", ""))
    task = DATASETS.make("fourier", {key: value for key, value in FOURIER.items() if key != "name"}).task
    wanted = [n_params(FAMILIES.make("mlp").build({"width": width}, task)) for width in (8, 12, 16)]
    found = trying.sweep_for(f"{free}:MyNet").groups[0].rungs
    assert [4 * rung["width"] + 1 for rung in found] == pytest.approx(wanted, rel=0.02)


@pytest.mark.parametrize("found", [(8, 16, 24), (8, 16)])
def test_three_widths_are_enough_where_widths_come_in_steps(found, tmp_path, monkeypatch):
    """Four sizes are asked for, and two of them may be nearest to one width."""
    free = tmp_path / "free.py"
    free.write_text(NET.replace("    ladder = [6, 9, 12]\n", ""))
    monkeypatch.setattr(trying, "_widths_of", lambda *_: [{"width": width} for width in found])
    rungs = [rung["width"] for rung in trying.sweep_for(f"{free}:MyNet").groups[0].rungs]
    assert (rungs == list(found)) == (len(found) == 3)


def test_the_example_network_for_text_is_tried_on_text(tmp_path):
    page = Path(__file__).resolve().parent.parent / "docs" / "howto" / "add-my-network.md"
    (text,) = [block for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL) if "TextNet" in block]
    (tmp_path / "text_net.py").write_text(text)
    group = trying.sweep_for(f"{tmp_path / 'text_net.py'}:TextNet").groups[0]
    assert group.datasets[0]["name"] == "markov-text" and len(group.rungs) == 4


def test_what_cannot_be_tried_is_told(recipes, tmp_path):
    with pytest.raises(
        InputError, match="fits none of the data sets that `try` has. fourier: needs token .*; letters-in-noise: "
    ):
        trying.sweep_for("decoder")
    with pytest.raises(InputError, match=r"has 1 rung\(s\): a collapse is asked of 3 or more"):
        trying.sweep_for("torchvision:squeezenet1_1")


def test_the_shipped_table_is_of_the_recipe_that_is_tried():
    rows = [json.loads(text) for text in pq.read_table(trying.SHIPPED)["spec"].to_pylist()]
    stored = [trying.conditions(spec) for spec in rows]
    shipped = {(spec["dataset"]["name"], spec["family"]["name"], spec["rung"]["width"], spec["seed"]) for spec in rows}
    wanted = set()
    for cell in expand(load_sweep("try")):
        spec = trial(cell, 0, batch_size=cell.settings.batch_size, horizon_steps=1, packed=False).to_dict()
        assert trying.conditions(spec) in stored
        wanted |= {(cell.dataset[0], cell.family[0], cell.rung["width"], seed) for seed in cell.settings.seed_list}
    assert shipped == wanted
