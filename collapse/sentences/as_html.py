"""Results as notebooks show them: one table of verdicts with their bounds, and every answer in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from ...results.group_names import told_apart, with_control
from ...results.html_table import Badge, html_table
from ...results.quantity import LOSS
from ..outcome import Analysis, GroupResult
from .numbers import interval, percent
from .overall import answer
from .reasons import say
from .verdicts import reading_order, sentence, verdict_words

if TYPE_CHECKING:
    from ..inquiry import Inquiry

_HEADS = ("family", "data set", "sizes x seeds", "deviation", "95 % bounds", "irreducible loss", "verdict", "in words")
_NUMBERS = ("sizes x seeds", "deviation", "95 % bounds", "irreducible loss")
_KINDS = {"collapse": "good", "approximate": "good", "no-collapse": "bad"}


def analysis_html(analysis: Analysis) -> str:
    """The verdicts as a table, controls first, with the answer as its caption."""
    groups = sorted(analysis.groups, key=reading_order)
    quantity = analysis.quantity
    caption = " ".join(answer(analysis)) if groups else "No group of curves was found."
    return html_table(
        _HEADS,
        [_row(group, analysis.groups) for group in groups],
        caption=caption if quantity == LOSS else f"{quantity.heading}: {caption}",
        numbers=_NUMBERS,
        words=_HEADS[-1:],
        notes=[*_legend(groups), *(f"read: {note}" for note in analysis.notes), *map(say, analysis.warnings)],
    )


def group_html(group: GroupResult) -> str:
    """One group's row, and what to know of it."""
    notes = [*_legend([group]), *(say(warning) for warning in group.warnings)]
    return html_table(_HEADS, [_row(group, [group])], numbers=_NUMBERS, words=_HEADS[-1:], notes=notes)


def inquiry_html(inquiry: Inquiry) -> str:
    """The verdicts, and below them what else was asked, each group in a part that opens."""
    from .answers import paragraphs

    parts = [analysis_html(inquiry.analysis)]
    for heading, lines in paragraphs(inquiry):
        said = "".join(f"<li>{escape(line)}</li>" for line in lines)
        parts += [f"<details><summary>{escape(heading)}</summary><ul>{said}</ul></details>"] if lines else []
    return "".join(parts)


def _row(group: GroupResult, peers: Sequence[GroupResult]) -> list[str | Badge]:
    return [
        with_control(told_apart(group, peers), group),
        group.dataset,
        f"{group.n_rungs} x {group.n_seeds}",
        _share(group.deviation) + _mark(group),
        f"{_share(group.lower_bound)} to {_share(group.upper_bound)}" if group.upper_bound is not None else "none",
        _floor(group),
        Badge(verdict_words(group), _KINDS.get(group.verdict, "")),
        sentence(group),
    ]


def _share(value: float | None) -> str:
    return "none" if value is None else percent(value)


def _mark(group: GroupResult) -> str:
    shape = group.rescaled is not None and group.rescaled.scale == "shape"
    return ("*" if shape else "") + ("\u2020" if group.single else "")


def _floor(group: GroupResult) -> str:
    """The irreducible loss with its interval, where it has one, and where it is from."""
    loss = group.irreducible_loss
    if loss.value is None:
        return "not known"
    around = "" if loss.low is None or loss.low == loss.high else f" {interval(loss.low, loss.high)}"
    return f"{loss.value:.3g}{around}, {loss.source}"


def _legend(groups: Sequence[GroupResult]) -> list[str]:
    """What the table's columns and marks mean, as far as it has them."""
    margins = sorted({percent(group.margin) for group in groups})
    said = [
        "deviation: largest |d| over model sizes and x, in ln l; bounds: its lower and upper 95 % bound, held against "
        f"the margin of {' or '.join(margins)}."
    ]
    marks = {_mark(group) for group in groups}
    if any("*" in mark for mark in marks):
        said.append("* on the shape scale, as no irreducible loss is subtracted: not comparable with the others.")
    if any("\u2020" in mark for mark in marks):
        said.append("\u2020 one run a size: a description, not tested.")
    return said if groups else []
