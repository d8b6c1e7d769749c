"""Packages that only some readers need: imported where they are used, and named where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from ...errors import InputError

INSTALL = "pip install 'onecurve[sources]'"


def need(module: str, what: str) -> Any:
    """Import a module of an optional package.

    Raises
    ------
    InputError
        The package is not installed; the message says how to get it.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise InputError(f"{what} needs the package {package}, which is not installed: {INSTALL}") from None
