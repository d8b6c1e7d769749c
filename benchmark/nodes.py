"""What fits on which nodes, and what a node is left out for. Knows no Ray but the names of its resources."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from .backlog import Needs

_IN_A_ROW = 3  # packs that a node fails, and no other node failed, before it is left out
_KNOWN = ("CPU", "GPU", "memory")


@dataclasses.dataclass(frozen=True)
class Node:
    """A node of a cluster and what it has in all."""

    name: str
    resources: Mapping[str, float]

    def has(self, resource: str) -> float:
        """How much of a resource it has, taken or not."""
        return float(self.resources.get(resource, 0))

    def at_least(self, nodes: Sequence[Node]) -> Node:
        """A node with the most that it or any of the others has of each resource."""
        return Node(self.name, {name: max(node.has(name) for node in (self, *nodes)) for name in _KNOWN})

    def holds(self, needs: Needs) -> int:
        """How many items that need this it has room for."""
        if needs.alone and not needs.gpus:
            return int(self.has("CPU") >= needs.cpus)
        gpus = whole(needs)
        counts = [self.has("CPU") / needs.cpus] if needs.cpus else []
        counts += [self.has("GPU") / gpus] if gpus else []
        counts += [max(1.0, self.has("memory") / needs.memory)] if needs.memory else []
        return math.floor(min(counts) + 1e-9) if counts else 1


def whole(needs: Needs) -> float:
    """GPUs that an item takes: whole ones where it must be alone there."""
    return math.ceil(needs.gpus) if needs.alone else needs.gpus


def _fitting(needs: Needs, nodes: Sequence[Node], left_out: frozenset[str]) -> list[Node]:
    """Nodes with room, without those that are to be kept from it, as long as others are left."""
    able = [node for node in nodes if node.holds(needs)]
    for kept_from in (left_out | needs.elsewhere, left_out):
        others = [node for node in able if node.name not in kept_from]
        if others:
            return others
    return able


def room(needs: Needs, nodes: Sequence[Node], left_out: frozenset[str]) -> int:
    """How many items that need this run at once."""
    return sum(node.holds(needs) for node in _fitting(needs, nodes, left_out))


def options(needs: Needs, nodes: Sequence[Node], left_out: frozenset[str]) -> dict[str, Any]:
    """What Ray is asked for."""
    fitting = _fitting(needs, nodes, left_out)
    largest = Node("", {}).at_least(fitting)
    alone = needs.alone and not needs.gpus
    asked: dict[str, Any] = {"num_cpus": largest.has("CPU") if alone else needs.cpus, "num_gpus": whole(needs)}
    memory = min(needs.memory, int(largest.has("memory")))
    if memory:
        asked["memory"] = memory
    if needs.gpus:  # processes of their own, which no item without a GPU has used before
        asked["runtime_env"] = {"env_vars": {"ONECURVE_GPUS": f"{whole(needs):g}"}}
    kept_from = sorted({node.name for node in nodes} & (left_out | needs.elsewhere) - {node.name for node in fitting})
    if kept_from and fitting:
        asked["label_selector"] = {"ray.io/node-id": f"!in({','.join(kept_from)})"}
    return asked


def unmet(needs: Needs, largest: Node) -> str | None:
    """What no node has or had, which would be waited for without end."""
    for name, wanted in (("CPU", needs.cpus), ("GPU", needs.gpus)):
        if wanted > max(1.0 if name == "CPU" else 0.0, largest.has(name)):
            return f"needs {wanted:g} {name}s on one node, the largest node has {largest.has(name):g}"
    return None


class NodeRecord:
    """Which nodes fail packs that do well elsewhere, or that nobody else has tried."""

    def __init__(self) -> None:
        self._row: dict[str, dict[str, str]] = {}  # packs that a node failed since its last success, with the reason
        self._failed: dict[str, set[str]] = {}  # nodes that failed a pack
        self.hosts: dict[str, str] = {}

    def did_well(self, node: str) -> None:
        """A pack ended there."""
        self._row.pop(node, None)

    def failed(self, node: str, host: str, pack: str, reason: str) -> None:
        """A pack failed there."""
        self.hosts[node] = host
        self._row.setdefault(node, {})[pack] = reason
        self._failed.setdefault(pack, set()).add(node)

    def nodes_of(self, pack: str) -> frozenset[str]:
        """Nodes that failed a pack."""
        return frozenset(self._failed.get(pack, ()))

    @property
    def left_out(self) -> dict[str, str]:
        """Nodes that are not to be used, with the last reason. A pack that fails elsewhere, too, speaks for them."""
        found = {}
        for node, row in self._row.items():
            alone = [reason for pack, reason in row.items() if self._failed[pack] == {node}]
            if len(alone) >= _IN_A_ROW:
                found[node] = alone[-1]
        return found
