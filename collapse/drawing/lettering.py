"""One style for all figures, and text that is broken to fit."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib.style
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from .palette import INK

_STYLE = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "text.parse_math": False,  # a name may hold dollars
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "lines.solid_capstyle": "round",
    "pdf.fonttype": 42,
    "svg.hashsalt": "onecurve",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw and save in one style whatever the reader's own matplotlib settings are, and leave those as they were."""
    # Matplotlib reads the salt of its SVG ids and the fonts of its PDFs from nowhere but its settings.
    with matplotlib.style.context(["default", _STYLE]):
        yield


def wrap(text: str, inches: float, size: float = 8.0, lines: int | None = None, weight: str = "normal") -> str:
    """Break ``text`` so that it fits a width; cut with an ellipsis after a number of lines, where one is given."""
    # A screen's letters stand up to three in a hundred wider than the font's own.
    # Names are long for their underscores and slashes, so they may break behind one.
    pieces = re.findall(r"[^ _/]*(?:[_/]+|$| )", text)
    done: list[str] = []
    current = ""
    for piece in pieces:
        if current.strip() and text_width(current + piece.rstrip(" "), size, weight) > 0.97 * inches:
            done.append(current.rstrip(" "))
            current = piece
        else:
            current += piece
    done.append(current.rstrip(" "))
    if lines is not None and len(done) > lines:
        done = [*done[: lines - 1], f"{done[lines - 1]} …"]
    return "\n".join(done)


@functools.lru_cache(maxsize=4096)
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """How wide a text stands in the figures' font, in inches."""
    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72
