"""From answers to one HTML page: everything is inside it, and every name is escaped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...benchmark.provenance import version
from ...collapse.drawing.files import safe_name
from ...collapse.drawing.headings import p_value, percent
from ...collapse.drawing.panels import short_number
from .chapter import chapter
from .claimed import claims_chapter
from .downloads import Downloads
from .drawn import families_of, groups_of
from .origin import data_hash, made_with, own_rows, unfinished

if TYPE_CHECKING:
    from ...collapse.claims.record import Record
    from ...collapse.inquiry import Inquiry
    from ...results.curves import CurveSet

_HERE = Path(__file__).parent


def page_of(
    found: Sequence[tuple[CurveSet, Inquiry]],
    paths: Sequence[str],
    command: str,
    said: Sequence[str] = (),
    claims: Sequence[Record] = (),
) -> str:
    """The report of one or several observables of the same curves, and of claims.

    Parameters
    ----------
    found : curves and what they answered, one pair an observable; empty where there are claims alone.
    paths : where the curves were read from.
    command : the command line that makes this page again.
    said : what those who read the files warned of.
    claims : records of claims that were judged into the same folders.

    Returns
    -------
    HTML that loads nothing: styles, scripts, figures and tables are inside. The same input gives the same page.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    downloads = Downloads()
    chapters, rows = [], own_rows(paths) if found else []
    for place, (curves, inquiry) in enumerate(found):
        ending = "" if place == 0 else f"-{safe_name(curves.quantity.noun)}"
        failed = unfinished(curves, rows)
        if failed:
            downloads.add_table(f"unfinished-runs{ending}", failed)
        chapters.append({**chapter(inquiry, curves, downloads, ending), "failed": failed, "n_curves": len(curves)})
    told = claims_chapter(claims, downloads)
    record = {
        "version": version("onecurve"),
        "command": command,
        "paths": list(paths),
        "hash": data_hash(found[0][0]) if found else None,
        "margin": found[0][1].analysis.groups[0].margin if found else None,
        "made_with": made_with(rows),
        "said": list(said),
    }
    inquiries = [inquiry for _, inquiry in found]
    families = families_of(inquiries, told["families"] if told else ())
    data = {
        "families": families,
        "claims": told and {name: told[name] for name in ("figure", "dots")},
        "chapters": [
            {"groups": groups_of(inquiry, curves), "figures": one["figures"]}
            for one, (curves, inquiry) in zip(chapters, found, strict=True)
        ],
    }
    environment = Environment(
        loader=FileSystemLoader(_HERE / "assets"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"percent": percent, "p_value": p_value, "short": short_number, "number": _number}
    return environment.get_template("page.html").render(
        chapters=chapters,
        claims=told,
        record=record,
        families=families,
        data=_script_json(data),
        files=_script_json(downloads.files),
        style=_read("assets/style.css"),
        scripts=[_read(name) for name in ("assets/figures.js", "assets/page.js")],
        libraries=[_read(name) for name in ("vendor/d3.min.js", "vendor/plot.umd.min.js")],
        licence=_read("vendor/LICENSE.txt"),
    )


def _read(name: str) -> str:
    return (_HERE / name).read_text()


def _script_json(value: Any) -> str:
    """JSON that may stand in a script element: nothing in it can end the element."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _number(value: float | None, digits: str = ".3g") -> str:
    """A number in few digits, or a dash."""
    return "–" if value is None else f"{value:{digits}}"
