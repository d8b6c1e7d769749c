"""One real ladder above the sizes of a processor, as rows that a results folder takes in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...architectures.family import FAMILIES
from ...architectures.flops import count
from ...benchmark.devices import Device
from ...benchmark.lock import Pack, Resolved
from ...benchmark.provenance import utc_now
from ...benchmark.rows import rows_of
from ...benchmark.train import train
from ...datasets.dataset import DATASETS
from ...errors import InputError
from ...results.trials import rung_label, spec_from_dict
from .correctness import WAVES
from .measured_trials import BATCH, spec
from .report import Report

if TYPE_CHECKING:
    from ...results.store import Store

ROWS = "trials.jsonl"
_WIDTHS = (96, 136, 192, 272, 384)  # four times those of five rungs for a processor: about 12 times the parameters
_STEPS, _EXPONENT, _SEEDS = 2000, 0.25, 8


def ladder(device: Device, quick: bool, report: Report, folder: Path | None) -> None:
    """Train the ladder, and write a row a trial as JSON lines."""
    widths, steps, seeds = ((8, 12, 16), 30, 2) if quick else (_WIDTHS, _STEPS, _SEEDS)
    waves = WAVES if not quick else {"inputs": 2, "modes": 64, "pool": 8192, "test_size": 256}
    family, task = FAMILIES.make("mlp"), DATASETS.make("fourier", waves).task
    first = count(family, {"width": widths[0]}, task).n_params
    rows: list[dict[str, Any]] = []
    for width in widths:
        rung = {"width": width}
        found = count(family, rung, task)
        rule = f"{steps} (p/p1)^{_EXPONENT:g}, p1 at {rung_label({'width': widths[0]})}"
        horizon = max(1, round(steps * (found.n_params / first) ** _EXPONENT))
        specs = [
            spec("mlp", rung, "fourier", waves, seed=seed, horizon_rule=rule, horizon_steps=horizon)
            for seed in range(seeds)
        ]
        started = utc_now()
        trained = train(specs, device=device, replicas=seeds)
        seconds = sum(trial.train_seconds for trial in trained)
        cell = Resolved(
            family="mlp",
            dataset="fourier",
            rung=rung_label(rung),
            recipe_label=specs[0].recipe_label,
            library=family.library,
            n_params=found.n_params,
            flops_per_example=found.training,
            batch_size=BATCH,
            horizon_steps=horizon,
            packed=True,
            step_seconds=seconds / horizon / seeds,
            device=device.kind,
            replicas=seeds,
        )
        pack = Pack(
            specs=tuple(specs), cell=cell, control=None, horizon_source="assumed", device=device.kind, replicas=seeds
        )
        rows += rows_of(pack, trained, threads=1, started=started)
        well = sum(trial.status == "ok" for trial in trained)
        losses = sorted(trial.test_loss[-1] for trial in trained if trial.test_loss)
        end = f", median loss {losses[len(losses) // 2]:.4f}" if losses else ""
        told = f"{well} of {seeds} ended well, {found.n_params:,} parameters, {horizon} updates in {seconds:.1f} s{end}"
        report.say(f"mlp width {width} on fourier", told, "all end well", well == seeds)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ROWS).write_text("".join(json.dumps(row, allow_nan=False) + "\n" for row in rows))
        report.say("rows for a results folder", f"{len(rows)} in {ROWS}")


def take_in(folder: str | Path, store: Store) -> int:
    """Write the rows of a check into a results folder; returns how many. What it holds already is not written again.

    Raises
    ------
    InputError
        No rows in the folder, a line that is no row, or a row that is not what its trial id says.
    """
    path = Path(folder) / ROWS
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; give the folder that --out named") from None
    packs: dict[str, list[dict[str, Any]]] = {}
    held = store.successful()
    for number, line in enumerate(lines, 1):
        row = _row(line, f"{path}, line {number}")
        if row["trial_id"] not in held:
            packs.setdefault(row["rung"], []).append(row)
    for rows in packs.values():
        store.write_rows(rows, f"{rows[0]['trial_id']}x{len(rows)}")
    return sum(map(len, packs.values()))


def _row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
        named, known = row["trial_id"], spec_from_dict(json.loads(row["spec"])).trial_id
        if not isinstance(row["rung"], str) or not isinstance(row["test_loss"], list):
            raise TypeError("no curve")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where} is no row of a trial ({type(error).__name__}: {error})") from None
    if named != known:
        raise InputError(f"{where}: the trial {named} is not what its specification says ({known})")
    return row
