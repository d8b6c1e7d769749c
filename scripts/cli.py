"""The command line's entry. Heavy imports stay inside the verbs that need them."""

from __future__ import annotations

import sys
import warnings

import typer

from ..collapse.drawing.recipe import drawn_by
from ..errors import InputError
from .application import app
from .verbs import (  # noqa: F401  (they register themselves)
    analyze,
    calibrate,
    check_family,
    claims,
    compare,
    data,
    export,
    figure,
    finite_size,
    import_,
    list_,
    pilot,
    plan,
    plot,
    power,
    publish,
    pull,
    report,
    representations,
    run,
    scaling_law,
    schedules,
    serve,
    status,
    try_,
)


def main() -> None:
    """Run the command line: bad input ends with one message and exit code 2, never with a traceback."""
    warnings.showwarning = lambda message, *_, **__: typer.echo(f"warning: {message}", err=True)
    try:
        with drawn_by(sys.argv[1:]):
            app()
    except InputError as error:
        typer.echo(f"onecurve: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
