"""The command line's application, on which the verbs register."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="onecurve",
    help="Do networks of different sizes, architectures and data sets learn along one curve?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

JsonFlag = Annotated[bool, typer.Option("--json", help="print JSON")]


def print_json(value: Any) -> None:
    """Print plain types as JSON; what is not finite is an error, never written."""
    typer.echo(json.dumps(value, indent=1, allow_nan=False))
