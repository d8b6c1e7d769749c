"""What a group of curves is called wherever it is named: its family, and what tells it apart from the other groups."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple, Protocol


class GroupLike(Protocol):
    """What makes a group: a family on a data set under one recipe and one kind of schedule, perhaps as a control."""

    @property
    def family(self) -> str: ...
    @property
    def dataset(self) -> str: ...
    @property
    def recipe(self) -> str: ...
    @property
    def recipe_label(self) -> str: ...
    @property
    def leg(self) -> str: ...
    @property
    def control(self) -> str | None: ...


class KnownGroup(NamedTuple):
    """A group of which no more is known."""

    family: str
    dataset: str
    recipe: str
    leg: str
    recipe_label: str = ""
    control: str | None = None


def told_apart(group: GroupLike, peers: Sequence[GroupLike]) -> str:
    """The family, and what differs where others among ``peers`` are of that family on that data set, too:
    ``mlp, constant rate``."""
    return ", ".join([group.family, *_difference(group, peers)])


def full_name(group: GroupLike, peers: Sequence[GroupLike]) -> str:
    """The family on its data set, and what differs as in `told_apart`: ``mlp on fourier, constant rate``."""
    return ", ".join([f"{group.family} on {group.dataset}", *_difference(group, peers)])


def with_control(name: str, group: GroupLike) -> str:
    """A group's name, with what it must do as a control."""
    return f"{name} (control: {group.control})" if group.control else name


def _difference(group: GroupLike, peers: Sequence[GroupLike]) -> list[str]:
    """The kind of schedule where it differs, and as little of the setting as tells the group from the rest."""
    # Controls are told apart by what they must do, which is written beside the name.
    own = (group.family, group.dataset, group.control)
    alike = [peer for peer in peers if (peer.family, peer.dataset, peer.control) == own]
    same_leg = [peer for peer in alike if peer.leg == group.leg]
    others = [peer for peer in same_leg if peer.recipe != group.recipe]
    said = [f"{group.leg} rate"] if len(same_leg) < len(alike) else []
    return [*said, _setting(group, [peer.recipe_label for peer in others])] if others else said


def _setting(group: GroupLike, others: Sequence[str]) -> str:
    """One part of the setting in words, or two, or all that not every other group has; where that does not tell the
    group apart all of the words, and where these do not either the recipe."""
    theirs = [set(_parts(other)) for other in others]
    own = [part for part in _parts(group.recipe_label) if any(part not in one for one in theirs)]
    for count in (1, 2, len(own)):
        for some in combinations(own, count):
            if not any(one.issuperset(some) for one in theirs):
                return ", ".join(some)
    return group.recipe_label if group.recipe_label and group.recipe_label not in others else group.recipe


def _parts(label: str) -> list[str]:
    """A setting in words, cut at its commas; not inside of brackets, which hold one optimiser's parameters."""
    parts = [""]
    depth = 0
    for letter in label:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]
