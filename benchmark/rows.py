"""From a trained trial to its row in the result table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..datasets.dataset import Dataset
from ..results.fields import empty_row
from ..results.grams import packed_gram
from ..results.trials import TrialSpec, TrialStatus, rung_label
from .lane import TrainedTrial
from .lock import Pack
from .provenance import provenance
from .schedules.schedule import schedule_of
from .train import dataset_of, family_of
from .update_clock import relative_rates


def rows_of(pack: Pack, trained: Sequence[TrainedTrial], *, threads: int, started: str) -> list[dict[str, Any]]:
    """One row a trained trial."""
    task = _task_columns(pack.specs[0], dataset_of(pack.specs[0]))
    return [_row(pack, trial, task, threads, started) for trial in trained]


def failed_rows(
    pack: Pack, status: TrialStatus, reason: str, *, threads: int, started: str, host: str | None = None
) -> list[dict[str, Any]]:
    """Rows of trials that ended without a curve, written by the driver: a failure is a row, too.

    Parameters
    ----------
    host : the machine on which it failed; None where no machine began it.
    """
    trained = [TrainedTrial(spec=spec, status=status, reason=reason) for spec in pack.specs]
    return [_row(pack, trial, None, threads, started) | {"host": host} for trial in trained]


def _row(pack: Pack, trial: TrainedTrial, task: dict[str, Any] | None, threads: int, started: str) -> dict[str, Any]:
    spec = trial.spec
    row = {**empty_row(), **_identity(spec), **provenance()}
    if trial.device is not None:
        row |= {"device": trial.device.kind, "device_kind": trial.device.label}
        # On a processor a trial's bits do not depend on how many there were.
        row |= {"replicas": trial.replicas if trial.device.kind == "cuda" else None}
        row |= {"recorded": trial.recorded, "measured": trial.measured, "resumed": trial.resumed}
    row |= {
        "library": pack.cell.library,
        "n_params": pack.cell.n_params,
        "flops_per_example": pack.cell.flops_per_example,
        "control": pack.control,
        "horizon_source": pack.horizon_source,
        "tuned": pack.tuned,
        "attempt": pack.attempt,
        "device": pack.device,
        "threads": threads,
        "started_utc": started,
        "status": trial.status,
        "reason": trial.reason,
        "last_step": trial.last_step,
        "train_seconds": trial.train_seconds,
        "eval_seconds": trial.eval_seconds,
        "data_seconds": trial.data_seconds,
    }
    if task is not None:
        row |= task | {"test_loss_se": trial.test_loss_se} | _curve_columns(spec, trial, pack.cell.flops_per_example)
    return row


def _identity(spec: TrialSpec) -> dict[str, Any]:
    same = [
        "peak_lr",
        "schedule",
        "warmup_fraction",
        "batch_size",
        "batch_rule",
        "train_size",
        "horizon_rule",
        "horizon_steps",
        "eval_grid",
        "precision",
        "packed",
        "seed",
        "protocol",
    ]
    return {name: getattr(spec, name) for name in same} | {
        "trial_id": spec.trial_id,
        "family": spec.family.name,
        "rung": rung_label(spec.rung),
        "dataset": spec.dataset.name,
        "recipe": spec.recipe,
        "recipe_label": spec.recipe_label,
        "leg": schedule_of(spec.schedule).leg,
        "optimizer": spec.optimizer.name,
        "parametrization": spec.parametrization.name,
        "spec": json.dumps(spec.to_dict(), sort_keys=True),
        "data_sha": spec.dataset.content,
    }


def _task_columns(spec: TrialSpec, dataset: Dataset) -> dict[str, Any]:
    """What the table says of the task, the same for every trial of a pack."""
    examples = spec.batch_size * spec.horizon_steps
    known = dataset.irreducible_loss is not None
    return {
        "irreducible_loss": dataset.irreducible_loss,
        "irreducible_loss_se": dataset.irreducible_loss_se if known else None,
        "irreducible_loss_source": "known" if known else "none",
        "test_size": dataset.test_set().size,
        "sample_scale": dataset.sample_scale,
        "pool_fraction": dataset.pool_fraction(examples, spec.train_size),
        "running_statistics": family_of(spec).running_statistics,
        "repeats": dataset.repeats(examples, spec.train_size),
    }


def _curve_columns(spec: TrialSpec, trial: TrainedTrial, flops_per_example: int) -> dict[str, Any]:
    step = np.array(trial.step, dtype=int)
    relative = relative_rates(spec)
    integral = np.concatenate([[0.0], np.cumsum(relative[:-1])]) * spec.peak_lr
    examples = step * spec.batch_size
    return {
        "step": step.tolist(),
        "x": (step / spec.horizon_steps).tolist(),
        "examples": examples.tolist(),
        "compute": (examples * float(flops_per_example)).tolist(),
        "lr": relative[step].tolist(),
        "lr_integral": integral[step].tolist(),
        "test_loss": trial.test_loss,
        "test_accuracy": trial.test_accuracy or [None] * len(step),
        "observables": [{"name": name, "value": value} for name, value in trial.observables.items()],
        "grams": [packed_gram(gram) for gram in trial.grams],
    }
