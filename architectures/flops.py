"""Parameters and floating-point operations of a network, measured by running it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ..task import Task
from .draws import Key, key_of, secluded
from .family import Family, Rung

_BATCH = 4

Shape = Sequence[int]


@dataclass(frozen=True)
class Compute:
    """Size and cost of a network.

    Attributes
    ----------
    n_params : numbers that are trained.
    forward : FLOPs of a forward pass, per example.
    training : FLOPs of a forward and a backward pass, per example.
    """

    n_params: int
    forward: int
    training: int


def count(family: Family, rung: Rung, task: Task) -> Compute:
    """Count the FLOPs of matrix products and convolutions, two for a multiplication with its addition.

    Element-wise work (activations, norms, softmax, biases, the optimiser) is not counted. The backward pass is measured
    and not taken as twice the forward one: the first layer needs no gradient of its input.
    """
    return _count(family, key_of(rung), task)


@lru_cache(maxsize=1024)
def _count(family: Family, key: Key, task: Task) -> Compute:
    with secluded(0):
        net = family.build(dict(key), task)
        inputs = example_inputs(task, _BATCH)
    with plain_kernels():
        with _counter() as forward:  # not under no_grad: the counter trips over views of parameters
            net(inputs)
        with _counter() as training:
            net(inputs).sum().backward()
    return Compute(n_params(net), forward.get_total_flops() // _BATCH, training.get_total_flops() // _BATCH)


def _counter() -> FlopCounterMode:
    return FlopCounterMode(display=False, custom_mapping={torch.ops.aten.convolution_backward: _convolution_backward})


def _convolution_backward(
    grad: Shape, x: Shape, w: Shape, *options: object, out_shape: object = None, **_: object
) -> int:
    """FLOPs of a convolution's backward pass: as many as forward for each of the two gradients that are asked for.

    torch's own formula forgets the groups in the gradient of the weights: for a depthwise convolution it says as many
    times too much as there are channels.
    """
    transposed, mask = bool(options[4]), options[7]
    assert isinstance(mask, (list, tuple))
    return 2 * x[0] * math.prod((x if transposed else grad)[2:]) * math.prod(w) * sum(map(bool, mask[:2]))


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Without oneDNN, whose LSTM is one operation that the counter does not know."""
    before = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = before


def n_params(net: nn.Module) -> int:
    """How many numbers of the network are trained."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


def example_inputs(task: Task, batch: int) -> torch.Tensor:
    """Inputs of the right kind and shape ``(batch, *task.shape)``: standard Gaussian numbers or uniform tokens."""
    if task.kind == "tokens":
        return torch.randint(task.vocabulary, (batch, *task.shape))
    return torch.randn(batch, *task.shape)
