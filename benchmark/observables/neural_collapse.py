"""Whether the features of a class become one point, and the classes a simplex."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ...architectures.family import Family
from ...datasets.dataset import Dataset
from ..features import features, readout_of
from ..replicas import Replicas
from .classes import NO_CLASSES
from .examples import OnExamples
from .observable import OBSERVABLES, Probe, Unmeasurable


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class NeuralCollapse(OnExamples):
    """NC1 to NC4 of Papyan, Han and Donoho 2020 (`arXiv 2008.08186`), each 0 in the limit.

    With the mean mu_c of the features of each class, centred by their mean, M its matrix, W that of the readout:
    ``nc1 = tr(S_W S_B^+) / C``; ``nc2_norms`` the coefficient of variation of ``|mu_c|``; ``nc2_angles`` the mean of
    ``|cos(mu_c, mu_c') + 1 / (C - 1)|``; ``nc3 = |W / |W| - M / |M||``; ``nc4`` the share of examples on which the
    network and the nearest class mean disagree. Classes are as the examples have them, or the most probable ones;
    missing while a class has no example. The phenomenon is one of training data: ``on: batch`` measures the next batch.
    """

    name = "neural-collapse"
    names = ("nc1", "nc2_norms", "nc2_angles", "nc3", "nc4")
    summary = "neural collapse, NC1 to NC4, of the features before the readout"
    scale = "ratio"
    on: str = "test"
    examples: int = 1024

    def misfit(self, family: Family, dataset: Dataset) -> str | None:
        if dataset.task.loss != "cross_entropy":
            return NO_CLASSES
        if dataset.task.kind == "tokens":
            return "each example of the task has many classes, one a position"
        return None if dataset.task.outputs > 1 else "the task has one class"

    def names_on(self, dataset: Dataset) -> tuple[str, ...]:
        return self.names if self.on == "test" else tuple(f"batch_{name}" for name in self.names)

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        inputs, targets = self.chosen(probe)
        layer = readout_of(replicas, inputs[0, :2])
        weight = dict(replicas.named_parameters()).get(f"{layer}.weight")
        if layer is None or weight is None:
            raise Unmeasurable("no linear layer of these networks is known")
        outputs, into = features(replicas, inputs, layer)
        matrices = (weight if not hasattr(replicas, "model") else weight[None]).detach().double().flatten(2)
        if outputs.dim() != 3 or matrices.shape[1:] != (outputs.shape[-1], into.shape[-1]):
            raise Unmeasurable("the last layer of these networks is no matrix from features to classes")
        classes = targets.argmax(-1) if targets.is_floating_point() else targets
        rows = zip(into, matrices, classes, outputs.argmax(-1), strict=True)
        return torch.stack([collapse_of(*row) for row in rows])


def collapse_of(features: Tensor, weight: Tensor, classes: Tensor, chosen: Tensor) -> Tensor:
    """``(5,)`` measures of one network from ``(n, k)`` features, ``(C, k)`` readout, classes and decisions ``(n,)``."""
    count = len(weight)
    of = torch.nn.functional.one_hot(classes, count).double()
    means = of.T @ features / of.sum(0)[:, None]  # NaN for a class without examples, and so is what follows
    centred = means - means.mean(0)
    _, values, directions = torch.linalg.svd(torch.nan_to_num(centred), full_matrices=False)
    kept = values > values[:1] * 1e-10 * max(centred.shape)
    apart = ((features - means[classes]) @ directions.T).square().mean(0)
    # S_B = centred^T centred / C, so its pseudo-inverse is C / s^2 along the right singular vectors.
    nc1 = torch.where(kept, apart / values.square().clamp(min=torch.finfo(values.dtype).tiny), 0.0).sum()
    nc1 = torch.where(kept.any(), nc1, torch.nan) + 0 * centred.sum()
    norms = torch.linalg.vector_norm(centred, dim=1)
    unit = centred / norms[:, None]
    off = ~torch.eye(count, dtype=torch.bool, device=unit.device)
    angles = torch.where(off, (unit @ unit.T + 1 / (count - 1)).abs(), 0.0).sum() / (count * (count - 1))
    dual = weight / torch.linalg.vector_norm(weight) - centred / torch.linalg.vector_norm(centred)
    nearest = torch.cdist(features, torch.nan_to_num(means)).argmin(1)
    disagree = (nearest != chosen).double().mean() + 0 * centred.sum()
    return torch.stack([nc1, norms.std(correction=0) / norms.mean(), angles, torch.linalg.vector_norm(dual), disagree])
