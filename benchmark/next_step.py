"""What the optimiser would do next, found out without doing it."""

from __future__ import annotations

import torch
from torch import Tensor

from .update import Update
from .update_clock import UpdateClock


class _Unit:
    """The clock of the next update, with the learning rate 1."""

    def __init__(self, clock: UpdateClock, count: int, place: torch.device) -> None:
        self._clock = clock
        self.rate = torch.ones(count, dtype=torch.float64, device=place)
        self.common = 1.0 if place.type == "cpu" else None

    def constant(self, name: str) -> Tensor:
        return self._clock.constant_at(name, self._clock.number)


@torch.no_grad()
def direction(update: Update) -> dict[str, Tensor]:
    """Change of each weight by the next update over its learning rate, by the name of the weight.

    The optimiser makes the step at the rate 1, and weights and slots are put back bit for bit. It is the change over
    the rate where a step is proportional to the rate, as those of all our optimisers are.
    """
    with torch.enable_grad():
        update.gradients()
    rows = [
        (weight, weight.tensor.grad, state)
        for weight, state in zip(update.weights, update.state, strict=True)
        if weight.tensor.grad is not None
    ]
    weights, grads, states = (list(each) for each in zip(*rows, strict=True))
    changed = [weight.tensor.detach() for weight in weights] + [slot for state in states for slot in state.values()]
    before = [tensor.clone() for tensor in changed]
    clock = _Unit(update.clock, update.replicas.count, changed[0].device)
    try:
        update.optimiser.step(weights, grads, states, clock)
        return {w.name: w.tensor - old for w, old in zip(weights, before, strict=False)}
    finally:
        for tensor, old in zip(changed, before, strict=True):
            tensor.copy_(old)
        update.clear()


def last_rate(update: Update) -> Tensor:
    """``(R,)`` float64 learning rate of the update that was done last; before any, of the first."""
    return update.clock.rate_at(max(update.clock.number - 1, 0))


@torch.no_grad()
def preconditioners(update: Update) -> list[Tensor] | None:
    """What the step divides each weight's gradient by, the parametrisation's multiplier included; None for no such."""
    found = []
    for weight, state in zip(update.weights, update.state, strict=True):
        diagonal = update.optimiser.preconditioner(weight, state, update.clock.number)
        if diagonal is None:
            return None
        found.append(diagonal / weight.multiplier)
    return found
