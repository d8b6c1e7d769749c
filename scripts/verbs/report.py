"""`report`: one HTML page of everything that curves answer. Loads no torch."""

from __future__ import annotations

import contextlib
import gc
import shlex
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from ...errors import InputError
from ...results.layout import Layout
from ..application import ASK, app
from ..asked_curves import SOURCES, asked
from ..options import IrreducibleLossOption, MarginOption, OfOption, ScaleOption
from ..table_options import with_layout
from ..writing import write_whole

_ALL = ("detectable", "across", "where", "onset", "laws", "forecast", "controls")


@app.command(rich_help_panel=ASK)
@with_layout
def report(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Results folders, tables of curves, or logs of other tools.")
    ],
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="FILE", help="Where the page goes; the default is <DIR>/report.html, or report.html."
        ),
    ] = None,
    of: OfOption = None,
    scale: ScaleOption = None,
    irreducible_loss: IrreducibleLossOption = "known",
    margin: MarginOption = None,
    ask: Annotated[
        list[str] | None,
        typer.Option(
            "--ask",
            metavar="QUESTION",
            help=f"Which further questions to answer, by default {', '.join(_ALL)}. May be repeated.",
        ),
    ] = None,
    *,
    layout: Layout,
) -> None:
    """Write one HTML page: verdicts, figures, tables and method, to read offline, send and cite."""
    observables = list(dict.fromkeys(of or ["loss"]))
    if len(observables) > 1 and irreducible_loss not in SOURCES:
        raise InputError(f"the floor {irreducible_loss} is that of one observable, got {len(observables)}: ask for one")
    from ..page.claimed import records_of, without_curves
    from ..page.page import page_of

    claims = records_of(paths)
    of_curves = [path for path in paths if not without_curves(path)]
    floor = None if irreducible_loss == "known" else irreducible_loss
    asked_for = {"--of": of, "--scale": scale, "--margin": margin, "--ask": ask, "--irreducible-loss": floor}
    if not of_curves and any(given is not None for given in asked_for.values()):
        names = " and ".join(name for name, given in asked_for.items() if given is not None)
        raise InputError(f"{names} asks about curves, and {', '.join(paths)} holds claims alone")
    command = shlex.join(["onecurve", *sys.argv[1:]])
    with warnings.catch_warnings(record=True) as heard, _seldom_collected():
        warnings.simplefilter("always")
        found = [
            asked(
                of_curves,
                list(dict.fromkeys(ask or _ALL)),
                layout=layout,
                of=one,
                scale=scale,
                irreducible_loss=irreducible_loss,
                margin=margin,
            )
            for one in (observables if of_curves else ())
        ]
        page = page_of(found, paths, command, list(dict.fromkeys(str(one.message) for one in heard)), claims)
    for line in dict.fromkeys(str(one.message) for one in heard):
        typer.echo(f"warning: {line}", err=True)
    if to is None:
        to = f"{paths[0].rstrip('/')}/report.html" if Path(paths[0]).is_dir() else "report.html"
    write_whole(to, page)
    typer.echo(f"wrote {to} ({len(page.encode()) / 1e6:.1f} MB): open it in a browser, no server is needed")


@contextlib.contextmanager
def _seldom_collected() -> Iterator[None]:
    """Figures are made of millions of small objects, of which few are garbage: to look for it after every 700 takes an
    eighth of a report's time."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
