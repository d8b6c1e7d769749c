"""How long a ladder is to train: trunks at a constant rate, until each size is overtaken by the next one in compute."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from ..horizon import ComputeOptimal, PowerLaw
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
        return self.question(seeds=self.rule.seeds)

    @property
    def stages(self) -> list[int]:
        found = [self.rule.updates]
        while 2 * found[-1] <= self.rule.longest:
            found.append(2 * found[-1])
        return found

    def trials(self, stage: int) -> Group:
        rule = PowerLaw(rule="power-law", steps=stage, exponent=_TRUNK_EXPONENT)
        return self.plain(schedule="constant", seeds=self.rule.seeds, horizon=rule)

    def answered(self, answer: dict[str, Any]) -> Group:
        horizon = self.rule.found(answer["updates"]["value"], answer["exponent"]["value"])
        return self.group.model_copy(update={"horizon": horizon, "horizon_source": "pilot"})
