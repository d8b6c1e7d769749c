"""On which examples an observable of the loss landscape is measured: those of the next update, or test examples."""

from __future__ import annotations

import dataclasses

from torch import Tensor

from ...architectures.family import Family
from ...datasets.dataset import Dataset
from .observable import Observable, Probe


@dataclasses.dataclass(frozen=True)
class OnExamples(Observable):
    """Measured ``on: batch``, the examples of the next update, or ``on: test``, the first ``examples`` of the test set.

    A batch is what the update sees, with its noise; the test examples are the same for all sizes and seeds. The names
    of values on test examples begin with ``test_``.
    """

    on: str = "batch"
    examples: int = 256

    def check(self) -> None:
        if self.on not in ("batch", "test"):
            raise self.refuse("on", "batch or test")
        if self.examples < 2:
            raise self.refuse("examples", "a whole number from 2")

    def misfit(self, family: Family, dataset: Dataset) -> str | None:
        if self.on == "test" and dataset.test_set().weights is not None:
            return "its test loss is a formula and no mean over examples; leave `on` at batch"
        return None

    def names_on(self, dataset: Dataset) -> tuple[str, ...]:
        return tuple(f"test_{name}" for name in self.names) if self.on == "test" else self.names

    def chosen(self, probe: Probe) -> tuple[Tensor, Tensor]:
        """Inputs and targets of each network, ``(R, n, ...)`` each."""
        if self.on == "batch":
            return probe.batch()
        count, rows = probe.update.replicas.count, slice(self.examples)
        parts = probe.test.inputs[rows], probe.test.targets[rows]
        return parts[0].expand(count, *parts[0].shape), parts[1].expand(count, *parts[1].shape)
