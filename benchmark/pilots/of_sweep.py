"""Which ladders of a sweep ask for something, and the sweep with the answers put in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..horizon import ComputeOptimal
from ..sweep import Group, Sweep
from ..tuned_rate import TunedRate
from .asked import AskedLadder
from .horizon_pilot import HorizonPilot
from .rate_pilot import RatePilot

NAME = "pilot"  # of the sweep that pilots are: one results folder serves several sweeps


def pilots_of(sweep: Sweep, only: Mapping[str, str] | None = None) -> list[AskedLadder[Any]]:
    """What a sweep leaves to be found, each question once. A ladder asks for its rate first, then for its length.

    Parameters
    ----------
    only : restrict to ``family``, ``dataset`` or ``control`` with that value.
    """
    found = [pilot for group in sweep.groups for ladder in _ladders(group) if (pilot := _asked(ladder)) is not None]
    asked = [pilot for pilot in found if all(pilot.about.get(key) == value for key, value in (only or {}).items())]
    return list({pilot.key: pilot for pilot in asked}.values())


def pilot_sweep(stages: Sequence[tuple[AskedLadder[Any], Any]]) -> Sweep:
    """Stages of several pilots as one sweep, so that all of them train beside each other."""
    return Sweep(name=NAME, groups=[pilot.trials(stage) for pilot, stage in stages])


def with_answers(sweep: Sweep, answers: Mapping[str, dict[str, Any]]) -> Sweep:
    """The sweep with what pilots found put in. Ladders without an answer stay as they are.

    Parameters
    ----------
    answers : by a pilot's key, what it found, as JSON.
    """
    return _changed(sweep, lambda ladder: _filled(ladder, answers))


def without_questions(sweep: Sweep) -> Sweep:
    """The sweep without the ladders that ask for something still; it may have none left."""
    return _changed(sweep, lambda ladder: None if _asked(ladder) else ladder)


def _filled(ladder: Group, answers: Mapping[str, dict[str, Any]]) -> Group:
    while (pilot := _asked(ladder)) is not None and pilot.key in answers:
        ladder = pilot.answered(answers[pilot.key])
    return ladder


def _changed(sweep: Sweep, change: Callable[[Group], Group | None]) -> Sweep:
    groups: list[Group] = []
    for group in sweep.groups:
        ladders = _ladders(group)
        if any(_asked(ladder) for ladder in ladders):
            groups += [changed for ladder in ladders if (changed := change(ladder)) is not None]
        else:
            groups.append(group)
    return sweep.model_copy(update={"groups": groups})


def _asked(ladder: Group) -> AskedLadder[Any] | None:
    """What a ladder asks for first; None where all is given."""
    if isinstance(ladder.peak_lr, TunedRate):
        return RatePilot(group=ladder, rule=ladder.peak_lr)
    if isinstance(ladder.horizon, ComputeOptimal):
        return HorizonPilot(group=ladder, rule=ladder.horizon)
    return None


def _ladders(group: Group) -> list[Group]:
    """A group's ladders: one family, one data set, one learning rate and one size of the training set each."""
    return [
        alone.model_copy(update={"families": [family], "datasets": [dataset]})
        for family in group.families
        for dataset in group.datasets
        for alone in group.alone()
    ]
