"""A whole analysis in two sentences, and the question that they answer."""

from __future__ import annotations

from collections.abc import Sequence

from ...results.group_names import full_name
from ...results.quantity import LOSS, Quantity
from ..outcome import Analysis, GroupResult
from .numbers import percent, some

_NETWORKS = {
    "collapse": ("shares one curve over its model sizes", "share one curve over their model sizes"),
    "approximate": ("shares one approximately", "share one approximately"),
    "no-collapse": ("does not", "do not"),
    "cannot-tell": ("cannot be told from these curves", "cannot be told from these curves"),
}
_MUST = {"holds": "collapse", "fails": "not collapse"}
_KEEPS = {"holds": ("collapse", "approximate"), "fails": ("no-collapse",)}


def question(quantity: Quantity = LOSS) -> str:
    """What is asked of curves of a quantity."""
    asked = "Do networks of different sizes, architectures and data sets learn along one curve?"
    return asked if quantity == LOSS else f"{asked[:-1]}, measured by their {quantity.title}?"


def answer(analysis: Analysis) -> tuple[str, str]:
    """What became of the networks, and what became of the controls whose answer is known."""
    return _of_networks(analysis), _of_controls(analysis)


def _of_networks(analysis: Analysis) -> str:
    networks = [group for group in analysis.groups if group.control is None]
    if not networks:
        return "These curves have no networks, only controls."
    parts = []
    for verdict, words in _NETWORKS.items():
        found = [group for group in networks if group.verdict == verdict]
        if found:
            parts.append(f"{len(found)} {words[len(found) > 1]} ({_names(found, analysis)})")
    if not any(group.verdict == "collapse" for group in networks):
        parts.insert(0, f"none {_NETWORKS['collapse'][0]}")
    of = "the one ladder" if len(networks) == 1 else f"{len(networks)} ladders"
    return f"Of {of} of networks, {_joined(parts)}."


def _of_controls(analysis: Analysis) -> str:
    controls = [group for group in analysis.groups if group.control is not None]
    if not controls:
        return "No control whose answer is known is among these curves, so nothing here shows that the test can fail."
    said = "; ".join(_control(group, analysis) for group in controls)
    return f"{said[0].upper()}{said[1:]}."


def _control(group: GroupResult, analysis: Analysis) -> str:
    must = f"the control {full_name(group, analysis.groups)} must {_MUST[group.control or '']}"
    if group.verdict not in _KEEPS[group.control or ""]:
        return f"{must}, and the verdict is {group.verdict}"
    if group.control == "holds":
        return f"{must}, and does" + ("" if group.upper_bound is None else f" within {percent(group.upper_bound)}")
    least = "" if group.lower_bound is None else f": its sizes differ by at least {percent(group.lower_bound)}"
    return f"{must}, and does not{least}"


def _names(groups: Sequence[GroupResult], analysis: Analysis) -> str:
    return some([full_name(group, analysis.groups) for group in groups])


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
