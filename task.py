"""What a network and a data set need to know of each other, and how each is named in a trial."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

Scalar = str | int | float | bool


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A prediction task.

    Attributes
    ----------
    kind : ``vector`` (float inputs of shape ``(d,)``), ``image`` (float, ``(channels, height, width)``) or ``tokens``
        (integers, ``(length,)``).
    shape : shape of one input.
    outputs : numbers that the network returns for an example: regression targets, classes, or, for ``tokens``, the
        logits at each position, so that the output has the shape ``(length, outputs)``.
    loss : ``squared_error`` (mean over the outputs) or ``cross_entropy`` (nats, mean over positions).
    vocabulary : how many different tokens there are; 0 where inputs are not tokens.
    """

    kind: Literal["vector", "image", "tokens"]
    shape: tuple[int, ...]
    outputs: int
    loss: Literal["squared_error", "cross_entropy"]
    vocabulary: int = 0

    @property
    def n_inputs(self) -> int:
        """Numbers in one input."""
        return math.prod(self.shape)

    def __str__(self) -> str:
        size = "x".join(map(str, self.shape))
        return f"{self.kind} {size} -> {self.outputs} ({self.loss.replace('_', ' ')})"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Ref:
    """A family, data set, optimiser or parametrisation, so exactly that a changed one is another one.

    Attributes
    ----------
    name, version : what it is called; the version rises when its meaning changes.
    params : its parameters.
    content : sha256 of the data that it read or generated, empty where there is none.
    """

    name: str
    version: str = "1"
    params: Mapping[str, Scalar] = dataclasses.field(default_factory=dict)
    content: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", MappingProxyType(dict(self.params)))

    def __reduce__(self) -> tuple[Any, ...]:  # a mapping proxy does not pickle
        return (_make_ref, (self.name, self.version, dict(self.params), self.content))

    def to_dict(self) -> dict[str, Any]:
        """As plain types, for JSON."""
        return {"name": self.name, "version": self.version, "params": dict(self.params), "content": self.content}


def _make_ref(name: str, version: str, params: dict[str, Scalar], content: str) -> Ref:
    return Ref(name=name, version=version, params=params, content=content)
