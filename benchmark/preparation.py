"""What happens before anything trains: data are made, open cells measured, families probed, devices chosen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..errors import InputError
from ..results.trials import fingerprint
from . import resolve as resolving
from .choices import check_device
from .dispatch import Progress
from .executors import Executor, Outcome
from .lock import Lock, Resolved
from .naming import check_device_of
from .sweep import Cell


def device_for(cell: Cell, asked: str | None, executor: Executor) -> str:
    """Where a cell is to train: what was asked for, ``auto`` only where there are GPUs.

    Raises
    ------
    InputError
        A device that is not there, or that lacks the cell's precision.
    """
    wish = check_device(asked or cell.settings.device or "auto")
    if cell.settings.precision == "tf32":
        if wish == "cpu" or (wish == "auto" and not executor.gpus):
            raise InputError("precision tf32 is a GPU's, and this sweep would train on a processor; use float32 there")
        wish = "cuda"
    if wish == "cuda" and not executor.gpus:
        raise InputError("device cuda was asked for, and there is no GPU here that torch or Ray sees; use --device cpu")
    if not executor.gpus or wish == "cpu":
        return "cpu"
    return check_device_of(resolving.family_of_cell(cell), cell.rung, resolving.dataset_of_cell(cell).task, wish)


def prepare(
    cells: Mapping[str, Cell],
    devices: Mapping[str, str],
    lock: Lock,
    executor: Executor,
    refresh: bool,
    report: Callable[[Progress], None],
    trained: Callable[[], Collection[str]],
) -> set[str]:
    """Make the data, resolve open cells into the lock, probe the families.

    Parameters
    ----------
    trained : ids of trials in the table, asked where cells are resolved.

    Returns
    -------
    set of str
        Names of families that changed since trials were stored.

    Raises
    ------
    InputError
        Something cannot be made, measured or probed; a family changed, and ``refresh`` was not asked for.
    """
    representatives = {
        (cell.family[0], fingerprint(cell.family), fingerprint(cell.dataset)): cell for cell in cells.values()
    }
    data = {fingerprint(cell.dataset): cell for cell in cells.values()}
    jobs: list[tuple[str, str, Cell, str]] = [("prepare", key, cell, "") for key, cell in data.items()]
    jobs += [("resolve", key, cell, devices[key]) for key, cell in cells.items() if key not in lock.cells]
    jobs += [("probe", "", cell, "") for cell in representatives.values()]
    changed: set[str] = set()
    resolved: dict[str, Resolved] = {}
    for i, outcome in enumerate(executor.map(prepare_one, jobs)):
        kind, key, cell, _ = outcome.item
        if outcome.status != "ok":
            raise _as_input_error(outcome, f"{kind} {cell.family[0]} on {cell.dataset[0]}")
        if kind == "resolve":
            resolved[key] = outcome.value
        if kind == "probe" and lock.probes.setdefault(*outcome.value) != outcome.value[1]:
            changed.add(cell.family[0])
            lock.probes[outcome.value[0]] = outcome.value[1]
        report(
            Progress(
                stage="prepare", done=i + 1, total=len(jobs), failed=0, seconds_done=i + 1, seconds_total=len(jobs)
            )
        )
    there = trained() if resolved else ()
    lock.cells |= {key: resolving.as_trained(cells[key], each, there) for key, each in resolved.items()}
    if changed and not refresh:
        stored = sum(len(c.trials) for c in lock.cells.values() if c.family in changed)
        raise InputError(
            f"{', '.join(sorted(changed))} changed since {stored} trials were stored: "
            "raise its version, or pass --refresh to train them again"
        )
    return changed


def prepare_one(job: tuple[str, str, Cell, str]) -> Any:
    """One of these jobs, in a worker."""
    kind, _, cell, device = job
    if kind == "prepare":
        return resolving.dataset_of_cell(cell).prepare()
    return resolving.resolve(cell, device) if kind == "resolve" else resolving.probe(cell)


def _as_input_error(outcome: Outcome, what: str) -> BaseException:
    if isinstance(outcome.exception, InputError):
        return outcome.exception
    return InputError(f"{what} failed: {outcome.reason}")
