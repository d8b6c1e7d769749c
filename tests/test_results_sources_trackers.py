"""Files of the trackers' own writers, read back with equal numbers.

The writers are no part of the project's environment: what is not installed is skipped, with the way to install it.
``pip install 'onecurve[sources]' mlflow-skinny sqlalchemy alembic tensorboardX pytorch-lightning transformers keras``
gets all of them.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from onecurve.results.sources.readers import read_raw

pytestmark = pytest.mark.filterwarnings("default")  # what the trackers warn about among themselves

STEPS = tuple(range(1, 41))
RUNS = [(size, seed) for size in (70_000_000, 160_000_000) for seed in (0, 1)]
FLOAT32 = 6e-8  # TensorBoard keeps scalars as 32-bit numbers


def loss(size: int, seed: int, step: int) -> float:
    return 2.0 + size**-0.1 * step**-0.3 + seed / 7000


def name(size: int, seed: int) -> str:
    return f"gpt-{size}-s{seed}"


def installed(*modules: str) -> list:
    """The modules of a writer, or a skip: the one place that says why these tests do not run."""
    reason = f"needs {', '.join(modules)}, which only these tests use"
    return [pytest.importorskip(module, reason=reason, exc_type=ImportError) for module in modules]


def check(path: Path, step: str, value: str, close: float = 0.0, parameters: bool = True) -> pl.DataFrame:
    """Every point of every run is there once, with its number; and the parameters, where the tracker stores them."""
    found = read_raw(str(path)).table.filter(pl.col(value).is_not_null())
    points = {(run, at): number for run, at, number in found.select("run", step, value).iter_rows()}
    expected = {(name(n, s), t): loss(n, s, t) for n, s in RUNS for t in STEPS}
    assert found.height == len(points) == len(expected)
    assert points.keys() == expected.keys()
    assert max(abs(points[key] / expected[key] - 1) for key in expected) <= close
    if parameters:
        stored = sorted(found.select("run", "size", "seed").unique().rows())
        assert stored == sorted((name(n, s), n, s) for n, s in RUNS)
    return found


def test_wandb_offline(tmp_path, monkeypatch):
    (wandb,) = installed("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    settings = wandb.Settings(x_disable_stats=True, console="off")
    for n, s in RUNS:
        config = {"size": n, "seed": s, "net": {"depth": 3}}
        run = wandb.init(project="p", name=name(n, s), dir=str(tmp_path), config=config, settings=settings)
        for t in STEPS:
            run.log({"train/loss": 9.0}, step=2 * t - 1)
            run.log({"eval/loss": loss(n, s, t), "at": t}, step=2 * t)
        run.finish()
    found = check(tmp_path / "wandb", "at", "eval/loss")
    assert found["net.depth"].unique().to_list() == [3]


def test_tensorboard(tmp_path):
    writer, _ = installed("tensorboardX", "tensorboard")
    for n, s in RUNS:
        with writer.SummaryWriter(str(tmp_path / "tb" / name(n, s))) as log:
            for t in STEPS:
                log.add_scalar("loss/val", loss(n, s, t), t)
                log.add_scalar("loss/train", 9.0, t)
    found = check(tmp_path / "tb", "step", "loss/val", FLOAT32, parameters=False)
    assert found["loss/train"].unique().to_list() == [9.0]


@pytest.mark.parametrize("form", ["folder", "database"])
def test_mlflow(tmp_path, monkeypatch, form):
    mlflow, *_ = installed("mlflow", "sqlalchemy", "alembic")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    place = tmp_path / ("mlruns" if form == "folder" else "mlflow.db")
    mlflow.set_tracking_uri(f"file:{place}" if form == "folder" else f"sqlite:///{place}")
    mlflow.create_experiment("ladder", artifact_location=f"file:{tmp_path}/artifacts")
    mlflow.set_experiment("ladder")
    for n, s in RUNS:
        with mlflow.start_run(run_name=name(n, s)):
            mlflow.log_params({"size": n, "seed": s})
            for t in STEPS:
                mlflow.log_metric("val/loss", loss(n, s, t), step=t)
            mlflow.log_metric("bad", float("nan"), step=1)
    found = check(place, "step", "val/loss")
    assert found["bad"].is_nan().sum() == len(RUNS)


def test_lightning(tmp_path):
    (loggers,) = installed("pytorch_lightning.loggers")
    for n, s in RUNS:
        logger = loggers.CSVLogger(str(tmp_path), name="", version=name(n, s))
        logger.log_hyperparams({"size": n, "seed": s})
        for t in STEPS:
            logger.log_metrics({"train_loss": 9.0, "epoch": 0}, step=t)
            logger.log_metrics({"val_loss": loss(n, s, t), "epoch": 0}, step=t)
        logger.save()
    check(tmp_path, "step", "val_loss")


def test_hugging_face(tmp_path):
    (trainer,) = installed("transformers.trainer_callback")
    for n, s in RUNS:
        state = trainer.TrainerState(max_steps=STEPS[-1])
        for t in STEPS:
            state.log_history += [{"loss": 9.0, "step": t, "epoch": 0.5}]
            state.log_history += [{"eval_loss": loss(n, s, t), "step": t, "epoch": 0.5}]
            state.global_step = t
            if t in (20, 40):
                folder = tmp_path / name(n, s) / f"checkpoint-{t}"
                folder.mkdir(parents=True)
                state.save_to_json(str(folder / "trainer_state.json"))
    check(tmp_path, "step", "eval_loss", parameters=False)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_keras(tmp_path, monkeypatch, form):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    (keras,) = installed("keras")
    for n, s in RUNS:
        log = keras.callbacks.CSVLogger(str(tmp_path / f"{name(n, s)}.csv"))
        history = keras.callbacks.History()
        network = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
        for callback in (log, history):
            callback.set_model(network)
            callback.on_train_begin()
            for t in STEPS:
                callback.on_epoch_end(t, {"loss": 9.0, "val_loss": loss(n, s, t), "at": t})
        log.on_train_end()
        if form == "json":
            (tmp_path / f"{name(n, s)}.csv").unlink()
            (tmp_path / f"{name(n, s)}.json").write_text(json.dumps(history.history))
    check(tmp_path, "at", "val_loss", parameters=False)


@pytest.mark.slow
def test_ray_tune(tmp_path):
    ray, tune = installed("ray", "ray.tune")

    def trial(config):
        for t in STEPS:
            tune.report({"loss": loss(config["size"], config["seed"], t)})

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000)
    try:
        grid = {"size": tune.grid_search([70_000_000, 160_000_000]), "seed": tune.grid_search([0, 1])}
        tune.Tuner(
            trial, param_space=grid, run_config=tune.RunConfig(name="exp", storage_path=str(tmp_path), verbose=0)
        ).fit()
    finally:
        ray.shutdown()
    found = read_raw(str(tmp_path / "exp")).table
    got = sorted(found.select("size", "seed", "training_iteration", "loss").rows())
    assert got == sorted((n, s, t, loss(n, s, t)) for n, s in RUNS for t in STEPS)
