"""Calibration, margins and losses of classes against plain loops over examples."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from onecurve.benchmark.observables.observable import observable_from
from onecurve.benchmark.train import train
from onecurve.errors import InputError
from onecurve.task import Task
from small_trials import GLYPHS, small_trial

IMAGES = Task(kind="vector", shape=(2,), outputs=4, loss="cross_entropy")
TEXT = Task(kind="tokens", shape=(5,), outputs=4, loss="cross_entropy", vocabulary=4)
RECORD = [observable_from(name) for name in ("calibration", "margin", "class-loss")]


def values(name, task, outputs, targets):
    """Of two networks, read in three chunks."""
    reader = observable_from(name).reader(SimpleNamespace(dataset=SimpleNamespace(task=task)))
    for rows in (slice(0, 100), slice(100, 150), slice(150, None)):
        reader.take(rows, outputs[:, rows], targets[rows].expand(2, *targets[rows].shape))
    return reader.values().numpy()


def drawn(task, soft):
    generator = torch.Generator().manual_seed(0)
    shape = (200, *task.shape) if task.kind == "tokens" else (200,)
    outputs = 2 * torch.randn(2, *shape, 4, generator=generator)
    truth = torch.rand(*shape, 4, generator=generator).softmax(-1)
    return outputs, truth if soft else truth.argmax(-1)


def weighted(task, outputs, targets, row):
    """Logits, class and weight of each example and class that counts."""
    logits = outputs[row].reshape(-1, 4).double().numpy()
    if targets.is_floating_point():
        truth = targets.reshape(-1, 4).double().numpy()
        return [(f, c, p[c]) for f, p in zip(logits, truth, strict=True) for c in range(4)]
    return [(f, int(c), 1.0) for f, c in zip(logits, targets.reshape(-1), strict=True)]


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("task", [IMAGES, TEXT], ids=lambda task: task.kind)
def test_classes_are_those_of_plain_loops(task, soft):
    outputs, targets = drawn(task, soft)
    error, margins, losses = (values(name, task, outputs, targets) for name in ("calibration", "margin", "class-loss"))
    for row in range(2):
        cases = weighted(task, outputs, targets, row)
        bins = np.zeros((15, 2))
        spent, count = np.zeros(4), np.zeros(4)
        seen = []
        for f, c, weight in cases:
            q = np.exp(f) / np.exp(f).sum()
            bins[math.ceil(q.max() * 15) - 1] += weight * np.array([f.argmax() == c, q.max()])
            spent[c] -= weight * np.log(q[c])
            count[c] += weight
            seen.append((f[c] - np.delete(f, c).max(), weight))
        total = count.sum()
        assert error[row, 0] == pytest.approx(np.abs(bins[:, 0] - bins[:, 1]).sum() / total, abs=1e-9)
        assert losses[row] == pytest.approx(spent / count, rel=1e-6)
        seen.sort()
        shares = np.cumsum([weight for _, weight in seen]) / total
        by_hand = [seen[np.argmax(shares >= level * (1 - 1e-9))][0] for level in (0.05, 0.25, 0.5, 0.75, 0.95)]
        assert margins[row] == pytest.approx(by_hand, abs=1e-6)


def test_a_class_without_examples_is_missing():
    found = values("class-loss", IMAGES, torch.zeros(2, 200, 4), torch.zeros(200, dtype=torch.int64))
    assert found[0, 0] == pytest.approx(math.log(4)) and np.isnan(found[0, 1:]).all()


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    """Bins are ``((m - 1)/M, m/M]``: .5 lies with what is less sure, .6 above."""
    task = Task(kind="vector", shape=(2,), outputs=2, loss="cross_entropy")
    reader = observable_from({"name": "calibration", "bins": 4}).reader(
        SimpleNamespace(dataset=SimpleNamespace(task=task))
    )
    logits = torch.tensor([[[0.0, 0.0], [math.log(0.6 / 0.4), 0.0]]], dtype=torch.float64)
    wrong = 1 - logits[0, 0].softmax(-1).argmax()
    reader.take(slice(0, 2), logits, torch.stack([wrong, torch.tensor(0)])[None])
    assert reader.values().item() == pytest.approx((0.5 + 0.4) / 2)


def test_they_change_no_curve_and_do_not_depend_on_the_pack():
    pack = [small_trial("resmlp", GLYPHS, horizon_steps=12, seed=seed) for seed in range(3)]
    plain, seen = train(pack), train(pack, record=RECORD)
    assert [trial.test_loss for trial in plain] == [trial.test_loss for trial in seen]
    assert train(pack[1:2], record=RECORD)[0].observables == seen[1].observables
    alone = [small_trial("resmlp", GLYPHS, horizon_steps=12, packed=False)]
    assert train(alone)[0].test_loss == train(alone, record=RECORD)[0].test_loss
    at_end = {name: series[-1] for name, series in seen[0].observables.items()}
    assert np.mean([at_end[f"class_loss {c}"] for c in range(4)]) == pytest.approx(seen[0].test_loss[-1], rel=0.05)


@pytest.mark.parametrize("name", ["calibration", "margin", "class-loss", "neural-collapse"])
def test_a_task_without_classes_is_refused_with_the_reason(name, tiny):
    from onecurve.benchmark.sweep import expand, load_sweep

    with pytest.raises(InputError, match=f"'{name}' cannot be recorded for .*: the task has no classes"):
        expand(load_sweep(str(tiny(record=[name]))))


def test_a_reader_that_fails_is_named_and_the_others_go_on(monkeypatch):
    def broken(self, rows, outputs, targets):
        raise ValueError("no such thing")

    monkeypatch.setattr("onecurve.benchmark.observables.margin._Margins.take", broken)
    (seen,) = train([small_trial("resmlp", GLYPHS, horizon_steps=12)], record=RECORD)
    assert seen.status == "ok" and seen.reason == "margin was not recorded: ValueError: no such thing"
    assert None not in seen.observables["calibration_error"] and set(seen.observables["margin_q50"]) == {None}
