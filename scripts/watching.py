"""`run --watch`: while trials arrive, what their curves share and which of them leave."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa

from ..collapse.monitoring.monitor import Watched, watch_group
from ..collapse.sentences.monitored import leaving_line, watched_line
from ..results.curves import CurveSet, LearningCurve
from ..results.reading import curves_of
from ..results.schema import SCHEMA
from ..results.store import Store

_SHARE = 0.05  # of the driver's time that looks may take: after a slow one the next is later
_LINES = 10  # that leave at one look and are named singly

Group = tuple[str, str, str, str]


class Watching:
    """Looks at a store's curves now and then, reads what is new alone, and says what changed.

    Parameters
    ----------
    store : where trials arrive.
    say : prints a line.
    every : seconds between two looks at the least.
    """

    def __init__(self, store: Store, say: Callable[[str], None], every: float) -> None:
        self._store, self._say, self._every = store, say, every
        self._read: set[str] | None = None
        self._curves: dict[Group, dict[str, LearningCurve]] = {}
        self._told: set[tuple[Group, str, int | str | None]] = set()
        self._next = time.monotonic() + every

    def look(self, *, last: bool = False) -> None:
        """Look if it is time, or if nothing more will come. A store that is away is looked at another time."""
        start = time.monotonic()
        if start < self._next and not last:
            return
        try:
            new = self._new()
        except (OSError, pa.ArrowInvalid):
            new = []
        for group in self._changed(new):
            self._tell(group, watch_group(CurveSet(tuple(self._curves[group].values()))))
        ended = time.monotonic()
        self._next = ended + max(self._every, (ended - start) / _SHARE)

    def _new(self) -> list[LearningCurve]:
        """Curves of the shards that came since the last look; the first time those of the whole table."""
        paths = set(self._store.shards())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged shard is the runner's to tell
            if self._read is None:
                table = self._store.table()
            else:
                rows = [row for path in sorted(paths - self._read) for row in self._rows(path)]
                table = pa.Table.from_pylist(rows, schema=SCHEMA)
            self._read = paths
            return curves_of(table)

    def _rows(self, path: str) -> list[dict[str, Any]]:
        """A shard's rows; none where it is damaged or was taken away."""
        try:
            return self._store.rows_of(path)
        except (pa.ArrowInvalid, FileNotFoundError):
            return []

    def _changed(self, curves: Iterable[LearningCurve]) -> list[Group]:
        """Keep new curves, of one trial the one that ended well; the groups that they changed, in order."""
        changed = set()
        for curve in curves:
            group = (curve.family, curve.dataset, curve.recipe, curve.leg)
            known = self._curves.setdefault(group, {})
            before = known.get(curve.trial_id)
            if before is None or before.status != "ok":
                known[curve.trial_id] = curve
                changed.add(group)
        return sorted(changed)

    def _tell(self, group: Group, watched: Watched) -> None:
        self._say(f"watch: {watched_line(watched)}")
        new = [one for one in watched.leaving if (group, one.rung, one.seed) not in self._told]
        self._told |= {(group, one.rung, one.seed) for one in new}
        for one in new[:_LINES]:
            self._say(f"watch:   ! {leaving_line(one)}")
        if len(new) > _LINES:
            self._say(f"watch:   and {len(new) - _LINES} more")
