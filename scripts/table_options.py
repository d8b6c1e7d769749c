"""Options by which people say how their tables are to be read, for every verb that reads curves."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from ..results.layout import Layout, pairs, read_layout

_PANEL = "Tables of yours"


def _option(flag: str, metavar: str, words: str) -> Any:
    return typer.Option(flag, metavar=metavar, help=words, rich_help_panel=_PANEL)


ColumnOption = Annotated[
    list[str] | None, _option("--column", "OURS=YOURS", "Which column is what, such as size=n_params. May be repeated.")
]
RunOption = Annotated[
    str | None,
    _option("--run", "PATTERN", r"What names of runs or files say, such as '(?P<size>\d+M)-s(?P<seed>\d+)'."),
]
_OPTIONS = {
    "column": ColumnOption,
    "value": Annotated[
        list[str] | None,
        _option("--value", "OURS=VALUE", "What the table does not say, such as size=70M. May be repeated."),
    ],
    "only": Annotated[
        list[str] | None,
        _option("--only", "COLUMN=VALUE", "Keep the rows with this value, such as split=val. May be repeated."),
    ],
    "run": RunOption,
    "mapping": Annotated[
        str | None,
        _option("--mapping", "FILE", "These options in YAML; without it, onecurve.yaml beside the data is read."),
    ],
    "unit": Annotated[
        str | None,
        _option("--unit", "nats|bits|bits-per-byte|perplexity", "Unit of the loss, which is converted to nats."),
    ],
    "floor_unit": Annotated[str | None, _option("--floor-unit", "UNIT", "Unit of the irreducible loss.")],
    "restarts": Annotated[
        str | None,
        _option(
            "--restarts",
            "last|continue|refuse",
            "Where the steps of a run go back: the later attempt counts, or steps are added up, or it is an error.",
        ),
    ],
    "horizon": Annotated[
        str | None,
        _option("--horizon", "longest|own|common", "The training length of runs whose planned length is not known."),
    ],
    "schedule": Annotated[
        str | None,
        _option("--schedule", "constant|linear|cosine", "The learning-rate schedule of a table without a column lr."),
    ],
    "warmup": Annotated[
        float | None,
        _option("--warmup", "STEPS", "For how long the learning rate rises, in the unit of the table's clock."),
    ],
}


def with_layout(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options on tables in place of its parameter ``layout``, and it the `Layout` that they say."""
    asked = inspect.signature(verb, eval_str=True)
    own = [one for one in asked.parameters.values() if one.name != "layout"]
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option)
        for name, option in _OPTIONS.items()
    ]

    def called(**given: Any) -> None:
        said = {name: given.pop(name, None) for name in _OPTIONS}
        verb(**given, layout=_layout(**said))

    called.__name__, called.__doc__, called.__module__ = verb.__name__, verb.__doc__, verb.__module__
    # The command line asks for both: what the parameters are, and their types.
    called.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in (*own, *options)}
    return called


def _layout(
    *,
    column: list[str] | None,
    value: list[str] | None,
    only: list[str] | None,
    run: str | None,
    mapping: str | None,
    unit: str | None,
    floor_unit: str | None,
    restarts: str | None,
    horizon: str | None,
    schedule: str | None,
    warmup: float | None,
) -> Layout:
    """The options as one layout, over the mapping file."""
    said = Layout(
        column=pairs(column or (), "column"),
        value=pairs(value or (), "value"),
        only=pairs(only or (), "only"),
        run=run,
        unit=unit,
        floor_unit=floor_unit,
        restarts=restarts,
        horizon=horizon,
        schedule=schedule,
        warmup=warmup,
    )
    return said if mapping is None else said.over(read_layout(mapping))
