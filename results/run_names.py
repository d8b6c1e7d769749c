"""What a run's name says: size, seed and family by a pattern, and a pattern that would fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import InputError
from .values import size_of

# From the most to the least that a name may say; each is searched, so what stands around does not matter.
_SIZE = r"(?P<size>\d+(?:\.\d+)?[kKmMbBgG])"
_SEED = r"(?P<seed>\d+)"
_PATTERNS = (
    rf"{_SIZE}.*?seed[-_=]?{_SEED}",
    rf"{_SIZE}.*?[-_]s[-_=]?{_SEED}",
    rf"seed[-_=]?{_SEED}.*?(?<![\d.]){_SIZE}",
    rf"{_SIZE}[-_]{_SEED}(?!\d)",
    r"(?:size|params|width|n)[-_=]?(?P<size>\d+(?:\.\d+)?[kKmMbBgG]?).*?s(?:eed)?[-_=]?(?P<seed>\d+)",
    r"(?P<size>\d+).*?s(?:eed)?[-_=]?(?P<seed>\d+)",
    _SIZE,
    r"(?P<size>\d+)",
)


def names_of(path: str) -> list[str]:
    """What a file's runs may be named by where no column does: the file, and the folder it is in."""
    place = Path(path)
    return [place.name if place.is_dir() else place.stem, place.absolute().parent.name]


def parameters(pattern: str, names: Sequence[str], elsewhere: Sequence[str], path: str) -> list[dict[str, str]]:
    """The named groups of the pattern for each name.

    Parameters
    ----------
    pattern : as the user gave it; it is searched, not matched from the start.
    names : the runs' names, of a column; may be empty.
    elsewhere : names of the file and its folder, tried where the pattern finds none of the runs' own.
    path : for messages.

    Raises
    ------
    InputError
        The pattern fits none of the names, or not all of them.
    """
    found = [_search(pattern, name) for name in names]
    if not any(found):
        whole = next((one for one in (_search(pattern, name) for name in elsewhere) if one), None)
        if whole is None:
            tried = ", ".join(repr(name) for name in [*names[:3], *elsewhere])
            hint = suggestion(names or elsewhere[:1])
            better = f" This one fits: --run '{hint}'" if hint else ""
            raise InputError(f"{path}: --run {pattern!r} fits no run, file or folder: {tried}.{better}")
        return [whole] * max(len(names), 1)
    missed = [name for name, one in zip(names, found, strict=True) if one is None]
    if missed:
        raise InputError(
            f"{path}: --run {pattern!r} does not fit {len(missed)} of {len(names)} runs: "
            f"{', '.join(map(repr, missed[:3]))}. Write it so that it fits all, or choose runs with --only"
        )
    return [one for one in found if one is not None]


def _search(pattern: str, name: str) -> dict[str, str] | None:
    found = re.search(pattern, name)
    return {key: value for key, value in found.groupdict().items() if value is not None} if found else None


def suggestion(names: Iterable[str]) -> str | None:
    """A pattern that reads a size from every name, tried out; None where none does."""
    names = list(names)
    for pattern in _PATTERNS:
        found = [_search(pattern, name) for name in names]
        sizes = [size_of(one["size"]) if one else None for one in found]
        if names and all(sizes):
            return pattern
    return None
