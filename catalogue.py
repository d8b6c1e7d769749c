"""Names to entries: families and data sets register here, our own and those of other packages."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from .errors import InputError, unknown

T = TypeVar("T")
E = TypeVar("E", bound=type)


class Catalogue(Generic[T]):
    """The entries of one kind, each a frozen dataclass whose fields are its parameters.

    The modules of ``package`` are imported on first use, so an author adds an entry by adding one file. Packages that
    are installed beside Onecurve add theirs through the entry-point group ``package``.

    Parameters
    ----------
    kind : what an entry is called in messages, for example ``"family"``.
    package : import name of the room whose modules register entries.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._entries: dict[str, type[T]] = {}
        self._makers: list[tuple[Callable[[str], bool], Callable[[str, Mapping[str, Any]], T]]] = []
        self._loaded = False

    def register(self, entry: E) -> E:
        """Add a class under its ``name``; use it as a decorator."""
        name: str = entry.name  # type: ignore[attr-defined]
        known = self._entries.get(name)
        if known is not None and known.__qualname__ != entry.__qualname__:
            raise InputError(f"two entries for the {self.kind} {name!r}: {known.__qualname__} and {entry.__qualname__}")
        self._entries[name] = entry  # type: ignore[assignment]
        return entry

    def maker(
        self, accepts: Callable[[str], bool]
    ) -> Callable[[Callable[[str, Mapping[str, Any]], T]], Callable[[str, Mapping[str, Any]], T]]:
        """Let a function of name and parameters make the entries of all names that ``accepts``; use it as a decorator.

        For names that no list can hold: those of another library, or of a user's own file.
        """

        def add(make: Callable[[str, Mapping[str, Any]], T]) -> Callable[[str, Mapping[str, Any]], T]:
            self._makers.append((accepts, make))
            return make

        return add

    def names(self) -> list[str]:
        """All names of registered entries, sorted."""
        self._load()
        return sorted(self._entries)

    def make(self, name: str, params: Mapping[str, Any] | None = None) -> T:
        """Make the entry called ``name`` with its parameters, or say what is allowed.

        Raises
        ------
        InputError
            An unknown name or parameter, with the nearest match.
        """
        self._load()
        for accepts, maker in self._makers:
            if accepts(name):
                return maker(name, params or {})
        if name not in self._entries:
            raise unknown(self.kind, name, self._entries)
        entry = self._entries[name]
        allowed = [field.name for field in dataclasses.fields(entry) if field.init]  # type: ignore[arg-type]
        for key in params or {}:
            if key not in allowed:
                raise unknown(f"parameter of the {self.kind} {name!r}:", key, allowed)
        return entry(**(params or {}))

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self.package}.{module.name}")
        for point in entry_points(group=self.package):
            load: Callable[[], type[T]] = point.load
            self.register(load())
