"""`figure explain` and `figure rebuild`: what a figure was made of, and the same figure again."""

from __future__ import annotations

import contextlib
import io
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ...errors import InputError
from ..application import ASK, app

figure_app = typer.Typer(help="Figures that say how they were made.", no_args_is_help=True)
app.add_typer(figure_app, name="figure", rich_help_panel=ASK)

FigureFile = Annotated[str, typer.Argument(metavar="FILE", help="A figure: PNG, SVG or PDF.")]
REBUILT = ("analyze", "plot", "scaling-law")  # verbs that read and draw, and train nothing
_WRITING = ("--to", "--json")  # options that say where files go


@figure_app.command()
def explain(file: FigureFile) -> None:
    """Print the command, the hash of the data and the versions that a figure carries."""
    from ...collapse.drawing.recipe import read_recipe

    recipe = read_recipe(file)
    command = shlex.join(["onecurve", *recipe.command]) if recipe.command else "drawn from Python, by no command"
    typer.echo(f"figure: {recipe.figure}\ncommand: {command}\ndata: sha256 {recipe.data} of the points drawn")
    typer.echo(f"onecurve {recipe.onecurve}, matplotlib {recipe.matplotlib}")


@figure_app.command()
def rebuild(file: FigureFile) -> None:
    """Draw a figure again by its command, from the folder that the command was given in.

    Where the new one has other bytes, it is written beside the figure, which stays, and the difference is said.
    """
    from ...collapse.drawing.recipe import drawn_by, read_recipe
    from ...results.file_list import put

    path, recipe = Path(file), read_recipe(file)
    words = _checked(recipe.command)
    typer.echo(f"drawing again: {shlex.join(['onecurve', *recipe.command])}")
    with tempfile.TemporaryDirectory() as folder:
        with drawn_by(recipe.command), contextlib.redirect_stdout(io.StringIO()):
            app([*words, "--to", folder], standalone_mode=False)
        drawn = Path(folder, f"{recipe.figure}{path.suffix.lower()}")
        if not drawn.is_file():
            raise InputError(f"the command draws no figure {recipe.figure!r} any more: its data changed")
        content, now = drawn.read_bytes(), read_recipe(drawn)
    if content == path.read_bytes():
        typer.echo(f"{file} is drawn again byte for byte")
        return
    beside = put(path.with_name(f"{path.stem}.rebuilt{path.suffix}"), content)
    if now.data != recipe.data:
        typer.echo(f"the data changed: sha256 {recipe.data[:12]}... then, {now.data[:12]}... now")
    else:
        typer.echo("the points are the same and the bytes are not")
    for name in ("onecurve", "matplotlib"):
        if getattr(now, name) != getattr(recipe, name):
            typer.echo(f"{name} was {getattr(recipe, name)}, it is {getattr(now, name)}")
    typer.echo(f"wrote {beside}; {file} is as it was")


def _checked(command: Sequence[str]) -> list[str]:
    """The command without the options that say where files go.

    A figure may come from anybody, so that a command in it is run only where it can do no more than read and draw.

    Raises
    ------
    InputError
        No command, one that does more, or one that runs Python files.
    """
    if not command:
        raise InputError("the figure was drawn from Python, so there is no command to draw it again")
    said = shlex.join(["onecurve", *command])
    if command[0] not in REBUILT:
        raise InputError(
            f"`{said}` does more than draw: run it yourself. Drawn again are those of {', '.join(REBUILT)}"
        )
    if any(".py:" in word for word in command):
        raise InputError(f"`{said}` runs a Python file: look at it, and run the command yourself")
    words, skip = [], False
    for word in command:
        if not skip and not word.startswith(tuple(f"{option}=" for option in _WRITING)) and word not in _WRITING:
            words.append(word)
        skip = not skip and word in _WRITING
    return words
