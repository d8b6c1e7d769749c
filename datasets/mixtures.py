"""Classification whose true probabilities are a formula: Gaussian mixtures with a power-law covariance."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor

from ..task import Task
from .dataset import DATASETS, check_integer, check_number, derived_seed
from .floor import KnownPosterior
from .pool import CounterStream


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class GaussianMixture(KnownPosterior):
    """Classes that are each a mixture of Gaussians with one power-law covariance.

    ``lambda_j = c j^-a`` with ``c`` such that they sum to ``inputs``. There are ``classes * components`` equally likely
    clusters. Each has a centre ``mu ~ N(0, separation^2 diag(lambda))``, drawn once, and examples
    ``x ~ N(mu, diag(lambda))``; cluster ``i`` belongs to class ``i // components``. By Bayes' rule

        p(class | x) = sum_{i in class} e^{s_i} / sum_i e^{s_i},   s_i = sum_j mu_ij (x_j - mu_ij / 2) / lambda_j,

    which is what the test targets hold, for each test point. With one component a linear network suffices. The
    population's floor is a mean over 262,144 new draws; its standard error is about .001 nats.

    Attributes
    ----------
    classes, components : classes, and clusters in each.
    inputs : dimension.
    exponent : ``a``.
    separation : standard deviation of the centres over that of a cluster, in each direction.
    test_size : test points.
    """

    name = "gaussian-mixture"
    summary = "classes of Gaussian clusters with power-law covariance, generated, every draw new"

    classes: int = 10
    components: int = 8
    inputs: int = 16
    exponent: float = 1.0
    separation: float = 1.0
    test_size: int = 4096

    def __post_init__(self) -> None:
        for field, least in {"classes": 2, "components": 1, "inputs": 1, "test_size": 2}.items():
            check_integer(field, getattr(self, field), least)
        check_number("exponent", self.exponent, 0)
        check_number("separation", self.separation, 0)

    @property
    def task(self) -> Task:
        return Task(kind="vector", shape=(self.inputs,), outputs=self.classes, loss="cross_entropy")

    @property
    def pool_size(self) -> None:
        return None

    @property
    def variances(self) -> np.ndarray:
        """``lambda_j``: ``(inputs,)``."""
        raw = np.arange(1, self.inputs + 1) ** -float(self.exponent)
        return raw * (self.inputs / raw.sum())

    @property
    def centres(self) -> np.ndarray:
        """``mu``: ``(classes * components, inputs)``."""
        rng = np.random.default_rng(derived_seed(self.name, self.version, "centres"))
        shape = self.classes * self.components, self.inputs
        return self.separation * np.sqrt(self.variances) * rng.standard_normal(shape)

    def prepare(self) -> None:
        """Nothing to make."""

    def stream(self, seed: int) -> CounterStream:
        return CounterStream(self._draw, self.name, self.version, seed)

    def posterior(self, inputs: Tensor) -> Tensor:
        """``p(class | x)``, float64: ``(n, inputs)`` to ``(n, classes)``."""
        centres, precisions = torch.from_numpy(self.centres), torch.from_numpy(1 / self.variances)
        scores = inputs.double() @ (centres * precisions).T - (centres.square() * precisions).sum(1) / 2
        return scores.view(-1, self.classes, self.components).logsumexp(-1).softmax(-1)

    def draw_truth(self, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        inputs, _ = self._draw(generator, count)
        return inputs, self.posterior(inputs)

    def _draw(self, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        centres, scale = torch.from_numpy(self.centres).float(), torch.from_numpy(np.sqrt(self.variances)).float()
        clusters = torch.randint(len(centres), (count,), generator=generator)
        inputs = torch.randn(count, self.inputs, generator=generator).mul_(scale).add_(centres[clusters])
        return inputs, clusters // self.components
