"""One update of many seeds of a network, as one batched model and in a loop: what packing must not change."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ...architectures.draws import secluded
from ...architectures.family import Family, Rung
from ...architectures.parametrization import initialise
from ...task import Task
from ..optimisers.optimiser import optimiser_from
from ..replicas import Replicas, Single, Stacked
from ..update import Repeated, update_of
from .tasks import random_batch

_TOLERANCE = 1e-10  # of losses, gradients and weights in float64, relative and absolute
_RATE = 0.01


@dataclass(frozen=True)
class Seeds:
    """Networks of different seeds, each with a batch of its own: ``inputs`` and ``targets`` are (seeds, batch, ...)."""

    family: Family
    rung: Rung
    task: Task
    nets: Sequence[nn.Module]
    inputs: Tensor
    targets: Tensor

    def only(self, which: slice) -> Seeds:
        """Some of them."""
        inputs, targets = self.inputs[which], self.targets[which]
        return Seeds(self.family, self.rung, self.task, self.nets[which], inputs, targets)


@dataclass(frozen=True)
class Updated:
    """An update of some seeds: losses, (seeds,), and by parameter gradients and what they became, (seeds, ...)."""

    losses: Tensor
    gradients: dict[str, Tensor]
    weights: dict[str, Tensor]

    def numbers(self) -> dict[str, Tensor]:
        """All of them, by what they are called in a sentence."""
        after = {f"{name} after an update": value for name, value in self.weights.items()}
        return {"the loss": self.losses, **self.gradients, **after}


def draw_seeds(
    family: Family, rung: Rung, task: Task, n: int, *, batch: int = 48, dtype: torch.dtype = torch.float32
) -> Seeds:
    """Seeds as they are a little after the start: moved off the zeros that a network may begin with."""
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
    return Seeds(family, rung, task, nets, torch.stack(inputs), torch.stack(targets))


def packed(seeds: Seeds, optimiser: str = "adam") -> Updated:
    """One update of all of them as the trainer packs them."""
    return _updated(seeds, Stacked(seeds.nets, seeds.task), seeds.inputs, seeds.targets, optimiser)


def looped(seeds: Seeds, optimiser: str = "adam") -> Updated:
    """The same, one network after the other."""
    each = [
        _updated(seeds, Single(copy.deepcopy(net), seeds.task), x[None], y[None], optimiser)
        for net, x, y in zip(seeds.nets, seeds.inputs, seeds.targets, strict=True)
    ]
    gradients = {name: torch.stack([one.gradients[name] for one in each]) for name in each[0].gradients}
    weights = {name: torch.stack([one.weights[name] for one in each]) for name in each[0].weights}
    return Updated(torch.cat([one.losses for one in each]), gradients, weights)


def differs_from_a_loop(family: Family, rung: Rung, task: Task) -> str | None:
    """What a pack of three gets wrong in float64, beyond 1e-10; None where it computes what a loop computes.

    Under SGD: a step of Adam is as large where a gradient is rounding alone.
    """
    seeds = draw_seeds(family, rung, task, 3, dtype=torch.float64)
    together, alone = packed(seeds, "sgd").numbers(), looped(seeds, "sgd").numbers()
    return _named([name for name, value in together.items() if not _close(value, alone[name])])


def notices_the_pack(family: Family, rung: Rung, task: Task) -> str | None:
    """What differs in its bits between packs of 2, 3, 8 and 16 replicas in float32; None where nothing does."""
    seeds = draw_seeds(family, rung, task, 16)
    whole, wrong = packed(seeds).numbers(), dict[str, None]()
    for which in (slice(2), slice(13, 16), slice(8)):
        few = packed(seeds.only(which)).numbers()
        wrong.update(dict.fromkeys(name for name in few if not torch.equal(few[name], whole[name][which])))
    return _named(list(wrong))


def _updated(seeds: Seeds, replicas: Replicas, inputs: Tensor, targets: Tensor, optimiser: str) -> Updated:
    update = update_of(
        seeds.family,
        seeds.rung,
        replicas,
        Repeated(inputs, targets),
        optimiser=optimiser_from(optimiser),
        rates=np.full((1, replicas.count), _RATE),
        parametrization="mup",
    )
    with torch.no_grad():
        losses = replicas.losses(inputs, targets)
    update()
    gradients = {name: _gradient(value) for name, value in replicas.named_parameters()}
    weights = {name: value.detach() for name, value in replicas.named_parameters()}
    return Updated(losses, gradients, weights)


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=_TOLERANCE, atol=_TOLERANCE)


def _named(wrong: Sequence[str]) -> str | None:
    if not wrong:
        return None
    return ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
