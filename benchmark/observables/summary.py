"""An observable that is no curve: its Gram matrices are kept with the trial, to be compared between trials."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from ..replicas import Replicas
from .observable import Observable, Probe

Grams = list[list[dict[str, Any]]]


@dataclasses.dataclass(frozen=True)
class Summary(Observable):
    """Grams of each network at the first evaluation and at the last one, and no values of a curve."""

    every: int = dataclasses.field(default=1000, kw_only=True)

    @abstractmethod
    def grams(self, replicas: Replicas, probe: Probe) -> Grams:
        """Of each network: dictionaries of what `results.grams.FIELDS` names but for the step, plain or on the host.

        Raises
        ------
        Unmeasurable
            As for `Observable.measure`.
        """

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        return torch.empty((replicas.count, 0), device=probe.test.inputs.device)
