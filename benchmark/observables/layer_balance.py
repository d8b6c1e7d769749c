"""Whether the weights into a neuron are as large as those out of it."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

from ..beginning import Beginning
from ..optimisers.optimiser import Weight
from ..replicas import Replicas
from .observable import OBSERVABLES, Observable, Probe, Unmeasurable

_MATRICES = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_EXAMPLES = 4


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class LayerBalance(Observable):
    """Imbalance between what goes into each neuron and what goes out, and how far it has drifted.

    Between two layers that follow each other directly or through a ReLU, gradient flow conserves
    ``Q = |w_in|^2 / m_in + b^2 / m_b - |w_out|^2 / m_out`` of each neuron (Du et al. 2018, `arXiv 1806.00900`), with m
    the multipliers of the learning rates; descent in steps of eta drifts in proportion to eta. With S the sum
    of the three terms, ``layer_balance`` is ``sum |Q| / sum S``, 0 where all is balanced, and ``balance_drift`` is
    ``|Q - Q_0| / sum S_0``. Which layers follow each other is seen on test examples.
    """

    name = "layer-balance"
    names = ("layer_balance", "balance_drift")
    summary = "balance of the weights into and out of neurons, and its drift"
    scale = "ratio"

    def follower(self, replicas: Replicas) -> Beginning:
        return Beginning(replicas)

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        beginning = probe.followers[self]
        assert isinstance(beginning, Beginning), "the recorder makes what `follower` gives"
        pairs = _following(replicas, probe.test.inputs[:_EXAMPLES])
        if not pairs:
            raise Unmeasurable("no two layers of these networks follow each other directly or through a ReLU")
        weights = {weight.name: weight for weight in probe.update.weights}
        into, out = _sides(replicas, weights, pairs)
        first_into, first_out = _sides(beginning.replicas, weights, pairs)
        drift = (into - out) - (first_into - first_out)
        rows = [
            torch.stack([(a - b).abs().sum() / (a + b).sum(), d.square().sum().sqrt() / (c + e).sum()])
            for a, b, c, e, d in zip(into, out, first_into, first_out, drift, strict=True)
        ]
        return torch.stack(rows)


def _following(replicas: Replicas, inputs: Tensor) -> list[tuple[str, str]]:
    """Names of the modules of which the second takes what the first gives, or its positive part, and nothing else does.

    Then ``w_in . dL/dw_in = w_out . dL/dw_out`` of each neuron, which is why Q stays. That is looked for in a copy
    whose weights are drawn away from zeros.
    """
    drawn = Beginning(replicas).replicas
    generator = torch.Generator().manual_seed(0)
    named = {name: tensor for name, tensor in drawn.named_parameters() if tensor.requires_grad}
    with torch.no_grad():
        for tensor in named.values():
            tensor.add_(torch.randn(tensor.shape[-1], generator=generator).to(tensor), alpha=0.1)
    modules = drawn.network.named_modules()
    known = [n for n, m in modules if isinstance(m, _MATRICES) and getattr(m, "groups", 1) == 1]
    outputs, seen = drawn.look(inputs.expand(replicas.count, *inputs.shape), known)
    mix = torch.randn(outputs.shape[1:], generator=generator).to(outputs)
    grads = torch.autograd.grad((outputs * mix).sum(), list(named.values()), allow_unused=True)
    given = {name: grad for name, grad in zip(named, grads, strict=True) if grad is not None}
    single = hasattr(replicas, "model")
    work = {n: (named[n].detach() * g)[None] if single else named[n].detach() * g for n, g in given.items()}
    order = [name for name in seen if f"{name}.weight" in work]
    pairs = [(first, second) for i, first in enumerate(order) for second in order[i + 1 :]]
    return [pair for pair in pairs if _passes(seen[pair[0]].out, seen[pair[1]].into) and _conserves(work, *pair)]


def _passes(out: Tensor, into: Tensor) -> bool:
    return out.shape == into.shape and (torch.equal(into, out) or torch.equal(into, out.relu()))


def _conserves(work: dict[str, Tensor], first: str, second: str) -> bool:
    into = work[f"{first}.weight"].flatten(2).sum(2) + work.get(f"{first}.bias", torch.zeros(()))
    out = work[f"{second}.weight"].transpose(1, 2).flatten(2).sum(2)
    return torch.allclose(into, out, rtol=1e-3, atol=1e-3 * float(into.abs().max()))


def _sides(replicas: Replicas, weights: dict[str, Weight], pairs: list[tuple[str, str]]) -> tuple[Tensor, Tensor]:
    """``(R, neurons)`` squares of what goes into each neuron and out of it, over the multipliers of their rates."""
    single = hasattr(replicas, "model")
    named = {n: (p.detach()[None] if single else p.detach()).double() for n, p in replicas.named_parameters()}
    into, out = [], []
    for first, second in pairs:
        matrix, bias, after = f"{first}.weight", f"{first}.bias", f"{second}.weight"
        squares = named[matrix].flatten(2).square().sum(2) / weights[matrix].multiplier
        if bias in named:
            squares = squares + named[bias].square() / weights[bias].multiplier
        into.append(squares)
        out.append(named[after].transpose(1, 2).flatten(2).square().sum(2) / weights[after].multiplier)
    return torch.cat(into, dim=1), torch.cat(out, dim=1)
