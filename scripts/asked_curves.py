"""Read curves, ask them and draw them: what analyze, plot and power share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from ..errors import InputError, unknown
from ..results.layout import Layout
from ..results.levels import X_MIN
from .writing import draw_into

if TYPE_CHECKING:
    from ..collapse.inquiry import Inquiry
    from ..collapse.irreducible.choice import FloorChoice
    from ..collapse.outcome import Analysis
    from ..results.curves import CurveSet

Against = Literal["time", "data", "tasks"]
NoiseFrom = Literal["neighbours", "groups", "sizes"]
SOURCES = ("known", "profile", "fit")


def asked(
    paths: list[str],
    questions: Sequence[str] = (),
    *,
    layout: Layout,
    of: str = "loss",
    scale: str | None = None,
    irreducible_loss: str = "known",
    margin: float | None = None,
    x_min: float = X_MIN,
    against: Against = "time",
    noise_from: NoiseFrom | None = None,
    forms: Sequence[str] = (),
) -> tuple[CurveSet, Inquiry]:
    """Curves of one observable, and what they answer.

    Raises
    ------
    InputError
        What the command line was given is not allowed, or the curves cannot be read.
    """
    from ..collapse.inquiry import inquire
    from ..results.data_curves import read_data_curves
    from ..results.reading import read_curves

    floor = floor_of(irreducible_loss, layout)
    if margin is not None and not 0 < margin < 1:
        raise InputError(f"--margin is a share between 0 and 1, such as 0.03, got {margin:g}")
    if against == "time":
        curves = read_curves(paths, of, scale, layout)
    else:
        curves = read_data_curves(paths, against, observable=of, scale=scale)
    if curves.quantity.known_floor is not None and floor != "known":
        raise InputError(
            f"--irreducible-loss {irreducible_loss}: {curves.quantity.observable} is compared on the scale "
            f"{curves.quantity.scale}, which has no floor; ask with --scale as-given to subtract one"
        )
    found = inquire(
        curves,
        questions,
        margin=margin,
        irreducible_loss=floor,
        x_min=x_min,
        noise_from=noise_from,
        forms=forms,
    )
    return curves, found


def floor_of(given: str, layout: Layout) -> FloorChoice:
    """The irreducible loss as the command line says it: where it comes from, a number or an interval, in nats.

    Raises
    ------
    InputError
        Neither a source nor a number, or a number whose unit is not said beside a loss that is converted.
    """
    from ..results.values import error_in_nats, nats

    if given in SOURCES:
        return given  # type: ignore[return-value]
    value, around, error = given.replace("\u00b1", "+-").partition("+-")
    try:
        ends = [float(end) for end in value.split(":", 1)]
        se = float(error) if around else 0.0
        if around and len(ends) == 2:
            raise ValueError
    except ValueError:
        allowed = (*SOURCES, "a number", "LOW:HIGH", "VALUE+-ERROR")
        raise unknown("source of the irreducible loss", given, allowed) from None
    unit = layout.floor_unit
    if layout.unit not in (None, "nats") and unit is None:
        raise InputError(
            f"the loss is converted from {layout.unit} to nats, and the unit of --irreducible-loss {given} is not "
            f"said: --floor-unit {layout.unit}, or --floor-unit nats"
        )
    if around:
        from ..collapse.irreducible.choice import Around

        return Around(nats(ends[0], unit), se * error_in_nats("the error", unit, f"--irreducible-loss {given}"))
    ends = [nats(end, unit) for end in ends]
    return (ends[0], ends[1]) if len(ends) == 2 else ends[0]


def check_style(name: str) -> None:
    """Raise `InputError` where there is no such style, before anything is read."""
    from ..collapse.drawing.styles import style_of

    style_of(name)


def draw(analysis: Analysis, curves: CurveSet, to: str, style: str = "screen", panels: Sequence[str] = ()) -> None:
    """Draw the figures into a folder, and say which."""
    from ..collapse.figures import save_figures

    draw_into(to, lambda folder: save_figures(analysis, curves, folder, style=style, panels=panels))


def draw_onset(inquiry: Inquiry, to: str, style: str) -> None:
    """Draw the onset of each group into a folder, and say where."""
    from ..collapse.drawing.onset import save_onset
    from ..collapse.drawing.styles import style_of

    draw_into(to, lambda folder: save_onset(inquiry, folder, style_of(style)))
