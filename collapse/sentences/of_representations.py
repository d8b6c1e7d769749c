"""Comparisons of representations in words and as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..representations.between_trials import Compared, LayerComparison, WithSize
from ..representations.seed_pairs import OverSeeds
from .as_json import worded
from .reasons import say

NAMES = {"cka": "debiased CKA", "procrustes": "Procrustes distance"}
_TOWARDS = {"cka": 1, "procrustes": -1}  # the side on which representations are more alike


def compared_cells(row: Compared, measure: str) -> dict[str, Any]:
    """One line of the table: what the pairs share, who they are, and the numbers with their 95 % intervals."""
    one, other = (f"{family} ({rung})" for family, rung in (row.first, row.second))
    return {
        "pairs of": row.kind,
        "who": one if one == other else f"{one} – {other}",
        "pairs": row.pairs,
        "trained": said(row.trained),
        "untrained": said(row.untrained),
        "gain": said(row.gain, "+.3f"),
        "permuted": f"{row.permuted:.3f}",
        "status": compared_status(row, measure),
    }


def compared_status(row: Compared, measure: str) -> str:
    """Whether training made them more alike: the interval of the gain lies on one side of zero."""
    side = row.gain.side * _TOWARDS[measure]
    told = {1: "more alike than untrained", -1: "less alike than untrained", 0: "cannot tell"}[side]
    return f"{told}: {say(row.gain.reason)}" if row.gain.reason else told


def growth_cells(row: WithSize, measure: str) -> dict[str, Any]:
    """One line of the table of sizes: slopes for each factor of ten in parameters."""
    who = row.first if row.first == row.second else f"{row.first} – {row.second}"
    return {
        "who": who,
        "sizes": row.sizes,
        "trained": said(row.trained, "+.3f"),
        "untrained": said(row.untrained, "+.3f"),
        "gain": said(row.gain, "+.3f"),
        "status": growth_status(row, measure),
    }


def growth_status(row: WithSize, measure: str) -> str:
    """Whether they grow alike with the size, and whether more so than untrained networks do."""
    toward = _TOWARDS[measure]
    told = {1: "grows", -1: "falls", 0: "cannot tell"}[row.trained.side * toward]
    if row.trained.reason:
        return f"{told}: {say(row.trained.reason)}"
    beyond = {1: ", more than untrained", -1: ", less than untrained", 0: ", not told from untrained"}
    return told + (beyond[row.gain.side * toward] if told != "cannot tell" else "")


def said(one: OverSeeds, digits: str = ".3f") -> str:
    """A number with its interval in brackets, or alone."""
    if one.low is None or one.high is None:
        return f"{one.value:{digits}}"
    return f"{one.value:{digits}} ({one.low:{digits}} to {one.high:{digits}})"


def comparison_heading(found: LayerComparison) -> str:
    """What is compared, over its tables."""
    n = len(found.trials[0].end.matrix)
    return f"{NAMES[found.measure]} of the {found.layer} layer on {n} test inputs of {found.dataset}"


def comparison_json(found: LayerComparison) -> Mapping[str, Any]:
    """Both tables as plain types, with their statuses."""
    about = {"dataset": found.dataset, "layer": found.layer, "measure": found.measure, "left_out": found.left_out}
    rows = [worded(row) | {"status": compared_status(row, found.measure)} for row in found.rows]
    growth = [worded(row) | {"status": growth_status(row, found.measure)} for row in found.growth]
    return {**about, "comparisons": rows, "with_size": growth}
