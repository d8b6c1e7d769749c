"""How long a sweep would take on given devices: from what its trials took, where some have ended, else estimated."""

from __future__ import annotations

import dataclasses
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..results.store import Store
from .cards import CARDS, CPU, Card
from .choices import WORTH_A_GPU
from .lock import Resolved

# An update is at least so many kernels of so many seconds, and reaches such a share of a card's arithmetic; each
# network costs the host so many seconds: figures by which networks are planned until some of them were measured.
_KERNELS, _KERNEL, _SHARE, _HOST = 300, 2e-6, 0.3, 0.03
_TOGETHER = 4  # trials of a pack on processors that is not cut any more

_Cell = tuple[Resolved, Sequence[str]]


@dataclasses.dataclass(frozen=True)
class Timing:
    """What one trial of a cell takes.

    Attributes
    ----------
    seconds : of the place, for each trial.
    pack : seconds of its longest pack by the clock.
    measured : whether trials of this cell, or of cells like it, were timed there.
    """

    seconds: float
    pack: float
    measured: bool


def measured_seconds(store: Store) -> dict[str, tuple[str, float]]:
    """Kind of the device and seconds of each trial that ended well, by trial id."""
    names = ["trial_id", "status", "device", "device_kind", "train_seconds", "eval_seconds"]
    found = {}
    for row in store.table(names).to_pylist():
        if row["status"] == "ok" and row["train_seconds"] is not None:
            kind = CPU if row["device"] != "cuda" else (row["device_kind"] or "").lower()
            found[row["trial_id"]] = kind, row["train_seconds"] + (row["eval_seconds"] or 0.0)
    return found


def forecast(
    cells: Sequence[_Cell],
    places: Mapping[str, int],
    done: Iterable[str],
    measured: Mapping[str, tuple[str, float]],
) -> dict[str, Any]:
    """Device hours, core hours and hours by the clock of what is left, and the cell whose trials end last.

    Parameters
    ----------
    cells : what each was resolved to, and its trial ids.
    places : how many of each kind.
    done : trials that ended well.
    measured : kind of the device and seconds of trials.
    """
    known = set(done)
    where = [_place(cell, cells, places) for cell, _ in cells]
    timings = _timings(cells, where, measured)
    seconds = dict.fromkeys(places, 0.0)
    longest = dict.fromkeys(places, 0.0)
    last: tuple[float, Resolved | None] = (0.0, None)
    estimated = 0
    for (cell, trials), place, timing in zip(cells, where, timings, strict=True):
        left = sum(trial not in known for trial in trials)
        if not left:
            continue
        seconds[place] += timing.seconds * left
        longest[place] = max(longest[place], timing.pack)
        last = max(last, (timing.pack, cell), key=lambda each: each[0])
        estimated += 0 if timing.measured else left
    clock = max(max(seconds[place] / count, longest[place]) for place, count in places.items())
    cell = last[1]
    return {
        "on": dict(places),
        "device_hours": sum(spent for place, spent in seconds.items() if place != CPU) / 3600,
        "core_hours": seconds.get(CPU, 0.0) / 3600,
        "clock_hours": clock / 3600,
        "last": {"cell": f"{cell.family} {cell.rung} on {cell.dataset}", "hours": last[0] / 3600} if cell else None,
        "trials_estimated": estimated,
    }


def _place(cell: Resolved, cells: Sequence[_Cell], places: Mapping[str, int]) -> str:
    """A ladder trains on one kind of device: on a card where its largest trial is worth one."""
    cards = [place for place in places if place != CPU]
    if CPU not in places or not cards:
        return next(iter(places))
    ladder = (cell.family, cell.dataset, cell.recipe_label)
    largest = max(each.flops for each, _ in cells if (each.family, each.dataset, each.recipe_label) == ladder)
    return cards[0] if largest >= WORTH_A_GPU else CPU


def _timings(cells: Sequence[_Cell], where: Sequence[str], measured: Mapping[str, tuple[str, float]]) -> list[Timing]:
    """Measured where trials of the cell were timed there; else estimated, times what estimates were wrong by."""
    guesses = [_guess(cell, len(trials), place) for (cell, trials), place in zip(cells, where, strict=True)]
    found: list[float | None] = []
    for (_, trials), place in zip(cells, where, strict=True):
        known = [measured[trial] for trial in trials if trial in measured]
        there = [seconds for kind, seconds in known if place in re.findall(r"\w+", kind)]
        found.append(statistics.fmean(there) if there else None)
    ratios = [took / guess.seconds for took, guess in zip(found, guesses, strict=True) if took and guess.seconds]
    wrong_by = statistics.median(ratios) if ratios else 1.0
    timings = []
    for took, guess in zip(found, guesses, strict=True):
        factor = took / guess.seconds if took and guess.seconds else wrong_by
        timings.append(Timing(guess.seconds * factor, guess.pack * factor, took is not None))
    return timings


def _guess(cell: Resolved, trials: int, place: str) -> Timing:
    if place == CPU:
        return Timing(cell.seconds, cell.seconds * (min(trials, _TOGETHER) if cell.packed else 1), False)
    together = max(1, cell.replicas or (min(trials, 64) if cell.packed else 16))
    update = _update_seconds(CARDS[place], cell, together)
    pack = update * cell.horizon_steps + _HOST * together
    return Timing(pack / min(together, max(1, trials)), pack, False)


def _update_seconds(card: Card, cell: Resolved, together: int) -> float:
    precision = cell.recipe_label.rpartition(", ")[2]  # where it is none, it is float32
    arithmetic = together * cell.flops_per_example * cell.batch_size / (_SHARE * card.peak(precision))
    return max(_KERNELS * _KERNEL, arithmetic, together * cell.update_bytes / card.bandwidth)
