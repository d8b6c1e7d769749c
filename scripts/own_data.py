"""Where users' data are."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import InputError


def find_data(root: str | None) -> None:
    """Say where users' data are, before anything looks for them or starts workers.

    Raises
    ------
    InputError
        The root is not a folder.
    """
    if root is None:
        return
    if not Path(root).is_dir():
        raise InputError(f"the data root {root!r} is not a folder")
    os.environ["ONECURVE_DATA"] = str(Path(root).absolute())
