"""Sizes that a network would take, where it does not take the one that it was given."""

from __future__ import annotations

import dataclasses

from ..task import Task
from .family import Family, Rung
from .foreign import refusal

_FAR = 32  # a width is looked for within so many of the one that was refused
_SIDES = (8, 16, 28, 32, 64, 96, 128, 224)


def remedy(family: Family, rung: Rung, task: Task) -> str:
    """A clause on sizes that work in place of a rung that `refusal` refuses for a task; empty where none is found.

    The nearest widths above and below, or else the smallest images that the rung takes.
    """
    widths = [width for way in (-1, 1) if (width := _width(family, rung, task, way)) is not None]
    if widths:
        return f"; {_listed(widths)} would do for {next(iter(rung))}"
    sides = [side for side in _SIDES if task.kind == "image" and refusal(family, rung, _image(task, side)) is None][:3]
    if sides:
        return f"; images of {_listed([f'{side} x {side}' for side in sides])} pixels would do"
    return ""


def _width(family: Family, rung: Rung, task: Task, way: int) -> int | None:
    knob, given = next(iter(rung.items()))
    tried = (given + way * by for by in range(1, _FAR + 1))
    return next((w for w in tried if w > 0 and refusal(family, {**rung, knob: w}, task) is None), None)


def _image(task: Task, side: int) -> Task:
    return dataclasses.replace(task, shape=(task.shape[0], side, side))


def _listed(values: list) -> str:
    *first, last = map(str, values)
    return f"{', '.join(first)} and {last}" if first else last
