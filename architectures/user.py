"""A user's own network by its file: ``path/to/my_net.py:MyNet``.

The file's text goes where the trials go: a worker makes the family from it, and needs neither the file nor its folder.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import inspect
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from torch import nn

from ..errors import InputError, unknown
from ..task import Ref, Task
from .family import FAMILIES, Family, Rung, widths
from .foreign import Foreign, canonical, first_line, has_batch_norm, unflattened

_WIDTHS = widths(24, 34, 48, 68, 96, 136)
_SOURCES: dict[str, str] = {}  # content -> text of every file that this process has read or was sent


class _FromFile:
    """Mixed into what a file's class becomes, so that the file's content enters the trial's identity."""

    content: ClassVar[str]

    @property
    def ref(self) -> Ref:
        return dataclasses.replace(super().ref, content=self.content)  # type: ignore[misc]


@dataclasses.dataclass(frozen=True)
class Network(Foreign):
    """Networks of a user's own `torch.nn.Module`, whose constructor takes ``width``, or what else its class attribute
    ``ladder`` names, and ``task``. Further arguments are parameters that a sweep may set.

    The class may say ``version``, ``ladder`` (widths, or a mapping a rung), ``packable`` and ``branch_ends``.
    """

    network: ClassVar[type[nn.Module]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "running_statistics", has_batch_norm(self))

    def build(self, rung: Rung, task: Task) -> nn.Module:
        self.check_rung(rung)
        return self.network(**rung, task=task, **json.loads(self.arguments))


@FAMILIES.maker(lambda name: ".py:" in name)
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
    path, _, wanted = name.rpartition(":")
    given = dict(params)
    content = str(given.pop("content", ""))
    if content not in _SOURCES:
        found = _read(path)
        if content and found != content:
            raise InputError(f"{name} was another file when its trials were planned: run the sweep again")
        content = found
    return _instance(_family_class(content, Path(path).name, wanted), given)


def sources() -> dict[str, str]:
    """Texts of the files that this process has read, by their content: what a worker must be sent."""
    return dict(_SOURCES)


def remember(texts: Mapping[str, str]) -> None:
    """Take in the texts that another process read."""
    _SOURCES.update(texts)


def digest(text: str) -> str:
    """sha256 of what a source does: comments, docstrings and layout do not count."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body[0] = ast.Pass()
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()


def _read(path: str) -> str:
    try:
        text = Path(path).read_text()
        content = digest(text)
    except FileNotFoundError:
        raise InputError(f"the file {path!r} of a network is not there, seen from {Path.cwd()}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the file {path!r} cannot be read: {error}") from None
    except (SyntaxError, ValueError) as error:
        raise InputError(f"{path} is not Python: {first_line(error)}") from None
    _SOURCES[content] = text
    return content


@functools.lru_cache(maxsize=64)
def _module(content: str, file: str) -> ModuleType:
    module = ModuleType(f"onecurve_user_{content[:16]}")
    sys.modules[module.__name__] = module  # dataclasses look their module up
    try:
        exec(compile(_SOURCES[content], file, "exec"), module.__dict__)
    except Exception as error:  # whatever a user's file may raise
        del sys.modules[module.__name__]
        alone = " (the file travels to the workers alone)" if isinstance(error, ImportError) else ""
        raise InputError(f"{file} does not run: {first_line(error)}{alone}") from None
    return module


@functools.lru_cache(maxsize=64)
def _family_class(content: str, file: str, wanted: str) -> type[Family]:
    module = _module(content, file)
    own = {n: v for n, v in vars(module).items() if inspect.isclass(v) and v.__module__ == module.__name__}
    found = vars(module).get(wanted)
    if found is None:
        raise unknown(f"class in {file}:", wanted, own)
    called = {"name": f"{file}:{wanted}", "content": content, "__doc__": found.__doc__, "__module__": module.__name__}
    if not inspect.isclass(found):
        found = type(found)
    if issubclass(found, Family):
        return type(wanted, (_FromFile, found), called)
    if not issubclass(found, nn.Module):
        raise InputError(f"{file}:{wanted} is no torch.nn.Module and no onecurve Family")
    return type(wanted, (_FromFile, Network), {**called, **_said(found, f"{file}:{wanted}")})


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
    return {**said, "ladder": rungs, "branch_ends": ends, "network": network}


def _instance(made: type[Family], given: Mapping[str, Any]) -> Family:
    if not issubclass(made, Network):
        allowed = [field.name for field in dataclasses.fields(made) if field.init]
        for key in given:
            if key not in allowed:
                raise unknown(f"parameter of the family {made.name!r}:", key, allowed)
        return _checked(made, dict(given))
    takes = inspect.signature(made.network).parameters
    allowed = [name for name in takes if name not in (*made.ladder[0], "task")]
    arguments = unflattened(given)
    for key in arguments:
        if key not in allowed:
            raise unknown(f"argument of {made.name}:", key, allowed)
    needed = [n for n in allowed if takes[n].default is inspect.Parameter.empty and n not in arguments]
    needed = [
        n for n in needed if takes[n].kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    ]
    if needed:
        raise InputError(
            f"{made.name} needs the argument {', '.join(f'`{n}`' for n in needed)}: give it in the sweep file"
        )
    return made(arguments=canonical(arguments))


def _checked(made: type[Family], given: dict[str, Any]) -> Family:
    try:
        return made(**given)
    except InputError:
        raise
    except Exception as error:  # an abstract method that is missing, a field that is refused
        raise InputError(f"{made.name} cannot be made: {first_line(error)}") from None
