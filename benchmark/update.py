"""One update of a pack: a batch, its losses, their gradients, a step. What trains is what is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..architectures.draws import key_of
from ..architectures.family import Family, Rung
from ..architectures.parametrization import Multiplier, multipliers, width_roles
from ..architectures.trial_run import draws
from ..datasets.feed import Feed
from ..errors import InputError
from ..task import Task
from .chance import Chance
from .optimisers.optimiser import Optimiser, Weight
from .replicas import Replicas
from .update_clock import UpdateClock


class Batches(Protocol):
    """Where an update takes its examples from."""

    def at(self, clock: UpdateClock) -> tuple[Tensor, Tensor]:
        """Inputs ``(R, batch, ...)`` and targets of the update that the clock shows, on the device."""
        ...


class Repeated:
    """The same batch for every update: what the checks of a family train on."""

    def __init__(self, inputs: Tensor, targets: Tensor) -> None:
        self._batch = inputs, targets

    def at(self, clock: UpdateClock) -> tuple[Tensor, Tensor]:
        return self._batch


class FromFeed:
    """The batch of the update that the clock shows: by the host's number, or in a graph by the device's."""

    def __init__(self, feed: Feed, *, replayed: bool = False) -> None:
        self._feed, self._replayed = feed, replayed

    def at(self, clock: UpdateClock) -> tuple[Tensor, Tensor]:
        return self._feed.at(clock.at) if self._replayed else self._feed.batch(clock.number)


class Update:
    """Takes no argument and reads nothing back from the device, so that a graph of it can be captured and replayed.

    Parameters
    ----------
    replicas, optimiser, clock, batches : what is trained, by what, when, and on what.
    multipliers : factors of each parameter, by name, as `parametrization.multipliers` gives them.
    roles : what of each parameter grows with the width, by name.
    accumulate : into how many parts a batch is cut, whose gradients are averaged: less memory, other rounding.
    chance : for a network that draws random numbers while it trains, what it draws.

    Attributes
    ----------
    weights, state : what is trained, and the optimiser's slots beside each.
    """

    def __init__(
        self,
        replicas: Replicas,
        optimiser: Optimiser,
        clock: UpdateClock,
        batches: Batches,
        *,
        multipliers: Mapping[str, Multiplier],
        roles: Mapping[str, str] | None = None,
        accumulate: int = 1,
        chance: Chance | None = None,
    ) -> None:
        self.replicas, self.optimiser, self.clock, self.batches = replicas, optimiser, clock, batches
        self._accumulate, self._chance = accumulate, chance
        stacked = not hasattr(replicas, "model")
        known = roles or {}
        self.weights = [
            Weight(
                name=name,
                tensor=tensor,
                stacked=stacked,
                multiplier=multipliers[name].lr,
                role=known.get(name, multipliers[name].role),
            )
            for name, tensor in replicas.named_parameters()
        ]
        self.state = [
            {slot: torch.zeros_like(weight.tensor.detach()) for slot in optimiser.slots(weight)}
            for weight in self.weights
        ]
        self._followers: list[Follower] = []

    def follower_of(self, make: Callable[[Replicas], Follower | None]) -> Follower | None:
        """Make a follower, call it after every update, and keep its tensors as part of the state."""
        follower = make(self.replicas)
        if follower is not None:
            self._followers.append(follower)
        return follower

    def batch(self) -> tuple[Tensor, Tensor]:
        """The examples of the next update."""
        return self.batches.at(self.clock)

    def __call__(self) -> None:
        self.clear()
        self._backward(*self.batch())
        self.step()
        for follower in self._followers:
            follower.after_update()
        self.clock.tick()

    def gradients(self) -> None:
        """Leave the gradients of the next update's batch in the weights, and change nothing else."""
        with self.apart():
            self.clear()
            self._backward(*self.batch())

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Whatever passes the networks inside leaves no trace in statistics that run along."""
        buffers = self.replicas.buffers()
        kept = [buffer.clone() for buffer in buffers]
        try:
            yield
        finally:
            with torch.no_grad():
                for buffer, value in zip(buffers, kept, strict=True):
                    buffer.copy_(value)

    def losses(self, inputs: Tensor, targets: Tensor, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        """Mean loss of each network as the next update would see it, ``(R,)``; use it inside `apart`."""
        with self._chance.at(self.clock.number) if self._chance else nullcontext():
            return self.replicas.losses(inputs, targets, weights)

    def clear(self) -> None:
        """Forget the gradients."""
        for weight in self.weights:
            weight.tensor.grad = None

    def _backward(self, inputs: Tensor, targets: Tensor) -> None:
        with self._chance.at(self.clock.number) if self._chance else nullcontext():
            self._backward_parts(inputs, targets)

    def _backward_parts(self, inputs: Tensor, targets: Tensor) -> None:
        if self._accumulate == 1:
            self.replicas.losses(inputs, targets).sum().backward()
            return
        parts = zip(inputs.chunk(self._accumulate, 1), targets.chunk(self._accumulate, 1), strict=True)
        for x, y in parts:
            (self.replicas.losses(x, y) * (x.shape[1] / inputs.shape[1])).sum().backward()

    @torch.no_grad()
    def step(self) -> None:
        """The optimiser's step for the gradients that are there; the clock stays."""
        # What no gradient reaches, such as frozen weights, stays as it is.
        there = [
            (weight, weight.tensor.grad, state)
            for weight, state in zip(self.weights, self.state, strict=True)
            if weight.tensor.grad is not None
        ]
        if there:
            weights, grads, states = (list(each) for each in zip(*there, strict=True))
            self.optimiser.step(weights, grads, states, self.clock)

    def tensors(self) -> list[Tensor]:
        """All that an update changes: weights, buffers, moments, what followers keep, and the number of the update."""
        moments = [tensor for state in self.state for tensor in state.values()]
        kept = [tensor for follower in self._followers for tensor in follower.tensors()]
        weights = [weight.tensor for weight in self.weights]
        return [*weights, *self.replicas.buffers(), *moments, *kept, self.clock.at]

    def taken(self) -> list[Tensor]:
        """A copy of the state on the host, from which `put_back` goes on bit for bit."""
        return [tensor.detach().to("cpu", copy=True) for tensor in self.tensors()]

    @torch.no_grad()
    def put_back(self, state: Sequence[Tensor]) -> None:
        """Take in a state that `taken` gave.

        Raises
        ------
        ValueError
            The state of other networks, another optimiser or other followers.
        """
        mine = self.tensors()
        if [(each.shape, each.dtype) for each in mine] != [(each.shape, each.dtype) for each in state]:
            raise ValueError("this state is of other networks, another optimiser or other observables")
        for tensor, value in zip(mine, state, strict=True):
            tensor.copy_(value)
        self.clock.set(int(state[-1]))


class Follower(Protocol):
    """Something that is kept along with the weights after every update, such as their moving average."""

    def after_update(self) -> None:
        """Follow one update, on the device, without reading anything back."""
        ...

    def tensors(self) -> list[Tensor]:
        """What it keeps."""
        ...


def update_of(
    family: Family,
    rung: Rung,
    replicas: Replicas,
    batches: Batches,
    *,
    optimiser: Optimiser,
    rates: np.ndarray,
    parametrization: str,
    accumulate: int = 1,
    seed: int = 0,
) -> Update:
    """The update of networks of one rung under a parametrisation: of trials, and of what checks a family.

    Parameters
    ----------
    rates : ``(T, R)`` learning rate of each replica at each update, before multipliers.
    seed : of what the network draws while it trains, if it does; such networks do not pack.
    """
    task, place = replicas.task, next(iter(replicas.named_parameters()))[1].device
    return Update(
        replicas,
        optimiser,
        UpdateClock(rates, optimiser.tables(len(rates)), place),
        batches,
        multipliers=multipliers(family, rung, task, parametrization=parametrization, optimizer=optimiser.exponents),
        roles=width_roles(family, rung, task),
        accumulate=accumulate,
        chance=_chance(family, rung, task, place, seed),
    )


def _chance(family: Family, rung: Rung, task: Task, place: torch.device, seed: int) -> Chance | None:
    if family.packable or not draws(family, key_of(rung), task):
        return None
    if place.type != "cpu":
        raise InputError(f"family {family.name!r} draws random numbers while it trains: use --device cpu")
    return Chance(seed)
