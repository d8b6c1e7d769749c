"""What is written above and beside the curves of a group: its name, its verdict and the numbers behind it."""

from __future__ import annotations

from collections.abc import Sequence

from .lettering import wrap
from .outcome import GroupResult
from .palette import FAINT, INK, Color, legible
from .sheet import Sheet

_CONTROL = {"holds": "control that must collapse", "fails": "control that must fail"}


def percent(value: float | None) -> str:
    """A share in percent with two digits, or a dash."""
    return "–" if value is None else f"{100 * value:.2g}\u00a0%" if abs(value) < 0.1 else f"{100 * value:.0f}\u00a0%"


def p_value(value: float | None) -> str:
    """A p-value in two digits, or a dash."""
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.2g}"


def name_of(group: GroupResult, peers: Sequence[GroupResult]) -> str:
    """The family, and the recipe and the leg where another group among ``peers`` differs in nothing else."""
    # Controls are told apart by what they must do, which is written beside the name.
    own = (group.family, group.dataset, group.control)
    alike = [peer for peer in peers if (peer.family, peer.dataset, peer.control) == own]
    parts = [group.family]
    if len({peer.recipe for peer in alike}) > 1:
        labels = {peer.recipe_label for peer in alike if peer.recipe != group.recipe}
        parts.append(group.recipe_label if group.recipe_label and group.recipe_label not in labels else group.recipe)
    if len({peer.leg for peer in alike}) > 1:
        parts.append(f"{group.leg} rate" if group.leg == "constant" else group.leg)
    return ", ".join(parts)


def describe(group: GroupResult, name: str) -> list[str]:
    """A group's name, what it must do as a control, verdict, numbers and reason; empty where there is none."""
    numbers = [f"p_exact {p_value(group.p_exact)}", f"deviation {percent(group.deviation)}"]
    numbers.append(f"U95 {percent(group.upper_bound)}")
    unbroken = ", ".join(part.replace(" ", "\u00a0") for part in numbers)
    control = _CONTROL[group.control] if group.control else ""
    return [name, control, f"{group.verdict} ({group.evidence})", unbroken, group.reason or ""]


def heading(sheet: Sheet, left: float, top: float, width: float, lines: Sequence[str], color: Color) -> float:
    """Write a group's description and return where it ends."""
    title, control, verdict, numbers, reason = lines
    dark = legible(color)
    top += sheet.text(left, top, wrap(title, width, 9, weight="bold"), fontsize=9, weight="bold", color=dark)
    if control:
        top += sheet.text(left, top, wrap(control, width, 8.5), fontsize=8.5, color=dark)
    top += sheet.text(left, top, wrap(verdict, width, 8.5, weight="bold"), fontsize=8.5, weight="bold")
    top += sheet.text(left, top, wrap(numbers, width, 8), fontsize=8, color=INK)
    if reason:
        top += sheet.text(left, top, wrap(reason, width, 7.5, 3), fontsize=7.5, color=FAINT, style="italic")
    return top
