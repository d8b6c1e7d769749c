"""How long a ladder is to train: trunks at a constant rate, until each size is overtaken by the next one in compute."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from ..horizon import ComputeOptimal, PowerLaw, TrunkLength
from ..sweep import Group, named, rungs_of
from .asked import AskedLadder

_TRUNK_EXPONENT = 1.0
_DECAY = 0.97  # averages over some 30 updates, few beside a trunk's
_RECORDED = {"loss": [], "ema-loss": [{"name": "ema-loss", "decay": _DECAY}], "averaged-loss": ["averaged-loss"]}


@dataclasses.dataclass(frozen=True, kw_only=True)
class HorizonPilot(AskedLadder[int]):
    """A ladder with ``horizon: compute-optimal``; a stage is the updates of the smallest size's trunk."""

    asks: ClassVar[str] = "training length"
    rule: ComputeOptimal

    @property
    def asked(self) -> Group:
        return self.group.model_copy(update=self.rule.found_at.model_dump(exclude_unset=True))

    @property
    def key(self) -> str:
        other = self.rule.model_dump(include={"warmup", "of"}, exclude_defaults=True)
        return self.question(seeds=self.rule.seeds, **self.own_rungs, **other)

    @property
    def stages(self) -> list[int]:
        found = [self.rule.updates]
        while 2 * found[-1] <= self.rule.longest:
            found.append(2 * found[-1])
        return found

    def trials(self, stage: int) -> Group:
        share = self.asked.warmup_fraction
        if share and self.asked.warmup_updates is None and self.rule.warmup == "share":
            horizon = PowerLaw(rule="power-law", steps=stage, exponent=_TRUNK_EXPONENT)
        else:
            horizon = self._extended(stage)
            share *= self.rule.updates / stage
        more = {"horizon": horizon, "warmup_fraction": share, "rungs": self.rungs_asked}
        more["record"] = _RECORDED[self.rule.of]
        return self.plain(schedule="constant", seeds=self.rule.seeds, **more)

    def _extended(self, stage: int) -> TrunkLength:
        """Trunks of which each is the beginning of the next, one stage beyond the last: ``longest`` may be raised."""
        stages = [*self.stages, 2 * self.stages[-1]]
        place = stages.index(stage)
        before, later = stages[place - 1] if place else 0, tuple(stages[place + 1 :])
        return TrunkLength(rule="power-law", steps=stage, exponent=_TRUNK_EXPONENT, before=before, later=later)

    def answered(self, answer: dict[str, Any]) -> Group:
        horizon = self.law(answer["updates"]["value"], answer["exponent"]["value"])
        return self.group.model_copy(update={"horizon": horizon, "horizon_source": "pilot"})

    def law(self, updates: float, exponent: float) -> PowerLaw:
        """The ladder's rule, ``t*_1 = updates (p_1 / q_1)^exponent`` at its own smallest size p_1.

        Parameters
        ----------
        updates : at the pilot's smallest size q_1.
        exponent : with which they grow with the parameters.
        """
        if self.rule.rungs is not None:
            of_pilot, of_ladder = (self.sizes(rungs)[0] for rungs in (self.rungs_asked, self.group.rungs))
            updates *= (of_ladder / of_pilot) ** exponent
        return self.rule.found(updates, exponent)

    def sizes(self, rungs: Any) -> list[int]:
        """Parameters of the family's networks at the rungs of a group, for the ladder's data set."""
        from ...architectures.family import FAMILIES
        from ...architectures.flops import count

        family, task = FAMILIES.make(*named(self.group.families[0])), self.data.task
        return [count(family, rung, task).n_params for rung in rungs_of(self.plain(rungs=rungs))]
