"""What a run skipped, in a line a kind: how many tests, and which data or tools they need."""

from __future__ import annotations

import re
from collections.abc import Iterable

# A kind, what of its reasons names the thing that is missing, and how to bring it; CONTRIBUTING has the same list.
KINDS = (
    (
        "data sets that are not here",
        r"^([\w.:-]+) is not here: looked for|^onecurve data fetch ([\w-]+) was not run|^(hub-\w+) needs folder",
    ),
    (
        "packages that are not installed",
        r"^needs ([\w., ]+), which only|^could not import '([\w.]+)'|^needs pip install '(.+)'",
    ),
    (
        "published curves of others (ONECURVE_EXTERNAL_CURVES)",
        r"no .*(?:curves|tables?|cases) (?:of others )?(?:at|in) ([^\s;]+)",
    ),
    (
        "cases that the test does not apply to",
        r"^(new draws|examples that the host makes|a single network on the CPU)",
    ),
    ("what this machine does not have", r"(file system|bytes of memory|dpkg-deb|accelerator|CUDA|GPU|browser)"),
)


def lines(reasons: Iterable[str]) -> list[str]:
    """One line a kind of reason, with the number of tests and what they need; what is of no kind is said as it is."""
    counts: dict[str, int] = {}
    needs: dict[str, set[str]] = {}
    for reason in map(str.strip, reasons):
        kind, need = kind_of(reason)
        counts[kind] = counts.get(kind, 0) + 1
        needs.setdefault(kind, set()).add(need)
    said = [f"{counts[kind]} skipped: {kind}: {', '.join(sorted(needs[kind]))}" for kind, _ in KINDS if kind in counts]
    others = sorted(kind for kind in counts if kind not in dict(KINDS))
    return said + [f"{counts[kind]} skipped: {kind}" for kind in others]


def kind_of(reason: str) -> tuple[str, str]:
    """The kind of a reason and what it names; the reason itself where it is of no kind."""
    for kind, pattern in KINDS:
        found = re.search(pattern, reason)
        if found:
            return kind, next(group for group in found.groups() if group)
    return reason, ""
