"""Tables as HTML for notebooks: every text is escaped, and they read on a light ground and on a dark one."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from html import escape

# No colour of the text's own: a notebook's theme decides it, and these grounds let it through.
_STYLE = """<style>
.onecurve {overflow-x: auto}
.onecurve table {border-collapse: collapse; font-variant-numeric: tabular-nums}
.onecurve caption {text-align: left; font-weight: bold; padding: .3em 0}
.onecurve th, .onecurve td {text-align: left; vertical-align: top; padding: .25em .6em; white-space: normal;
  border-bottom: 1px solid rgba(128, 128, 128, .35)}
.onecurve .number {text-align: right}
.onecurve td.number {white-space: nowrap}
.onecurve .words {min-width: 22em}
.onecurve .badge {white-space: nowrap; padding: .1em .5em; border-radius: .6em; background: rgba(128, 128, 128, .22)}
.onecurve .good {background: rgba(0, 114, 178, .28)}
.onecurve .bad {background: rgba(213, 94, 0, .28)}
.onecurve .note {opacity: .8; font-size: 90%; margin: .3em 0; max-width: 60em}
</style>"""


@dataclasses.dataclass(frozen=True, slots=True)
class Badge:
    """A cell that is seen at a glance; ``kind`` is ``good``, ``bad`` or empty. The text says it as well."""

    text: str
    kind: str = ""


def html_table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str | Badge]],
    *,
    caption: str = "",
    numbers: Collection[str] = (),
    words: Collection[str] = (),
    notes: Iterable[str] = (),
) -> str:
    """A table with the first cell of each row as its head.

    Parameters
    ----------
    heads : what stands above the columns.
    rows : one cell a column.
    caption : what stands above the table.
    numbers, words : heads of columns that are set to the right, and of those that hold sentences.
    notes : sentences below the table.
    """
    kinds = {**dict.fromkeys(numbers, ' class="number"'), **dict.fromkeys(words, ' class="words"')}
    sides = [kinds.get(head, "") for head in heads]
    top = "".join(f'<th scope="col"{side}>{escape(head)}</th>' for head, side in zip(heads, sides, strict=True))
    body = "".join(f"<tr>{_row(cells, sides)}</tr>" for cells in rows)
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    below = "".join(f'<p class="note">{escape(note)}</p>' for note in notes)
    table = f"<table>{above}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="onecurve">{_STYLE}{table}{below}</div>'


def _row(cells: Sequence[str | Badge], sides: Sequence[str]) -> str:
    first, *others = (_inner(cell) for cell in cells)
    rest = (f"<td{side}>{cell}</td>" for cell, side in zip(others, sides[1:], strict=True))
    return f'<th scope="row">{first}</th>{"".join(rest)}'


def _inner(cell: str | Badge) -> str:
    if isinstance(cell, Badge):
        return f'<span class="{f"badge {cell.kind}".strip()}">{escape(cell.text)}</span>'
    return escape(cell)
