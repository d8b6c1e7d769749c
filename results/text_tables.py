"""Rows as text: a Markdown and a LaTeX table, in which no name is taken for markup."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "–": "--",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


def verdict_row(row: Row) -> dict[str, Any]:
    """What a table for readers shows of a group: a row of an analysis's table in few columns.

    Percents with a star are on the shape scale, where no irreducible loss is subtracted.
    """
    star = "*" if row["rescaling"] == "shape" else ""
    percents = {
        name: None if row[name] is None else f"{100 * row[name]:.1f} %{star}" for name in ("deviation", "upper_bound")
    }
    return {
        "family": f"{row['family']} (control: {row['control']})" if row["control"] else row["family"],
        "data set": row["dataset"],
        "setting": row["recipe_label"],
        "sizes x seeds": f"{row['n_rungs']} x {row['n_seeds']}",
        "deviation": percents["deviation"],
        "95 % bound": percents["upper_bound"],
        "verdict": row["verdict"],
    }


def markdown_table(rows: Sequence[Row]) -> str:
    """Rows that share their keys as a Markdown table, numbers to the right; empty where there are none."""
    if not rows:
        return ""
    names = list(rows[0])
    sides = ["---:" if _numeric(rows, name) else "---" for name in names]
    lines = [[escape_markdown(name) for name in names], sides]
    lines += [[escape_markdown(cell(row[name])) for name in names] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def latex_table(rows: Sequence[Row]) -> str:
    """Rows that share their keys as a ``tabular`` with the rules of the package booktabs."""
    if not rows:
        return ""
    names = list(rows[0])
    sides = "".join("r" if _numeric(rows, name) else "l" for name in names)
    lines = [" & ".join(escape_latex(name) for name in names) + r" \\", r"\midrule"]
    lines += [" & ".join(escape_latex(cell(row[name])) for name in names) + r" \\" for row in rows]
    body = "\n".join([rf"\begin{{tabular}}{{{sides}}}", r"\toprule", *lines, r"\bottomrule", r"\end{tabular}"])
    return f"% \\usepackage{{booktabs}}\n{body}\n"


def escape_markdown(text: str) -> str:
    """Text in which nothing is markup, on one line."""
    return _MARKDOWN.sub(r"\\\1", _one_line(text))


def escape_latex(text: str) -> str:
    """Text in which nothing is a command, on one line."""
    return "".join(_LATEX.get(sign, sign) for sign in _one_line(text))


def cell(value: Any) -> str:
    """A value as it stands in a table: four digits, a dash where it is missing."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _numeric(rows: Sequence[Row], name: str) -> bool:
    known = [row[name] for row in rows if row[name] is not None]
    return bool(known) and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known)


def _one_line(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
