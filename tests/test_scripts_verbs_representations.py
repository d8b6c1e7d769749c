"""`onecurve representations`: from a sweep to its tables and its figure, and what it refuses."""

import json

import pytest
import yaml

GROUP = {
    "families": ["mlp", "resmlp"],
    "datasets": [{"name": "fourier", "inputs": 2, "modes": 64, "pool": 4096, "test_size": 64}],
    "rungs": [8, 12],
    "seeds": 3,
    "batch_size": 16,
    "peak_lr": 0.01,
    "horizon": {"rule": "steps", "steps": 20},
    "record": [{"name": "gram", "examples": 16}],
}


@pytest.fixture
def trained(onecurve, tmp_path):
    def run(name="reps", **changes):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump({"name": name, "groups": [{**GROUP, **changes}]}))
        done = onecurve("run", f"{name}.yaml", "--out", name, "--address", "in-process")
        assert done.returncode == 0, done.stderr
        return name

    return run


def test_tables_figure_and_json(trained, onecurve, tmp_path):
    trained()
    done = onecurve("representations", "reps", "--to", "figures")
    assert done.returncode == 0, done.stderr
    assert "debiased CKA of the last layer on 16 test inputs of fourier" in done.stdout
    assert (tmp_path / "figures" / "representations-fourier-middle.png").stat().st_size > 10_000
    written = onecurve("representations", "reps", "--measure", "procrustes", "--layer", "last", "--json", "-")
    (found,) = json.loads(written.stdout)["comparisons"]
    assert found["measure"] == "procrustes" and len(found["with_size"]) == 3
    kinds = [row["kind"] for row in found["comparisons"]]
    assert kinds == ["one size"] * 4 + ["neighbouring sizes"] * 2 + ["two families"]
    assert all(0 < row["trained"]["value"] < 2 for row in found["comparisons"])

    onecurve("export", "reps", "--format", "csv", "--to", "tables")
    again = onecurve("representations", "tables", "--measure", "procrustes", "--layer", "last", "--json", "-")
    assert json.loads(again.stdout)["comparisons"] == [found]


def test_a_family_without_hidden_layers_says_so_and_the_others_go_on(trained, onecurve, tmp_path):
    linear = {"name": "smalllinear", "depth": 1}
    trained("flat", families=[linear, "mlp"], rungs=[8], parametrization="standard")
    from onecurve.results.store import Store

    rows = Store(tmp_path / "flat").table(["family", "status", "reason", "grams"]).to_pylist()
    flat = [row for row in rows if row["family"] == "smalllinear"]
    assert all(row["status"] == "ok" and "no hidden layer" in row["reason"] and not row["grams"] for row in flat)
    found = json.loads(onecurve("representations", "flat", "--layer", "last", "--json", "-").stdout)
    assert {row["first"][0] for row in found["comparisons"][0]["comparisons"]} == {"mlp"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--measure", "ckaa"], "unknown measure 'ckaa'. Did you mean 'cka'"),
        (["--layer", "lst"], "unknown layer 'lst'. Did you mean 'last'"),
    ],
)
def test_what_is_unknown_is_said(onecurve, words, said):
    done = onecurve("representations", "nowhere", *words)
    assert done.returncode == 2 and said in done.stderr


def test_results_without_matrices_say_how_to_keep_them(trained, onecurve):
    trained("plain", record=[], families=["mlp"], rungs=[8])
    done = onecurve("representations", "plain")
    assert done.returncode == 2 and "record: [gram]" in done.stderr and "Traceback" not in done.stderr
