"""Options by which people say how their tables are to be read, for every verb that reads curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..results.layout import Layout

_PANEL = "Tables of yours"

ColumnOption = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="OURS=YOURS", help="which column is what: size=n_params", rich_help_panel=_PANEL),
]
ValueOption = Annotated[
    list[str] | None,
    typer.Option("--value", metavar="OURS=VALUE", help="what the table does not say: size=70M", rich_help_panel=_PANEL),
]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="COLUMN=VALUE", help="keep these rows: split=val", rich_help_panel=_PANEL),
]
RunOption = Annotated[
    str | None,
    typer.Option(
        "--run",
        metavar="PATTERN",
        help=r"what names of runs or files say: '(?P<size>\d+M)-s(?P<seed>\d+)'",
        rich_help_panel=_PANEL,
    ),
]
MappingOption = Annotated[
    str | None,
    typer.Option(
        "--mapping",
        metavar="FILE",
        help="these options in YAML; onecurve.yaml beside the data is read",
        rich_help_panel=_PANEL,
    ),
]
UnitOption = Annotated[
    str | None,
    typer.Option(
        "--unit",
        metavar="nats|bits|bits-per-byte|perplexity",
        help="the loss's unit; converted to nats",
        rich_help_panel=_PANEL,
    ),
]
FloorUnitOption = Annotated[
    str | None, typer.Option("--floor-unit", metavar="UNIT", help="the irreducible loss's unit", rich_help_panel=_PANEL)
]
RestartsOption = Annotated[
    str | None,
    typer.Option(
        "--restarts",
        metavar="last|continue|refuse",
        help="where a run's clock goes back: later attempt wins, or count on",
        rich_help_panel=_PANEL,
    ),
]
HorizonOption = Annotated[
    str | None,
    typer.Option(
        "--horizon", metavar="longest|own|common", help="the end of a run without a planned one", rich_help_panel=_PANEL
    ),
]


def layout_of(
    column: list[str] | None,
    value: list[str] | None,
    only: list[str] | None,
    run: str | None,
    mapping: str | None,
    unit: str | None,
    floor_unit: str | None,
    restarts: str | None,
    horizon: str | None,
) -> Layout:
    """The options as one layout, over the mapping file."""
    from ..results.layout import Layout, pairs, read_layout

    said = Layout(
        column=pairs(column or (), "column"),
        value=pairs(value or (), "value"),
        only=pairs(only or (), "only"),
        run=run,
        unit=unit,
        floor_unit=floor_unit,
        restarts=restarts,
        horizon=horizon,
    )
    return said if mapping is None else said.over(read_layout(mapping))
