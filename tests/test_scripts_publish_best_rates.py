"""The table of best rates: where families are tried, and the linear models beside them."""

import math
from types import SimpleNamespace

import pytest
import torch
from onecurve.architectures.family import FAMILIES
from onecurve.datasets.dataset import TestSet
from onecurve.results.store import Store
from onecurve.scripts.publish import best_rates
from onecurve.scripts.publish.best_rates import home, pairs_loss, sweep, table
from onecurve.task import Task


def test_every_family_has_a_home_and_three_rates_at_both_ends_of_its_ladder():
    for name in FAMILIES.names():
        ladder = FAMILIES.make(name).ladder
        groups = sweep([name], 2).groups
        assert [group.peak_lr for group in groups] == list(best_rates.RATES)
        assert [dict(rung) for rung in groups[0].rungs] == [dict(ladder[0]), dict(ladder[-1])]
    assert home("decoder")[0]["name"] == "pysource" and home("lstm")[0]["name"] == "glyphs"


def test_the_frequencies_of_pairs_are_the_linear_model_of_tokens():
    task = Task(kind="tokens", shape=(4,), outputs=3, loss="cross_entropy", vocabulary=3)
    inputs, targets = torch.tensor([[0, 1, 0, 1], [0, 1, 0, 1]]), torch.tensor([[1, 0, 1, 2], [1, 0, 1, 2]])
    stream = SimpleNamespace(batch=lambda step, size: (inputs, targets))
    test = TestSet(inputs=torch.tensor([[0, 1, 1, 0]]), targets=torch.tensor([[1, 0, 2, 1]]))
    text = SimpleNamespace(task=task, stream=lambda seed: stream, test_set=lambda: test)
    loss = pairs_loss(text, 500)
    assert loss == pytest.approx(math.log(2) / 2, abs=1e-3)  # after 0 comes 1, after 1 one of two
    assert pairs_loss(text, 1) > loss + 0.01


def test_a_row_is_in_order_where_size_helps_and_the_linear_model_is_worse(monkeypatch):
    def row(family, n_params, loss, dataset="glyphs", status="ok"):
        common = {"family": family, "dataset": dataset, "peak_lr": 0.01, "seed": 0, "status": status}
        return {**common, "n_params": n_params, "test_loss": [9.0, loss]}

    rows = [row("deeplinear", 9, 2.0), row("deeplinear", 99, 1.5)]
    rows += [row("good", 10, 1.6), row("good", 20, 1.2)]
    rows += [row("shrinking", 10, 1.2), row("shrinking", 20, 1.3)]
    rows += [row("linear-like", 10, 1.9), row("linear-like", 20, 1.6)]
    rows += [row("text", 10, 2.6, "pysource"), row("text", 20, 2.5, "pysource")]
    rows += [row("lost", 10, 1.2, status="diverged"), row("lost", 20, 1.1)]
    monkeypatch.setattr(best_rates, "pairs_loss", lambda *_: 2.47)
    monkeypatch.setattr(Store, "table", lambda *_: SimpleNamespace(to_pylist=lambda: rows))
    verdicts = {line.split(" | ")[0][2:]: line for line in table(Store("nowhere"))[2:]}
    ends = {name: line.endswith("| yes |") for name, line in verdicts.items()}
    assert ends == {
        "deeplinear": True,
        "good": True,
        "shrinking": False,
        "linear-like": False,
        "text": False,
        "lost": False,
    }
    assert "| 2.470 |" in verdicts["text"] and "none ended well" in verdicts["lost"]
