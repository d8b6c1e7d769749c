"""`compare`: hold two result sets of one protocol against each other. Loads no torch."""

from __future__ import annotations

from typing import Annotated

import typer

from ...results.layout import Layout
from ..application import ASK, app
from ..options import JsonFile, MarginOption, ScaleOption
from ..writing import write_json


@app.command(rich_help_panel=ASK)
def compare(
    mine: Annotated[str, typer.Argument(metavar="MINE", help="A results folder, or a table of curves.")],
    published: Annotated[str, typer.Argument(metavar="PUBLISHED", help="What it is held against: another of these.")],
    of: Annotated[str, typer.Option("--of", metavar="NAME", help="Which observable to ask about.")] = "loss",
    scale: ScaleOption = None,
    margin: MarginOption = None,
    json_file: JsonFile = None,
) -> None:
    """Place your results among published ones, or hold two versions of yours together: what changed beyond noise."""
    import numpy as np

    from ...collapse.contract import SCHEMA_VERSION, plain
    from ...collapse.result_sets.side_by_side import compare_sets
    from ...collapse.sentences.as_json import worded
    from ...collapse.sentences.of_result_sets import compared_lines, compared_row, compared_summary
    from ...collapse.settings import Settings
    from ...results.group_names import full_name, with_control
    from ...results.origins import origins
    from ...results.reading import read_curves
    from ..terminal import console, print_rows

    settings = Settings(margin=margin)
    curves = [read_curves([path], of, scale, Layout()) for path in (mine, published)]
    # The analyses have the chance that `analyze` gives them, so that the numbers are its numbers.
    analyses = [np.random.default_rng(0).spawn(1)[0] for _ in range(2)]
    said = origins([mine]), origins([published])
    rngs = analyses[0], analyses[1], np.random.default_rng(1)
    found = compare_sets(curves[0], curves[1], said, settings=settings, rngs=rngs)
    told = {"schema_version": SCHEMA_VERSION, **plain(worded(found, found.quantity))}
    if json_file is not None and write_json(json_file, told):
        return
    print_rows([compared_row(group, found.groups) for group in found.groups])
    typer.echo(
        "published → mine, one number where they are equal; rank: by deviation on the published board of the data set, "
        "in brackets what the bounds leave open; * on the shape scale"
    )
    for group in found.groups:
        for i, line in enumerate(compared_lines(group, found.quantity)):
            if i == 0:
                name = with_control(full_name(group.key, [one.key for one in found.groups]), group.key)
                console().print(f"\n{name}", style="bold")
            console().print(f"  {line}")
    typer.echo(f"\n{compared_summary(found)}")
