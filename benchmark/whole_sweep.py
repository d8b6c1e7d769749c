"""A sweep from its file to its results folder in one call, for Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..results.store import Store
from .executors import make_executor
from .runner import RunSummary, run
from .sweep import Sweep, load_sweep


def run_sweep(
    sweep: str | Sweep, folder: str, *, changes: Sequence[str] = (), address: str = "local", **options: Any
) -> RunSummary:
    """Train what a sweep asks for and a results folder lacks, as ``onecurve run`` does.

    Parameters
    ----------
    sweep : a file, the name of a built-in sweep, or what `load_sweep` returned.
    folder : results folder or URL, for `read`.
    changes : ``key=value`` pairs that replace a setting in all groups; of a file or a built-in sweep alone.
    address : ``local`` starts Ray on this machine, ``in-process`` uses no Ray, anything else joins that Ray cluster.
    **options : see `runner.run`: ``only``, ``shard``, ``terms``, ``refresh``, ``retry``, ``device``, ``report``.

    Returns
    -------
    RunSummary
        How many trials were asked for, found, trained and failed, with the first reasons.

    Raises
    ------
    InputError
        A sweep that cannot be read, a folder that is not writable or belongs to another sweep.
    """
    loaded = load_sweep(sweep, changes) if isinstance(sweep, str) else sweep
    store = Store(folder)
    store.check_writable()
    executor = make_executor(address)
    try:
        return run(loaded, store, executor, **options)
    finally:
        executor.close()
