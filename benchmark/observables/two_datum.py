"""How far apart a network takes the two points that it learns."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ...architectures.family import Family
from ...datasets.dataset import Dataset
from ...results.quantity import Scale
from ..features import features
from ..replicas import Replicas
from .gram import by_example, hidden_layers
from .observable import OBSERVABLES, Observable, Probe, Unmeasurable


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class TwoDatum(Observable):
    """Distances of the two examples of a batch, in the features and in the outputs, and their pull on each other.

    With dx, dy, dh and df the differences of inputs, targets, features and outputs: ``pair_features = |dh|^2/|dx|^2``,
    ``pair_outputs = |df|^2/|dy|^2`` and ``pair_error = (|df|^2 - df . dy)/|dy|^2``, which is 0 once both points are
    learned (van Rossem and Saxe 2024, `arXiv 2402.09142`). Features are what goes into the ``middle`` layer, or the
    ``last`` one, as where there is no other; see `gram.hidden_layers`.
    """

    name = "two-datum"
    names = ("pair_features", "pair_outputs", "pair_error")
    summary = "how far apart a network takes two points in features and outputs"
    layer: str = "middle"

    def check(self) -> None:
        if self.layer not in ("middle", "last"):
            raise self.refuse("layer", "middle or last")

    def scale_of(self, name: str) -> Scale:
        return "difference" if name == "pair_error" else "ratio"

    def misfit(self, family: Family, dataset: Dataset) -> str | None:
        return None if dataset.task.loss == "squared_error" else "the task has classes, and two targets no difference"

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        inputs, targets = probe.batch()
        if inputs.shape[1] != 2:
            raise Unmeasurable(f"a batch has {inputs.shape[1]} examples, and a pair two")
        layers = hidden_layers(replicas, inputs[0])
        outputs, into = features(replicas, inputs, layers.get(self.layer, layers["last"]))
        dx, dy, df, dh = (
            (each[:, 0] - each[:, 1]).double().flatten(1) for each in (inputs, targets, outputs, by_example(into, 2))
        )
        square = dy.square().sum(1)
        grown = df.square().sum(1)
        error = grown - (df * dy).sum(1)
        return torch.stack([dh.square().sum(1) / dx.square().sum(1), grown / square, error / square], dim=1)
