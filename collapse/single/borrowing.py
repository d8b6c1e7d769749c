"""Which noise level a ladder of single runs gets, as the user allows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .noise_levels import NoiseChoice, NoiseLevel, from_groups, from_neighbours

if TYPE_CHECKING:
    from ..ladders.measurement import Measured


def with_noise(measured: Sequence[Measured], choice: NoiseChoice | None) -> list[Measured]:
    """The groups, those of single runs without reruns of their own with the noise level that the user allows."""
    if choice is None:
        return list(measured)
    found = []
    for one in measured:
        if one.single is None or one.single.noise.source is not None:
            found.append(one)
            continue
        noise = _neighbours(one) if choice == "neighbours" else _groups(one, measured)
        found.append(dataclasses.replace(one, single=dataclasses.replace(one.single, noise=noise)))
    return found


def _neighbours(one: Measured) -> NoiseLevel:
    single = one.single
    assert single is not None
    return from_neighbours(single.rescaled, single.ladder.curves, single.floor.value)


def _groups(one: Measured, measured: Sequence[Measured]) -> NoiseLevel:
    """The nearest kin that can lend: the same family on the same data, then the same data, then any network."""
    single = one.single
    assert single is not None
    lenders = [other for other in measured if other is not one and other.control is None]
    kin = (
        lambda other: (other.family, other.dataset) == (one.family, one.dataset),
        lambda other: other.dataset == one.dataset,
        lambda other: True,
    )
    noise = from_groups(single.rescaled, [])
    for akin in kin:
        others = [
            (f"{other.family} on {other.dataset}, {other.recipe}", other.ladder, _floor(other, one))
            for other in lenders
            if akin(other)
        ]
        noise = from_groups(single.rescaled, others)
        if noise.source is not None:
            break
    return noise


def _floor(other: Measured, one: Measured) -> float | None:
    """The lender's own floor; where it has none, the one of the single runs on the same data."""
    own = other.single.floor.value if other.single is not None else other.floor.value
    if own is None and one.single is not None and other.dataset == one.dataset:
        return one.single.floor.value
    return own
