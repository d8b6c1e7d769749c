"""Bad input, said well: what was given, what is allowed, and the nearest match."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """Something the user gave cannot be used. Its message is all that the user sees, so it says how to go on."""


def unknown(kind: str, given: object, allowed: Iterable[object]) -> InputError:
    """Build the error for a name that is not among the allowed ones.

    Parameters
    ----------
    kind : what was named, in the user's words: ``"family"``, ``"key in the sweep file"``.
    given : what was written.
    allowed : what may be written.
    """
    names = sorted(str(name) for name in allowed)
    close = get_close_matches(str(given), names, n=1, cutoff=0.5)
    nearest = f" Did you mean {close[0]!r}?" if close else ""
    return InputError(f"unknown {kind} {str(given)!r}.{nearest} Allowed: {', '.join(names)}.")


def first_line(error: BaseException) -> str:
    """An exception in one line, for a message; one that says little by itself with the line of code that raised it."""
    lines = str(error).strip().splitlines()
    said = f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    if (
        frames
        and frames[-1].line
        and (not lines or isinstance(error, (LookupError, AssertionError, AttributeError, TypeError)))
    ):
        said += f" at `{frames[-1].line.strip()[:100]}`"
    return said
