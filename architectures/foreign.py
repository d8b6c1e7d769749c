"""Families whose networks others wrote: what they fit is found by trying them on a few inputs."""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from torch import nn

from ..errors import InputError, first_line
from ..task import Ref, Scalar, Task
from . import elsewhere
from .draws import Key, key_of, secluded
from .family import Family, Rung
from .operations import undetermined
from .trial_run import draws, flaw, inputs_of

_SAMPLES = (
    *(Task(kind="image", shape=(3, side, side), outputs=2, loss="cross_entropy") for side in (32, 64, 16, 224)),
    Task(kind="vector", shape=(4,), outputs=1, loss="squared_error"),
    Task(kind="tokens", shape=(16,), outputs=7, loss="cross_entropy", vocabulary=7),
)


@dataclasses.dataclass(frozen=True)
class ForeignFamily(Family):
    """A family of networks that others wrote.

    Attributes
    ----------
    arguments : what their constructor is given beside the rung and the task, as canonical JSON.
    """

    arguments: str = "{}"

    @property
    def ref(self) -> Ref:
        return Ref(name=self.name, version=self.version, params=flattened(json.loads(self.arguments)))

    def misfit(self, task: Task) -> str | None:
        return refusal(self, self.ladder[0], task) if self.ladder else None


def refusal(family: Family, rung: Rung, task: Task) -> str | None:
    """Why a rung of a family cannot learn a task, found by running it on two examples: one clause, or None."""
    return _refusal(family, key_of(rung), task)


@lru_cache(maxsize=512)
def _refusal(family: Family, key: Key, task: Task) -> str | None:
    with elsewhere.watched() as seen:
        flaw = _tried(family, key, task, seen)
    # Said in place of what torch says of it, which names tensors and no remedy.
    return elsewhere.clause(next(iter(seen.others))) if seen.others else flaw


def _tried(family: Family, key: Key, task: Task, seen: elsewhere.Moves) -> str | None:
    try:
        with secluded(0):
            net = family.build(dict(key), task)
            if not isinstance(net, nn.Module):
                return f"is a {type(net).__name__} and no torch network"
            if seen.own and family.ref.content:  # a library's networks may do as they like
                return elsewhere.clause(None)
            return flaw(net, task, packable=family.packable)
    except InputError as error:
        return str(error)
    except Exception as error:  # whatever somebody else's code may raise
        return f"it cannot be built for {inputs_of(task)} ({first_line(error)})"


def processors_alone(family: Family, rung: Rung, task: Task) -> str | None:
    """Why a rung that others wrote cannot train on a GPU, in one clause, or None where it can."""
    return _processors_alone(family, key_of(rung), task)


@lru_cache(maxsize=512)
def _processors_alone(family: Family, key: Key, task: Task) -> str | None:
    with secluded(0):
        net = family.build(dict(key), task)
    if draws(family, key, task):
        return "it draws random numbers while it trains, and a GPU would draw others"
    left = undetermined(net, task)
    return f"torch has no deterministic version of {', '.join(left)} on a GPU" if left else None


@contextmanager
def silence() -> Iterator[None]:
    """Libraries warn of what is decided here on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def has_batch_norm(family: Family) -> bool:
    """Whether the base rung, built for the first task that it takes, keeps running statistics."""
    for task in _SAMPLES if family.ladder else ():
        try:
            with secluded(0), elsewhere.watched():
                net = family.build(family.ladder[0], task)
        except Exception:  # another task may do; `refusal` says what is wrong
            continue
        return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in net.modules())
    return False


def canonical(value: Any) -> str:
    """JSON with sorted keys and without spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def flattened(arguments: Mapping[str, Any]) -> dict[str, Scalar]:
    """Arguments as scalars, lists and mappings as canonical JSON, for a `Ref`."""
    return {k: v if isinstance(v, (str, int, float)) else canonical(v) for k, v in arguments.items()}


def unflattened(params: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flattened`; what is a list already stays one."""
    nested = {k: v for k, v in params.items() if isinstance(v, str) and (v[:1] in ("[", "{") or v == "null")}
    return {**params, **{k: json.loads(v) for k, v in nested.items()}}
