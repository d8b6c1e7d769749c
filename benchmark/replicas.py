"""Many seeds of one network as one batched model, and the same interface for a single network."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from ..task import Task
from .losses import example_losses
from .timing import shortest
from .watching_layers import Seen, watched

_HOST = torch.device("cpu")


class Replicas(Protocol):
    """R networks that differ in their weights alone."""

    task: Task
    count: int

    @property
    def network(self) -> nn.Module:
        """The modules of one network, by whose names its layers are known."""
        ...

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Names and leaf tensors for the optimiser."""
        ...

    def losses(self, inputs: Tensor, targets: Tensor, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        """Mean loss of each replica on its own batch: ``(R, batch, ...)`` to ``(R,)``.

        ``weights`` takes the place of their own parameters, by name.
        """
        ...

    def predict(self, inputs: Tensor, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        """Outputs of all replicas on shared inputs, as they are evaluated: ``(n, ...)`` to ``(R, n, ...)``.

        ``weights`` takes the place of their own parameters, by name.
        """
        ...

    def each(self, inputs: Tensor) -> Tensor:
        """Outputs of each replica on inputs of its own, as they are evaluated: ``(R, n, ...)`` to ``(R, n, ...)``."""
        ...

    def look(
        self, inputs: Tensor, layers: Sequence[str], shifts: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Seen]]:
        """Outputs on inputs of each replica's own, as they are evaluated, and what passes some layers on the way.

        Parameters
        ----------
        inputs : ``(R, n, ...)``.
        layers : names of modules of ``network``.
        shifts : what is added to the output of a layer, by its name, ``(R, ...)``: a gradient with respect to it is one
            with respect to the output.

        Returns
        -------
        tuple
            ``(R, n, ...)``, and for each layer its input and output, with the axis of the replicas.
        """
        ...

    def buffers(self) -> list[Tensor]:
        """What is kept beside the parameters, such as running statistics."""
        ...


class Single:
    """One network, R = 1, with no batching machinery around it."""

    count = 1

    def __init__(
        self, model: nn.Module, task: Task, place: torch.device = _HOST, autocast: torch.dtype | None = None
    ) -> None:
        self.model, self.task, self._autocast = model.to(place), task, autocast

    @property
    def network(self) -> nn.Module:
        return self.model

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        return self.model.named_parameters()

    def losses(self, inputs: Tensor, targets: Tensor, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        outputs = _autocasting(self._with(weights), self._autocast, inputs[0])
        return example_losses(self.task, outputs, targets[0]).mean(-1, keepdim=True)

    def predict(self, inputs: Tensor, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        with self._evaluated():
            return _autocasting(self._with(weights), self._autocast, inputs)[None]

    def each(self, inputs: Tensor) -> Tensor:
        return self.predict(inputs[0])

    def look(
        self, inputs: Tensor, layers: Sequence[str], shifts: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Seen]]:
        own = {name: shift[0] for name, shift in (shifts or {}).items()}
        with self._evaluated(), watched(self.model, layers, own) as seen:
            outputs = _autocasting(self.model, self._autocast, inputs[0])
        return outputs[None], {name: Seen(into[None], out[None]) for name, (into, out) in seen.items()}

    def buffers(self) -> list[Tensor]:
        return list(self.model.buffers())

    def _with(self, weights: Mapping[str, Tensor] | None) -> Callable[[Tensor], Tensor]:
        return self.model if weights is None else lambda x: functional_call(self.model, dict(weights), (x,))

    @contextmanager
    def _evaluated(self) -> Iterator[None]:
        """As it is evaluated: batch norm has the running statistics, not those of the test set's chunks."""
        self.model.eval()
        try:
            yield
        finally:
            self.model.train()


class Stacked:
    """R networks whose weights are stacked along a new first axis and run by ``vmap``.

    Replicas never mix: the gradient of the sum of their losses is each replica's own gradient.
    """

    def __init__(
        self, models: Sequence[nn.Module], task: Task, place: torch.device = _HOST, autocast: torch.dtype | None = None
    ) -> None:
        self.task, self.count, self._autocast = task, len(models), autocast
        parameters, buffers = stack_module_state(list(models))  # pyright: ignore[reportArgumentType]
        self.parameters = {name: _moved(value, place) for name, value in parameters.items()}
        self._buffers = {name: value.to(place) for name, value in buffers.items()}
        self._skeleton = skeleton = copy.deepcopy(models[0]).to("meta")
        self._call = vmap(lambda p, b, inputs: functional_call(skeleton, (p, b), (inputs,)))

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        return iter(self.parameters.items())

    @property
    def network(self) -> nn.Module:
        return self._skeleton

    def losses(self, inputs: Tensor, targets: Tensor, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        parameters = self.parameters if weights is None else dict(weights)
        return example_losses(self.task, self._run(parameters, inputs), targets).mean(-1)

    def predict(self, inputs: Tensor, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        # Expanded, not shared: a shared input would be folded into one matrix product whose rounding depends on n.
        parameters = self.parameters if weights is None else dict(weights)
        return self._run(parameters, inputs.expand(self.count, *inputs.shape))

    def each(self, inputs: Tensor) -> Tensor:
        return self._run(self.parameters, inputs)

    def look(
        self, inputs: Tensor, layers: Sequence[str], shifts: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Seen]]:
        def one(p: dict[str, Tensor], b: dict[str, Tensor], x: Tensor, own: dict[str, Tensor]) -> tuple[Any, Any]:
            with watched(self.network, layers, own) as seen:
                outputs = _autocasting(lambda x: functional_call(self.network, (p, b), (x,)), self._autocast, x)
            return outputs, dict(seen)

        outputs, seen = vmap(one)(self.parameters, self._buffers, inputs, dict(shifts or {}))
        return outputs, {name: Seen(*passed) for name, passed in seen.items()}

    def buffers(self) -> list[Tensor]:
        return list(self._buffers.values())

    def _run(self, parameters: dict[str, Tensor], inputs: Tensor) -> Tensor:
        return _autocasting(lambda x: self._call(parameters, self._buffers, x), self._autocast, inputs)


def _moved(tensor: Tensor, place: torch.device) -> Tensor:
    """A leaf on the device; the tensor itself where it is there."""
    return tensor if tensor.device == place else tensor.detach().to(place).requires_grad_(tensor.requires_grad)


def _autocasting(call: Callable[[Tensor], Tensor], dtype: torch.dtype | None, inputs: Tensor) -> Tensor:
    """Outputs, in float32 where products are taken in a narrower type: losses and moments never are."""
    if dtype is None:
        return call(inputs)
    with torch.autocast(inputs.device.type, dtype):
        return call(inputs).float()


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
        Looped time over packed time for one forward and backward pass of all networks, and the looped seconds of one.
    """
    inputs, targets = random_batch(task, batch_size)
    inputs, targets = (v.expand(len(models), *v.shape) for v in (inputs, targets))
    packed = shortest(_backward(Stacked(models, task), inputs, targets), seconds)
    looped = shortest(_backward(Single(models[0], task), inputs[:1], targets[:1]), seconds)
    return len(models) * looped / packed, looped


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


def _backward(replicas: Replicas, inputs: Tensor, targets: Tensor) -> Callable[[], None]:
    """A forward and backward pass."""
    return lambda: replicas.losses(inputs, targets).sum().backward()
