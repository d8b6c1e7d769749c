"""Many seeds of one network as one batched model, and the same interface for a single network."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from ..task import Task
from .evaluation import example_losses


class Replicas(Protocol):
    """R networks that differ in their weights alone."""

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Names and leaf tensors for the optimiser."""
        ...

    def losses(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of each replica on its own batch: ``(R, batch, ...)`` to ``(R,)``."""
        ...

    def predict(self, inputs: Tensor) -> Tensor:
        """Outputs of all replicas on shared inputs: ``(n, ...)`` to ``(R, n, ...)``."""
        ...


class Single:
    """One network, R = 1, with no batching machinery around it."""

    def __init__(self, model: nn.Module, task: Task) -> None:
        self.model, self.task = model, task

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        return self.model.named_parameters()

    def losses(self, inputs: Tensor, targets: Tensor) -> Tensor:
        return example_losses(self.task, self.model(inputs[0]), targets[0]).mean(-1, keepdim=True)

    def predict(self, inputs: Tensor) -> Tensor:
        self.model.eval()  # batch norm: the running statistics, not those of the test set's chunks
        try:
            return self.model(inputs)[None]
        finally:
            self.model.train()


class Stacked:
    """R networks whose weights are stacked along a new first axis and run by ``vmap``.

    Replicas never mix: the gradient of the sum of their losses is each replica's own gradient.
    """

    def __init__(self, models: Sequence[nn.Module], task: Task) -> None:
        self.task = task
        self.parameters, self.buffers = stack_module_state(list(models))  # pyright: ignore[reportArgumentType]
        skeleton = copy.deepcopy(models[0]).to("meta")
        self._call = vmap(lambda p, b, inputs: functional_call(skeleton, (p, b), (inputs,)))

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        return iter(self.parameters.items())

    def losses(self, inputs: Tensor, targets: Tensor) -> Tensor:
        return example_losses(self.task, self._call(self.parameters, self.buffers, inputs), targets).mean(-1)

    def predict(self, inputs: Tensor) -> Tensor:
        n = len(next(iter(self.parameters.values())))
        # Expanded, not shared: a shared input would be folded into one matrix product whose rounding depends on n.
        return self._call(self.parameters, self.buffers, inputs.expand(n, *inputs.shape))


def packing_gain(models: Sequence[nn.Module], task: Task, batch_size: int, seconds: float = 0.3) -> tuple[float, float]:
    """How much faster an update is when the networks are packed.

    Parameters
    ----------
    models : at least two networks of one shape.
    task, batch_size : what they train on; the inputs are random.
    seconds : time to spend on each of the two.

    Returns
    -------
    (gain, looped)
        Looped time over packed time for one update of all networks, and the looped seconds for one update of one.
    """
    inputs, targets = random_batch(task, batch_size)
    inputs, targets = (v.expand(len(models), *v.shape) for v in (inputs, targets))
    packed = _update_seconds([Stacked(models, task)], inputs, targets, seconds)
    looped = _update_seconds([Single(models[0], task)], inputs[:1], targets[:1], seconds)
    return len(models) * looped / packed, looped


def looped_seconds(model: nn.Module, task: Task, batch_size: int, seconds: float = 0.15) -> float:
    """Seconds of one update of one network that trains alone."""
    inputs, targets = random_batch(task, batch_size)
    return _update_seconds([Single(model, task)], inputs[None], targets[None], seconds)


def update_bytes(model: nn.Module, task: Task, batch_size: int) -> int:
    """Bytes that one update of one network keeps at once: weights, gradients, Adam's moments and the activations.

    Read off the tensors that the backward pass saves, so it does not depend on what else the process holds.
    """
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    inputs, targets = random_batch(task, batch_size)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        Single(model, task).losses(inputs[None], targets[None]).sum()
    return 4 * sum(p.numel() * p.element_size() for p in model.parameters()) + sum(saved.values())


def random_batch(task: Task, n: int) -> tuple[Tensor, Tensor]:
    """Fixed random inputs and targets of a task's kind, for probes and timings."""
    generator = torch.Generator().manual_seed(0)
    if task.kind == "tokens":
        inputs = torch.randint(task.vocabulary, (n, *task.shape), generator=generator)
        return inputs, torch.randint(task.outputs, (n, *task.shape), generator=generator)
    inputs = torch.randn((n, *task.shape), generator=generator)
    if task.loss == "squared_error":
        return inputs, torch.randn((n, task.outputs), generator=generator)
    return inputs, torch.randint(task.outputs, (n,), generator=generator)


def _update_seconds(replicas: Sequence[Replicas], inputs: Tensor, targets: Tensor, seconds: float) -> float:
    """Shortest time of a forward and backward pass: the least disturbed by other processes."""
    best, start = float("inf"), time.perf_counter()
    rounds = 0
    while rounds < 4 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        for replica in replicas:
            replica.losses(inputs, targets).sum().backward()
        best = min(best, time.perf_counter() - begin) if rounds else best  # the first round warms up
        rounds += 1
    return best
