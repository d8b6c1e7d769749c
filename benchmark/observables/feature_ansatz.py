"""Whether the first layer sees what the outputs are sensitive to."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ..features import layers_of
from ..replicas import Replicas
from .observable import OBSERVABLES, Observable, Probe, Unmeasurable

_EXACT = 16  # outputs, and positions, up to which the gradients of all are taken
_STEP = 0.05
_POWERS = tuple(_STEP * k for k in range(1, 41))
_SEED = 0


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class FeatureAnsatz(Observable):
    """Neural feature ansatz of the first layer: the correlation of ``W^T W`` with the average gradient outer product.

    ``G = mean_x sum_o grad f_o grad f_o^T``, with gradients by the inputs of the layer, those of the patches of a
    convolution (Radhakrishnan et al. 2024, `arXiv 2212.13881`). ``nfa_correlation`` is Pearson's over the entries of
    ``W^T W`` and G, ``nfa_power`` the a of ``.05, .1, .. 2`` with the largest correlation with ``G^a``, and
    ``nfa_best`` that correlation: for balanced deep linear networks a is one over the depth. More than 16 outputs are
    mixed by 16 draws of random signs, whose mean is the same.
    """

    name = "feature-ansatz"
    names = ("nfa_correlation", "nfa_power", "nfa_best")
    summary = "correlation of the first layer with the average gradient outer product"
    scale = "difference"
    examples: int = 128

    def check(self) -> None:
        if self.examples < 2:
            raise self.refuse("examples", "a whole number from 2")

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        inputs = probe.test.inputs[: self.examples]
        called = layers_of(replicas, inputs[:2])
        named = dict(replicas.named_parameters())
        if not called or f"{called[0]}.weight" not in named or _grouped(replicas, called[0]):
            raise Unmeasurable("the first layer of these networks is no matrix that is trained or known")
        weight = named[f"{called[0]}.weight"].detach()
        matrices = (weight[None] if hasattr(replicas, "model") else weight).double().flatten(2)
        sensitivity = _sensitivity(replicas, inputs, called[0], matrices.shape[1])
        return torch.stack([correlations(w, g) for w, g in zip(matrices, sensitivity, strict=True)])


def _grouped(replicas: Replicas, layer: str) -> bool:
    return getattr(replicas.network.get_submodule(layer), "groups", 1) != 1


def _sensitivity(replicas: Replicas, inputs: Tensor, layer: str, rows: int) -> Tensor:
    """``(R, out, out)``: the mean over examples of the outer products of gradients by what the layer puts out.

    By its inputs the gradients are ``W^T`` times these, through this layer.
    """
    given = inputs.expand(replicas.count, *inputs.shape)
    with torch.no_grad():
        outputs, seen = replicas.look(given, [layer])
    like = seen[layer].out
    axis = 2 if isinstance(replicas.network.get_submodule(layer), _conv()) else like.dim() - 1
    shift = torch.zeros_like(like, requires_grad=True)
    width, total = outputs[0, 0].numel(), torch.zeros(())
    generator = torch.Generator().manual_seed(_SEED)
    if width <= _EXACT:
        mixes = torch.eye(width)
    else:
        mixes = torch.randint(0, 2, (_EXACT, width), generator=generator).double() * 2 - 1
        mixes = mixes / _EXACT**0.5
    with torch.enable_grad():
        flat = replicas.look(given, [layer], {layer: shift})[0].flatten(2)
        for mix in mixes.to(flat):
            (grad,) = torch.autograd.grad((flat * mix).sum(), shift, retain_graph=True)
            columns = grad.double().movedim(axis, -1).reshape(replicas.count, -1, rows)
            total = torch.stack([own.T @ own for own in columns]) + total.to(flat.device)
    return total / len(inputs)


def _conv() -> tuple[type, ...]:
    return (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)


def correlations(weight: Tensor, sensitivity: Tensor) -> Tensor:
    """``(3,)`` correlation, best power and its correlation, from ``(out, k)`` and ``(out, out)``."""
    left, values, right = torch.linalg.svd(weight, full_matrices=False)
    inner = values[:, None] * (left.T @ sensitivity @ left) * values  # G in the basis of the right singular vectors
    powers, basis = torch.linalg.eigh(inner)
    squares, ones = values.square(), right.sum(1)

    def pearson(power: float) -> Tensor:
        other = (basis * powers.clamp(min=0) ** power) @ basis.T
        n = weight.shape[1] ** 2
        means = (squares * ones.square()).sum() / n, (ones @ other @ ones) / n
        both = (squares * other.diagonal()).sum() - n * means[0] * means[1]
        sides = squares.square().sum() - n * means[0] ** 2, other.square().sum() - n * means[1] ** 2
        return both / (sides[0] * sides[1]).sqrt()

    tried = torch.stack([pearson(power) for power in _POWERS])
    best = tried.nan_to_num(-2).argmax()
    highest = tried.amax()  # NaN where one is
    return torch.stack([pearson(1.0), torch.where(highest.isnan(), torch.nan, _STEP * (best + 1)), highest])
