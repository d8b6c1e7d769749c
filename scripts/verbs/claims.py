"""`claims list`, `claims run` and `claims report`: predictions of a theory of learning, held against networks."""

from __future__ import annotations

from typing import Annotated

import typer

from ..application import CHECK, app
from ..options import JsonFile, JsonFlag
from ..writing import draw_into, print_json, write_json, write_text

claims_app = typer.Typer(help="Predictions of a theory of learning, held against networks.", no_args_is_help=True)
app.add_typer(claims_app, name="claims", rich_help_panel=CHECK)

_FOLDER = "runs/claims"
Names = Annotated[
    list[str] | None, typer.Argument(metavar="[CLAIM]...", help="Names or files (.yaml); all that come with Onecurve.")
]
Folder = Annotated[str, typer.Option("--out", metavar="DIR", help="Where claims keep their networks and findings.")]


@claims_app.command("list")
def list_claims(names: Names = None, as_json: JsonFlag = False) -> None:
    """List claims: what each predicts, by which kind of evidence, and in which setting."""
    from ...collapse.claims.claim import load_claims
    from ...collapse.claims.record import said_of
    from ..terminal import print_rows

    claims = load_claims(names or [])
    if as_json:
        print_json([said_of(claim) for claim in claims])
        return
    print_rows(
        [
            {
                "claim": claim.name,
                "evidence": claim.evidence,
                "observable": claim.observable,
                "predicts": f"{claim.predicts:.4g} ± {claim.margin:.2g}",
                "statement": claim.statement,
            }
            for claim in claims
        ]
    )


@claims_app.command("run")
def run_claims(
    names: Names = None,
    families: Annotated[
        str, typer.Option(metavar="A,B", help="Families in place of the claims' own, names or FILE.py:CLASS.")
    ] = "",
    out: Folder = _FOLDER,
    address: Annotated[str, typer.Option(help="Where to train, as for `run`.")] = "local",
    truths: Annotated[bool, typer.Option("--truths", help="Only try the claims where the answer is known.")] = False,
) -> None:
    """Try claims where their answer is known, then train their settings and judge each family."""
    from ...collapse.claims.claim import load_claims
    from ...collapse.claims.constants import said_of_truth
    from ...collapse.claims.judging import tried_on_truth

    claims = load_claims(names or [])
    if truths:
        for claim in claims:
            typer.echo(said_of_truth(claim.name, tried_on_truth(claim)))
        return
    from ...collapse.claims.constants import markdown, rows
    from ...results.store import Store
    from .. import claiming
    from ..progress import workers

    asked = [name for name in families.split(",") if name]
    stores = [Store(f"{out}/{claim.name}") for claim in claims]
    for claim, store in zip(claims, stores, strict=True):
        store.check_writable()
        claiming.sweep_of_claim(claim, asked)  # say what is wrong before anything is trained
    with workers(address) as executor:
        for claim, store in zip(claims, stores, strict=True):
            record = claiming.judge(claim, store, executor, asked)
            typer.echo(said_of_truth(claim.name, record.trusted))
            for line in markdown(rows([record])) if record.findings else []:
                typer.echo(f"  {line}")


@claims_app.command("report")
def report(
    out: Folder = _FOLDER,
    to: Annotated[
        str | None, typer.Option("--to", metavar="DIR", help="Where page and figure go; the default is the folder.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Write the table of constants and its figure, over all claims that were judged into the folder."""
    from ...collapse.claims.constants import page
    from ...collapse.claims.figure import draw_claims
    from ..claiming import as_json, records_in

    records = records_in(out)
    if json_file is not None and write_json(json_file, as_json(records)):
        return
    folder = to or out
    write_text(f"{folder}/claims.md", page(records))
    typer.echo(f"wrote {folder}/claims.md")
    draw_into(folder, lambda place: draw_claims(records, place))
