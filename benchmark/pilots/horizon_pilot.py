"""How long a ladder is to train: trunks at a constant rate, until each size is overtaken by the next one in compute."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from ..horizon import ComputeOptimal, PowerLaw, TrunkLength
from ..sweep import Group
from .asked import AskedLadder

_TRUNK_EXPONENT = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class HorizonPilot(AskedLadder[int]):
    """A ladder with ``horizon: compute-optimal``; a stage is the updates of the smallest size's trunk."""

    asks: ClassVar[str] = "training length"
    rule: ComputeOptimal

    @property
    def key(self) -> str:
        other = {} if self.rule.warmup == "share" else {"warmup": self.rule.warmup}
        return self.question(seeds=self.rule.seeds, **other)

    @property
    def stages(self) -> list[int]:
        found = [self.rule.updates]
        while 2 * found[-1] <= self.rule.longest:
            found.append(2 * found[-1])
        return found

    def trials(self, stage: int) -> Group:
        share = self.group.warmup_fraction
        if share and self.rule.warmup == "share":
            horizon = PowerLaw(rule="power-law", steps=stage, exponent=_TRUNK_EXPONENT)
        else:
            horizon = self._extended(stage)
            share *= self.rule.updates / stage
        return self.plain(schedule="constant", seeds=self.rule.seeds, horizon=horizon, warmup_fraction=share)

    def _extended(self, stage: int) -> TrunkLength:
        """Trunks of which each is the beginning of the next, one stage beyond the last: ``longest`` may be raised."""
        stages = [*self.stages, 2 * self.stages[-1]]
        place = stages.index(stage)
        before, later = stages[place - 1] if place else 0, tuple(stages[place + 1 :])
        return TrunkLength(rule="power-law", steps=stage, exponent=_TRUNK_EXPONENT, before=before, later=later)

    def answered(self, answer: dict[str, Any]) -> Group:
        horizon = self.rule.found(answer["updates"]["value"], answer["exponent"]["value"])
        return self.group.model_copy(update={"horizon": horizon, "horizon_source": "pilot"})
