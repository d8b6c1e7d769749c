"""Check every family of the catalogue: a table in Markdown, the numbers in JSON, one figure.

``python -m onecurve.scripts.publish.zoo_table --to DIR`` takes up to 50 s of a core a family for the coordinate check
under both parametrisations, and some 4 minutes of a core for each family named by ``--transfer``. Every family has a
file of its own in the folder, so a run goes on where it was stopped; delete a family's file to check it again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from ...errors import InputError
from ...results.trials import fingerprint

COORDINATES = 24.0  # seconds of a core, foretold, for each parametrisation
TRANSFER = ("mlp", "resmlp", "decoder", "vit", "cnn", "lstm", "mixer", "encoder")


def main(arguments: Sequence[str] | None = None) -> None:
    """Check what is missing, then write ``checks.md``, ``checks.json`` and the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", default="runs/zoo", help="folder for the results")
    parser.add_argument("--only", default="", help="families, separated by commas; the default is all")
    parser.add_argument("--transfer", default=",".join(TRANSFER), help="families whose best learning rate is searched")
    parser.add_argument("--seconds", type=float, default=240.0, help="of a core, foretold, for the search of a family")
    given = parser.parse_args(arguments)
    folder = Path(given.to)
    (folder / "families").mkdir(parents=True, exist_ok=True)
    from ...architectures.family import FAMILIES

    names = [name for name in given.only.split(",") if name] or FAMILIES.names()
    searched = set(given.transfer.split(","))
    rows = [_stored(folder / "families", name, name in searched, given.seconds) for name in names]
    write(folder, rows)
    print(f"{len(rows)} families: {folder / 'checks.md'}")


def write(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the table, the numbers and the figure of checked families."""
    from ...collapse.drawing.lettering import house_style
    from .zoo_figure import zoo_sheet

    (folder / "checks.json").write_text(json.dumps({"families": list(rows)}, indent=1, allow_nan=False) + "\n")
    (folder / "checks.md").write_text(page_of(rows))
    with house_style():
        sheet = zoo_sheet(rows)
    for kind in ("png", "svg", "pdf"):
        (folder / f"checks.{kind}").write_bytes(sheet.picture(kind))
    (folder / "checks.csv").write_text(sheet.table())


def _stored(folder: Path, name: str, searched: bool, seconds: float) -> dict[str, Any]:
    """The check of a family, from its file if that was made of the same family with the same effort."""
    from ...architectures.family import FAMILIES

    effort = [COORDINATES, seconds if searched else 0.0]
    key = fingerprint({"family": FAMILIES.make(name).ref.to_dict(), "seconds": effort})
    path = folder / f"{name}.json"
    if path.is_file():
        row = json.loads(path.read_text())
        if row["key"] == key:
            return row
    row = {"key": key, **_checked(name, searched, seconds)}
    path.write_text(json.dumps(row, indent=1, allow_nan=False) + "\n")
    return row


def _checked(name: str, searched: bool, seconds: float) -> dict[str, Any]:
    from ...architectures.family import FAMILIES
    from ...benchmark.checks.family_check import coordinate_jobs, gathered, transfer_jobs
    from ..family_checking import as_dict, request, work

    row = {"family": name, "library": FAMILIES.make(name).library}
    try:
        entry, data, label, ladder = request(name, None, None, [])
        jobs = coordinate_jobs(entry, data, ladder, seconds=COORDINATES)
        jobs += transfer_jobs(entry, data, ladder, seconds=seconds) if searched else []
        print(f"{name} on {label}", flush=True)
        return {**row, "dataset": label, "reason": None, **as_dict(gathered(name, work(jobs)))}
    except InputError as error:
        return {**row, "dataset": None, "reason": str(error), "status": None}


def page_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table in Markdown."""
    checked = [row for row in rows if row["reason"] is None]
    lines = [
        "# Do the families' parametrisations transfer?",
        "",
        "Slope of log change of activations against log width, the mean over hidden layers with its 95 % interval, and",
        "the lowest and highest slope of a single layer. 0 is expected under maximal update. A layer passes where its",
        "interval lies inside +-0.25, and fails where it lies outside. The standard parametrisation, at the same rate",
        "of Adam, is the control, and must fail.",
        "",
        "| family | library | data set | widths, seeds | maximal update | its layers | pass, unclear, fail "
        "| standard | its layers |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_coordinate_line(row) for row in checked),
        "",
        "The same by kind of layer, over all families: the median slope, the lowest and the highest.",
        "",
        "| kind | families, layers | maximal update | pass, unclear, fail | standard |",
        "|---|---|---|---|---|",
        *_kind_lines(checked),
        "",
        "Slope of log best learning rate against log width, after equally many updates. 0 is expected under maximal",
        "update, and about -1 under the standard parametrisation with Adam.",
        "",
        "| family | widths | updates, seeds | maximal update | standard |",
        "|---|---|---|---|---|",
        *(_transfer_line(row) for row in checked if row["transfers"]),
    ]
    without = [f"* {row['family']}: {row['reason']}" for row in rows if row["reason"] is not None]
    return "\n".join(lines + (["", "Not checked:", "", *without] if without else [])) + "\n"


def _coordinate_line(row: Mapping[str, Any]) -> str:
    mine, control = row["coordinates"]["mup"], row["coordinates"]["standard"]
    return (
        f"| {row['family']} | {row['library']} | {row['dataset']} | {_span(mine['growth'])}, {mine['n_seeds']} | "
        f"{_interval(mine['hidden'])} | {_extremes(mine['layers'])} | {_counts(mine['layers'])} | "
        f"{_interval(control['hidden'])} | {_extremes(control['layers'])} |"
    )


def _kind_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    places = [(how, row["family"], layer) for row in rows for how in ("mup", "standard") for layer in _layers(row, how)]
    for kind in sorted({layer["kind"] for *_, layer in places}):
        mine, control = ([x for h, _, x in places if (h, x["kind"]) == (how, kind)] for how in ("mup", "standard"))
        n_families = len({family for _, family, layer in places if layer["kind"] == kind})
        yield (f"| {kind} | {n_families}, {len(mine)} | {_middle(mine)} | {_counts(mine)} | {_middle(control)} |")


def _layers(row: Mapping[str, Any], how: str) -> Sequence[Mapping[str, Any]]:
    return row["coordinates"][how]["layers"]


def _counts(layers: Sequence[Mapping[str, Any]]) -> str:
    statuses = [layer["slope"]["status"] for layer in layers]
    return ", ".join(str(statuses.count(status)) for status in ("pass", "unclear", "fail"))


def _transfer_line(row: Mapping[str, Any]) -> str:
    both = row["transfers"]
    mine = both["mup"]
    growth = [curve["growth"] for curve in mine["curves"]]
    return (
        f"| {row['family']} | {_span(growth)} | {mine['steps']}, {mine['n_seeds']} | {_interval(mine['slope'])} | "
        f"{_interval(both['standard']['slope'])} |"
    )


def _span(growth: Sequence[float]) -> str:
    return f"{len(growth)} over {max(growth):.2g} times"


def _slopes(layers: Sequence[Mapping[str, Any]]) -> list[float]:
    return [layer["slope"]["value"] for layer in layers if layer["slope"]["value"] is not None]


def _middle(layers: Sequence[Mapping[str, Any]]) -> str:
    slopes = _slopes(layers)
    return f"{median(slopes):+.2f} ({_extremes(layers)})" if slopes else "-"


def _extremes(layers: Sequence[Mapping[str, Any]]) -> str:
    slopes = _slopes(layers)
    return f"{min(slopes):+.2f} to {max(slopes):+.2f}" if slopes else "-"


def _interval(slope: Mapping[str, Any]) -> str:
    if slope["value"] is None:
        return slope["reason"] or "-"
    return f"{slope['value']:+.2f} ({slope['low']:+.2f} to {slope['high']:+.2f}) {slope['status']}"


if __name__ == "__main__":
    main()
