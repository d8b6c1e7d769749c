"""Options that several verbs have, said once."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import InputError

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
JsonFile = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write the answer as JSON; - is standard output.")
]
FiguresFolder = Annotated[
    str | None, typer.Option("--to", metavar="DIR", help="Also draw the figures into this folder.")
]
FigureStyle = Annotated[
    str | None,
    typer.Option(
        "--style",
        metavar="screen|paper|paper-wide|slides",
        help="What figures are laid out for: one column of a paper (3.4 inches), two (7 inches), or a slide.",
    ),
]
OfOption = Annotated[
    list[str] | None,
    typer.Option(
        "--of",
        metavar="NAME",
        help="Which observable to ask about: loss, error (1 - accuracy), accuracy or another. May be repeated.",
    ),
]
ScaleOption = Annotated[
    str | None,
    typer.Option(
        "--scale",
        metavar="as-given|as-loss|complement|ratio|difference",
        help="as-loss has the floor of the loss; complement asks about 1 - value, for a share; ratio and difference "
        "compare what has no floor with its final value.",
    ),
]
IrreducibleLossOption = Annotated[
    str,
    typer.Option(
        "--irreducible-loss",
        "--floor",
        metavar="known|profile|fit|VALUE|LOW:HIGH",
        help="Where the irreducible loss, or the floor of another observable, comes from.",
    ),
]
MarginOption = Annotated[
    float | None, typer.Option(help="The largest deviation that still counts as a collapse, such as 0.03.")
]
SweepArgument = Annotated[str, typer.Argument(metavar="SWEEP", help="A sweep file, or the name of a built-in sweep.")]
OutOption = Annotated[str | None, typer.Option("--out", help="Results folder or URL; the default is runs/<sweep>.")]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="KEY=NAME", help="Restrict to a family, a dataset or a control. May be repeated."),
]
DataOption = Annotated[
    str | None,
    typer.Option(
        "--data-root", metavar="DIR", help="Folder of your own data sets; without it, that of $ONECURVE_DATA."
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace a setting in all groups. May be repeated."),
]


def pairs_of(flag: str, values: list[str] | None) -> dict[str, str]:
    """What a repeated option ``KEY=NAME`` says.

    Raises
    ------
    InputError
        A value without ``=``.
    """
    pairs = {}
    for value in values or []:
        key, sign, name = value.partition("=")
        if not sign:
            raise InputError(f"{flag} takes key=name, such as family=mlp, got {value!r}")
        pairs[key] = name
    return pairs
