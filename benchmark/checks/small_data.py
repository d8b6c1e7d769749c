"""A small data set for a family, on which a check is cheap: the first that fits."""

from __future__ import annotations

import dataclasses
from typing import Any

from ...architectures.family import Family
from ...datasets.dataset import DATASETS, Dataset
from ...errors import InputError

# In this order: what a family can learn in a hundred updates, and what costs least to make.
_SMALL: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fourier", {"inputs": 4, "modes": 512, "pool": 65_536, "test_size": 1024}),
    ("digits", {}),
    ("glyphs", {"classes": 4, "test_size": 512}),
    ("glyphs", {"pixels": 32, "classes": 4, "test_size": 512}),
    ("markov-text", {"order": 1, "length": 8, "test_size": 256}),
    ("power-law-regression", {"test_size": 1024}),
    ("mnist", {"test_size": 500}),
)


def small_dataset(family: Family) -> Dataset:
    """The first small data set that the family fits, else the first of the catalogue that needs no parameters.

    Raises
    ------
    InputError
        The family fits none of them.
    """
    reasons: dict[str, list[str]] = {}
    for name, params in (*_SMALL, *((name, {}) for name in DATASETS.names())):
        try:
            dataset = DATASETS.make(name, params)
            reason = family.misfit(dataset.task)
        except (InputError, TypeError):  # one that needs a file of the user's
            continue
        if reason is None:
            return dataset
        reasons.setdefault(reason, []).append(name)
    raise InputError(
        f"family {family.name!r} fits none of the data sets here: {'; '.join(map(_for, reasons, reasons.values()))}"
    )


def _for(reason: str, datasets: list[str]) -> str:
    """A reason with a few of the data sets that it holds for."""
    first, *more = dict.fromkeys(datasets)
    return f"{first}{f' and {len(more)} more' if more else ''}: {reason}"


def label_of(dataset: Dataset) -> str:
    """Name of a data set with the parameters that differ from its defaults."""
    changed = [
        f"{field.name} {getattr(dataset, field.name)}"
        for field in dataclasses.fields(dataset)
        if getattr(dataset, field.name) != field.default
    ]
    return f"{dataset.name} ({', '.join(changed)})" if changed else dataset.name
