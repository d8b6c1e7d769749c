"""Devices and precisions by name, for whoever must not load torch to check one."""

from __future__ import annotations

from ..errors import InputError, unknown

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("float32", "float64", "tf32", "bf16")
# What one network costs the host (drawing weights, a stream, a row: 7 to 52 ms) is what a GPU computes in that time, so
# trials of fewer FLOPs are left to processors.
WORTH_A_GPU = 1e11


def check_device(name: str) -> str:
    """The name of a device, if it may be asked for.

    Raises
    ------
    InputError
        An unknown name, or a device on which no test has run.
    """
    if name == "mps":
        raise InputError("device mps is not supported: it has no float64, and no machine runs our tests on it; use cpu")
    if name not in DEVICES:
        raise unknown("device", name, DEVICES)
    return name
