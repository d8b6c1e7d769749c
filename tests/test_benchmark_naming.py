"""Families by name in a sweep: what is pinned, which rung is refused, a user's file that changed."""

from __future__ import annotations

import pytest
import yaml
from onecurve.benchmark import runner
from onecurve.benchmark.executors import InProcess
from onecurve.benchmark.resolve import trial
from onecurve.benchmark.sweep import expand, load_sweep
from onecurve.errors import InputError
from onecurve.results.store import Store

GLYPHS = {"name": "glyphs", "classes": 2, "pixels": 8, "test_size": 60}
FOURIER = {"name": "fourier", "inputs": 2, "modes": 64, "pool": 8192, "test_size": 256}
VIT = {"name": "timm:VisionTransformer", "embed_dim": "w", "depth": 1, "num_heads": "w/8"}
NET = """from torch import nn


class MyNet(nn.Module):
    def __init__(self, width, task):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(task.n_inputs, width), nn.Tanh(), nn.Linear(width, task.outputs))

    def forward(self, x):
        return self.net(x)
"""


@pytest.fixture
def sweep(tmp_path):
    def write(**group):
        path = tmp_path / "s.yaml"
        settings = {"seeds": 2, "batch_size": 8, "horizon": {"rule": "steps", "steps": 20}, **group}
        path.write_text(yaml.safe_dump({"name": "s", "groups": [settings]}))
        return load_sweep(str(path))

    return write


@pytest.fixture
def mine(tmp_path_factory):
    path = tmp_path_factory.mktemp("elsewhere") / "my_net.py"
    path.write_text(NET)
    return path


def ids(cells):
    return [trial(cell, 0, batch_size=8, horizon_steps=20, packed=False).trial_id for cell in cells]


def test_the_first_rung_of_a_zoo_model_is_its_base_unless_it_says_another(sweep):
    cells = expand(sweep(families=VIT, datasets=GLYPHS, rungs=[8, 16]))
    assert [cell.rung for cell in cells] == [{"width": 8}, {"width": 16}]
    assert {cell.family[1]["base"]["width"] for cell in cells} == {8}
    kept = expand(sweep(families={**VIT, "base": 8}, datasets=GLYPHS, rungs=[16, 24]))
    assert ids(kept)[0] == ids(cells)[1]  # equal steps for all: the base decides, not what else is trained
    assert ids(expand(sweep(families=VIT, datasets=GLYPHS, rungs=[16, 24])))[0] != ids(cells)[1]
    spec = trial(cells[1], 0, batch_size=8, horizon_steps=20, packed=False)
    assert spec.parametrization.params == {"base": "width 8"} and spec.family.params["num_heads"] == "w/8"


def test_rungs_of_width_and_depth_have_one_order(sweep):
    family = {**VIT, "depth": "d"}
    cells = expand(
        sweep(
            families=family,
            datasets=GLYPHS,
            rungs=[{"depth": 1, "width": 8}, {"width": 8, "depth": 2}],
            parametrization="standard",
        )
    )
    assert [list(cell.rung.items()) for cell in cells] == [[("width", 8), ("depth", 1)], [("width", 8), ("depth", 2)]]


def test_a_model_without_a_width_gets_one_rung_and_says_so(sweep):
    fixed = {"name": "timm:VisionTransformer", "embed_dim": 16, "depth": 1, "num_heads": 2}
    with pytest.warns(UserWarning, match="timm:VisionTransformer has no argument written with w or d: one rung"):
        (cell,) = expand(sweep(families=fixed, datasets=GLYPHS))
    assert cell.rung == {"fixed": 1}
    with pytest.raises(InputError, match="no argument is written with w or d, so it has one fixed size"):
        expand(sweep(families=fixed, datasets=GLYPHS, rungs=[8, 12]))


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ({"families": VIT}, "'timm:VisionTransformer' has no ladder of its own: give rungs, such as"),
        ({"families": VIT, "rungs": [8, 12]}, "width 12 of family .* does not fit data set 'glyphs': `num_heads: w/8`"),
        ({"families": VIT, "rungs": [{"width": 8, "depth": 2}]}, "a rung gives width as positive whole numbers"),
        (
            {"families": {**VIT, "depth": "d"}, "rungs": [8]},
            "has several knobs: write each as {'width': 8, 'depth': 8}",
        ),
        ({"families": "nowhere/net.py:Net"}, "the file 'nowhere/net.py' of a network is not there"),
        ({"families": "timm:ViT"}, "timm has no class 'ViT'"),
    ],
)
def test_bad_rungs_and_names_are_refused(sweep, group, message):
    with pytest.raises(InputError, match=message):
        expand(sweep(datasets=GLYPHS, **group))


def test_two_models_of_one_class_stand_in_one_sweep(sweep, tmp_path):
    families = [VIT, {**VIT, "mlp_ratio": 2}]
    asked = sweep(families=families, datasets=GLYPHS, rungs=[8, 16])
    assert runner.run(asked, Store(tmp_path / "run"), InProcess()).statuses == {"ok": 8}
    assert runner.run(asked, Store(tmp_path / "run"), InProcess()).found == 8


def test_a_users_file_that_changed_is_noticed(sweep, mine, tmp_path):
    asked = sweep(families=f"{mine}:MyNet", datasets=FOURIER, rungs=[8, 12])
    store = Store(tmp_path / "run")
    runner.run(asked, store, InProcess())
    mine.write_text("# a remark changes nothing\n" + NET)
    assert runner.run(asked, store, InProcess()).found == 4
    mine.write_text(NET.replace("Tanh", "ReLU"))
    with pytest.raises(InputError, match="my_net.py:MyNet changed since 4 trials were stored: raise its version, or"):
        runner.run(asked, store, InProcess())
    assert runner.run(asked, store, InProcess(), refresh=True).found == 0
    mine.write_text(NET.replace("def __init__", "version = 2\n\n    def __init__"))
    assert runner.run(asked, store, InProcess()).statuses == {"ok": 4}
