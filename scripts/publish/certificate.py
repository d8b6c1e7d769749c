"""The calibration certificate in Markdown: every figure with its Monte Carlo error beside the expected one."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

# column: heading, key of the measured number, which count of groups is behind it
_POWER = (
    ("chi-square on points (wrong)", "chi_square", "known"),
    ("F, fitted floor (wrong)", "permutation", "known"),
    ("T1", "exact", "known"),
    ("T1d", "trend", "known"),
    ("T2", "profiled", "profiled"),
    ("T3", "shape", "known"),
    ("U95 < 3 %", "certified", "known"),
    ("L95 >= 3 %", "refuted", "known"),
)
_FLOORS = (
    ("T4, end points", "against_end_point", "balance"),
    ("T4 at 1.96 (wrong)", "against_normal", "balance"),
    ("T4, known floor", "against_known", "balance"),
    ("T2 with ends", "joint", "balance"),
    ("T2 covers", "covered", "profiled"),
    ("identified", "identified", "profiled"),
)
# column: heading, key
_TWIN = (
    ("plain U95", "plain_upper"),
    ("plain U95 < 3 %", "plain_certified"),
    ("U95", "upper"),
    ("U95 < 3 %", "certified"),
    ("L95 >= 3 %", "refuted"),
    ("T1", "exact"),
    ("U95 covers", "covered_above"),
    ("band covers", "covered_band"),
    ("found a group", "found"),
)
_POOLED = (
    ("own U95", "own_upper"),
    ("own U95 < 3 %", "own_certified"),
    ("U95", "upper"),
    ("U95 < 3 %", "certified"),
    ("covers", "covered"),
    ("equal noise rejected", "unequal"),
)
_BOUND = (
    ("reference U95", "reference_upper"),
    ("reference U95 < 3 %", "reference_certified"),
    ("reference covers", "reference_covered"),
    ("U95", "upper"),
    ("U95 < 3 %", "certified"),
    ("U95 covers", "covered"),
)
_COVERAGE = (("U95 covers", "covered_above", "known"), ("band covers", "covered_band", "known"))
_LEAST_VARIANCE = 0.004  # of a share near 0 or 1, so that a range of no width is not held against a single group
_TOLERANCE = 3.0  # Monte Carlo standard errors
_ROUNDED = {"bias": 2e-4, "deviation": 1e-3}  # error of the expected figures that are no shares
_EXPECTED_GROUPS = 400  # behind an expected share, at least: its error is .01 near .05 and .025 near .5


def page_of(numbers: Mapping[str, Any]) -> str:
    """The page for what `calibrate` measured."""
    return (
        "\n".join(
            [
                *_head(numbers),
                *_tables(numbers["cells"]),
                *robust_tables(numbers),
                *_truths(numbers["truths"]),
                *_verdict(numbers),
            ]
        )
        + "\n"
    )


def disagreements(numbers: Mapping[str, Any]) -> list[str]:
    """Figures that lie further than three Monte Carlo errors from what was expected, and truths that were missed."""
    found = []
    for cell in numbers["cells"]:
        for key, expected in cell["expected"].items():
            value = cell["measured"].get(key)
            if value is not None and not _agrees(cell, key):
                error = _error(cell, key, value)
                found.append(f"{cell['name']}: {key} {value:.4g} +- {error:.2g}, expected {_range(expected)}")
    missed = [row for row in numbers["truths"] if not row["agrees"]]
    return found + [f"{row['system']}: {row['quantity']} {row['found']}, exact {row['exact']}" for row in missed]


def _error(cell: Mapping[str, Any], key: str, share: float) -> float:
    """Monte Carlo standard error of a figure, were it ``share``; the true deviation has none."""
    counts = cell["groups"]
    if key == "deviation":
        return 0.0
    if key == "bias":
        return float(cell["measured"]["sd"] or 0.0) / float(np.sqrt(counts["profiled"]))
    kind = next((kind for _, name, kind in (*_POWER, *_FLOORS, *_COVERAGE) if name == key), "known")
    return _deviation_of(share, counts[kind])


def _deviation_of(share: float, groups: int) -> float:
    return float(np.sqrt(max(share * (1 - share), _LEAST_VARIANCE) / groups))


def _agrees(cell: Mapping[str, Any], key: str) -> bool:
    """Within three errors of the expected range, whose ends were simulated too or are rounded."""
    value, (low, high) = cell["measured"][key], cell["expected"][key]
    error = max(_error(cell, key, share) for share in (value, low, high))
    theirs = _ROUNDED.get(key) or max(_deviation_of(share, _EXPECTED_GROUPS) for share in (low, high))
    reach = _TOLERANCE * float(np.hypot(error, theirs))
    return low - reach <= value <= high + reach


def _range(expected: Sequence[float]) -> str:
    low, high = expected
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _head(numbers: Mapping[str, Any]) -> Iterator[str]:
    yield "# Calibration certificate"
    yield ""
    kind = "Quick version: fewer resamples, fewer tries." if numbers["quick"] else "Full version."
    yield (
        f"{kind} {numbers['groups']} simulated groups a cell for T1, T3 and T5. onecurve {version('onecurve')}, Python "
        f"{platform.python_version()}, numpy {np.__version__}. A figure is measured +- Monte Carlo standard error "
        "(expected); `!` marks one further from what was expected than three errors of both: shares that are expected "
        f"were simulated too, with {_EXPECTED_GROUPS} groups at least. Columns that say (wrong) are tests that do not "
        "hold their level."
    )


def _tables(cells: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from ["", "## Size and power", "", "Shares of groups in which a test rejects at 5 %, or a bound decides.", ""]
    yield from _table(cells, _POWER)
    with_floors = [cell for cell in cells if "profiled" in cell["groups"]]
    yield from [
        "",
        "## The floor",
        "",
        "Collapse-implied floor less the true one; T4's rejections, T2's with ends on a power law, its interval.",
        "",
    ]
    yield from _table(with_floors, _FLOORS, bias=True)
    yield from ["", "## Coverage of T5", "", "`excess`: mean of the upper bound less the true deviation.", ""]
    yield from _table(cells, _COVERAGE, deviation=True)


def _table(
    cells: Sequence[Mapping[str, Any]],
    columns: Sequence[tuple[str, str, str]],
    *,
    bias: bool = False,
    deviation: bool = False,
) -> Iterator[str]:
    keys = [key for _, key, _ in columns]
    heads = [head for head, _, _ in columns]
    if bias:
        keys, heads = ["bias", "sd", *keys], ["floor - L0", "sd", *heads]
    if deviation:
        keys, heads = ["deviation", *keys, "excess"], ["true deviation", *heads, "excess"]
    yield "| cell | " + " | ".join(heads) + " |"
    yield "|---" * (len(heads) + 1) + "|"
    for cell in cells:
        yield f"| {cell['name']} | " + " | ".join(_entry(cell, key) for key in keys) + " |"


def _entry(cell: Mapping[str, Any], key: str) -> str:
    value = cell["measured"].get(key)
    if value is None:
        return ""
    small = key in ("bias", "deviation", "sd", "excess")
    shown = f"{value:.4f}" if small else f"{value:.3f}"
    if key == "bias" or not small:
        shown += f" +- {_error(cell, key, value):.{4 if small else 3}f}"
    if key not in cell["expected"]:
        return shown
    return f"{shown} ({_range(cell['expected'][key])})" + ("" if _agrees(cell, key) else " !")


def robust_tables(numbers: Mapping[str, Any]) -> Iterator[str]:
    """The tables of the upper bound, the robust twin and pooled noise."""
    groups = max((row["groups"] for row in (*numbers["twin"], *numbers["pooled"], *numbers["bound"])), default=0)
    yield from ["", "## Upper bound", ""]
    yield f"{groups} groups a cell, noise of 1 %. U95 decides; everywhere else on this page it is the reference."
    yield ""
    yield from _plain_table(numbers["bound"], _BOUND)
    yield from ["", "## Robust twin", ""]
    yield f"{groups} groups a cell. U95 is a mean; the rest are shares of groups, at a margin of 3 %."
    yield ""
    yield from _plain_table(numbers["twin"], _TWIN)
    yield from ["", "## Pooled noise", ""]
    yield (
        f"{groups} groups a cell. `covers`: with the noisiest size off by the margin at one x alone, the least "
        "favourable truth."
    )
    yield ""
    yield from _plain_table(numbers["pooled"], _POOLED)


def _plain_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield "| cell | " + " | ".join(head for head, _ in columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for row in rows:
        yield f"| {row['name']} | " + " | ".join(_plain_entry(row, key) for _, key in columns) + " |"


def _plain_entry(row: Mapping[str, Any], key: str) -> str:
    value = row["measured"][key]
    if value is None:
        return ""
    if key in ("upper", "plain_upper", "own_upper", "reference_upper"):
        return f"{value:.4f}"
    return f"{value:.2f}" if key == "found" else f"{value:.3f} +- {_deviation_of(value, row['groups']):.3f}"


def _truths(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from ["", "## Systems with exact answers", "", "| system | quantity | found | interval | exact |  |"]
    yield "|---" * 6 + "|"
    for row in rows:
        found = "none" if row["found"] is None else f"{row['found']:.4g}"
        interval = "" if row["low"] is None else f"{row['low']:.4g} to {row['high']:.4g}"
        mark = "agrees" if row["agrees"] else "!"
        yield f"| {row['system']} | {row['quantity']} | {found} | {interval} | {row['exact']} | {mark} |"


def _verdict(numbers: Mapping[str, Any]) -> Iterator[str]:
    found = disagreements(numbers)
    yield from ["", "## What does not agree", ""]
    yield from [f"* {line}" for line in found] or [
        "Nothing: every figure lies within three errors of the expected one."
    ]
