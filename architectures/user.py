"""A user's own network by its file: ``path/to/my_net.py:MyNet``; see `own_files` for how the file travels."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import nn

from ..errors import InputError, unknown
from ..own_files import Place, digest, entry_class, found_at, is_in_a_file, locate, made, remember, sources
from ..task import Task
from .family import FAMILIES, Family, Rung, widths
from .foreign import ForeignFamily, canonical, has_batch_norm, unflattened

__all__ = ["Network", "digest", "from_file", "remember", "sources"]

_WIDTHS = widths(24, 34, 48, 68, 96, 136)


@dataclasses.dataclass(frozen=True)
class Network(ForeignFamily):
    """Networks of a user's own `torch.nn.Module`, whose constructor takes ``width``, or what else its class attribute
    ``ladder`` names, and ``task``. Further arguments are parameters that a sweep may set.

    The class may say ``version``, ``ladder`` (widths, or a mapping a rung), ``packable`` and ``branch_ends``.
    """

    network: ClassVar[type[nn.Module]]
    names_sizes: ClassVar[bool]  # whether the class says its ladder

    def __post_init__(self) -> None:
        object.__setattr__(self, "running_statistics", has_batch_norm(self))

    def build(self, rung: Rung, task: Task) -> nn.Module:
        return self.network(**rung, task=task, **json.loads(self.arguments))


@FAMILIES.maker(is_in_a_file)
def from_file(name: str, params: Mapping[str, Any]) -> Family:
    """The family of a class in a file.

    Parameters
    ----------
    name : ``path/to/my_net.py:MyNet``; the family is then called ``my_net.py:MyNet``.
    params : its parameters; with ``content``, the file's digest, the text is taken from what this process knows.

    Raises
    ------
    InputError
        A file that is not there or does not run, a class that it does not have or that is no network.
    """
    place, given = locate(name, params, "a network")
    return _instance(_family_class(place), given)


@functools.lru_cache(maxsize=64)
def _family_class(place: Place) -> type[Family]:
    found = found_at(place)
    if issubclass(found, Family):
        return entry_class(place, found)
    if not issubclass(found, nn.Module):
        raise InputError(f"{place.name} is no torch.nn.Module and no onecurve Family")
    documented = {"__doc__": found.__doc__, "__module__": found.__module__}
    return entry_class(place, Network, **documented, **_said(found, place.name))


def _said(network: type[nn.Module], name: str) -> dict[str, Any]:
    """What a network's class says of itself, checked."""
    ladder = getattr(network, "ladder", _WIDTHS)
    rungs = tuple({"width": rung} if type(rung) is int else rung for rung in ladder)
    if not rungs or any(not isinstance(rung, Mapping) or set(rung) != set(rungs[0]) for rung in rungs):
        raise InputError(f"{name}: `ladder` is a list of widths or of mappings with the same knobs, got {ladder!r}")
    takes = inspect.signature(network).parameters
    missing = [f"`{knob}`" for knob in (*rungs[0], "task") if knob not in takes]
    if missing and not any(p.kind is p.VAR_KEYWORD for p in takes.values()):
        raise InputError(f"{name} takes ({', '.join(takes)}): its constructor needs {' and '.join(missing)} too")
    said = {"version": str(getattr(network, "version", "1")), "packable": bool(getattr(network, "packable", False))}
    ends = tuple(getattr(network, "branch_ends", ()))
    named = hasattr(network, "ladder")
    return {**said, "ladder": rungs, "names_sizes": named, "branch_ends": ends, "network": network}


def _instance(entry: type[Family], given: Mapping[str, Any]) -> Family:
    if not issubclass(entry, Network):
        return made(entry, "family", given)
    takes = inspect.signature(entry.network).parameters
    allowed = [name for name in takes if name not in (*entry.ladder[0], "task")]
    arguments = unflattened(given)
    for key in arguments:
        if key not in allowed:
            raise unknown(f"argument of {entry.name}:", key, allowed)
    needed = [n for n in allowed if takes[n].default is inspect.Parameter.empty and n not in arguments]
    needed = [
        n for n in needed if takes[n].kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    ]
    if needed:
        raise InputError(
            f"{entry.name} needs the argument {', '.join(f'`{n}`' for n in needed)}: give it in the sweep file"
        )
    return entry(arguments=canonical(arguments))
