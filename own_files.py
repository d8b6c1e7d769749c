"""A user's own entry by its file: ``path/to/my_file.py:MyClass``.

The file's text goes where the trials go: a worker makes the entry from it, and needs neither the file nor its folder.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import functools
import hashlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, TypeVar

from .catalogue import Catalogue
from .errors import InputError, first_line, unknown
from .task import Ref

T = TypeVar("T")
_SOURCES: dict[str, str] = {}  # content -> text of every file that this process has read or was sent


class FromFile:
    """Mixed into what a file's class becomes, so that the file's content enters the trial's identity."""

    content: ClassVar[str]

    @property
    def ref(self) -> Ref:
        return dataclasses.replace(super().ref, content=self.content)  # type: ignore[misc]


@dataclasses.dataclass(frozen=True)
class Place:
    """A class in a file: the digest of the file, its name without folders, and the name of the class."""

    content: str
    file: str
    wanted: str

    @property
    def name(self) -> str:
        """What the entry is called."""
        return f"{self.file}:{self.wanted}"


def is_in_a_file(name: str) -> bool:
    """Whether a name is that of a class in a file."""
    return ".py:" in name


def locate(name: str, params: Mapping[str, Any], what: str) -> tuple[Place, dict[str, Any]]:
    """Where a name points to, and its parameters without the file's digest.

    Parameters
    ----------
    name : ``path/to/my_file.py:MyClass``.
    params : parameters; with ``content``, the file's digest, the text is taken from what this process knows.
    what : what the file is of, for messages: ``a network``.

    Raises
    ------
    InputError
        A file that is not there, is not Python, or is another one than its digest says.
    """
    path, _, wanted = name.rpartition(":")
    given = dict(params)
    content = str(given.pop("content", ""))
    if content not in _SOURCES:
        found = _read(path, what)
        if content and found != content:
            raise InputError(f"{name} was another file when its trials were planned: run the sweep again")
        content = found
    return Place(content, Path(path).name, wanted), given


def found_at(place: Place) -> type:
    """The class at a place, or that of whatever else has this name there.

    Raises
    ------
    InputError
        A file that does not run, or that has nothing of this name.
    """
    module = _module(place.content, place.file)
    own = {n: v for n, v in vars(module).items() if inspect.isclass(v) and v.__module__ == module.__name__}
    found = vars(module).get(place.wanted)
    if found is None:
        raise unknown(f"class in {place.file}:", place.wanted, own)
    return found if inspect.isclass(found) else type(found)


def entry_class(place: Place, *bases: type, **said: Any) -> type[Any]:
    """The class of an entry at a place: it is called after the file, whose content is part of its reference."""
    named = {
        "name": place.name,
        "content": place.content,
        "__doc__": bases[0].__doc__,
        "__module__": bases[0].__module__,
    }
    return type(place.wanted, (FromFile, *bases), {**named, **said})


def made(entry: type[T], kind: str, given: Mapping[str, Any]) -> T:
    """An entry with its parameters; whatever stands against it is an `InputError`."""
    name = entry.name  # type: ignore[attr-defined]
    allowed = [field.name for field in dataclasses.fields(entry) if field.init]  # type: ignore[arg-type]
    for key in given:
        if key not in allowed:
            raise unknown(f"parameter of the {kind} {name!r}:", key, allowed)
    try:
        return entry(**given)
    except InputError:
        raise
    except Exception as error:  # an abstract method that is missing, a field that is refused
        raise InputError(f"{name} cannot be made: {first_line(error)}") from None


def take_files(catalogue: Catalogue[T], base: type[T], what: str) -> None:
    """Let a catalogue make entries of the classes in users' files that subclass its base class."""

    @functools.lru_cache(maxsize=64)
    def class_at(place: Place) -> type[T]:
        found = found_at(place)
        if not issubclass(found, base):
            raise InputError(f"{place.name} is no onecurve {base.__name__}")
        return entry_class(place, found)

    @catalogue.maker(is_in_a_file)
    def from_file(name: str, params: Mapping[str, Any]) -> T:
        place, given = locate(name, params, what)
        return made(class_at(place), catalogue.kind, given)


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


def _read(path: str, what: str) -> str:
    try:
        text = Path(path).read_text()
        content = digest(text)
    except FileNotFoundError:
        raise InputError(f"the file {path!r} of {what} is not there, seen from {Path.cwd()}") from None
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
        with _devices_stay(file):
            exec(compile(_SOURCES[content], file, "exec"), module.__dict__)
    except InputError:
        del sys.modules[module.__name__]
        raise
    except Exception as error:  # whatever a user's file may raise
        del sys.modules[module.__name__]
        alone = " (the file travels to the workers alone)" if isinstance(error, ImportError) else ""
        raise InputError(f"{file} does not run: {first_line(error)}{alone}") from None
    return module


@contextlib.contextmanager
def _devices_stay(file: str) -> Iterator[None]:
    """Refuse a file that sets torch's default device: it would be that of all trials of this process."""
    torch: Any = sys.modules.get("torch")
    if torch is None:  # a file without networks
        yield
        return
    default = torch.set_default_device

    def refuse(device: object) -> None:
        raise InputError(
            f"{file} sets torch's default device to {str(device)!r}: leave devices to Onecurve, and take the line out"
        )

    torch.set_default_device = refuse
    try:
        yield
    finally:
        torch.set_default_device = default
