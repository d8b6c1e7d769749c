"""What is written above and beside the curves of a group: its name, its verdict and the numbers behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..outcome import GroupResult
from ..sentences.reasons import say
from ..sentences.verdicts import verdict_words
from .lettering import wrap
from .palette import FAINT, INK, Color, legible
from .sheet import Sheet

_CONTROL = {"holds": "control that must collapse", "fails": "control that must fail"}
_NO_CONTROL = "network"
_PLACE_OF_CONTROL = 1
_LOOKS: tuple[dict[str, Any], ...] = (
    {"fontsize": 9, "weight": "bold"},
    {"fontsize": 8.5},
    {"fontsize": 8.5, "weight": "bold"},
    {"fontsize": 8, "color": INK},
    {"fontsize": 7.5, "color": FAINT, "style": "italic"},
)


def percent(value: float | None) -> str:
    """A share in percent with two digits, or a dash."""
    return "–" if value is None else f"{100 * value:.2g}\u00a0%" if abs(value) < 0.1 else f"{100 * value:.0f}\u00a0%"


def p_value(value: float | None) -> str:
    """A p-value in two digits, or a dash."""
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.2g}"


def describe(group: GroupResult, name: str) -> list[str]:
    """A group's name, what it must do as a control, verdict, numbers and reason; empty where there is none."""
    if group.single:
        numbers = [f"deviation {percent(group.deviation)}, described"]
    else:
        numbers = [f"p_exact {p_value(group.p_exact)}", f"deviation {percent(group.deviation)}"]
    if group.upper_bound is not None or not group.single:
        numbers.append(f"U95 {percent(group.upper_bound)}")
    unbroken = ", ".join(part.replace(" ", "\u00a0") for part in numbers)
    control = _CONTROL[group.control] if group.control else ""
    return [name, control, f"{verdict_words(group)} ({group.evidence})", unbroken, say(group.reason or "")]


def headings(
    sheet: Sheet, lefts: Sequence[float], top: float, width: float, columns: Sequence[tuple[Sequence[str], Color]]
) -> float:
    """Write descriptions beside each other, every part level with its like, and return where the longest ends."""
    for part, look in enumerate(_LOOKS):
        said = [lines[part] for lines, _ in columns]
        if part == _PLACE_OF_CONTROL and any(said):
            said = [text or _NO_CONTROL for text in said]
        deep = [0.0]
        for left, text, (_, color) in zip(lefts, said, columns, strict=True):
            if text:
                own = {"color": legible(color)} if part <= _PLACE_OF_CONTROL else {}
                cut = 3 if part == len(_LOOKS) - 1 else None
                broken = wrap(text, width, look["fontsize"], cut, look.get("weight", "normal"))
                deep.append(sheet.text(left, top, broken, **look, **own))
        top += max(deep)
    return top
