"""A sheet of paper to draw on: laid out in inches, and it remembers every point that is drawn.

What is drawn and what is written to the table beside the figure are the same call, so they cannot drift apart.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from ...errors import InputError, unknown
from .lettering import house_style, wrap
from .palette import FAINT
from .recipe import Recipe

COLUMNS: tuple[str, ...] = (
    "panel",
    "family",
    "dataset",
    "recipe",
    "leg",
    "rung",
    "size",
    "seed",
    "series",
    "x",
    "y",
    "low",
    "high",
)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What a drawn line shows; the first columns of the table of plotted points."""

    panel: str
    series: str
    family: str = ""
    dataset: str = ""
    recipe: str = ""
    leg: str = ""
    rung: str = ""
    size: float | None = None
    seed: int | str | None = None


Box = tuple[float, float, float, float]


class Sheet:
    """A figure laid out in inches from its top left corner; the table of what was plotted; a key below.

    Attributes
    ----------
    figure : the figure.
    points : one dictionary a plotted point, with the keys `COLUMNS`.

    Parameters
    ----------
    width : in inches; the height follows from what is drawn.
    dpi : dots per inch of a PNG.
    """

    def __init__(self, width: float, dpi: int = 200) -> None:
        self.figure = Figure(figsize=(width, 1.0))
        self.width = width
        self._dpi = dpi
        self.points: list[dict[str, Any]] = []
        self._boxes: list[tuple[Axes, Box]] = []
        self._texts: list[tuple[Text, float, float]] = []
        self._key: dict[str, Artist] = {}
        self._lost: dict[Axes, list[int]] = {}
        self._notes: dict[Axes, list[str]] = {}
        self._table: tuple[int, str] | None = None

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Add axes of that size with their upper left corner at (left, top), all in inches."""
        axes = self.figure.add_axes((0, 0, 1, 1), label=str(len(self._boxes)))
        # A panel must not hide the label of the one above it.
        axes.patch.set_visible(False)
        self._boxes.append((axes, (left, top, width, height)))
        return axes

    def width_of(self, axes: Axes) -> float:
        """How wide axes of this sheet are, in inches."""
        return self.box_of(axes)[2]

    def box_of(self, axes: Axes) -> Box:
        """Left, top, width and height of axes of this sheet, in inches."""
        return next(box for panel, box in self._boxes if panel is axes)

    def text(self, left: float, top: float, text: str, **style: Any) -> float:
        """Write at (left, top) in inches and return how high the text stands, in inches."""
        style = {"fontsize": 8, "va": "baseline", "ha": "left", **style}
        size, lines = style["fontsize"] / 72, text.split("\n")
        # Each line stands on a baseline of its own: the top of a text would depend on the letters in it.
        for place, line in enumerate(lines):
            self._texts.append((self.figure.text(0, 0, line, **style), left, top + (1.4 * place + 0.85) * size))
        return 1.4 * len(lines) * size

    def line(
        self,
        axes: Axes,
        x: Any,
        y: Any,
        mark: Mark,
        band: tuple[Any, Any] | None = None,
        shade: dict[str, Any] | None = None,
        **style: Any,
    ) -> None:
        """Draw a line, with a band from ``band[0]`` to ``band[1]`` looking like ``shade``, and remember its points.

        Points that the axes cannot show (not finite, or not positive on a logarithmic axis) are left out of the line
        and of the table, and counted in a note in the panel.
        """
        x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        shown = self._shown(axes, x, y)
        low, high = (np.asarray(edge, dtype=float) for edge in (band if band is not None else (x * np.nan, x * np.nan)))
        # A lone point has no line: it needs a dot to be seen.
        alone = {"marker": "o", "markersize": 3} if shown.sum() == 1 else {}
        axes.plot(np.where(shown, x, np.nan), np.where(shown, y, np.nan), **{**alone, **style})
        if band is not None:
            edges = np.where(shown, low, np.nan), np.where(shown, high, np.nan)
            axes.fill_between(x, *edges, zorder=1.5, **(shade or {}))
        about = dataclasses.asdict(mark)
        for row in zip(x[shown], y[shown], low[shown], high[shown], strict=True):
            values = (None if np.isnan(value) else float(value) for value in row)
            self.points.append({**about, **dict(zip(("x", "y", "low", "high"), values, strict=True))})

    def remember(self, mark: Mark, row: int, value: float | None, low: float | None, high: float | None) -> None:
        """Note an interval drawn in a row of a chart: the row, counted from the top, is its x, the value its y."""
        self.points.append({**dataclasses.asdict(mark), "x": row, "y": value, "low": low, "high": high})

    def _shown(self, axes: Axes, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        finite = np.isfinite(x) & np.isfinite(y)
        left_x = finite & (x <= 0) if axes.get_xscale() == "log" else np.zeros_like(finite)
        left_y = finite & ~left_x & (y <= 0) if axes.get_yscale() == "log" else np.zeros_like(finite)
        lost = self._lost.setdefault(axes, [0, 0, 0])
        for place, mask in enumerate((left_x, left_y, ~finite)):
            lost[place] += int(mask.sum())
        return finite & ~left_x & ~left_y

    def note(self, axes: Axes, text: str) -> None:
        """Say something in a panel, once."""
        notes = self._notes.setdefault(axes, [])
        if text not in notes:
            notes.append(text)

    def notes(self, axes: Axes) -> str:
        """Everything that is to be said in a panel, with what could not be shown there, broken to its width."""
        words = ("at x ≤ 0", "at y ≤ 0", "not finite")
        lost = zip(self._lost.get(axes, [0, 0, 0]), words, strict=True)
        counted = ", ".join(f"{number} {where}" for number, where in lost if number)
        said = [*self._notes.get(axes, []), *([f"points off the log axes: {counted}"] if counted else [])]
        return "\n".join(wrap(text, self.width_of(axes) - 0.15, 6.5) for text in said)

    def key(self, label: str, handle: Artist) -> None:
        """Explain a kind of line in the key below the figure."""
        self._key.setdefault(label, handle)

    def finish(self, bottom: float, free: Box | None = None) -> Sheet:
        """Write the notes, set the key into ``free`` or below ``bottom`` inches, give everything its final place.

        Parameters
        ----------
        bottom : where what is drawn ends.
        free : left, top, width and height of an empty place, which takes the key if it fits.
        """
        corner = free[:2] if free is not None and self._place_key_in(free) else None
        height = bottom + (0.1 if corner else self._place_key())
        self.figure.set_size_inches(self.width, height)
        if corner:
            self.figure.legends[0].set_bbox_to_anchor((corner[0] / self.width, 1 - corner[1] / height))
        for axes, (left, top, wide, high) in self._boxes:
            corner = (left / self.width, 1 - (top + high) / height)
            axes.set_position((*corner, wide / self.width, high / height))
            if notes := self.notes(axes):
                axes.text(0.02, 0.02, notes, transform=axes.transAxes, fontsize=6.5, color=FAINT, va="bottom")
        for text, left, top in self._texts:
            text.set_position((left / self.width, 1 - top / height))
        return self

    def _place_key(self) -> float:
        """Set the key at the bottom and return how deep it is."""
        if not self._key:
            return 0.1
        columns = max(1, min(len(self._key), int(self.width / 2.9)))
        return self._legend(self.width / columns, loc="lower center", ncols=columns, borderaxespad=0.5) + 0.1

    def _place_key_in(self, free: Box) -> bool:
        """Set the key in one column with its upper left corner in that of ``free``, unless it is too high for it."""
        if not self._key:
            return False
        if self._legend(free[2], loc="upper left", borderaxespad=0, borderpad=0, alignment="left") <= free[3]:
            return True
        self.figure.legends[0].remove()
        return False

    def _legend(self, width: float, **style: Any) -> float:
        """Draw the key with columns of that width and return its height; both in inches."""
        labels = [wrap(label, width - 0.6, 7.5) for label in self._key]
        legend = self.figure.legend(list(self._key.values()), labels, columnspacing=1.5, **style)
        # How deep the key is depends on how its labels break; only a renderer knows.
        return legend.get_window_extent(FigureCanvasAgg(self.figure).get_renderer()).height / self.figure.dpi

    def table(self) -> str:
        """The plotted points as CSV, numbers in full precision."""
        if self._table is None or self._table[0] != len(self.points):  # every file of a figure has its hash
            self._table = len(self.points), self._written()
        return self._table[1]

    def _written(self) -> str:
        out = io.StringIO()
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.points)
        return out.getvalue()

    def save(self, path: str | Path) -> Path:
        """Write the figure as PNG, SVG or PDF, or its points as CSV, as the ending of ``path`` says.

        Raises
        ------
        InputError
            Another ending, or a folder that is not there.
        """
        path = Path(path)
        kind = path.suffix.lower().removeprefix(".")
        if kind not in ("png", "svg", "pdf", "csv"):
            raise unknown("ending of a figure's file", path.suffix, (".png", ".svg", ".pdf", ".csv"))
        try:
            path.write_bytes(self.table().encode() if kind == "csv" else self.picture(kind, path.stem))
        except OSError as error:
            raise InputError(f"{str(path)!r} cannot be written: {error.strerror}") from None
        return path

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """For notebooks: twice as many points as it is wide on the screen, so that it is sharp."""
        wide, high = self.figure.get_size_inches()
        return self.picture("png"), {"width": round(100 * wide), "height": round(100 * high)}

    def picture(self, kind: str, name: str = "") -> bytes:
        """The figure as ``png``, ``svg`` or ``pdf``, with its `Recipe`: the same bytes for the same figure."""
        out = io.BytesIO()
        with house_style():
            self.figure.savefig(out, format=kind, dpi=self._dpi, metadata=Recipe.of(name, self.table()).metadata(kind))
        return out.getvalue()
