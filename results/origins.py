"""What our own tables say of how the curves of a group came about, so that two tables can be held together."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from .own_tables import own_table_or_none
from .trials import derived_by

GroupKey = tuple[str, str, str, str]  # family, data set, recipe, leg


@dataclasses.dataclass(frozen=True)
class Origin:
    """Of one group: the protocol of the trainer, and what decided its curves, flat (``optimizer.name``).

    ``protocol`` is None and ``decided`` empty where the table does not say.
    """

    protocol: str | None = None
    decided: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def data(self) -> dict[str, Any]:
        """What decided the data set: its name, version, parameters and content."""
        return {name: value for name, value in self.decided.items() if name.startswith("dataset.")}


def origins(paths: Sequence[str]) -> dict[GroupKey, Origin]:
    """Where the groups of our own tables come from; other people's tables say nothing of it.

    Raises
    ------
    InputError
        A path that is not there, or tables of a later schema.
    """
    found: dict[GroupKey, Origin] = {}
    for path in paths:
        own = own_table_or_none(path)
        if own is None:
            continue
        columns = ["family", "dataset", "recipe", "leg", "protocol", "spec"]
        for row in own[0].select(columns).to_pylist():
            key = (row["family"], row["dataset"], row["recipe"], row["leg"])
            if key not in found:
                found[key] = Origin(row["protocol"], _flat(json.loads(row["spec"])) if row["spec"] else {})
    return found


def _flat(spec: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """A specification without what its ladder derives, nested names joined by dots."""
    flat: dict[str, Any] = {}
    for name, value in spec.items():
        if not before and name in derived_by(spec.get("batch_rule"), spec.get("warmup_rule")):
            continue
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {f"{before}{name}": value}
    return flat
