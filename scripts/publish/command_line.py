"""The reference of the command line as Markdown, from the parser itself: every verb with its arguments and options."""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.cli import get_docs_for_click

from ..cli import app


def command_line() -> str:
    """Every verb under a heading of its own, in the order of the help; without the title."""
    command = typer.main.get_command(app)
    context: Any = command.make_context("onecurve", [], resilient_parsing=True)
    text = get_docs_for_click(obj=command, ctx=context, name="onecurve")
    return escaped(text.partition("\n")[2])


def escaped(text: str) -> str:
    """Markdown whose text in angle brackets is seen: outside of code it would be read as HTML."""
    parts = re.split(r"(```.*?```|`[^`\n]*`)", text, flags=re.DOTALL)
    return "".join(part if i % 2 else part.replace("<", r"\<") for i, part in enumerate(parts))
