"""How far the tangent kernel has gone from that at the start."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ..beginning import Beginning
from ..features import alignment
from ..replicas import Replicas
from .observable import OBSERVABLES, Observable, Probe


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class KernelChange(Observable):
    """``1 - cos(K, K_0)`` between the tangent kernels now and at the start, on the first test examples.

    ``K_ij = df_i/dtheta . df_j/dtheta`` with f the sum of the outputs over the square root of their number, which is
    the whole kernel for one output and approximates its mean over several (Mohamadi et al. 2023, `arXiv 2206.12543`).
    In the lazy limit it goes as one over the output scale (Geiger et al. 2020, `arXiv 1906.08034`).
    """

    name = "kernel-change"
    names = ("kernel_change",)
    summary = "1 - cosine between the tangent kernels now and at the start"
    scale = "ratio"
    examples: int = 32

    def check(self) -> None:
        if self.examples < 2:
            raise self.refuse("examples", "a whole number from 2")

    def follower(self, replicas: Replicas) -> Beginning:
        return Beginning(replicas)

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        beginning = probe.followers[self]
        assert isinstance(beginning, Beginning), "the recorder makes what `follower` gives"
        inputs = probe.test.inputs[: self.examples]
        now, first = (tangent_kernel(nets, inputs) for nets in (replicas, beginning.replicas))
        return (1 - alignment(now, first))[:, None]


def tangent_kernel(replicas: Replicas, inputs: Tensor) -> Tensor:
    """``(R, n, n)`` float64: products of the gradients of the summed outputs of each example."""
    trained = [tensor for _, tensor in replicas.named_parameters() if tensor.requires_grad]
    with torch.enable_grad():
        outputs = replicas.predict(inputs).flatten(2)
        summed = (outputs.sum(-1) / outputs.shape[-1] ** 0.5).sum(0)
        rows = [torch.autograd.grad(one, trained, retain_graph=True, allow_unused=True) for one in summed]
    stacked, kernel = not hasattr(replicas, "model"), None
    for k, tensor in enumerate(trained):
        if rows[0][k] is None:
            continue
        # One tensor after the other: all gradients of a pack at once would not fit.
        grads = torch.stack([row[k] for row in rows], dim=1 if stacked else 0)
        grads = grads.reshape(len(tensor) if stacked else 1, len(rows), -1).double()
        part = torch.stack([own @ own.T for own in grads])
        kernel = part if kernel is None else kernel + part
    assert kernel is not None, "outputs depend on weights"
    return kernel
