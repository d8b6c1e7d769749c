"""`onecurve compare`: two result sets by the command line, and what may not be held together."""

from __future__ import annotations

import json

import numpy as np
import pytest
from onecurve.results.schema import empty_row
from onecurve.results.store import Store


def rows(family="mlp", *, seeds=6, protocol="1", lr=0.01, inputs=2, bend=0.0, level=1.0, first=0, recipe=None, **more):
    """A ladder of three sizes that collapses but for the largest, whose curve bends by so much."""
    x = np.geomspace(0.05, 1.0, 30)
    for number, size in enumerate((100, 200, 400)):
        for seed in range(first, first + seeds):
            rng = np.random.default_rng([number, seed, len(family)])
            noise = 0.002 * rng.standard_normal(30).cumsum() / 5
            more_or_less = 1 + 0.05 * rng.standard_normal()
            shape = np.exp(noise + (bend * more_or_less * (1 - x) if number == 2 else 0.0))
            loss = 0.3 + (1 + (level - 1) * more_or_less) * size**-0.3 * x**-0.5 * shape
            dataset = {"name": "fourier", "version": "1", "params": {"inputs": inputs}, "content": ""}
            spec = {"family": {"name": family, "params": {}}, "dataset": dataset, "peak_lr": lr, "seed": seed,
                    "rung": {"width": size}, "horizon_steps": size, "batch_rule": "", "batch_size": 16}  # fmt: skip
            key = recipe or f"{lr}{protocol}{inputs}"
            steps = list(range(1, 31))
            yield {**empty_row(), "trial_id": f"{family}{key}-{size}-{seed}", "family": family, "dataset": "fourier",
                   "rung": f"width {size}", "n_params": size, "seed": seed, "recipe": key, "recipe_label": f"adam {lr}",
                   "leg": "decayed", "protocol": protocol, "spec": json.dumps(spec), "status": "ok", "attempt": 1,
                   "irreducible_loss": 0.3, "repeats": 1.0, "pool_fraction": 0.0, "horizon_source": "exact",
                   "schema_version": 1, "step": steps, "x": x.tolist(), "examples": steps, "test_loss": loss.tolist(),
                   "compute": x.tolist(), "lr": (1 - x).tolist(), "lr_integral": x.tolist(),
                   "test_accuracy": [None] * 30, **more}  # fmt: skip


@pytest.fixture
def store(tmp_path):
    def write(name, *ladders):
        for number, ladder in enumerate(ladders):
            Store(tmp_path / name).write_rows(list(ladder), f"p{number}")
        return name

    return write


@pytest.fixture
def compared(onecurve):
    """The groups of a comparison, by family."""

    def run(*words):
        done = onecurve("compare", "mine", "published", *words, "--json", "-")
        assert done.returncode == 0, done.stderr
        return {group["family"]: group for group in json.loads(done.stdout)["groups"]}

    return run


def test_the_same_runs_are_the_same_and_their_numbers_are_those_of_analyze(store, compared, onecurve):
    store("mine", rows(), rows("cnn"))
    store("published", rows(), rows("cnn"))
    groups = compared()
    told = {group["family"]: group for group in json.loads(onecurve("analyze", "mine", "--json", "-").stdout)["groups"]}
    for family, group in groups.items():
        assert group["mine"] == group["published"]
        for name in ("deviation", "lower_bound", "upper_bound", "verdict"):
            assert group["mine"][name] == told[family][name]
        assert group["curve"]["reason_code"] == group["last"]["reason_code"] == "set-runs-equal"
        assert (group["changed"], group["verdict_changed"], group["differs"]) == ([], False, [])
    assert "the same runs" in onecurve("compare", "mine", "published").stdout


def test_what_changed_is_told_and_what_did_not_is_not(store, compared, onecurve):
    store("mine", rows("mlp", bend=0.1), rows("cnn", first=50), rows("vit", level=1.02), rows("new"))
    store("published", rows("mlp"), rows("cnn"), rows("vit"), rows("old"))
    groups = compared()
    assert {family: group["changed"] for family, group in groups.items()} == {
        "mlp": ["curve"], "cnn": [], "vit": ["last"], "new": [], "old": []
    }  # fmt: skip
    assert groups["mlp"]["verdict_changed"] and groups["mlp"]["mine"]["verdict"] == "no-collapse"
    curve = groups["mlp"]["curve"]
    assert curve["paired"] and curve["size"] == 400 and curve["low"] <= 0.09 <= curve["high"]
    assert not groups["cnn"]["curve"]["paired"]
    assert groups["new"]["published"] is None and groups["old"]["mine"] is None
    assert {groups[name]["reason_code"] for name in ("new", "old")} == {"set-no-counterpart"}
    said = onecurve("compare", "mine", "published").stdout
    assert "3 groups are in both sets and 2 in one: 2 changed beyond noise" in said and "in mine alone" in said


def test_ranks_are_places_on_the_published_board(store, compared):
    store("mine", rows("new", bend=0.2), rows("a", bend=0.4))
    store("published", *(rows(name, bend=bend) for name, bend in (("a", 0.0), ("b", 0.1), ("c", 0.3))))
    groups = compared()
    ranks = {
        name: [one["rank"] for one in (group["mine"], group["published"]) if one] for name, group in groups.items()
    }
    assert ranks["a"] == [{"rank": 3, "low": 3, "high": 3, "of": 3}, {"rank": 1, "low": 1, "high": 1, "of": 3}]
    assert ranks["new"] == [{"rank": 3, "low": 3, "high": 3, "of": 4}]
    assert ranks["b"] == [{"rank": 2, "low": 2, "high": 2, "of": 3}]


def test_two_versions_of_ones_own_are_paired_by_what_they_are(store, compared):
    store("mine", rows(lr=0.02))
    store("published", rows(lr=0.01))
    assert compared()["mlp"]["differs"] == ["peak_lr: 0.02, published 0.01"]


def test_other_data_of_the_same_name_are_not_held_together(store, onecurve):
    store("mine", rows(inputs=3))
    store("published", rows(inputs=2))
    groups = json.loads(onecurve("compare", "mine", "published", "--json", "-").stdout)["groups"]
    assert {group["reason_code"] for group in groups} == {"set-other-data"} and len(groups) == 2
    assert "dataset.params.inputs: 3, published 2" in groups[0]["reason"]


def test_another_protocol_is_refused_by_name(store, onecurve):
    store("mine", rows(protocol="2"))
    store("published", rows(protocol="1"))
    done = onecurve("compare", "mine", "published")
    assert done.returncode == 2 and "mine is of protocol 2, the published set of protocol 1" in done.stderr


def test_one_group_of_another_protocol_is_left_out_with_its_reason(store, compared):
    store("mine", rows(protocol="2"), rows("cnn"))
    store("published", rows(protocol="1"), rows("cnn"))
    groups = compared()
    assert groups["mlp"]["reason_code"] == "set-other-protocol" and groups["cnn"]["reason"] is None


def test_another_schema_is_refused_by_name(store, onecurve):
    store("mine", rows())
    store("published", rows(schema_version=2))
    done = onecurve("compare", "mine", "published")
    assert done.returncode == 2 and "'published' has version 2 of the result table" in done.stderr


def test_several_settings_of_one_family_are_not_guessed(store, compared):
    store("mine", rows(lr=0.04))
    store("published", rows(lr=0.01), rows(lr=0.02))
    assert compared()["mlp"]["reason_code"] == "set-several-settings"


def test_somebody_elses_table_is_compared(tmp_path, store, onecurve):
    store("published", rows())
    lines = ["family,dataset,size,seed,x,loss,irreducible_loss"]
    lines += [f"mlp,fourier,{r['n_params']},{r['seed']},{x!r},{loss!r},0.3" for r in rows()
              for x, loss in zip(r["x"], r["test_loss"], strict=True)]  # fmt: skip
    (tmp_path / "mine.csv").write_text("\n".join(lines))
    done = onecurve("compare", "mine.csv", "published", "--json", "-")
    (group,) = json.loads(done.stdout)["groups"]
    assert group["mine"]["deviation"] == pytest.approx(group["published"]["deviation"], rel=1e-9)


def test_a_published_folder_is_compared_after_it_was_pulled(store, onecurve):
    store("mine", rows("mlp", bend=0.1))
    store("run", rows("mlp"))
    for words in (("publish", "run", "--to", "pub"), ("pull", "pub", "--to", "copy", "--tier", "curves")):
        assert onecurve(*words).returncode == 0
    direct, pulled = (
        json.loads(onecurve("compare", "mine", name, "--json", "-").stdout)["groups"] for name in ("run", "copy")
    )
    assert direct == pulled
