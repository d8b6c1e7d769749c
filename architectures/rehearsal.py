"""A few steps of a network on a small made-up batch: what the checks of a family train."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from ..task import Task
from .draws import secluded
from .family import Family, Rung
from .flops import _plain_kernels, example_inputs
from .parametrization import initialise, multipliers

_UNCOUNTED = ("attention", "rnn", "mv", "dot", "cdist", "fft", "trilinear")  # parts of names of operations
_BATCH = 64


def random_batch(task: Task, n: int) -> tuple[Tensor, Tensor]:
    """Inputs and targets without a rule, from torch's generator."""
    inputs = example_inputs(task, n)
    if task.loss == "squared_error":
        return inputs, torch.randn(n, task.outputs)
    return inputs, torch.randint(task.outputs, (n, *task.shape) if task.kind == "tokens" else (n,))


def easy_batch(task: Task, n: int) -> tuple[Tensor, Tensor]:
    """Inputs with targets that any family can fit: a mean of four numbers, or its sign, or the token itself."""
    with secluded(0):
        inputs = example_inputs(task, n)
    if task.kind == "tokens":
        return inputs, inputs % task.outputs
    first = inputs.flatten(1)[:, :4].mean(1)
    return inputs, first[:, None].repeat(1, task.outputs) if task.loss == "squared_error" else (first > 0).long()


def mean_loss(task: Task, outputs: Tensor, targets: Tensor) -> Tensor:
    """The task's loss, averaged over a batch and its positions."""
    if task.loss == "squared_error":
        return (outputs - targets).square().mean()
    return nn.functional.cross_entropy(outputs.flatten(0, -2), targets.flatten())


@dataclass(frozen=True)
class Rehearsal:
    """A network under maximal update with the factors on its learning rates, by parameter."""

    net: nn.Module
    task: Task
    rates: dict[str, float]

    @classmethod
    def of(cls, family: Family, rung: Rung, task: Task, seed: int) -> Rehearsal:
        """The network that a seed stands for."""
        factors = multipliers(family, rung, task, parametrization="mup", optimizer="adam")
        net = initialise(family, rung, task, seed=seed, parametrization="mup", optimizer="adam")
        return cls(net, task, {name: factor.lr for name, factor in factors.items()})

    def trained(self) -> list[tuple[str, nn.Parameter]]:
        """Parameters that are not frozen, by name."""
        return [(name, p) for name, p in self.net.named_parameters() if p.requires_grad]

    def train(self, *, steps: int, lr: float, until: float = 0.0) -> list[float]:
        """Losses on the easy batch before each step of Adam and after the last.

        It stops early below ``until`` times the first loss, or where the loss is no number.
        """
        inputs, targets = easy_batch(self.task, _BATCH)
        groups = [{"params": [p], "lr": lr * self.rates[name]} for name, p in self.trained()]
        optimizer = torch.optim.Adam(groups, lr=lr)
        losses: list[float] = []
        while True:
            loss = mean_loss(self.task, self.net(inputs), targets)
            losses.append(loss.item())
            if len(losses) > steps or losses[-1] < until * losses[0] or not math.isfinite(losses[-1]):
                return losses
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def move(self, *, steps: int, lr: float) -> float:
        """Root mean square by which the outputs for the easy batch change in a few steps."""
        inputs, _ = easy_batch(self.task, _BATCH)
        with torch.no_grad():
            before = self.net(inputs)
        self.train(steps=steps, lr=lr)
        with torch.no_grad():
            return (self.net(inputs) - before).square().mean().sqrt().item()


def uncounted(net: nn.Module, task: Task) -> list[str]:
    """Operations of a forward and backward pass that multiply much and that the FLOP counter does not know."""
    with _plain_kernels(), _Operations() as seen:  # as the counter runs it
        net(example_inputs(task, 2)).sum().backward()
    return sorted(seen.names)


class _Operations(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        packet = func.overloadpacket
        if packet not in flop_registry and any(part in str(packet).split(".")[-1] for part in _UNCOUNTED):
            self.names.add(str(packet))
        return func(*args, **kwargs or {})
