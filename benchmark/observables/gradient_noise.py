"""How much the gradients of single examples differ, and the batch from which on that no longer matters."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ..flattened import dot, flat
from ..replicas import Replicas
from .examples import OnExamples
from .observable import OBSERVABLES, Probe, Unmeasurable


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class GradientNoise(OnExamples):
    """Trace of the covariance of single examples' gradients, and the simple noise scale.

    From the gradients ``g_i`` of ``parts`` equal parts of b examples: ``tr Sigma = b sum |g_i - g|^2 / (parts - 1)``,
    and ``B_simple = tr Sigma / |G|^2`` with ``|G|^2 = |g|^2 - tr Sigma / (parts b)``; both estimates are unbiased
    (McCandlish et al. 2018, `arXiv 1812.06162`, appendix A). The noise scale is missing where ``|G|^2`` is not
    positive: the examples do not tell the gradient from its noise. With batch norm each part has statistics of its own.
    """

    name = "gradient-noise"
    names = ("gradient_noise", "noise_scale")
    summary = "trace of the covariance of gradients, and the simple noise scale"
    scale = "ratio"
    parts: int = 8

    def check(self) -> None:
        super().check()
        if self.parts < 2:
            raise self.refuse("parts", "a whole number from 2")

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        inputs, targets = self.chosen(probe)
        parts = min(self.parts, inputs.shape[1])
        if parts < 2:
            raise Unmeasurable("noise needs at least 2 examples")
        each = inputs.shape[1] // parts
        with probe.update.apart(), torch.enable_grad():
            gradients = [
                _gradient(probe, inputs[:, at : at + each], targets[:, at : at + each])
                for at in range(0, parts * each, each)
            ]
        mean = torch.stack(gradients).mean(0)
        apart = [gradient - mean for gradient in gradients]
        trace = each * torch.stack([dot(one, one) for one in apart]).sum(0) / (parts - 1)
        square = dot(mean, mean) - trace / (parts * each)
        scale = torch.where(square > 0, trace / square, torch.nan)
        return torch.stack([trace, scale], dim=1)


def _gradient(probe: Probe, inputs: Tensor, targets: Tensor) -> Tensor:
    """``(R, P)`` gradient of the mean loss of some examples."""
    weights = [weight for weight in probe.update.weights if weight.tensor.requires_grad]
    loss = probe.update.losses(inputs, targets).sum()
    return flat(torch.autograd.grad(loss, [w.tensor for w in weights], allow_unused=True), weights)
