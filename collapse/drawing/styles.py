"""What figures are laid out for: a screen, a column of a paper, two columns, a slide.

A style changes the layout and never the size of a letter or of a line, so that a figure is printed as it was drawn.
"""

from __future__ import annotations

import dataclasses

from ...errors import unknown

_NARROW = 5.0  # inches: below, what else stands beside a panel stands above and below it


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """A kind of page.

    Attributes
    ----------
    name : as the command line says it.
    width : of every figure, in inches; None where each takes what it needs.
    height : of the page, in inches: what would be higher becomes several figures.
    dpi : dots per inch of a PNG.
    """

    name: str
    width: float | None = None
    height: float | None = None
    dpi: int = 200

    @property
    def narrow(self) -> bool:
        """Whether nothing fits beside a panel."""
        return self.width is not None and self.width < _NARROW


SCREEN = Style(name="screen")
#: A column of a journal is 3.25 to 3.5 inches wide, two are about 7. A slide of 16:9 is that of LaTeX Beamer; other
#: programs make it twice as large, and its letters are then of 14 to 18 points.
STYLES: dict[str, Style] = {
    style.name: style
    for style in (
        SCREEN,
        Style(name="paper", width=3.4, height=9.2, dpi=300),
        Style(name="paper-wide", width=7.0, height=9.2, dpi=300),
        Style(name="slides", width=6.3, height=3.54, dpi=300),
    )
}


def style_of(name: str) -> Style:
    """The style of that name.

    Raises
    ------
    InputError
        There is none.
    """
    if name not in STYLES:
        raise unknown("style", name, STYLES)
    return STYLES[name]
