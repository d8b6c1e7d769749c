"""Batches that scale with the ladder: why label noise asks for them, by exact recursion and by a small sweep."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import yaml
from onecurve.benchmark import resolve, runner
from onecurve.benchmark.batch import PowerLawBatch, batch_size
from onecurve.benchmark.executors import InProcess
from onecurve.benchmark.sweep import Sweep, expand, load_sweep
from onecurve.benchmark.sweep_plan import plan_sweep
from onecurve.collapse.analysis import analyze
from onecurve.collapse.truths.least_squares import Spectrum, sgd_excess
from onecurve.datasets.dataset import DATASETS
from onecurve.datasets.synthetic import PowerLawRegression
from onecurve.errors import InputError
from onecurve.results.reading import read_curves
from onecurve.results.store import Store

SIZES = np.array([8, 16, 32, 64])
RULE = PowerLawBatch(rule="power-law", size=4, exponent=0.8)  # the end excess of this spectrum goes as N^-(source - 1)


def exact_deviation(batches, label_variance: float) -> float:
    """Largest |z - mean z| of ``z = ln[E(x)/E(1)]``: constant rate .3, horizons 2 N^1.5, one batch size a rung."""
    x, rows = np.geomspace(0.1, 0.98, 24), []
    for size, batch in zip(SIZES, batches, strict=True):
        steps = round(2 * size**1.5)
        excess = sgd_excess(Spectrum(), int(size), np.full(steps, 0.3), batch=batch, label_variance=label_variance)
        rows.append(np.interp(np.log(x), np.log(np.arange(1, steps + 1) / steps), np.log(excess[1:] / excess[-1])))
    return float(np.abs(rows - np.mean(rows, axis=0)).max())


def test_rule_by_hand():
    assert [RULE.batch(int(n), 8) for n in SIZES] == [4, 7, 12, 21]
    assert [batch_size(32, n, 8) for n in (8, 64)] == [32, 32]
    assert PowerLawBatch(rule="power-law", size=2, exponent=-9).batch(1000, 1) == 1


def test_exact_recursion_with_and_without_the_rule():
    fixed, scaled = [4] * 4, [RULE.batch(int(n), 8) for n in SIZES]
    assert exact_deviation(fixed, 0.0) == pytest.approx(0.009, abs=0.001)
    assert exact_deviation(fixed, 0.5) == pytest.approx(0.154, abs=0.001)
    assert exact_deviation(scaled, 0.5) == pytest.approx(0.009, abs=0.001)


@dataclasses.dataclass(frozen=True)
class NoisyRegression(PowerLawRegression):
    """The control's regression with noise of variance .5 on its labels: its floor is .5, its test loss a formula."""

    name = "noisy-regression"

    @property
    def hidden_variance(self) -> float:
        return super().hidden_variance + 0.5

    @property
    def population_loss(self) -> float:
        return 0.5


def write(path, **changes):
    """A ladder at constant rate whose horizons and, under the rule, batches follow the exact exponents."""
    group = {"families": "linear", "datasets": "noisy-regression", "rungs": SIZES.tolist(), "seeds": 32, "pack": True}
    group |= {"optimizer": "sgd", "parametrization": "standard", "schedule": "constant", "warmup_fraction": 0}
    group |= {"peak_lr": 0.15, "batch_size": 4, "horizon": {"rule": "power-law", "steps": 45, "exponent": 1.5}}
    path.write_text(yaml.safe_dump({"name": path.stem, "groups": [{**group, **changes}]}))
    return load_sweep(str(path))


def test_a_sweep_on_noisy_labels_collapses_under_the_rule_alone(tmp_path, monkeypatch):
    monkeypatch.setitem(DATASETS._entries, "noisy-regression", NoisyRegression)
    found = {}
    for name, batch in (("fixed", 4), ("scaled", RULE.model_dump())):
        sweep = write(tmp_path / f"{name}.yaml", batch_size=batch, horizon_source="exact")
        runner.run(sweep, Store(tmp_path / name), InProcess())
        (found[name],) = analyze(read_curves([tmp_path / name]), rng=np.random.default_rng(0), resamples=199).groups
    assert found["fixed"].n_rungs == found["scaled"].n_rungs == 4  # batches differ, the recipe is one
    assert found["fixed"].p_trend < 0.02 < 0.05 < found["scaled"].p_trend
    assert found["fixed"].deviation > 2 * found["scaled"].deviation
    rows = Store(tmp_path / "scaled").table(["batch_size", "batch_rule", "recipe_label", "examples"]).to_pylist()
    assert {row["batch_size"] for row in rows} == {4, 7, 12, 21}
    assert {row["batch_rule"] for row in rows} == {"4 (p/p1)^0.8, p1 at features 8"}
    assert all(row["examples"][1] % row["batch_size"] == 0 for row in rows)
    assert "batch 4 (p/p1)^0.8, p1 at features 8, horizon" in rows[0]["recipe_label"]
    planned = plan_sweep(sweep, Store(tmp_path / "scaled"), {})
    assert (planned["n_trials"], planned["n_done"]) == (128, 128)


def cells(**changes):
    teacher = {"name": "fourier", "inputs": 2, "modes": 64, "pool": 8192, "test_size": 256}
    group = {"families": ["mlp"], "datasets": [teacher], "rungs": [16], "horizon": {"rule": "steps", "steps": 40}}
    return expand(Sweep.model_validate({"name": "a", "groups": [{**group, **changes}]}))


def test_cells_of_older_locks_keep_their_keys():
    assert [resolve.cell_key(cell) for cell in cells()] == ["9f3e88803e72cb9b"]
    assert resolve.cell_key(cells(views=True)[0]) == "9f3e88803e72cb9b"
    others = [*cells(batch_size=RULE), *cells(batch_size=4), *cells(train_size=[100, 200, 100])]
    assert len({resolve.cell_key(cell) for cell in others}) == len(others) == 4


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("batch_size=0", "batch_size: not a batch size; allowed: a whole number from 1, or {rule: power-law"),
        ("batch_size=true", "batch_size: not a batch size"),
        ("batch_size={rule: power-law, size: 4}", "the rule's exponent: Field required"),
        ("batch_size={rule: power-law, size: 4, exponent: 1, of: 2}", "the rule's of: Extra inputs"),
        ("train_size=[]", "train_size: not a training set; allowed: a number of examples from 1, or a list"),
        ("train_size=[10, 2.5]", "train_size: not a training set"),
    ],
)
def test_bad_settings_are_told_in_one_message(setting, message):
    with pytest.raises(InputError) as raised:
        load_sweep("quick", [setting])
    assert message in str(raised.value)
