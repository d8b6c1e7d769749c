"""Column names, types and units of the result table: one row a trial, the curve as list columns."""

from __future__ import annotations

import pyarrow as pa

SCHEMA_VERSION = 1

_CURVE_FLOAT = pa.list_(pa.float64())
# One column for all: a column of its own that came later would be missing in every older shard.
_OBSERVABLES = pa.list_(pa.struct([("name", pa.string()), ("value", _CURVE_FLOAT)]))

# name, type, what it is
TRIAL_COLUMNS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("trial_id", pa.string(), "hash of everything that decides the curve"),
    ("family", pa.string(), "architecture family"),
    ("library", pa.string(), "library that the network comes from"),
    ("rung", pa.string(), "the family's knobs"),
    ("n_params", pa.int64(), "trainable parameters"),
    ("flops_per_example", pa.int64(), "training FLOPs an example, forward and backward, measured"),
    ("dataset", pa.string(), "data set"),
    ("seed", pa.int64(), "seed of initialisation and data"),
    ("recipe", pa.string(), "hash that the curves of one ladder share"),
    ("recipe_label", pa.string(), "the recipe in words"),
    ("leg", pa.string(), "decayed or constant learning rate"),
    ("control", pa.string(), "holds, fails, or null for a measurement"),
    ("optimizer", pa.string(), "optimiser"),
    ("peak_lr", pa.float64(), "largest learning rate at the base rung"),
    ("schedule", pa.string(), "learning-rate schedule"),
    ("warmup_fraction", pa.float64(), "share of the horizon in which the rate rises"),
    ("batch_size", pa.int64(), "examples an update"),
    ("batch_rule", pa.string(), "rule that gave the batch size; empty where it is fixed"),
    ("train_size", pa.int64(), "trained on the first so many examples alone; null where there was no such limit"),
    ("parametrization", pa.string(), "mup or standard"),
    ("horizon_rule", pa.string(), "rule that gave the horizon"),
    ("horizon_source", pa.string(), "exact, pilot or assumed: how the ladder's horizons are known"),
    ("horizon_steps", pa.int64(), "planned updates"),
    ("eval_grid", pa.string(), "rule for the evaluation points"),
    ("precision", pa.string(), "float32, float64, tf32 or bf16"),
    ("protocol", pa.string(), "version of the trainer's semantics"),
    ("packed", pa.bool_(), "trained inside a batched model"),
    ("threads", pa.int64(), "torch threads"),
    ("cpu_kind", pa.string(), "processor; bits are promised for equal kinds only"),
    ("device_kind", pa.string(), "what trained: the processor, or the GPU with its libraries; null in older tables"),
    (
        "replicas",
        pa.int64(),
        "networks of the batched model on a GPU, with those that filled it up; null on a processor",
    ),
    ("recorded", pa.list_(pa.string()), "what was asked for beside the loss; null in older tables"),
    ("status", pa.string(), "ok, diverged, oom, timeout, killed, error"),
    ("last_step", pa.int64(), "last update with a finite loss"),
    ("reason", pa.string(), "why the trial did not end well"),
    ("running_statistics", pa.bool_(), "batch norm: evaluated with statistics that ran along in training"),
    ("spec", pa.string(), "the whole specification as JSON"),
)
TASK_COLUMNS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("irreducible_loss", pa.float64(), "known floor on this very test set"),
    ("irreducible_loss_se", pa.float64(), "its standard error"),
    ("irreducible_loss_source", pa.string(), "known or none"),
    ("test_size", pa.int64(), "test examples"),
    ("test_loss_se", pa.float64(), "standard error of the last test loss from the finite test set"),
    ("pool_fraction", pa.float64(), "share of the training pool that the horizon uses; 0 where each draw is new"),
    ("repeats", pa.float64(), "times that an example is seen; 1 for one pass"),
    ("sample_scale", pa.float64(), "examples that the task is known to need, P*; null where nothing is known"),
    ("data_sha", pa.string(), "sha256 of data read from a package, empty where parameters decide it"),
)
CURVE_COLUMNS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("step", pa.list_(pa.int64()), "updates done"),
    ("x", _CURVE_FLOAT, "step over horizon"),
    ("examples", pa.list_(pa.int64()), "examples seen"),
    ("compute", _CURVE_FLOAT, "training FLOPs spent"),
    ("lr", _CURVE_FLOAT, "learning rate of the next update over its peak"),
    ("lr_integral", _CURVE_FLOAT, "sum of the learning rates so far"),
    ("test_loss", _CURVE_FLOAT, "loss on the test set"),
    ("test_accuracy", _CURVE_FLOAT, "share of correct classes; null for regression"),
)
OBSERVABLE_COLUMNS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("observables", _OBSERVABLES, "what else was seen at each step, such as the loss of parts of the task"),
)
PROVENANCE_COLUMNS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("schema_version", pa.int64(), "version of this table"),
    ("onecurve_version", pa.string(), ""),
    ("python", pa.string(), ""),
    ("torch", pa.string(), ""),
    ("timm", pa.string(), ""),
    ("numpy", pa.string(), ""),
    ("platform", pa.string(), ""),
    ("device", pa.string(), "cpu or cuda"),
    ("started_utc", pa.string(), "ISO 8601"),
    ("train_seconds", pa.float64(), "wall time of the pack's updates, with their data, over its trials"),
    ("eval_seconds", pa.float64(), "wall time of the pack's evaluations over its trials"),
    ("data_seconds", pa.float64(), "the part of train_seconds in which data were made or read"),
    ("attempt", pa.int64(), "1 for the first"),
)

COLUMNS = TRIAL_COLUMNS + TASK_COLUMNS + CURVE_COLUMNS + OBSERVABLE_COLUMNS + PROVENANCE_COLUMNS
# Always given when a shard is read: without it the first file's schema wins and later columns vanish in silence.
SCHEMA = pa.schema([pa.field(name, kind, metadata={"about": about}) for name, kind, about in COLUMNS])
CURVE_NAMES = tuple(name for name, _, _ in CURVE_COLUMNS)
MARGIN_KEY = b"onecurve.margin"


def empty_row() -> dict[str, object]:
    """A row in which everything is missing and every curve is empty."""
    return {name: [] if name in CURVE_NAMES else None for name, _, _ in COLUMNS}
