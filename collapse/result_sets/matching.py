"""Which groups of two result sets are the same question."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

from ...errors import InputError
from ...results.origins import GroupKey, Origin
from ..outcome import Key
from ..reasons import Reason, because


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """A group of one set and its counterpart in the other; None where there is none.

    ``differs`` names what decided the two otherwise, such as ``peak_lr: 0.02, published 0.01``.
    """

    mine: Key | None
    published: Key | None
    differs: tuple[str, ...] = ()
    reason: Reason | None = None


def match(
    mine: Sequence[Key],
    published: Sequence[Key],
    origins: tuple[Mapping[GroupKey, Origin], Mapping[GroupKey, Origin]],
) -> list[Match]:
    """Pair groups: first those of equal setting, then those that are alone with their family, data set and schedule.

    Groups of different data (another version, parameter or content of a data set of that name) or of different
    protocols are never paired.

    Parameters
    ----------
    mine, published : the groups of each set.
    origins : what each set's tables say of its groups.

    Raises
    ------
    InputError
        Both sets say their protocol, and have none in common.
    """
    _check_protocols(origins)
    left, right = list(mine), list(published)
    found: list[Match] = []
    for alike in (_setting, _label, _question):
        counts = Counter(map(alike, left)), Counter(map(alike, right))
        for one in list(left):
            others = [other for other in right if alike(other) == alike(one)]
            if max(counts[0][alike(one)], counts[1][alike(one)]) > 1 or not others:
                continue
            (other,) = others
            here, there = origins[0].get(_key(one), Origin()), origins[1].get(_key(other), Origin())
            if _refused(here, there) is None:
                found.append(Match(mine=one, published=other, differs=_differences(here, there)))
                left.remove(one)
                right.remove(other)
    lone = [Match(mine=one, published=None, reason=_why(one, published, origins)) for one in left]
    lone += [Match(mine=None, published=one, reason=_why(one, mine, origins[::-1])) for one in right]
    return [*found, *lone]


def _key(key: Key) -> GroupKey:
    return key.family, key.dataset, key.recipe, key.leg


def _question(key: Key) -> tuple[object, ...]:
    return key.family, key.dataset, key.leg, key.control


def _label(key: Key) -> tuple[object, ...]:
    return *_question(key), key.recipe_label


def _setting(key: Key) -> tuple[object, ...]:
    return *_question(key), key.recipe


def _refused(here: Origin, there: Origin) -> Reason | None:
    """Why two groups may not be held together, None where they may."""
    if None not in (here.protocol, there.protocol) and here.protocol != there.protocol:
        return because("set-other-protocol", mine=here.protocol, other=there.protocol)
    if here.data and there.data and here.data != there.data:
        return because("set-other-data", what="; ".join(_told(here.data, there.data)))
    return None


def _why(key: Key, others: Sequence[Key], origins: Sequence[Mapping[GroupKey, Origin]]) -> Reason:
    """Why a group has no counterpart."""
    near = [other for other in others if _question(other) == _question(key)]
    refusals = [_refused(origins[0].get(_key(key), Origin()), origins[1].get(_key(one), Origin())) for one in near]
    first = next((reason for reason in refusals if reason is not None), None)
    if first is not None:
        return first
    return because("set-several-settings", n=len(near)) if near else because("set-no-counterpart")


def _differences(here: Origin, there: Origin) -> tuple[str, ...]:
    return tuple(_told(here.decided, there.decided)) if here.decided and there.decided else ()


def _told(here: Mapping[str, object], there: Mapping[str, object]) -> list[str]:
    names = sorted({*here, *there})
    return [f"{name}: {here.get(name)}, published {there.get(name)}" for name in names if _differ(name, here, there)]


def _differ(name: str, here: Mapping[str, object], there: Mapping[str, object]) -> bool:
    return here.get(name) != there.get(name)


def _check_protocols(origins: tuple[Mapping[GroupKey, Origin], Mapping[GroupKey, Origin]]) -> None:
    mine, published = ({one.protocol for one in said.values() if one.protocol} for said in origins)
    if mine and published and not mine & published:
        raise InputError(
            f"mine is of protocol {_some(mine)}, the published set of protocol {_some(published)}: curves of different "
            "protocols are not comparable; the changelog says what raised it"
        )


def _some(names: set[str]) -> str:
    return " and ".join(sorted(names))
