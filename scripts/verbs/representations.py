"""`representations`: how alike trained networks represent shared inputs. Loads no torch."""

from __future__ import annotations

from typing import Annotated

import typer

from ..application import ASK, app
from ..options import FiguresFolder, JsonFile
from ..writing import draw_into, write_json


@app.command(rich_help_panel=ASK)
def representations(
    results: Annotated[
        list[str], typer.Argument(metavar="RESULTS...", help="Results folders or exports of trials with `gram`.")
    ],
    measure: Annotated[
        str, typer.Option(metavar="cka|procrustes", help="Debiased linear CKA, or the Procrustes distance.")
    ] = "cka",
    layer: Annotated[str | None, typer.Option(metavar="last|middle", help="Which layer; both without it.")] = None,
    to: FiguresFolder = None,
    json_file: JsonFile = None,
) -> None:
    """Compare the representations that trials kept: seeds of one size, neighbouring sizes, families."""
    from typing import get_args

    import numpy as np

    from ...collapse.contract import plain
    from ...collapse.drawing.representations import save_representations
    from ...collapse.representations.between_trials import COLUMNS, Measure, compare_representations
    from ...collapse.sentences.of_representations import (
        compared_cells,
        comparison_heading,
        comparison_json,
        growth_cells,
    )
    from ...errors import unknown
    from ...results.reading import read_tables
    from ..terminal import console, print_rows

    for option, given, allowed in (("measure", measure, get_args(Measure)), ("layer", layer, ("last", "middle"))):
        if given is not None and given not in allowed:
            raise unknown(option, given, allowed)
    rows, _ = read_tables(results, COLUMNS)
    found = compare_representations(rows, np.random.default_rng(0), "cka" if measure == "cka" else "procrustes", layer)
    told = {"schema_version": 1, "comparisons": [plain(comparison_json(one)) for one in found]}
    if json_file is not None and write_json(json_file, told):
        return
    for one in found:
        console().print(f"\n{comparison_heading(one)}", style="bold")
        print_rows([compared_cells(row, measure) for row in one.rows])
        if one.growth:
            typer.echo("\nfor each factor of ten in parameters, two families size by size:")
            print_rows([growth_cells(row, measure) for row in one.growth])
        for who in one.left_out:
            typer.echo(f"left out, for it did not end well: {who}")
    typer.echo(
        "\nin brackets 95 % intervals over seeds, each by itself; untrained: the same networks at their start; gain: "
        "trained less untrained; permuted: the inputs of one side in another order"
    )
    if to is not None:
        draw_into(to, lambda place: save_representations(found, place))
