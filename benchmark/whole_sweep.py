"""A sweep from its file to its results folder in one call, for Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..results.store import Store
from .executors import make_executor
from .runner import RunSummary, run
from .sweep import Sweep, load_sweep


def run_sweep(
    sweep: str | Mapping[str, Any] | Sweep,
    folder: str | Path,
    *,
    changes: Sequence[str] = (),
    address: str = "local",
    **options: Any,
) -> RunSummary:
    """Train what a sweep asks for and a results folder lacks, as ``onecurve run`` does.

    Parameters
    ----------
    sweep : a file, the name of a built-in sweep, a mapping with the keys of a file, or what `load_sweep` returned.
    folder : results folder or URL, for `read`.
    changes : ``key=value`` pairs that replace a setting in all groups.
    address : ``local`` starts Ray on this machine, ``in-process`` uses no Ray, anything else joins that Ray cluster.
    **options : see `runner.run`: ``only``, ``shard``, ``terms``, ``refresh``, ``retry``, ``device``, ``report``.

    Returns
    -------
    RunSummary
        How many trials were asked for, found, trained and failed, with the first reasons.

    Raises
    ------
    InputError
        A sweep that cannot be read, changes to one that is loaded already, a folder that is not writable or belongs to
        another sweep.
    """
    if isinstance(sweep, Sweep) and changes:
        raise InputError("changes are made when a sweep is loaded: load_sweep(SWEEP, changes)")
    loaded = sweep if isinstance(sweep, Sweep) else load_sweep(sweep, changes)
    store = Store(folder)
    store.check_writable()
    executor = make_executor(address)
    try:
        return run(loaded, store, executor, **options)
    finally:
        executor.close()
