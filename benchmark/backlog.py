"""Items that wait for an executor: a line for each shape of what they need, so that none waits for what it does not."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Needs:
    """What an item takes of a node.

    Attributes
    ----------
    cpus, gpus : processors and graphics processors.
    memory : bytes.
    alone : nothing else runs on its GPU meanwhile, or on the node where it takes none.
    seconds : it is ended as ``timeout`` so long after its worker began it; None for never.
    elsewhere : nodes that it is kept from, where there are others.
    """

    cpus: float = 1
    gpus: float = 0
    memory: int = 0
    alone: bool = False
    seconds: float | None = None
    elsewhere: frozenset[str] = frozenset()

    @property
    def shape(self) -> Needs:
        """What decides where it fits: all but the time."""
        return self if self.seconds is None else dataclasses.replace(self, seconds=None)


class Backlog:
    """Lines of items, each in the order in which they came.

    Parameters
    ----------
    items : what waits already.
    needs : what an item takes of a node.
    """

    def __init__(self, items: Iterable[Any] = (), needs: Callable[[Any], Needs] | None = None) -> None:
        self._needs = needs or (lambda item: Needs())
        self._lines: dict[Needs, deque[tuple[int, Any, Needs]]] = {}
        self._came = 0
        for item in items:
            self.add(item)

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def add(self, item: Any) -> None:
        """Let an item wait behind those of its shape."""
        needs = self._needs(item)
        self._lines.setdefault(needs.shape, deque()).append((self._came, item, needs))
        self._came += 1

    def take(self, room: Callable[[Needs], bool] = lambda shape: True) -> tuple[Any, Needs] | None:
        """The item that came first among the shapes that have room; None where none has."""
        open_lines = [line for shape, line in self._lines.items() if line and room(shape)]
        if not open_lines:
            return None
        line = min(open_lines, key=lambda line: line[0][0])
        _, item, needs = line.popleft()
        if not line:
            del self._lines[needs.shape]
        return item, needs

    def drop(self, unwanted: Callable[[Any], bool] = lambda item: True) -> list[Any]:
        """Take out all items that are no longer wanted, and return them."""
        out = [item for line in self._lines.values() for _, item, _ in line if unwanted(item)]
        self._lines = {
            shape: deque(each for each in line if not unwanted(each[1])) for shape, line in self._lines.items()
        }
        return out


def backlog_of(items: Iterable[Any] | Backlog, needs: Callable[[Any], Needs] | None) -> Backlog:
    """The caller's own backlog, to which it may add between outcomes, or a new one with its items."""
    return items if isinstance(items, Backlog) else Backlog(items, needs)
