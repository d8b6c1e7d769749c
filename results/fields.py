"""Columns of the result table in words: names, types and units. Needs no library, so a row can be made anywhere."""

from __future__ import annotations

SCHEMA_VERSION = 1
Column = tuple[str, str, str]

# name, type, what it is
TRIAL_COLUMNS: tuple[Column, ...] = (
    ("trial_id", "string", "hash of everything that decides the curve"),
    ("family", "string", "architecture family"),
    ("library", "string", "library that the network comes from"),
    ("rung", "string", "the family's knobs"),
    ("n_params", "int64", "trainable parameters"),
    ("flops_per_example", "int64", "training FLOPs an example, forward and backward, measured"),
    ("dataset", "string", "data set"),
    ("seed", "int64", "seed of initialisation and data"),
    ("recipe", "string", "hash that the curves of one ladder share"),
    ("recipe_label", "string", "the recipe in words"),
    ("leg", "string", "decayed or constant learning rate"),
    ("control", "string", "holds, fails, or null for a measurement"),
    ("optimizer", "string", "optimiser"),
    ("peak_lr", "float64", "largest learning rate at the base rung"),
    ("schedule", "string", "learning-rate schedule"),
    ("warmup_fraction", "float64", "share of the horizon in which the rate rises"),
    ("batch_size", "int64", "examples an update"),
    ("batch_rule", "string", "rule that gave the batch size; empty where it is fixed"),
    ("train_size", "int64", "trained on the first so many examples alone; null where there was no such limit"),
    ("parametrization", "string", "mup or standard"),
    ("horizon_rule", "string", "rule that gave the horizon"),
    ("horizon_source", "string", "exact, pilot or assumed: how the ladder's horizons are known"),
    ("tuned", "string", "yes, mis-scaled or unknown: whether the rate is the best one; null in older tables"),
    ("horizon_steps", "int64", "planned updates"),
    ("eval_grid", "string", "rule for the evaluation points"),
    ("precision", "string", "float32, float64, tf32 or bf16"),
    ("protocol", "string", "version of the trainer's semantics"),
    ("packed", "bool", "trained inside a batched model"),
    ("threads", "int64", "torch threads"),
    ("cpu_kind", "string", "processor; bits are promised for equal kinds only"),
    ("device_kind", "string", "what trained: the processor, or the GPU with its libraries; null in older tables"),
    ("replicas", "int64", "networks of the batched model on a GPU, with those that filled it up; null on a processor"),
    ("resumed", "string", "on what else it trained before, by --resume-across; null where it did not"),
    ("recorded", "[string]", "what was asked for beside the loss; null in older tables"),
    ("status", "string", "ok, diverged, oom, timeout, killed, error"),
    ("last_step", "int64", "last update with a finite loss"),
    ("reason", "string", "why the trial did not end well"),
    ("running_statistics", "bool", "batch norm: evaluated with statistics that ran along in training"),
    ("spec", "string", "the whole specification as JSON"),
)
TASK_COLUMNS: tuple[Column, ...] = (
    ("irreducible_loss", "float64", "known floor on this very test set"),
    ("irreducible_loss_se", "float64", "its standard error"),
    ("irreducible_loss_source", "string", "known or none"),
    ("test_size", "int64", "test examples"),
    ("test_loss_se", "float64", "standard error of the last test loss from the finite test set"),
    ("pool_fraction", "float64", "share of the training pool that the horizon uses; 0 where each draw is new"),
    ("repeats", "float64", "times that an example is seen; 1 for one pass"),
    ("sample_scale", "float64", "examples that the task is known to need, P*; null where nothing is known"),
    ("data_sha", "string", "sha256 of data read from a package, empty where parameters decide it"),
)
CURVE_COLUMNS: tuple[Column, ...] = (
    ("step", "[int64]", "updates done"),
    ("x", "[float64]", "step over horizon"),
    ("examples", "[int64]", "examples seen"),
    ("compute", "[float64]", "training FLOPs spent"),
    ("lr", "[float64]", "learning rate of the next update over its peak"),
    ("lr_integral", "[float64]", "sum of the learning rates so far"),
    ("test_loss", "[float64]", "loss on the test set"),
    ("test_accuracy", "[float64]", "share of correct classes; null for regression"),
)
OBSERVABLE_COLUMNS: tuple[Column, ...] = (
    ("observables", "[name and [float64]]", "what else was seen at each step, such as the loss of parts of the task"),
    (
        "grams",
        "[layer, step, .., bytes]",
        "Gram matrices of features on shared test inputs, as results/grams.py reads them",
    ),
    ("measured", "[label, names, scales, seconds]", "values and seconds of each observable; null in older tables"),
)
PROVENANCE_COLUMNS: tuple[Column, ...] = (
    ("schema_version", "int64", "version of this table"),
    ("onecurve_version", "string", ""),
    ("python", "string", ""),
    ("torch", "string", ""),
    ("timm", "string", ""),
    ("numpy", "string", ""),
    ("platform", "string", ""),
    ("host", "string", "name of the machine; null in older tables"),
    ("device", "string", "cpu or cuda"),
    ("started_utc", "string", "ISO 8601"),
    ("train_seconds", "float64", "wall time of the pack's updates, with their data, over its trials"),
    ("eval_seconds", "float64", "wall time of the pack's evaluations over its trials"),
    ("data_seconds", "float64", "the part of train_seconds in which data were made or read"),
    ("attempt", "int64", "1 for the first"),
)

COLUMNS = TRIAL_COLUMNS + TASK_COLUMNS + CURVE_COLUMNS + OBSERVABLE_COLUMNS + PROVENANCE_COLUMNS
CURVE_NAMES = tuple(name for name, _, _ in CURVE_COLUMNS)


def empty_row() -> dict[str, object]:
    """A row in which everything is missing and every curve is empty."""
    return {name: [] if name in CURVE_NAMES else None for name, _, _ in COLUMNS}
