"""Pilots of a sweep: trained, extended while they are too small, answered, and the answers put into the sweep."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    from ..benchmark.pilots.asked import AskedLadder
    from ..benchmark.pilots.horizon_pilot import HorizonPilot
    from ..benchmark.runner import RunSummary
    from ..benchmark.sweep import Sweep
    from ..collapse.pilots.horizon_law import HorizonLaw
    from ..collapse.pilots.scans import LadderRate
    from ..collapse.pilots.trunks import Trunk
    from ..results.store import Store

FILE = "pilots.json"
_LARGER_HELPS = ("pilot-not-crossed", "rate-at-edge")  # what the next stage may mend


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """What a stage of a pilot gave.

    Attributes
    ----------
    found : the result, whose ``status`` says whether it is an answer.
    said : in words.
    draw : draws its figure into a folder; None where there is none.
    notes : what else a reader should know.
    beside : results that are kept with it.
    """

    found: HorizonLaw | LadderRate
    said: str
    draw: Callable[[str], object] | None = None
    notes: tuple[str, ...] = ()
    beside: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether it may be used."""
        return self.found.status.code == "ok"


def pilot_store(folder: Store | str) -> Store:
    """The results folder of the pilots of a sweep whose results are in a folder."""
    from ..results.store import Store

    return Store(f"{folder if isinstance(folder, str) else folder.uri}/pilot")


def with_found(sweep: Sweep, store: Store) -> Sweep:
    """The sweep with what its pilots found put in; what is open still stays a question.

    Parameters
    ----------
    store : the results folder of the pilots.
    """
    from ..benchmark.pilots.of_sweep import with_answers

    return with_answers(sweep, store.read_json(FILE) or {})


def to_train(sweep: Sweep, store: Store, only: Mapping[str, str] | None = None) -> Sweep:
    """The same without the ladders whose pilots found nothing.

    Raises
    ------
    InputError
        No ladder is left, or none that the run is restricted to.
    """
    from ..benchmark.pilots.of_sweep import without_questions
    from ..benchmark.sweep import expand

    expand(sweep, only)  # says so where the sweep itself has nothing of that name
    found = without_questions(with_found(sweep, store))
    try:
        left = bool(found.groups) and bool(expand(found, only))
    except InputError:
        left = False
    if not left:
        raise InputError("no ladder is left to train: each pilot says above what it lacks")
    return found


def plan_pilots(sweep: Sweep, store: Store, only: Mapping[str, str] | None = None) -> dict[str, Any] | None:
    """What the pilots that can be trained now would cost: trials and minutes of their first stages, and of all of them;
    None where no pilot is open."""
    from ..benchmark.pilots.of_sweep import pilot_sweep, pilots_of
    from ..benchmark.sweep_plan import plan_sweep

    asked = pilots_of(with_found(sweep, store), only)
    if not asked:
        return None
    first = plan_sweep(pilot_sweep([(pilot, pilot.stages[0]) for pilot in asked]), store, {})
    most = plan_sweep(pilot_sweep([(pilot, stage) for pilot in asked for stage in pilot.stages]), store, {})
    return {
        "ladders": [{**pilot.about, "asks": pilot.asks} for pilot in asked],
        "n_trials": first["n_trials"],
        "flops": first["flops"],
        "expected_minutes": first["expected_minutes"],
        "most_trials": most["n_trials"],
        "most_flops": most["flops"],
        "most_minutes": most["expected_minutes"],
    }


def run_pilots(
    sweep: Sweep,
    store: Store,
    train: Callable[[Sweep, Store], RunSummary],
    say: Callable[[str], None],
    only: Mapping[str, str] | None = None,
) -> int | None:
    """Train the pilots of a sweep until each has an answer or its largest stage; keep answers and draw figures.

    A ladder whose rate and training length are both asked for is asked for its rate first.

    Parameters
    ----------
    store : the results folder of the pilots.
    train : runs a sweep into a results folder.
    say : takes each answer in words.
    only : as for `run`.

    Returns
    -------
    int or None
        How many found nothing; None where a run was ended before all had been asked.
    """
    from ..benchmark.longer_runs import forgotten
    from ..benchmark.pilots.of_sweep import pilot_sweep, pilots_of

    stages: dict[str, Iterator[Any]] = {}
    without: set[str] = set()
    while asked := [each for each in pilots_of(with_found(sweep, store), only) if each.key not in without]:
        now = [(pilot, next(stages.setdefault(pilot.key, iter(pilot.stages)), None)) for pilot in asked]
        summary = train(pilot_sweep(now), store)
        if summary.left or summary.undelivered or summary.asked_to_end:
            return None
        for pilot, stage in now:
            answer = answer_of(pilot, stage, store)
            more = answer.found.status.code in _LARGER_HELPS and stage != pilot.stages[-1]
            for line in (answer.said + (". The next stage follows" if more else ""), *answer.notes):
                say(f"pilot of {pilot.family} on {pilot.dataset}: {line}")
            if more:
                continue
            if answer.draw is not None and store.local:
                answer.draw(f"{store.root}/figures")
            if answer.ok:
                _keep(store, pilot, answer)
            else:
                without.add(pilot.key)
    if not without and only is None:
        forgotten(store)
    return len(without)


def answer_of(pilot: AskedLadder[Any], stage: Any, store: Store) -> Answer:
    """What the trials of a stage say, from the results folder."""
    from ..benchmark.pilots.horizon_pilot import HorizonPilot
    from ..benchmark.pilots.of_sweep import pilot_sweep
    from ..benchmark.sweep_plan import trial_ids
    from ..collapse.pilots import scans, trunks

    own, rng = trial_ids(pilot_sweep([(pilot, stage)]), store), np.random.default_rng(int(pilot.key, 16))
    columns = dict.fromkeys(("trial_id", *scans.COLUMNS, *trunks.COLUMNS))
    rows = [row for row in store.table(list(columns)).to_pylist() if row["trial_id"] in own]
    if isinstance(pilot, HorizonPilot):
        return _horizon(pilot, trunks.trunks_of(rows, pilot.rule.column), trunks.trunks_of(rows), rng)
    from ..collapse.sentences.of_pilots import rate_sentence

    found = scans.best_rate(scans.scans_of(rows), rng=rng)
    return Answer(found=found, said=rate_sentence(found))


def _horizon(pilot: HorizonPilot, trunks: Sequence[Trunk], losses: Sequence[Trunk], rng: np.random.Generator) -> Answer:
    from ..collapse.drawing.pilot import save_pilot
    from ..collapse.pilots.horizon_law import horizon_law
    from ..collapse.pilots.sensitivity import sensitivity
    from ..collapse.sentences.of_pilots import pilot_sentence, sensitivity_sentence

    law = horizon_law(trunks, rng=rng)
    # Of the loss itself: averages lag behind it at the beginning, where trunks that are cut short still are.
    floor = losses[0].irreducible_loss if losses else None
    at = sensitivity(losses, law, floor, rng=rng, seeds=len(pilot.group.seed_list))
    name = f"{pilot.family} on {pilot.dataset}"
    return Answer(
        found=law,
        said=pilot_sentence(law),
        draw=(lambda folder: save_pilot(name, law, trunks, at, folder)) if trunks else None,
        notes=(*([sensitivity_sentence(at)] if at else []), *_seen_again(pilot, law)),
        beside={"sensitivity": at} if at else {},
    )


def _seen_again(pilot: HorizonPilot, law: HorizonLaw) -> Iterator[str]:
    """What the ladder's longest runs ask of the data."""
    from ..benchmark.pool_use import too_few

    if law.status.code != "ok" or law.updates is None or law.exponent is None:
        return
    from ..benchmark.batch import batch_size
    from ..benchmark.sweep import rungs_of
    from ..results.trials import rung_label

    rule, sizes = pilot.law(law.updates.value, law.exponent.value), pilot.sizes(pilot.group.rungs)
    batch = batch_size(pilot.group.batch_size, sizes[-1], sizes[0])
    updates = rule.horizon(sizes[-1], sizes[0], batch)
    pool = pilot.data.pool_size
    if pool is not None and updates * batch > pool:
        yield too_few(rung_label(rungs_of(pilot.group)[-1]), updates, batch, pilot.data)


def _keep(store: Store, pilot: AskedLadder[Any], answer: Answer) -> None:
    """Keep an answer. What found none is asked again by the next run, whose settings may be others."""
    from ..collapse.contract import plain
    from ..collapse.sentences.as_json import worded

    with store.exclusive(FILE):
        about = {"family": pilot.family, "dataset": pilot.dataset, "asks": pilot.asks, "said": answer.said}
        about |= {"group": pilot.group.model_dump(mode="json")}
        found = plain(worded(answer.found) | worded(answer.beside))
        store.write_json(FILE, {**(store.read_json(FILE) or {}), pilot.key: {**about, **found}})
