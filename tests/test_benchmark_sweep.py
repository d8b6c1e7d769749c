"""Sweep files: what they expand to, and how bad ones are refused."""

from __future__ import annotations

import pytest
import yaml
from onecurve.benchmark.sweep import expand, load_sweep, sweep_names
from onecurve.errors import InputError

GROUP = {
    "families": "mlp",
    "datasets": "fourier",
    "rungs": [24, 34],
    "seeds": 2,
    "horizon": {"rule": "power-law", "steps": 200, "exponent": 1.0},
}


def written(tmp_path, value):
    path = tmp_path / "s.yaml"
    path.write_text(value if isinstance(value, str) else yaml.safe_dump(value))
    return str(path)


def sweep(tmp_path, top=None, **changes):
    return written(tmp_path, {"name": "s", "groups": [{**GROUP, **changes}], **(top or {})})


def test_a_sweep_expands_to_its_cells(tmp_path):
    cells = expand(load_sweep(sweep(tmp_path, families=["mlp", "resmlp"])))
    assert [(c.family[0], c.rung["width"]) for c in cells] == [("mlp", 24), ("mlp", 34), ("resmlp", 24), ("resmlp", 34)]
    assert all(c.first_rung == {"width": 24} and c.settings.seed_list == [0, 1] for c in cells)


def test_training_lengths_can_be_stated_at_a_number_of_parameters(tmp_path):
    rule = {"rule": "power-law", "steps": 600, "exponent": 1.5}
    own, stated = (load_sweep(sweep(tmp_path, horizon={**rule, **at})).groups[0].horizon for at in ({}, {"at": 1000}))
    assert [own.horizon(p, 500, 1) for p in (500, 2000)] == [600, 4800]
    assert [stated.horizon(p, 500, 1) for p in (250, 1000, 4000)] == [75, 600, 4800]
    assert (own.label("width 8"), stated.label("width 8")) == ("600 (p/p1)^1.5, p1 at width 8", "600 (p/1000)^1.5")
    assert own.model_dump() == rule, "the requests of older sweeps stay what they were"


def test_defaults_groups_and_set_in_that_order(tmp_path):
    source = sweep(tmp_path, {"defaults": {"peak_lr": 0.5, "batch_size": 7}}, batch_size=8)
    settings = expand(load_sweep(source))[0].settings
    assert (settings.peak_lr, settings.batch_size) == (0.5, 8)
    assert expand(load_sweep(source, ["batch_size=9"]))[0].settings.batch_size == 9


def test_only_keeps_what_was_asked_for(tmp_path):
    loaded = load_sweep(sweep(tmp_path, families=["mlp", "resmlp"]))
    assert {c.family[0] for c in expand(loaded, {"family": "resmlp"})} == {"resmlp"}
    with pytest.raises(InputError, match="unknown family in this sweep: 'resmpl'. Did you mean 'resmlp'"):
        expand(loaded, {"family": "resmpl"})


@pytest.mark.parametrize("name", ["quick", "core", "full", "negatives"])
def test_built_in_sweeps_expand(name):
    assert name in sweep_names()
    cells = expand(load_sweep(name))
    controls = {c.settings.control for c in cells}
    assert {"holds", "fails", None} <= controls


@pytest.mark.parametrize(("name", "families", "datasets"), [("core", 5, 4), ("full", 30, 10)])
def test_larger_sweeps_have_whole_ladders(name, families, datasets):
    cells = [c for c in expand(load_sweep(name)) if c.settings.control is None]
    assert len({c.family[0] for c in cells}) >= families and len({c.dataset[0] for c in cells}) >= datasets
    for family in {c.family[0] for c in cells}:
        assert len({tuple(c.rung.values()) for c in cells if c.family[0] == family}) >= 5
    assert all(len(c.settings.seed_list) >= 5 for c in cells)


def test_networks_of_quick_train_as_long_as_pilots_found():
    """Few ladders of five sizes and more, at tuned rates, some with so many seeds that a small deviation is seen."""
    cells = [c for c in expand(load_sweep("quick")) if c.settings.control is None]
    assert {(c.settings.horizon_source, c.settings.tuned) for c in cells} == {("pilot", "yes")}
    assert len({c.family[0] for c in cells}) >= 2 and max(len(c.settings.seed_list) for c in cells) >= 16
    averaged = [c for c in cells if "averaged-loss" in c.settings.record]
    assert len(averaged) == 4 and {c.settings.schedule for c in averaged} == {"constant"}
    assert min(seed for c in averaged for seed in c.settings.seed_list) >= 64, "the pilot saw the seeds before"
    for family in {c.family[0] for c in cells}:
        assert len({tuple(c.rung.values()) for c in cells if c.family[0] == family}) >= 5


def test_a_rung_may_take_more_of_a_node_than_another(tmp_path):
    cells = expand(load_sweep(sweep(tmp_path, rungs=[8, 12, 16], resources={"cpus": 2, "gpus": [0, 0, 0.25]})))
    assert {(c.rung["width"], *c.takes) for c in cells} == {(8, 2, 0), (12, 2, 0), (16, 2, 0.25)}
    with pytest.raises(InputError, match="gpus has 2 numbers for 3 rungs"):
        expand(load_sweep(sweep(tmp_path, rungs=[8, 12, 16], resources={"gpus": [0, 1]})))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"peak_rl": 0.1}, "'peak_rl'. Did you mean 'peak_lr'"),
        ({"families": "mpl"}, "unknown family 'mpl'. Did you mean 'mlp'"),
        ({"datasets": "furier"}, "unknown data set 'furier'. Did you mean 'fourier'"),
        ({"families": {"name": "mlp", "dpeth": 2}}, "'dpeth'. Did you mean 'depth'"),
        ({"rungs": []}, "the ladder of family 'mlp' is empty"),
        ({"rungs": [24, 24]}, "names a rung twice"),
        ({"rungs": 40}, "has 6 rungs, 40 were asked for"),
        ({"rungs": [{"depth": 3}]}, "no rung"),
        ({"rungs": [-3]}, "no rung"),
        ({"families": "vit", "rungs": 2}, "family 'vit' does not fit data set 'fourier'"),
        ({"peak_lr": -0.1}, r"groups.0.peak_lr: .*greater than 0.*-0.1"),
        ({"peak_lr": "fast"}, "groups.0.peak_lr"),
        ({"seeds": 0}, "groups.0.seeds"),
        ({"schedule": "linaer"}, "unknown schedule 'linaer'.*'linear'"),
        ({"horizon": {"rule": "steps", "step": 3}}, "horizon"),
        ({"horizon": {"rule": "forever"}}, "Allowed: .*examples-per-parameter"),
        ({"horizon": 5}, "horizon"),
    ],
)
def test_bad_groups_are_refused_with_the_reason(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        expand(load_sweep(sweep(tmp_path, **change)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"name": "s", "group": [GROUP]}, "'group'. Did you mean 'groups'"),
        ({"name": "s", "groups": []}, "groups"),
        ({"name": "../s", "groups": [GROUP]}, "name"),
        ({"name": "s", "margin": 3, "groups": [GROUP]}, "margin"),
        ({"name": "s", "defaults": {"seed": 3}, "groups": [GROUP]}, "'seed'. Did you mean 'seeds'"),
        ("- a\n- b\n", "a sweep file is a mapping"),
        ("", "a sweep file is a mapping"),
        ("name: [s\n", "not plain YAML"),
        ("name: !!python/object/apply:os.system ['touch /tmp/onecurve-was-run']\n", "not plain YAML"),
    ],
)
def test_bad_files_are_refused_with_the_reason(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        expand(load_sweep(written(tmp_path, content)))


def test_a_tag_that_would_run_code_runs_nothing(tmp_path):
    mark = tmp_path / "ran"
    with pytest.raises(InputError):
        load_sweep(
            written(
                tmp_path,
                f"name: !!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{mark}']]",
            )
        )
    assert not mark.exists()


@pytest.mark.parametrize("source", ["nothing.yaml", "some/where", "quikc"])
def test_a_sweep_that_is_not_there(source):
    with pytest.raises(InputError, match="quick"):
        load_sweep(source)


@pytest.mark.parametrize(
    ("pair", "message"),
    [("peak_lr", "key=value"), ("paek_lr=1", "Did you mean 'peak_lr'"), ("peak_lr=-1", "greater than 0")],
)
def test_bad_overrides(tmp_path, pair, message):
    with pytest.raises(InputError, match=message):
        load_sweep(sweep(tmp_path), [pair])
