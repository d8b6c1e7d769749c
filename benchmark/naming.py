"""Families by name from outside the catalogue: how a sweep pins them, and whether their rungs fit a task."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from ..architectures.family import Family, Rung
from ..architectures.foreign import ForeignFamily, processors_alone, refusal
from ..architectures.remedies import remedy
from ..architectures.zoo import FIXED, ZooModel
from ..errors import InputError
from ..results.trials import rung_label
from ..task import Task


def pinned(family: Family, params: Mapping[str, Any], first: Rung) -> tuple[str, dict[str, Any]]:
    """Name and parameters from which any worker makes the same family again.

    A user's file is pinned by its content, a library's model by its base rung: the first of the sweep, unless given.
    """
    params = dict(params)
    if family.ref.content:
        return family.name, {**params, "content": family.ref.content}
    if isinstance(family, ZooModel):
        if not family.ladder:
            params["base"] = dict(first)
        elif family.ladder == (FIXED,):
            warnings.warn(f"{family.name} has no argument written with w or d: one rung of a fixed size", stacklevel=4)
    return family.name, params


def check_fit(family: Family, rungs: Sequence[Rung], task: Task, dataset: str) -> None:
    """Refuse a family that does not fit a task. Every rung of one that others wrote is run once.

    Raises
    ------
    InputError
        The family or its first rung that fails, with the reason and the nearest sizes that would do.
    """
    # Networks of others fit what their rungs fit: the first of their ladder need not be among these.
    reason = None if isinstance(family, ForeignFamily) else family.misfit(task)
    if reason:
        raise InputError(f"family {family.name!r} does not fit data set {dataset!r}: {reason}")
    if not _is_foreign(family):
        return
    for rung in rungs:
        reason = refusal(family, rung, task)
        if reason:
            raise InputError(
                f"{rung_label(rung)} of family {family.name!r} does not fit data set {dataset!r}: {reason}"
                f"{remedy(family, rung, task)}"
            )
    alone = processors_alone(family, rungs[0], task)
    if alone:
        warnings.warn(f"family {family.name!r} trains on processors alone: {alone}", stacklevel=4)


def check_device_of(family: Family, rung: Rung, task: Task, device: str) -> str:
    """Where a rung may train of what was asked for: one that others wrote may have operations that no GPU repeats.

    Raises
    ------
    InputError
        ``cuda`` was asked for, and an operation stands against it.
    """
    alone = processors_alone(family, rung, task) if device != "cpu" and _is_foreign(family) else None
    if alone and device == "cuda":
        raise InputError(f"family {family.name!r} cannot train with device cuda: {alone}; use --device cpu")
    return "cpu" if alone else device


def _is_foreign(family: Family) -> bool:
    return isinstance(family, ForeignFamily) or bool(family.ref.content)
