"""What `onecurve list datasets` says: how many examples, how often seen, which floor and how it is known, who fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    from ..datasets.dataset import Dataset
    from ..task import Task


def dataset_rows(*, population: bool = True) -> list[dict[str, Any]]:
    """One row a data set with its default parameters; ``missing`` says why its data cannot be read here, else None.

    ``population`` adds the floors over all data, which take some fifteen seconds of drawing; without it they are None.
    """
    from ..architectures.family import FAMILIES
    from ..datasets.dataset import DATASETS

    families = {name: FAMILIES.make(name) for name in FAMILIES.names()}

    def fitting(task: Task) -> list[str]:
        return [name for name, family in families.items() if family.misfit(task) is None]

    return [row_of(DATASETS.make(name), fitting, population=population) for name in DATASETS.names()]


def row_of(dataset: Dataset, fitting: Callable[[Task], list[str]], *, population: bool) -> dict[str, Any]:
    """What is said of one data set; ``fitting`` names the families that can learn a task."""
    missing = _missing(dataset)
    examples = None if missing else dataset.pool_size
    new = missing is None and examples is None
    return {
        "dataset": dataset.name,
        "kind": f"{dataset.task.kind}, {dataset.task.loss.replace('_', ' ')}",
        "task": str(dataset.task),
        "examples": "unlimited" if new else examples,
        "passes": "one: each draw is new" if new else "one, then repeats" if examples else None,
        **_floor(dataset, missing, population),
        "families": fitting(dataset.task),
        "missing": missing,
        "about": dataset.summary,
    }


def _missing(dataset: Dataset) -> str | None:
    """Why the data cannot be read on this machine, in the data set's own words."""
    try:
        dataset.content()
        _ = dataset.pool_size
    except (InputError, ImportError) as error:
        return str(error)
    return None


def _floor(dataset: Dataset, missing: str | None, population: bool) -> dict[str, Any]:
    names = ("irreducible_loss", "irreducible_loss_se", "population_loss", "population_loss_se")
    if missing is not None or dataset.irreducible_loss is None:
        return {**dict.fromkeys(names), "floor": "not known"}
    asked = names if population else names[:2]
    found = {**dict.fromkeys(names), **{name: getattr(dataset, name, None) for name in asked}}
    how = getattr(dataset, "how", "formula")
    return {**found, "floor": f"{how}, se {found['irreducible_loss_se']:.1g}" if found["irreducible_loss_se"] else how}


def brief(row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a terminal has room for."""
    floor = row["irreducible_loss"]
    return {
        "data set": row["dataset"],
        "kind": row["kind"],
        "examples": "missing" if row["missing"] else row["examples"],
        "passes": row["passes"],
        "L0": floor,
        "how it is known": row["floor"],
        "families": len(row["families"]),
        "about": row["about"],
    }
