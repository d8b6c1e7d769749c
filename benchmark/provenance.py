"""What a curve was made with: versions, machine, time."""

from __future__ import annotations

import datetime
import functools
import platform
from pathlib import Path
from typing import Any

from ..results.fields import SCHEMA_VERSION
from ..results.versions import version


@functools.cache
def provenance() -> dict[str, Any]:
    """Versions and machine, as columns of the result table."""
    return {
        "schema_version": SCHEMA_VERSION,
        "onecurve_version": version("onecurve"),
        "python": platform.python_version(),
        "torch": version("torch"),
        "timm": version("timm"),
        "numpy": version("numpy"),
        "platform": platform.platform(),
        "host": platform.node(),
        "device": "cpu",
        "cpu_kind": cpu_kind(),
    }


@functools.cache
def cpu_kind() -> str:
    """Vendor, family and model of the processor, with the vector instructions that choose torch's kernels."""
    fields: dict[str, str] = {}
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text().split("\n\n")[0].splitlines():
            name, _, value = line.partition(":")
            fields[name.strip()] = value.strip()
    if not fields:
        return f"{platform.machine()} {platform.processor()}".strip()
    vector = next(
        (flag for flag in ("avx512f", "avx2", "asimd") if flag in fields.get("flags", "").split()), "baseline"
    )
    parts = (fields.get("vendor_id", platform.machine()), fields.get("cpu family", ""), fields.get("model", ""), vector)
    return " ".join(part for part in parts if part)


def utc_now() -> str:
    """The time in UTC, ISO 8601 to the microsecond."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
