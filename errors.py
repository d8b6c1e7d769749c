"""Bad input, said well: what was given, what is allowed, and the nearest match."""

from __future__ import annotations

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
