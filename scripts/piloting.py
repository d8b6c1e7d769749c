"""Pilots of a sweep: trained, extended while they are too short, answered, and the answers put into the sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    from ..benchmark.pilots import HorizonPilot
    from ..benchmark.runner import RunSummary
    from ..benchmark.sweep import Sweep
    from ..collapse.pilots.horizon_law import HorizonLaw
    from ..collapse.pilots.trunks import Trunk
    from ..results.store import Store

FILE = "pilots.json"
_TOO_SHORT = "pilot-not-crossed"  # what longer trunks may mend


def pilot_store(folder: Store | str) -> Store:
    """The results folder of the pilots of a sweep whose results are in a folder."""
    from ..results.store import Store

    return Store(f"{folder if isinstance(folder, str) else folder.uri}/pilot")


def open_pilots(sweep: Sweep, store: Store, only: Mapping[str, str] | None = None) -> list[HorizonPilot]:
    """The pilots of a sweep that have no answer in their results folder yet."""
    from ..benchmark.pilots import pilots_of

    found = _stored(store)
    return [pilot for pilot in pilots_of(sweep, only) if pilot.key not in found]


def with_found(sweep: Sweep, store: Store) -> Sweep:
    """The sweep with the training lengths that its pilots found; ladders whose pilot found none are left out.

    Raises
    ------
    InputError
        No ladder is left.
    """
    found = with_answers(sweep, store)
    if not found.groups:
        raise InputError("no ladder has a training length: each pilot says above what it lacks")
    return found


def with_answers(sweep: Sweep, store: Store) -> Sweep:
    """The same, also where no ladder is left."""
    from ..benchmark import pilots

    return pilots.with_answers(sweep, _stored(store))


def plan_pilots(sweep: Sweep, store: Store, only: Mapping[str, str] | None = None) -> dict[str, Any] | None:
    """What the open pilots of a sweep would cost: trials and minutes of their first trunks, and the minutes of all
    trunks up to the longest; None where no pilot is open."""
    from ..benchmark.pilots import pilot_sweep
    from ..benchmark.sweep_plan import plan_sweep

    asked = open_pilots(sweep, store, only)
    if not asked:
        return None
    first = plan_sweep(pilot_sweep([(pilot, pilot.lengths[0]) for pilot in asked]), store, {})
    most = plan_sweep(pilot_sweep([(pilot, updates) for pilot in asked for updates in pilot.lengths]), store, {})
    return {
        "ladders": [pilot.about for pilot in asked],
        "n_trials": first["n_trials"],
        "flops": first["flops"],
        "expected_minutes": first["expected_minutes"],
        "most_trials": most["n_trials"],
        "most_flops": most["flops"],
        "most_minutes": most["expected_minutes"],
    }


def run_pilots(
    pilots: Sequence[HorizonPilot],
    store: Store,
    train: Callable[[Sweep, Store], RunSummary],
    say: Callable[[str], None],
) -> int | None:
    """Train pilots until each has an answer or its longest trunks; keep the answers and draw their figures.

    Parameters
    ----------
    pilots : what is open.
    store : their results folder.
    train : runs a sweep into a results folder.
    say : takes each answer in words.

    Returns
    -------
    int or None
        How many found no training length; None where the run was ended before all had been asked.
    """
    from ..benchmark.pilots import pilot_sweep
    from ..collapse.sentences.of_pilots import pilot_sentence

    lengths = {pilot.key: iter(pilot.lengths) for pilot in pilots}
    now, without = [(pilot, next(lengths[pilot.key])) for pilot in pilots], 0
    while now:
        summary = train(pilot_sweep(now), store)
        if summary.left or summary.undelivered or summary.asked_to_end:
            return None
        longer = []
        for pilot, updates in now:
            law, trunks = law_of(pilot, updates, store)
            name = f"pilot of {pilot.family} on {pilot.dataset}"
            after = next(lengths[pilot.key], None) if law.status.code == _TOO_SHORT else None
            if after is not None:
                say(f"{name}: {pilot_sentence(law)}. Its trunks are made twice as long")
                longer.append((pilot, after))
                continue
            say(f"{name}: {pilot_sentence(law)}")
            without += law.status.code != "ok"
            for note in _notes(pilot, law, trunks):
                say(f"{name}: {note}")
            _keep(store, pilot, law)
            _draw(store, pilot, law, trunks)
        now = longer
    return without


def law_of(pilot: HorizonPilot, updates: int, store: Store) -> tuple[HorizonLaw, list[Trunk]]:
    """The training length that a pilot's trunks give, from the results folder."""
    from ..benchmark.pilots import pilot_sweep
    from ..benchmark.sweep_plan import trial_ids
    from ..collapse.pilots.horizon_law import horizon_law
    from ..collapse.pilots.trunks import COLUMNS, trunks_of

    own = trial_ids(pilot_sweep([(pilot, updates)]), store)
    rows = [row for row in store.table(["trial_id", *COLUMNS]).to_pylist() if row["trial_id"] in own]
    trunks = trunks_of(rows)
    return horizon_law(trunks, rng=np.random.default_rng(int(pilot.key, 16))), trunks


def _notes(pilot: HorizonPilot, law: HorizonLaw, trunks: Sequence[Trunk]) -> Iterator[str]:
    """What the ladder's longest runs ask of the data."""
    if law.status.code != "ok" or law.updates is None or law.exponent is None:
        return
    rule, last = pilot.rule.found(law.updates.value, law.exponent.value), trunks[-1]
    updates = rule.horizon(int(last.size), int(law.first), last.batch_size)
    pool = pilot.data.pool_size
    if pool is not None and updates * last.batch_size > pool:
        yield (
            f"{last.rung} will train for {updates:,} updates of {last.batch_size} examples, and {pilot.dataset} has "
            f"{pool:,} examples: they are seen again, and the evidence is exploratory. A larger pool, or a data set "
            "that draws each example anew, avoids that"
        )


def _stored(store: Store) -> dict[str, tuple[float, float]]:
    """Updates of the smallest size and exponents that are kept, by their pilots' keys."""
    found: Mapping[str, Any] = store.read_json(FILE) or {}
    return {key: (one["updates"]["value"], one["exponent"]["value"]) for key, one in found.items()}


def _keep(store: Store, pilot: HorizonPilot, law: HorizonLaw) -> None:
    """Keep an answer. What found none is asked again by the next run, whose settings may be others."""
    from ..collapse.contract import plain
    from ..collapse.sentences.as_json import worded

    if law.status.code != "ok":
        return
    with store.exclusive(FILE):
        found = store.read_json(FILE) or {}
        about = {"family": pilot.family, "dataset": pilot.dataset, "group": pilot.group.model_dump(mode="json")}
        store.write_json(FILE, {**found, pilot.key: {**about, **plain(worded(law))}})


def _draw(store: Store, pilot: HorizonPilot, law: HorizonLaw, trunks: list[Trunk]) -> None:
    if store.local and trunks:
        from ..collapse.drawing.pilot import save_pilot

        save_pilot(f"{pilot.family} on {pilot.dataset}", law, trunks, f"{store.root}/figures")
