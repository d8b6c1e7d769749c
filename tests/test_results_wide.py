"""Tables whose metrics are columns: each can be asked for, two are two questions, and what there is not is named."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from onecurve.errors import InputError
from onecurve.results.layout import Layout
from onecurve.results.reading import read_curves

POINTS = 20


def table() -> pl.DataFrame:
    """Three sizes, two seeds, 20 evaluations, a power law above 1.7."""
    rng, x = np.random.default_rng(0), np.arange(1, POINTS + 1) / POINTS
    frames = []
    for size in (7e7, 1.6e8, 4.1e8):
        for seed in (0, 1):
            loss = 1.7 + 30 * size**-0.1 * x**-0.4 * np.exp(0.003 * rng.standard_normal(POINTS).cumsum())
            columns = {"family": "gpt", "dataset": "web", "size": size, "seed": seed}
            frames.append(pl.DataFrame({**columns, "step": (x * 1000).astype(int), "loss": loss}))
    return pl.concat(frames)


def wide(**metrics) -> pl.DataFrame:
    """The table with metrics that follow the loss as columns."""
    share = (pl.col("loss") - 1.7) / 20
    return table().with_columns(**{name: change(share) for name, change in metrics.items()})


def hits(share):
    return 0.95 - share


@pytest.fixture
def read(tmp_path):
    def reading(frame: pl.DataFrame, of: str, scale: str | None = None, name: str = "c.parquet", **layout):
        path = tmp_path / name
        frame.write_parquet(path)
        return read_curves([path], of, scale, Layout(**layout))

    return reading


@pytest.mark.parametrize("of", ["val_acc", "Val Acc", "accuracy"])
def test_a_column_is_an_observable(read, of):
    found = read(wide(val_acc=hits, train_acc=lambda s: 0.96 - s), of)
    name = "test_accuracy" if of == "accuracy" else of
    assert {curve.quantity.observable for curve in found} == {name} and len(list(found)) == 6
    losses = read(table(), "loss", name="d.parquet")
    for curve, loss in zip(found, losses, strict=True):
        assert (curve.size, curve.seed, curve.status) == (loss.size, loss.seed, "ok")
        assert curve.x == pytest.approx(loss.x) and curve.loss == pytest.approx(0.95 - (loss.loss - 1.7) / 20)
        assert curve.irreducible_loss is None
    assert ("'val_acc' is taken for the accuracy" in found.notes) == (of == "accuracy")


def test_the_error_is_its_own_column_or_one_less_the_accuracy(read):
    of_accuracy = read(wide(val_accuracy=hits), "error")
    of_error = read(wide(val_accuracy=hits, val_error=lambda s: 1 - hits(s)), "error")
    assert {curve.quantity.scale for curve in of_accuracy} == {"complement"}
    assert {curve.quantity.scale for curve in of_error} == {"as-given"}
    for one, other in zip(of_accuracy, of_error, strict=True):
        assert one.loss == pytest.approx(other.loss)


def test_a_metric_may_be_logged_less_often_than_the_loss(read):
    every = pl.int_range(pl.len()) % 2 == 1
    found = read(wide(val_acc=lambda s: pl.when(every).then(hits(s))), "val_acc")
    assert {len(curve.x) for curve in found} == {POINTS // 2} and all(curve.complete for curve in found)


def test_a_run_that_its_loss_ended_did_not_end_well_for_its_accuracy(read):
    own = (pl.col("size") == 7e7) & (pl.col("seed") == 1)
    late = own & (pl.int_range(pl.len()).over("size", "seed") >= POINTS - 5)
    frame = wide(val_acc=hits).with_columns(pl.when(late).then(np.nan).otherwise(pl.col("loss")).alias("loss"))
    statuses = {(curve.size, curve.seed): curve.status for curve in read(frame, "val_acc")}
    assert [run for run, status in statuses.items() if status != "ok"] == [(7e7, 1)]
    assert statuses[7e7, 1] == "diverged"


def test_accuracy_alone_is_enough(read):
    assert len(list(read(wide(accuracy=hits).drop("loss"), "accuracy"))) == 6


@pytest.mark.parametrize(
    ("of", "message"),
    [
        ("accuracy", "accuracy could be 'val_acc' or 'test_acc'; say which: --of val_acc or --of test_acc"),
        ("perplexity", "unknown observable 'perplexity'.*Allowed: .*grad_norm.*loss.*test_acc.*val_acc"),
        ("vall_acc", "unknown observable 'vall_acc'. Did you mean 'val_acc'"),
        ("step", "'step' is read as the step and is no observable"),
        ("test_loss", None),
    ],
)
def test_what_is_not_plain_is_asked(read, of, message):
    frame = wide(val_acc=hits, test_acc=hits, grad_norm=lambda s: s)
    if message is None:
        assert len(list(read(frame, of))) == 6
        return
    with pytest.raises(InputError, match=message):
        read(frame, of)


def test_a_loss_is_asked_for_as_the_loss(read):
    with pytest.raises(InputError, match="'val_loss' is a loss: ask for it by --of loss --column loss=val_loss"):
        read(table().rename({"loss": "val_loss"}), "val_loss")


def test_the_complement_of_a_loss_is_refused_though_it_lies_between_0_and_1(read):
    low = table().with_columns(pl.col("loss") / 100)
    assert low["loss"].is_between(0, 1).all()
    with pytest.raises(InputError, match="1 - loss means nothing: a complement is taken of shares"):
        read(low, "loss", "complement")


def test_two_metrics_are_two_questions(tmp_path, capsys):
    from onecurve.scripts.cli import app

    path = tmp_path / "c.csv"
    wide(val_acc=hits).write_csv(path)
    with pytest.raises(SystemExit):
        app(["analyze", str(path), "--of", "loss", "--of", "error", "--json", "-"])
    found = json.loads(capsys.readouterr().out)
    assert [answer["observable"] for answer in found["by_observable"]] == ["test_loss", "test_accuracy"]
