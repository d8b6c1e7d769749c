"""At which rate a ladder is to train: a scan at its smallest size and at a larger one, for equally many updates."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from ...results.trials import rung_label
from ..horizon import Steps
from ..sweep import Group, rungs_of
from ..tuned_rate import TunedRate
from .asked import AskedLadder


@dataclasses.dataclass(frozen=True, kw_only=True)
class RatePilot(AskedLadder[tuple[float, ...]]):
    """A ladder with ``peak_lr: tuned``; a stage is the rates that are tried, each twice the one before."""

    asks: ClassVar[str] = "learning rate"
    rule: TunedRate

    @property
    def key(self) -> str:
        rule = self.rule.model_dump(mode="json", exclude_none=True)
        return self.question(peak_lr=rule, schedule=self.group.schedule, **self.own_rungs)

    @property
    def rungs(self) -> list[dict[str, int]]:
        """The smallest size and the middle one of the ladder, or the two that are given."""
        ladder = rungs_of(self.plain(rungs=self.rungs_asked))
        if self.rule.rungs is not None:
            return ladder
        return [ladder[0], ladder[len(ladder) // 2]]

    @property
    def labels(self) -> list[str]:
        """The two in words."""
        return [rung_label(rung) for rung in self.rungs]

    @property
    def stages(self) -> list[tuple[float, ...]]:
        return self.rule.scans()

    def trials(self, stage: tuple[float, ...]) -> Group:
        rule = Steps(rule="steps", steps=self.rule.updates)
        return self.plain(peak_lr=list(stage), rungs=self.rungs, seeds=self.rule.seeds, horizon=rule)

    def answered(self, answer: dict[str, Any]) -> Group:
        rate = float(f"{answer['rate']['value']:.3g}")
        return self.group.model_copy(update={"peak_lr": rate, "tuned": answer["tuned"]})
