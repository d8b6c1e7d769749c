"""What `plan --on` asks of: graphics cards with their makers' figures, and cores."""

from __future__ import annotations

import dataclasses

from ..errors import InputError, unknown


@dataclasses.dataclass(frozen=True)
class Card:
    """A graphics card as its maker gives it.

    Attributes
    ----------
    name : what a device's kind has in it, in lower case.
    float32, tf32, bf16 : FLOPs a second without sparsity.
    bandwidth : bytes a second of its memory.
    """

    name: str
    float32: float
    tf32: float
    bf16: float
    bandwidth: float

    def peak(self, precision: str) -> float:
        """FLOPs a second in a precision."""
        return {"tf32": self.tf32, "bf16": self.bf16}.get(precision, self.float32)


CARDS = {
    card.name: card
    for card in (
        Card("a10", 31e12, 62e12, 125e12, 0.6e12),
        Card("a100", 19.5e12, 156e12, 312e12, 2.0e12),
        Card("l40s", 91e12, 183e12, 362e12, 0.86e12),
        Card("h100", 67e12, 494e12, 989e12, 3.35e12),
        Card("h200", 67e12, 494e12, 989e12, 4.8e12),
    )
}
CPU = "cpu"


def places(text: str) -> dict[str, int]:
    """How many of each: ``h100:64``, ``cpu:128``, ``a100:8+cpu:512``.

    Raises
    ------
    InputError
        Another form, an unknown card, one kind twice.
    """
    found: dict[str, int] = {}
    for part in text.lower().split("+"):
        name, _, count = part.strip().partition(":")
        if name not in (CPU, *CARDS):
            raise unknown("place of --on", name, (CPU, *CARDS))
        if not count.isdigit() or not int(count) or name in found:
            raise InputError(f"--on takes each place once, such as h100:64 or a100:8+cpu:512, got {text!r}")
        found[name] = int(count)
    if len(set(found) - {CPU}) > 1:
        raise InputError(f"--on takes one kind of card beside cpu, got {text!r}")
    return found
