"""A ladder that asks for something, and what all such ladders have."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

from ...datasets.dataset import DATASETS, Dataset
from ...errors import InputError
from ...results.trials import fingerprint
from ..horizon import ComputeOptimal
from ..sweep import Group, GroupSettings, named, rungs_of
from ..tuned_rate import TunedRate

# What decides the curves of a ladder's trials beside its seeds and its training lengths.
DECIDES = ("families", "datasets", "rungs", "optimizer", "peak_lr", "warmup_fraction", "batch_size", "train_size")
DECIDES += ("parametrization", "precision", "accumulate")
Stage = TypeVar("Stage")


@dataclasses.dataclass(frozen=True, kw_only=True)
class AskedLadder(ABC, Generic[Stage]):
    """One family on one data set under one setting, some of which is to be found.

    A pilot goes through stages, each larger than the one before, until one gives an answer. Its trials are ordinary
    trials of an ordinary sweep.

    Attributes
    ----------
    group : the ladder as the sweep has it.
    asks : what is asked for, in words.
    rule : how it is asked for.
    """

    asks: ClassVar[str]
    group: Group
    rule: ComputeOptimal | TunedRate

    @property
    @abstractmethod
    def key(self) -> str:
        """Fingerprint of the question: ladders that share it share the answer."""

    @property
    @abstractmethod
    def stages(self) -> list[Stage]:
        """What may be trained, the first at once; the last is what a plan has to reckon with."""

    @abstractmethod
    def trials(self, stage: Stage) -> Group:
        """The group that a stage trains."""

    @abstractmethod
    def answered(self, answer: dict[str, Any]) -> Group:
        """The ladder with the answer put in."""

    @property
    def asked(self) -> Group:
        """The ladder whose trials answer the question."""
        return self.group

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
        return DATASETS.make(*named(self.group.datasets[0]))

    @property
    def own_rungs(self) -> dict[str, Any]:
        """The pilot's own model sizes, where it has some: they and not the ladder's decide its answer."""
        return {} if self.rule.rungs is None else {"rungs": self.rule.rungs}

    @property
    def rungs_asked(self) -> Any:
        """The model sizes of the pilot, as a group has them.

        Raises
        ------
        InputError
            They start at another size than the ladder, and the batch grows from the smallest one on.
        """
        given = self.rule.rungs
        if given is None:
            return self.group.rungs
        firsts = [rungs_of(self.plain(rungs=rungs))[0] for rungs in (given, self.group.rungs)]
        if not isinstance(self.group.batch_size, int) and firsts[0] != firsts[1]:
            raise InputError(
                f"the pilot of {self.family} on {self.dataset} starts at another model size than its ladder, and the "
                "batch grows with the model size from the smallest one on: give a batch size that is one number, or a "
                "pilot whose first rung is the ladder's"
            )
        return given

    @property
    def about(self) -> dict[str, str]:
        """What a run may be restricted by."""
        return {"family": self.family, "dataset": self.dataset, "control": str(self.group.control)}

    def question(self, **more: object) -> str:
        """A key of what decides the ladder's curves, and more."""
        whole = self.asked.model_dump(mode="json", include=set(DECIDES))
        if self.asked.warmup_updates is not None:
            whole |= {"warmup_updates": self.asked.warmup_updates}
        return fingerprint({**whole, **more})[:16]

    def plain(self, **changes: object) -> Group:
        """The group with nothing but what decides its curves, changed."""
        defaults = {name: GroupSettings.model_fields[name].default for name in ("control", "record", "views")}
        return self.asked.model_copy(update={**defaults, "horizon_source": "assumed", **changes})
