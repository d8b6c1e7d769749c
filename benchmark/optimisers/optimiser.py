"""What an optimiser is to the trainer: slots beside each weight, tables along the updates, and a step in place.

Networks train alone or stacked along a first axis, each with a rate of its own. A step treats replicas apart: the bits
of one depend neither on the others nor on where in the stack it lies. It creates tensors on the weights' device alone
and reads nothing back, so that it can be captured once and replayed.
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from ...architectures.exponents import ADAM, WidthExponents
from ...catalogue import Catalogue
from ...own_files import take_files
from ...task import Ref
from ..entry import Entry, entry_from, entry_of, later

if TYPE_CHECKING:
    from torch import Tensor


@dataclasses.dataclass(frozen=True, eq=False)
class Weight:
    """One tensor that is trained: weights of one network, or of R networks stacked along a first axis.

    Attributes
    ----------
    name : of the parameter.
    tensor : of its shape, or ``(R, *shape)`` where stacked.
    stacked : whether it has the first axis.
    multiplier : factor on the learning rate, from the parametrisation.
    role : `architectures.parametrization.width_roles` of it, the same at every rung.
    """

    name: str
    tensor: Tensor
    stacked: bool
    multiplier: float
    role: str


class Pace(Protocol):
    """What an update knows of the clock, on the weights' device; nothing of it needs the host inside a CUDA graph.

    Attributes
    ----------
    rate : ``(R,)`` float64, this update's learning rate of each replica, before multipliers.
    common : the same as a host float where all replicas share it and the host knows it, else None.
    """

    @property
    def rate(self) -> Tensor: ...

    @property
    def common(self) -> float | None: ...

    def constant(self, name: str) -> Tensor:
        """This update's entry of one of the optimiser's own tables, a float64 tensor without axes."""
        ...


@dataclasses.dataclass(frozen=True)
class Optimiser(Entry):
    """An optimiser. Subclass it as a frozen dataclass whose fields, all with defaults, are its parameters.

    Write `update`, and `slots` and `tables` where it keeps something. The trainer calls `step`.

    Attributes
    ----------
    exponents : powers of the width in initial values and rates under maximal update: `exponents.ADAM` where a step does
        not see the size of the gradient, `exponents.SGD` where it is linear in it, or `WidthExponents` of its own.
    clip : the largest norm of a replica's gradient over all its weights; a longer one is shortened to it. None for no
        limit.
    """

    kind: ClassVar[str] = "optimiser"
    exponents: ClassVar[WidthExponents] = ADAM
    clip: float | None = later(None)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.clip is not None and self.clip <= 0:
            raise self.refuse("clip", "a norm above 0, or null for no clipping")

    def slots(self, weight: Weight) -> tuple[str, ...]:
        """Names of the tensors, of the weight's shape and 0 at the start, that are kept beside it."""
        return ()

    def tables(self, updates: int) -> dict[str, np.ndarray]:
        """Numbers that depend on the update alone, float64 ``(updates,)``, by the name that `Pace.constant` takes."""
        return {}

    def step(
        self, weights: Sequence[Weight], grads: Sequence[Tensor], state: Sequence[dict[str, Tensor]], pace: Pace
    ) -> None:
        """Update weights and slots in place, after clipping.

        Parameters
        ----------
        weights : those that have a gradient; all on one device, of one type, and all stacked or none.
        grads, state : their gradients, which stay as they are, and their slots.
        pace : where the clock stands.
        """
        import torch

        from .arithmetic import clipped

        if not weights:
            return
        with torch.no_grad():
            self.update(weights, clipped(weights, grads, self.clip) if self.clip else grads, state, pace)

    @abstractmethod
    def update(
        self, weights: Sequence[Weight], grads: Sequence[Tensor], state: Sequence[dict[str, Tensor]], pace: Pace
    ) -> None:
        """The rule of the optimiser; see `step`. It is called under ``torch.no_grad``."""

    def preconditioner(self, weight: Weight, state: dict[str, Tensor], updates: int) -> Tensor | None:
        """The diagonal D, of the weight's shape, by which the step divides: about ``-rate * multiplier * g / D``.

        Parameters
        ----------
        state : the weight's slots.
        updates : how many were done.

        Returns
        -------
        Tensor or None
            None where the step is no division by a diagonal matrix.
        """
        return None

    def refuse_unless_positive(self, *names: str) -> None:
        """Refuse parameters that are not above 0."""
        for name in names:
            if getattr(self, name) <= 0:
                raise self.refuse(name, "above 0")

    def refuse_outside(self, low: float, high: float, *names: str) -> None:
        """Refuse parameters that are not in ``[low, high)``."""
        for name in names:
            if not low <= getattr(self, name) < high:
                raise self.refuse(name, f"at least {low:g}" + (f" and below {high:g}" if high < float("inf") else ""))


OPTIMISERS: Catalogue[Optimiser] = Catalogue("optimiser", "onecurve.benchmark.optimisers")
take_files(OPTIMISERS, Optimiser, "an optimiser")


def optimiser_of(ref: Ref) -> Optimiser:
    """The optimiser that a trial names; refuses one whose version is not the stored one."""
    return entry_of(OPTIMISERS, ref)


def optimiser_from(value: object) -> Optimiser:
    """The optimiser that a sweep file gives, by name or as a mapping with its parameters."""
    return entry_from(OPTIMISERS, value)
