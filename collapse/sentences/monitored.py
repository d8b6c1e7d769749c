"""What a sweep's curves say while it runs, in words."""

from __future__ import annotations

from ..monitoring.monitor import Leaving, Watched
from .numbers import counted, percent
from .reasons import say


def leaving_line(one: Leaving) -> str:
    """A trial, or a model size with all its trials, and how it leaves the others."""
    return f"{one.rung if one.seed is None else f'seed {one.seed} of {one.rung}'} {say(one.why)}"


def watched_line(found: Watched) -> str:
    """One group, as far as it is there."""
    key = found.key
    rate = " at constant rate" if key.leg == "constant" else ""
    name = f"{key.family} on {key.dataset}{rate}" + (f" ({key.recipe_label})" if key.recipe_label else "")
    early = f", {found.early} ended early" if found.early else ""
    return f"{name}: {_there(found)}{early}; {_shared(found)}"


def _there(found: Watched) -> str:
    counts = sorted({n for _, n in found.seeds})
    if not counts:
        return "no complete trial"
    seeds = f"{counts[0]} to {counts[-1]} seeds" if len(counts) > 1 else counted(counts[0], "seed")
    return f"{counted(len(found.seeds), 'model size')} x {seeds}"


def _shared(found: Watched) -> str:
    if found.spread is None:
        return "no master curve yet"
    if found.shared is None:
        return "too few seeds to know the noise" if len(found.seeds) > 1 else "one model size alone shares nothing"
    if not found.shared:
        return f"the model sizes share no curve: their means leave the master curve by up to {percent(found.spread)}"
    alone = sum(1 for one in found.leaving if one.x is not None)
    most = f", {alone} left out" if alone else ""
    return f"no more than noise between model sizes, within {percent(found.spread)} of the master curve{most}"
