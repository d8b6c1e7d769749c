"""Loss and gradients of many seeds of a network, as one batched model and in a loop: what packing must not change."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from ..task import Task
from .draws import secluded
from .family import Family, Rung
from .parametrization import initialise
from .rehearsal import mean_loss, random_batch

_TOLERANCE = 1e-10  # of losses and gradients in float64, relative and absolute


@dataclass(frozen=True)
class Replicas:
    """Networks of different seeds, each with a batch of its own: ``inputs`` and ``targets`` are (seeds, batch, ...)."""

    task: Task
    nets: Sequence[nn.Module]
    inputs: Tensor
    targets: Tensor

    def first(self, n: int) -> Replicas:
        """The first ``n`` of them."""
        return Replicas(self.task, self.nets[:n], self.inputs[:n], self.targets[:n])


def draw_replicas(
    family: Family, rung: Rung, task: Task, n: int, *, batch: int = 48, dtype: torch.dtype = torch.float32
) -> Replicas:
    """Replicas as they are a little after the start: moved off the zeros that a network may begin with."""
    nets, inputs, targets = [], [], []
    for seed in range(n):
        net = initialise(family, rung, task, seed=seed, parametrization="standard", optimizer="adam").to(dtype)
        with secluded(seed), torch.no_grad():
            for parameter in net.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.05)
            x, y = random_batch(task, batch)
        nets.append(net)
        inputs.append(x if task.kind == "tokens" else x.to(dtype))
        targets.append(y if y.dtype == torch.long else y.to(dtype))
    return Replicas(task, nets, torch.stack(inputs), torch.stack(targets))


def packed(replicas: Replicas) -> tuple[Tensor, dict[str, Tensor]]:
    """Losses, (seeds,), and gradients, (seeds, ...) by parameter, of one batched forward and backward pass."""
    parameters, buffers = stack_module_state(list(replicas.nets))  # pyright: ignore[reportArgumentType]
    parameters = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    skeleton = copy.deepcopy(replicas.nets[0]).to("meta")

    def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return mean_loss(replicas.task, functional_call(skeleton, (parameters, buffers), (x,)), y)

    losses = vmap(one)(parameters, buffers, replicas.inputs, replicas.targets)
    losses.sum().backward()
    return losses.detach(), {name: _gradient(value) for name, value in parameters.items()}


def looped(replicas: Replicas) -> tuple[Tensor, dict[str, Tensor]]:
    """The same, one network after the other."""
    losses, gradients = [], []
    for net, x, y in zip(replicas.nets, replicas.inputs, replicas.targets, strict=True):
        net.zero_grad()
        loss = mean_loss(replicas.task, net(x), y)
        loss.backward()
        losses.append(loss.detach())
        gradients.append({name: _gradient(p) for name, p in net.named_parameters()})
    return torch.stack(losses), {name: torch.stack([g[name] for g in gradients]) for name in gradients[0]}


def differs_from_a_loop(family: Family, rung: Rung, task: Task) -> str | None:
    """What a pack of three gets wrong in float64, beyond 1e-10; None where it computes what a loop computes."""
    replicas = draw_replicas(family, rung, task, 3, dtype=torch.float64)
    (losses, gradients), (alone, each) = packed(replicas), looped(replicas)
    wrong = [] if _close(losses, alone) else ["the loss"]
    return _named(wrong + [name for name in gradients if not _close(gradients[name], each[name])])


def notices_the_pack(family: Family, rung: Rung, task: Task) -> str | None:
    """What differs in its bits between packs of 2, 3, 8 and 16 replicas in float32; None where nothing does."""
    replicas = draw_replicas(family, rung, task, 16)
    losses, gradients = packed(replicas)
    wrong: dict[str, None] = {}
    for n in (2, 3, 8):
        few_losses, few = packed(replicas.first(n))
        if not torch.equal(few_losses, losses[:n]):
            wrong["the loss"] = None
        wrong.update(dict.fromkeys(name for name in few if not torch.equal(few[name], gradients[name][:n])))
    return _named(list(wrong))


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=_TOLERANCE, atol=_TOLERANCE)


def _named(wrong: Sequence[str]) -> str | None:
    if not wrong:
        return None
    return ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
