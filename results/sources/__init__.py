"""Other people's files and folders as tables, one evaluation a row, under their own names."""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from .plain import read_plain
from .source import Raw


def read_raw(path: str) -> Raw:
    """Read a file or folder of somebody else's, recognised by its content.

    Raises
    ------
    InputError
        It is nothing that can be read.
    """
    if Path(path).is_dir():
        there = sorted(one.name for one in Path(path).iterdir())
        listed = (
            ", ".join(there[:8]) + (f" and {len(there) - 8} more" if len(there) > 8 else "") if there else "nothing"
        )
        raise InputError(
            f"{path!r} holds no results of ours and nothing else that is recognised, but {listed}. "
            "Give its CSV or Parquet files, with one evaluation a row"
        )
    return read_plain(path)
