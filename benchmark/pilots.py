"""Pilots: which ladders of a sweep still ask for their training lengths, what is trained to find them, and the sweep
with the answers put in.

A pilot is a trunk at a constant learning rate for each model size and seed, long enough that each size is overtaken by
the next one on the axis of compute. Trunks are ordinary trials of an ordinary sweep, in a results folder of their own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..results.trials import fingerprint
from .horizon import ComputeOptimal, PowerLaw
from .sweep import Group, GroupSettings, Sweep, named

if TYPE_CHECKING:
    from ..datasets.dataset import Dataset

NAME = "pilot"  # of the sweep that pilots are: one results folder serves several sweeps
_TRUNK_EXPONENT = 1.0
# What decides a trunk's curve; all else in a group is the ladder's own.
_DECIDES = ("families", "datasets", "rungs", "optimizer", "peak_lr", "warmup_fraction", "batch_size", "train_size")
_DECIDES += ("parametrization", "precision", "accumulate")


@dataclasses.dataclass(frozen=True, kw_only=True)
class HorizonPilot:
    """One ladder whose training lengths are asked for.

    Attributes
    ----------
    group : one family on one data set at one rate.
    rule : what the sweep asks for.
    """

    group: Group
    rule: ComputeOptimal

    @property
    def key(self) -> str:
        """Fingerprint of the question: ladders that share it share the answer."""
        whole = self.group.model_dump(mode="json", include=set(_DECIDES))
        return fingerprint({**whole, "seeds": self.rule.seeds})[:16]

    @property
    def family(self) -> str:
        """The family's name."""
        return named(self.group.families[0])[0]

    @property
    def dataset(self) -> str:
        """The data set's name."""
        return named(self.group.datasets[0])[0]

    @property
    def data(self) -> Dataset:
        """The data set itself."""
        from ..datasets.dataset import DATASETS

        return DATASETS.make(*named(self.group.datasets[0]))

    @property
    def about(self) -> dict[str, str]:
        """What a run may be restricted by."""
        return {"family": self.family, "dataset": self.dataset, "control": str(self.group.control)}

    @property
    def lengths(self) -> list[int]:
        """Updates of the smallest model size's trunk, the first, then doubled up to the longest."""
        found = [self.rule.updates]
        while 2 * found[-1] <= self.rule.longest:
            found.append(2 * found[-1])
        return found

    def trunks(self, updates: int) -> Group:
        """The group to train, with so many updates of the smallest model size."""
        defaults = {name: GroupSettings.model_fields[name].default for name in ("control", "record", "views")}
        return self.group.model_copy(
            update={
                **defaults,
                "schedule": "constant",
                "seeds": self.rule.seeds,
                "horizon": PowerLaw(rule="power-law", steps=updates, exponent=_TRUNK_EXPONENT),
                "horizon_source": "assumed",
            }
        )


def pilots_of(sweep: Sweep, only: Mapping[str, str] | None = None) -> list[HorizonPilot]:
    """The ladders of a sweep whose training lengths a pilot is to find, each once.

    Parameters
    ----------
    only : restrict to ``family``, ``dataset`` or ``control`` with that value.
    """
    found = [
        HorizonPilot(group=alone, rule=alone.horizon)
        for group in sweep.groups
        for alone in _ladders(group)
        if isinstance(alone.horizon, ComputeOptimal)
    ]
    asked = [pilot for pilot in found if all(pilot.about.get(key) == value for key, value in (only or {}).items())]
    return list({pilot.key: pilot for pilot in asked}.values())


def pilot_sweep(trunks: Sequence[tuple[HorizonPilot, int]]) -> Sweep:
    """Trunks of several pilots as one sweep, so that all of them train beside each other."""
    return Sweep(name=NAME, groups=[pilot.trunks(updates) for pilot, updates in trunks])


def with_answers(sweep: Sweep, answers: Mapping[str, tuple[float, float]]) -> Sweep:
    """The sweep with the training lengths that pilots found.

    Parameters
    ----------
    answers : by a pilot's key, updates of the smallest size and the exponent. Ladders without an answer are left out.
    """
    groups: list[Group] = []
    for group in sweep.groups:
        if not isinstance(group.horizon, ComputeOptimal):
            groups.append(group)
            continue
        for alone in _ladders(group):
            answer = answers.get(HorizonPilot(group=alone, rule=group.horizon).key)
            if answer is not None:
                update = {"horizon": group.horizon.found(*answer), "horizon_source": "pilot"}
                groups.append(alone.model_copy(update=update))
    return sweep.model_copy(update={"groups": groups})


def _ladders(group: Group) -> list[Group]:
    """A group's ladders: one family, one data set, one learning rate and one size of the training set each."""
    return [
        alone.model_copy(update={"families": [family], "datasets": [dataset]})
        for family in group.families
        for dataset in group.datasets
        for alone in group.alone()
    ]
