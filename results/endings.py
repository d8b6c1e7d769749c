"""Evaluations without a loss, and runs that did not end well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np

from ..errors import InputError
from .runs import Run, counted, some

_TAIL = 1.5  # usual distances between evaluations: a longer stretch without a number at the end is a divergence
_BLOWN = 10.0  # times the smallest loss
_STATUSES = {
    "ok": ("ok", "finished", "complete", "completed", "success", "succeeded", "done", "terminated", "finished_ok"),
    "diverged": ("diverged", "nan", "unstable", "exploded"),
    "oom": ("oom", "out_of_memory"),
    "timeout": ("timeout", "time_limit"),
    "killed": ("killed", "stopped", "preempted", "cancelled", "canceled", "running", "scheduled", "interrupted"),
    "error": ("error", "failed", "crashed", "failure", "crash"),
}


def statuses(runs: Sequence[Run], path: str, sure: bool) -> list[str]:
    """Put our words for how runs ended, in place; a run that still runs counts as ``killed``, as it is not at its end.

    Parameters
    ----------
    runs : with the source's words.
    path : for messages.
    sure : whether the column is a status for sure; one that only may be is left alone where a word is not known.

    Returns
    -------
    list of str
        How many did not end well, in words.

    Raises
    ------
    InputError
        A word that is not known.
    """
    words = {run.status for run in runs}
    found = {word: _status_of(word) for word in words}
    unknown = sorted(word for word, status in found.items() if status is None)
    if unknown and sure:
        close = get_close_matches(unknown[0], [one for words in _STATUSES.values() for one in words], n=1, cutoff=0.6)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise InputError(
            f"{path}: status is {unknown[0]!r}.{hint} Allowed: {', '.join(_STATUSES)}, or what trackers write, such as "
            "finished, crashed, failed"
        )
    for run in runs:
        run.status = "ok" if unknown else found[run.status] or "ok"
    early = Counter(run.status for run in runs if run.status != "ok")
    if not early:
        return []
    which = ", ".join(f"{count} {status}" for status, count in sorted(early.items()))
    return [f"{counted(early.total(), len(runs))} ended early by their status ({which}) and are left out"]


def _status_of(word: str) -> str | None:
    plain = word.strip().lower().replace(" ", "_").replace("-", "_")
    return next((status for status, words in _STATUSES.items() if plain in words), None) if plain else "ok"


def end(runs: Sequence[Run], missing: int) -> list[str]:
    """Drop evaluations without a finite loss, and mark the runs that diverged. Changes the runs in place.

    A cell without a number between others is an evaluation that was not logged. Without a number to the run's end, over
    more than one and a half distances between its evaluations, it diverged; in a table that has a number in every other
    cell, one such cell is enough, and infinity always is.

    Parameters
    ----------
    runs : in the order of the file.
    missing : cells that were empty, and are gone already.

    Returns
    -------
    list of str
        What was done, in words.
    """
    holed = [(run, finite) for run in runs if not (finite := np.isfinite(run.loss)).all()]
    sparse = bool(missing) or any(_gaps(run) for run, _ in holed)
    dropped, diverged = missing, []
    for run, finite in holed:
        if run.status == "ok" and _diverged(run, finite, sparse):
            run.status = "diverged"
            diverged.append(run)
        else:
            dropped += int(np.sum(~finite))
        run.keep(finite)
    notes = [f"{dropped} rows without a loss count as not logged and are dropped"] if dropped else []
    if diverged:
        notes.append(
            f"{counted(len(diverged), len(runs))} diverged, having no finite loss to the end, and end at their last "
            f"finite one: {some(diverged)}"
        )
    return notes


def _gaps(run: Run) -> bool:
    """Whether a number comes after a cell without one."""
    finite = np.isfinite(run.loss)
    return bool(finite.any()) and not finite[: np.flatnonzero(finite)[-1]].all()


def _diverged(run: Run, finite: np.ndarray, sparse: bool) -> bool:
    last = int(np.flatnonzero(finite)[-1]) if finite.any() else -1
    tail = run.loss[last + 1 :]
    if not len(tail):
        return False
    if not sparse or np.isinf(tail).any() or last < 0:
        return True
    seen = run.clock[finite]
    usual = float(np.median(np.diff(seen))) if len(seen) > 1 else 0.0
    return bool(run.clock[-1] - seen[-1] > _TAIL * usual)


def blown_up(runs: Sequence[Run]) -> list[str]:
    """Mark runs whose loss blows up to a finite height and stays there; changes the runs in place.

    From some evaluation to its end such a run lies above its first loss, and ends at ten times its smallest. Where half
    of all runs do so, it is what the quantity does, and nothing is marked. The clock must be in order.
    """
    found = [(run, at) for run in runs if run.status == "ok" and (at := _leaves(run.loss)) is not None]
    if 2 * len(found) > len(runs):
        return []
    for run, at in found:
        run.status = "diverged"
        run.keep(np.arange(at))
    blown = [run for run, _ in found]
    if not blown:
        return []
    return [f"{counted(len(blown), len(runs))} blew up above their first loss to the end, so diverged: {some(blown)}"]


def _leaves(loss: np.ndarray) -> int | None:
    """Where a loss passes its first value for good, having been below a tenth of its last."""
    if len(loss) < 3 or loss.min() <= 0 or not loss[-1] > _BLOWN * loss.min() or not loss[-1] > loss[0]:
        return None
    below = np.flatnonzero(loss <= loss[0])
    return int(below[-1]) + 1
