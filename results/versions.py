"""Which version of a package is installed."""

from __future__ import annotations

from importlib import metadata


def version(package: str) -> str:
    """A package's installed version, empty where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
