"""The calibration certificate: size and power of the tests, and systems whose answer is exact, measured again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any, Literal

import numpy as np

from ...collapse.calibration.bound_power import bound_rates
from ...collapse.calibration.floor_power import balance_rows, floor_rates, profile_rows
from ...collapse.calibration.robust_power import pooled_rates, twin_rates
from ...collapse.calibration.simulation import Rates, Scenario, simulate, size_and_power
from ...collapse.truths.checks import TRUTHS, Truth
from .calibration_table import BOUND_LINES, LINES, POOLED_LINES, TWIN_LINES
from .certificate import page_of

Kind = Literal["known", "profiled", "balance", "truth", "twin", "pooled", "bound"]
Progress = Callable[[int, int], None]
_CHUNK: dict[Kind, int] = {"known": 250, "profiled": 50, "balance": 25}
_PROCESSES = 2


@dataclasses.dataclass(frozen=True, slots=True)
class _Job:
    """What one process does at a time; everything in it can be sent to a new interpreter."""

    kind: Kind
    row: int
    groups: int
    seed: int
    quick: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Certificate:
    """The page in Markdown, and its numbers: ``cells`` and ``truths``, ready for JSON."""

    page: str
    numbers: dict[str, Any]


def certified(
    quick: bool, groups: int, rng: np.random.Generator, *, progress: Progress | None = None, processes: int = _PROCESSES
) -> Certificate:
    """Measure the table of size and power and the ground truths; nothing is written.

    Every group is simulated anew. T2 costs ten and T4 thirty times as much as T1, T3 and T5 together: T4 gets a
    quarter of the groups, and the quick version a tenth for T2 and a twentieth for T4, with fewer resamples.

    Parameters
    ----------
    quick : fewer resamples, fewer groups for T2 and T4, fewer tries of the ground truths.
    groups : groups a cell.
    rng : chance; the numbers do not depend on the number of processes.
    progress : told how many parts are done, and of how many.
    processes : how many work at once.
    """
    jobs = _jobs(quick, groups, rng)
    found: list[Any] = [None] * len(jobs)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(_do, job): i for i, job in enumerate(jobs)}
        for done, future in enumerate(as_completed(waiting), start=1):
            found[waiting[future]] = future.result()
            if progress is not None:
                progress(done, len(jobs))
    cells = [_summary(i, jobs, found) for i in range(len(LINES))]
    truths = [row for job, rows in zip(jobs, found, strict=True) if job.kind == "truth" for row in rows]
    robust = {kind: _robust_rows(kind, jobs, found) for kind in ("twin", "pooled", "bound")}
    numbers = {"quick": quick, "groups": groups, "cells": cells, "truths": [dataclasses.asdict(t) for t in truths]}
    numbers |= robust
    return Certificate(page_of(numbers), numbers)


def _jobs(quick: bool, groups: int, rng: np.random.Generator) -> list[_Job]:
    """The slowest parts first, so that no process is left alone with one at the end."""
    shares: dict[Kind, int] = {
        "balance": max(2, groups // (20 if quick else 4)),
        "profiled": max(4, groups // 10) if quick else groups,
        "known": groups,
    }
    jobs = [_Job("truth", i, 1, int(rng.integers(2**31)), quick) for i in range(len(TRUTHS))]
    for kind, total in shares.items():
        for row, line in enumerate(LINES):
            if line.floors or kind == "known":
                for start in range(0, total, _CHUNK[kind]):
                    part = min(_CHUNK[kind], total - start)
                    jobs.append(_Job(kind, row, part, int(rng.integers(2**31)), quick))
    few = max(2, groups // 4)
    tables: tuple[tuple[Kind, Collection[Any]], ...] = (
        ("twin", TWIN_LINES),
        ("pooled", POOLED_LINES),
        ("bound", BOUND_LINES),
    )
    for kind, lines in tables:
        jobs += [_Job(kind, row, few, int(rng.integers(2**31)), quick) for row in range(len(lines))]
    return jobs


def _do(job: _Job) -> Any:
    rng = np.random.default_rng(job.seed)
    if job.kind == "twin":
        line = TWIN_LINES[job.row]
        return twin_rates(line.cell, line.marks, job.groups, rng, resamples=199 if job.quick else 999)
    if job.kind == "pooled":
        return pooled_rates(list(POOLED_LINES.values())[job.row], job.groups, rng)
    if job.kind == "bound":
        return bound_rates(list(BOUND_LINES.values())[job.row], job.groups, rng)
    cell = LINES[job.row].cell if job.kind != "truth" else Scenario()
    if job.kind == "known":
        return size_and_power(cell, job.groups, rng, resamples=299 if job.quick else 999)
    if job.kind == "profiled":
        return profile_rows(cell, job.groups, rng, resamples=99 if job.quick else 199)
    if job.kind == "balance":
        return balance_rows(cell, job.groups, rng, resamples=59 if job.quick else 199)
    rows: Sequence[Truth] = TRUTHS[job.row](job.quick, rng)
    return rows


def _robust_rows(kind: Kind, jobs: Sequence[_Job], found: Sequence[Any]) -> list[dict[str, Any]]:
    """Name, groups and measured numbers of each cell of a table, a missing one None."""
    tables = {"twin": [line.name for line in TWIN_LINES], "pooled": list(POOLED_LINES), "bound": list(BOUND_LINES)}
    names = tables[kind]
    return [
        {
            "name": names[job.row],
            "groups": job.groups,
            "measured": {key: None if np.isnan(one) else one for key, one in dataclasses.asdict(rates).items()},
        }
        for job, rates in zip(jobs, found, strict=True)
        if job.kind == kind
    ]


def _summary(row: int, jobs: Sequence[_Job], found: Sequence[Any]) -> dict[str, Any]:
    """Everything measured in a cell, with its expected figures and the groups behind each."""
    line = LINES[row]
    mine = [(job, result) for job, result in zip(jobs, found, strict=True) if job.row == row and job.kind in _CHUNK]
    parts = [(job.groups, result) for job, result in mine if job.kind == "known"]
    weights = np.array([n for n, _ in parts]) / sum(n for n, _ in parts)
    names = [field.name for field in dataclasses.fields(Rates)]
    means = weights @ np.array([[getattr(rates, name) for name in names] for _, rates in parts])
    rates = {name: None if np.isnan(value) else float(value) for name, value in zip(names, means, strict=True)}
    measured: dict[str, Any] = {**rates, "deviation": _true_deviation(line.cell)}
    counts = {"known": sum(n for n, _ in parts)}
    if line.floors:
        profiled = np.concatenate([result for job, result in mine if job.kind == "profiled"])
        balanced = np.concatenate([result for job, result in mine if job.kind == "balance"])
        measured |= dataclasses.asdict(floor_rates(profiled, balanced))
        counts |= {"profiled": len(profiled), "balance": len(balanced)}
    return {
        "name": line.name,
        "cell": {**dataclasses.asdict(line.cell), "gain": list(line.cell.gain)},
        "groups": counts,
        "measured": measured,
        "expected": {name: list(figure) for name, figure in line.expected.items()},
    }


def _true_deviation(cell: Scenario) -> float:
    return simulate(cell, 1, np.random.default_rng(0)).deviation
