"""The command line's application, on which the verbs register."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="onecurve",
    help="Do networks of different sizes, architectures and data sets learn along one curve?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# The headings under which the verbs stand in the help.
ASK, TRAIN, CHECK = "Ask curves", "Train networks", "Check families and tests"
