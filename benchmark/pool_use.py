"""Whether a data set has the examples that a ladder will train on, and what to write where it has not."""

from __future__ import annotations

from collections.abc import Iterable

from ..datasets.dataset import Dataset
from .lock import Resolved
from .resolve import dataset_of_cell
from .sweep import Cell


def seen_again(cells: Iterable[tuple[Cell, Resolved]], *, avoidably: bool = False) -> list[str]:
    """A sentence for each family and data set of which a model size takes more examples than there are.

    A training set whose size is asked for (``train_size``) is seen again on purpose.

    Parameters
    ----------
    avoidably : only where the data set could have more.
    """
    most: dict[tuple[str, str], tuple[int, str]] = {}
    for cell, resolved in cells:
        data, examples = dataset_of_cell(cell), resolved.horizon_steps * resolved.batch_size
        if data.pool_size is None or examples <= data.pool_size or cell.settings.train_size is not None:
            continue
        if avoidably and not has_more(data):
            continue
        said = too_few(f"{resolved.family} {resolved.rung}", resolved.horizon_steps, resolved.batch_size, data)
        key = (resolved.family, resolved.dataset)
        most[key] = max(most.get(key, (0, "")), (examples, said))
    return [said for _, said in most.values()]


def has_more(data: Dataset) -> bool:
    """Whether a data set of more examples can be asked for."""
    return bool(data.how_to_draw_more) or hasattr(data, "pool")


def too_few(what: str, updates: int, batch: int, data: Dataset) -> str:
    """Who takes more examples than a data set has, and the remedy."""
    remedy = (
        f"Write `{data.how_to_draw_more}` among the parameters of {data.name}, or train less"
        if data.how_to_draw_more
        else f"Give {data.name} a larger `pool`, or train less"
        if has_more(data)
        else f"Train less: {data.name} has no more"
    )
    return (
        f"{what} trains on {updates:,} x {batch:,} = {updates * batch:,} examples, and {data.name} has "
        f"{data.pool_size:,}: they are seen again, and the evidence is exploratory. {remedy}"
    )
