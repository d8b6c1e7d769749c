"""How far the features have gone from those at the start, and how many dimensions they fill."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ..beginning import Beginning
from ..features import alignment, features, gram, readout_of
from ..replicas import Replicas
from .observable import OBSERVABLES, Observable, Probe, Unmeasurable


@dataclasses.dataclass(frozen=True)
class OnFeatures(Observable):
    """What is read off the features of the first ``examples`` of the test set: the input of the last linear layer."""

    scale = "ratio"
    examples: int = 256

    def check(self) -> None:
        if self.examples < 3:
            raise self.refuse("examples", "a whole number from 3")

    def features(self, replicas: Replicas, probe: Probe) -> Tensor:
        """``(R, n, k)`` float64.

        Raises
        ------
        Unmeasurable
            Networks without a linear or convolutional layer.
        """
        inputs = probe.test.inputs[: self.examples]
        layer = readout_of(replicas, inputs[:2])
        if layer is None:
            raise Unmeasurable("no linear layer of these networks is known")
        return features(replicas, inputs.expand(replicas.count, *inputs.shape), layer)[1]


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class FeatureChange(OnFeatures):
    """``1 - CKA`` between the features now and at the start, on the first test examples.

    Linear CKA of centred features (Kornblith et al. 2019, `arXiv 1905.00414`); it does not notice rotations and a
    common scale. Missing where features are constant.
    """

    name = "feature-change"
    names = ("feature_change",)
    summary = "1 - CKA between the features now and at the start"

    def follower(self, replicas: Replicas) -> Beginning:
        return Beginning(replicas)

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        beginning = probe.followers[self]
        assert isinstance(beginning, Beginning), "the recorder makes what `follower` gives"
        now, first = (gram(self.features(nets, probe)) for nets in (replicas, beginning.replicas))
        return (1 - alignment(now, first))[:, None]


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class EffectiveDimension(OnFeatures):
    """Participation ratio ``(sum lambda)^2 / sum lambda^2`` of the covariance of the features.

    At most the number of examples less 1; it counts directions of like variance (Gao et al. 2017).
    """

    name = "effective-dimension"
    names = ("effective_dimension",)
    summary = "participation ratio of the covariance of the features"

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        grams = gram(self.features(replicas, probe))
        return torch.stack([one.trace().square() / one.square().sum() for one in grams])[:, None]
