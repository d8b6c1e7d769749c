"""Updates of many weights at once: rates as columns, blocks that fit a cache, moments, decay and clipping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from .optimiser import Pace, Weight

# So many numbers of each tensor are updated before the next: more leave the cache of a CPU between two operations, and
# fewer cost a call each. Measured from 2**12 to 2**17 on packs of `mlp` and `decoder`.
_BLOCK = 2**17


def columns(weights: Sequence[Weight], of: Callable[[float], Tensor]) -> list[Tensor]:
    """A number of each replica in the shape and type that multiplies each weight.

    Parameters
    ----------
    of : from a weight's multiplier to ``(R,)`` numbers in float64, which are rounded once, to the weights' type.
    """
    found: dict[tuple[float, int], Tensor] = {}
    for weight in weights:
        axes = weight.tensor.dim() - 1 if weight.stacked else -1
        key = (weight.multiplier, axes)
        if key not in found:
            values = of(weight.multiplier).to(weight.tensor.dtype)
            found[key] = values.reshape(-1, *[1] * axes) if weight.stacked else values.reshape(())
    return [found[weight.multiplier, weight.tensor.dim() - 1 if weight.stacked else -1] for weight in weights]


def blocks(weights: Sequence[Weight], *others: Sequence[Tensor]) -> Iterator[list[list[Tensor]]]:
    """The tensors of the weights and of what goes with them, in parts that an elementwise update takes one by one.

    On a CPU small weights go together and large stacks are cut between replicas; elsewhere all is one part.
    """
    rows = list(zip([weight.tensor for weight in weights], *others, strict=True))
    if weights[0].tensor.device.type != "cpu":
        yield [list(column) for column in zip(*rows, strict=True)]
        return
    together: list[tuple[Tensor, ...]] = []
    for weight, row in zip(weights, rows, strict=True):
        if weight.stacked and row[0].numel() > _BLOCK:
            n = max(1, _BLOCK * len(row[0]) // row[0].numel())
            yield from ([[part] for part in parts] for parts in zip(*(each.split(n) for each in row), strict=True))
            continue
        if together and sum(each[0].numel() for each in together) + row[0].numel() > _BLOCK:
            yield [list(column) for column in zip(*together, strict=True)]
            together = []
        together.append(row)
    if together:
        yield [list(column) for column in zip(*together, strict=True)]


def clipped(weights: Sequence[Weight], grads: Sequence[Tensor], limit: float) -> list[Tensor]:
    """Gradients whose norm over all weights of a replica is at most the limit; a shorter one is untouched.

    A replica whose gradient is not finite gets NaN, and the others what they get without it.
    """
    stacked = weights[0].stacked
    rows = [grad.flatten(1) if stacked else grad.reshape(1, -1) for grad in grads]
    norms = torch.stack([torch.linalg.vector_norm(row, dim=1, dtype=torch.float64) for row in rows])
    norm = norms.square().sum(0).sqrt()
    return list(torch._foreach_mul(list(grads), columns(weights, lambda _: limit / norm.clamp(min=limit))))


def decay(weights: Sequence[Weight], rate: Tensor, weight_decay: float) -> None:
    """Multiply every weight by ``1 - rate * weight_decay``, whatever its multiplier is."""
    if weight_decay:
        torch._foreach_mul_([w.tensor for w in weights], columns(weights, lambda _: 1 - rate * weight_decay))


def adam_tables(updates: int, beta1: float, beta2: float) -> dict[str, np.ndarray]:
    """Adam's corrections at each update, by Python's own power: a library's may round otherwise."""
    steps = [float(step) for step in range(1, updates + 1)]
    return {
        "step": np.array(steps),
        "bias1": np.array([1 - beta1**step for step in steps]),
        "root2": np.array([(1 - beta2**step) ** 0.5 for step in steps]),
    }


def adam_update(
    weights: Sequence[Weight],
    grads: Sequence[Tensor],
    state: Sequence[dict[str, Tensor]],
    pace: Pace,
    *,
    beta1: float,
    beta2: float,
    eps: float,
    ratio: float = 1.0,
) -> None:
    """Adam's step with the slots ``first`` and ``second`` at ``ratio`` times the learning rate.

    A single network on a CPU takes torch's fused kernel. Others do without: it rounds the last elements of a tensor
    differently, so a replica's bits would depend on its place in the pack.
    """
    if not weights:
        return
    first, second = [slots["first"] for slots in state], [slots["second"] for slots in state]
    if weights[0].tensor.device.type == "cpu" and not weights[0].stacked:
        _fused(weights, grads, first, second, pace, beta1, beta2, eps, ratio)
        return
    dtype = weights[0].tensor.dtype
    rate, bias1 = pace.rate * ratio if ratio != 1.0 else pace.rate, pace.constant("bias1")
    root2 = pace.constant("root2").to(dtype)
    rates = columns(weights, lambda multiplier: -(rate * multiplier) / bias1)
    for p, g, m, v, by in blocks(weights, grads, first, second, rates):
        torch._foreach_lerp_(m, g, 1 - beta1)
        torch._foreach_mul_(v, beta2)
        torch._foreach_addcmul_(v, g, g, 1 - beta2)
        below = torch._foreach_sqrt(v)
        torch._foreach_div_(below, root2)
        torch._foreach_add_(below, eps)
        torch._foreach_addcdiv_(p, torch._foreach_mul(m, by), below, 1.0)


def _fused(
    weights: Sequence[Weight],
    grads: Sequence[Tensor],
    first: Sequence[Tensor],
    second: Sequence[Tensor],
    pace: Pace,
    beta1: float,
    beta2: float,
    eps: float,
    ratio: float,
) -> None:
    rate = float(pace.rate) if pace.common is None else pace.common
    rate = rate * ratio if ratio != 1.0 else rate
    step = pace.constant("step").to(torch.float32)
    groups: dict[float, list[int]] = {}
    for i, weight in enumerate(weights):
        groups.setdefault(weight.multiplier, []).append(i)
    for multiplier, where in groups.items():
        torch._fused_adam_(
            [weights[i].tensor for i in where],
            [grads[i] for i in where],
            [first[i] for i in where],
            [second[i] for i in where],
            [],
            [step] * len(where),
            lr=rate * multiplier,
            beta1=beta1,
            beta2=beta2,
            weight_decay=0.0,
            eps=eps,
            amsgrad=False,
            maximize=False,
        )
