"""What can be taken from the page: figures and tables as files, packed into it."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...collapse.drawing.sheet import Sheet

_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "pdf": "application/pdf",
    "svg": "image/svg+xml",
}


class Downloads:
    """Files by name, each compressed and in base64; the same contents give the same text.

    Attributes
    ----------
    files : name -> ``type`` and ``data``, plain types for JSON.
    """

    def __init__(self) -> None:
        self.files: dict[str, dict[str, str]] = {}

    def add(self, name: str, content: bytes) -> None:
        """Pack one file; its ending says what it is."""
        data = base64.b64encode(gzip.compress(content, 6, mtime=0)).decode()
        self.files[name] = {"type": _TYPES[name.rsplit(".", 1)[1]], "data": data}

    def add_json(self, name: str, value: Any) -> None:
        """Pack plain types as JSON; what is not finite is an error."""
        self.add(name, json.dumps(value, indent=1, allow_nan=False).encode())

    def add_figure(self, name: str, sheet: Sheet) -> None:
        """Pack a figure as SVG and PDF, and the points plotted in it as CSV; the page makes the PNG of the SVG."""
        for kind in ("svg", "pdf"):
            self.add(f"{name}.{kind}", sheet.picture(kind))
        self.add(f"{name}.csv", sheet.table().encode())

    def add_table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Pack rows that share their keys as CSV and Parquet, numbers in full precision."""
        import polars as pl

        frame = pl.DataFrame([dict(row) for row in rows], infer_schema_length=None)
        self.add(f"{name}.csv", frame.write_csv().encode())
        out = io.BytesIO()
        frame.write_parquet(out)
        self.add(f"{name}.parquet", out.getvalue())
