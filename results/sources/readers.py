"""Which reader reads a file or folder: the first that recognises its content."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from ...errors import InputError
from . import (
    columnar,
    delimited,
    excel,
    folders,
    hugging_face,
    hydra,
    json_tables,
    keras,
    lightning,
    mlflow,
    nanochat,
    olmo_core,
    ray_tune,
    tensorboard,
    weights_and_biases,
)
from .content import head
from .source import Raw

# The first that recognises a path reads it: a tool's own form before the general one that it would also be.
READERS: tuple[Any, ...] = (
    mlflow.Folder,
    ray_tune,
    hydra,
    weights_and_biases.Offline,
    olmo_core.Saved,
    columnar.Parts,
    folders,
    tensorboard.Events,
    columnar,
    excel,
    mlflow.Database,
    hugging_face,
    keras.History,
    json_tables.Lines,
    json_tables.Document,
    json_tables.NoTable,
    nanochat,
    olmo_core.OlmoCoreLog,
    tensorboard.Download,
    weights_and_biases.Chart,
    lightning,
    keras.KerasLog,
    delimited,
)
_KNOWN = (
    "CSV, JSON, Parquet, Arrow or Excel tables, W&B offline runs, TensorBoard event files, an MLflow store, Lightning, "
    "Hugging Face, Keras, Ray Tune, Hydra, OLMo-core and nanochat logs"
)


def read_raw(path: str) -> Raw:
    """Read a file or folder in the form in which its tool left it, recognised by content.

    Parameters
    ----------
    path : a file, or a folder of one or many runs.

    Raises
    ------
    InputError
        Nothing is there, nothing is recognised, or what is recognised is damaged or needs a package that is missing.
    """
    place = Path(path)
    if not place.exists():
        raise InputError(f"{path!r} is not there. Give a results folder, or a file or folder of learning curves")
    if place.is_file() and not place.stat().st_size:
        raise InputError(
            f"{path} is empty. A table of learning curves has the columns family, dataset, size, seed, loss and a clock"
        )
    reader = next((reader for reader in READERS if reader.recognises(place)), None)
    if reader is None:
        raise InputError(f"{path!r} holds no learning curves that are known here. {_seen(place)}. Known are: {_KNOWN}")
    raw = reader.read(place)
    if not raw.table.height:
        raise InputError(f"{path} has columns but no rows ({raw.kind})")
    return raw


def _seen(place: Path) -> str:
    """What a path holds instead, in a clause."""
    if place.is_file():
        return f"It begins with {head(place, 8)!r}"
    files = [file for file in place.rglob("*") if file.is_file()][:10_000]
    if not files:
        return "It is an empty folder"
    endings = Counter(file.suffix or "no ending" for file in files).most_common(4)
    return f"It holds {len(files)} files ({', '.join(f'{count} {ending}' for ending, count in endings)})"
