"""`try`: train a network of one's own in minutes and see along which shipped curve it learns."""

from __future__ import annotations

import dataclasses
import json
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import InputError
from ..application import TRAIN, app
from ..options import JsonFile
from ..writing import say_drawn, write_json

if TYPE_CHECKING:
    from ...benchmark.sweep import Sweep
    from ...collapse.families.along import Along
    from ...collapse.inquiry import Inquiry
    from ...results.curves import CurveSet
    from ...results.store import Store


@app.command("try", rich_help_panel=TRAIN)
def try_network(
    name: Annotated[str, typer.Argument(metavar="FILE.py:CLASS", help="The file and class of a network, or a family.")],
    dataset: Annotated[str | None, typer.Option(help="The data set; the default is the cheapest that fits.")] = None,
    out: Annotated[
        str | None, typer.Option("--out", help="The results folder; the default is runs/try-<class>.")
    ] = None,
    json_file: JsonFile = None,
    address: Annotated[str, typer.Option(help="Where to train, as for `run`.")] = "local",
) -> None:
    """Train 4 widths x 8 seeds of a network and lay its curves over those of known families."""
    from ...benchmark.trying import sweep_for
    from ...results.store import Store
    from ..progress import follow, workers

    sweep = sweep_for(name, dataset)
    short = name.rpartition(":")[2]
    store = Store(out or f"runs/try-{short}")
    store.check_writable()
    began = time.monotonic()
    with workers(address) as executor:
        summary = follow(sweep, store, executor, refresh=True)
    seconds = time.monotonic() - began
    if summary.asked_to_end:
        typer.echo("stopped: what was finished is kept, and the same command goes on from there", err=True)
        signal.raise_signal(signal.SIGTERM)
    for reason in summary.reasons[:3]:
        typer.echo(f"  failed: {reason}", err=True)
    if summary.failed == summary.asked:
        raise InputError(f"all {summary.asked} trials of {name} failed: {summary.reasons[0]}")
    found = _answers(sweep, store, short) | {"trained": summary.asked - summary.found, "seconds": seconds}
    if json_file is not None:
        write_json(json_file, {key: value for key, value in found.items() if key != "sheet"})
    if json_file != "-":
        _print(found, store)


def _answers(sweep: Sweep, store: Store, short: str) -> dict[str, Any]:
    """What the curves say, with the figure under ``sheet``."""
    import numpy as np

    from ...collapse.contract import plain
    from ...collapse.inquiry import inquire
    from ...collapse.sentences.as_json import worded
    from ...collapse.sentences.verdicts import sentence

    curves, mine, n_shipped = _curves(sweep, store, short)
    rng, bands = np.random.default_rng(0).spawn(2)  # a fixed seed: the same curves give the same answer
    inquiry = inquire(curves, ["across"], rng=rng)
    group = next(one for one in inquiry.analysis.groups if one.family == mine)
    cards = [card for setting in inquiry.settings for card in setting.cards if card.row.family == mine]
    along, sheet = _along(inquiry, mine, bands)
    return {
        "family": mine,
        "dataset": group.dataset,
        "recipe": group.recipe_label,
        "shipped_curves": n_shipped,
        "verdict": group.verdict,
        "own": sentence(group),
        "card": plain(worded(cards[0])) if cards else None,
        "along": plain(worded(along)) if along else None,
        "sheet": sheet,
    }


def _curves(sweep: Sweep, store: Store, short: str) -> tuple[CurveSet, str, int]:
    """This sweep's curves beside the shipped ones, what the family is called among them, and how many are shipped."""
    from ...benchmark.lock import Lock
    from ...benchmark.sweep import request
    from ...benchmark.trying import shipped_beside
    from ...results.curves import CurveSet
    from ...results.reading import read_curves
    from ...results.trials import spec_from_dict

    lock = Lock.load(store, sweep.name)
    assert lock is not None
    planned = lock.plans[request(sweep, {})]
    wanted = {lock.cells[key].trials[str(seed)] for key, seeds in planned.items() for seed in seeds}
    # A network that was changed since leaves its old curves in the folder.
    own = [curve for curve in read_curves([store.uri]) if curve.trial_id in wanted]
    rows = store.table().select(["trial_id", "spec"]).to_pylist()
    spec = next(row["spec"] for row in rows if row["trial_id"] in wanted)
    shipped = shipped_beside(spec_from_dict(json.loads(spec)))
    name = own[0].family if short in {curve.family for curve in shipped} else short
    renamed = [dataclasses.replace(curve, family=name) for curve in own]
    return CurveSet.of([*renamed, *shipped], sweep.margin), name, len(list(shipped))


def _along(inquiry: Inquiry, mine: str, rng: Any) -> tuple[Along | None, Any]:
    import numpy as np

    from ...collapse.drawing.overlay import overlay_sheet
    from ...collapse.families.along import along_nearest
    from ...collapse.families.mean_curve import Member

    groups = [one for one in inquiry.analysis.groups if one.rescaled is not None]
    base = next((one.rescaled for one in groups if one.family == mine), None)
    members = [
        Member(one.family, one.recipe, one.family, one.rescaled)
        for one in groups
        if one.rescaled and base and one.rescaled.scale == base.scale and np.array_equal(one.rescaled.x, base.x)
    ]
    if len({member.family for member in members}) < 2:
        return None, None
    found = along_nearest(members, mine, rng=rng)
    return found, overlay_sheet(members, found, f"{mine} on {inquiry.analysis.groups[0].dataset}")


def _print(found: dict[str, Any], store: Store) -> None:
    trained = (
        f"{found['trained']} networks in {found['seconds']:.0f} s" if found["trained"] else "all found in the table"
    )
    typer.echo(f"{found['family']} on {found['dataset']} ({found['recipe']}): {trained}")
    typer.echo(f"  its own sizes: {found['verdict']}: {found['own']}")
    if found["card"] is not None:
        typer.echo(f"  card: {found['card']['sentence']}")
    if found["along"] is None:
        why = "they cannot be rescaled alike" if found["shipped_curves"] else _none_shipped()
        typer.echo(f"  no curves of other families stand beside it: {why}")
        return
    typer.echo(f"{found['along']['sentence']}.")
    if found["verdict"] == "no-collapse":
        typer.echo("  compared are means over model sizes, and its own sizes have more than one curve")
    say_drawn(_draw(found["sheet"], store))


def _none_shipped() -> str:
    from ...benchmark.trying import data_sets

    return f"none is shipped under this recipe; data sets that have some: {', '.join(data_sets())}"


def _draw(sheet: Any, store: Store) -> list[Path]:
    from ...collapse.drawing.files import write_sheets

    return write_sheets([("try", lambda: sheet)], Path(store.root, "figures")) if store.local else []
