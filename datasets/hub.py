"""Data sets in Hugging Face's format, saved under the data root. The one file that imports `datasets`, late."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, unknown
from ..task import Task
from .data_root import MissingData, content_of, under_root
from .dataset import DATASETS, TestSet, check_integer, derived_seed
from .finite import Finite, empty_records, split
from .folder import fitted_pixels
from .subwords import BYTES
from .text import Text
from .textfile import byte_view, text_tokens
from .views import TokenClassView


def _load(name: str, folder: str) -> Any:
    """The data set that was saved in a folder under the data root: a mapping from split to table."""
    path = _place(name, folder)
    try:
        # By its name as a string: in a checkout of ours the name alone may find our folder, which has no such function.
        read = importlib.import_module("datasets").load_from_disk
    except (ImportError, AttributeError):
        raise MissingData(
            f"{name} needs the package datasets to read {path}. Get it by: pip install datasets"
        ) from None
    try:
        found = read(str(path))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is not a folder that save_to_disk wrote: {' '.join(str(error).split())}") from None
    return found if hasattr(found, "keys") else {"train": found}


def _place(name: str, folder: str) -> Path:
    try:
        return under_root(name, "folder", folder)
    except MissingData as missing:
        save = "datasets.load_dataset('OWNER/NAME').save_to_disk('<data root>/<folder>')"
        raise MissingData(f"{missing} Onecurve downloads nothing; get it in Python by: {save}") from None


def _content(name: str, folder: str) -> str:
    root = _place(name, folder)
    return content_of(root, root.rglob("*.arrow"))


def _column(table: Any, field: str, column: str) -> Any:
    if column not in table.column_names:
        raise unknown(f"column, given as {field},", column, table.column_names)
    return table[column]


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class HubImages(Finite):
    """Images with labels that `datasets` of Hugging Face saved under the data root.

    The splits ``train`` and ``test`` (or ``validation``) are used; where there is only one, a tenth of it is for
    testing. Images are cropped and scaled as in `image-folder`.

    Attributes
    ----------
    folder : name under the data root.
    image, label : columns.
    pixels, channels, classes : as in `image-folder`.
    """

    name = "hub-images"
    summary = "images in Hugging Face's format, yours, under the data root"
    scaled_over = (0, 2, 3)
    held_out = 10**6

    test_size: int = 1000
    folder: str = ""
    image: str = "image"
    label: str = "label"
    pixels: int = 32
    channels: int = 3
    classes: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("pixels", self.pixels, 4, 1024)
        check_integer("classes", self.classes, 2)
        if self.channels not in (1, 3):
            raise InputError(f"channels is {self.channels!r}; it must be 1 (grey) or 3 (colours).")

    @property
    def task(self) -> Task:
        shape = (self.channels, self.pixels, self.pixels)
        return Task(kind="image", shape=shape, outputs=self.classes, loss="cross_entropy")

    def content(self) -> str:
        return _content(self.name, self.folder)

    def _read(self, part: str) -> np.ndarray:
        tables = _load(self.name, self.folder)
        own = {"train": tables.get("train"), "test": tables.get("test") or tables.get("validation")}
        if own["train"] is None or own["test"] is None:
            rows = self._records(next(iter(tables.values())))
            return split(rows, max(1, len(rows) // 10), self.name, self.version)[part]
        rows = self._records(own[part])
        return rows[np.random.default_rng(derived_seed(self.name, self.version, part)).permutation(len(rows))]

    def _records(self, table: Any) -> np.ndarray:
        images, labels = _column(table, "image", self.image), _column(table, "label", self.label)
        rows = empty_records(len(table), np.dtype(np.uint8), self.task.shape)
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            if not 0 <= label < self.classes:
                raise InputError(f"label {label} in {self.folder}; the data set's parameter classes is {self.classes}.")
            rows[i] = (fitted_pixels(image, self.pixels, self.channels), label)
        return rows


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class HubText(Text):
    """Next-byte prediction on a column of text that `datasets` of Hugging Face saved under the data root.

    All rows of the split ``train`` (or the only one) are joined and cut as in `text-file`.

    Attributes
    ----------
    folder : name under the data root.
    column : the column of text.
    """

    name = "hub-text"
    summary = "text in Hugging Face's format, by bytes, yours, under the data root, one pass over a pool"

    folder: str = ""
    column: str = "text"

    @property
    def symbols(self) -> int:
        return BYTES + 1

    def content(self) -> str:
        return _content(self.name, self.folder)

    def views(self, test: TestSet) -> TokenClassView:
        return byte_view(test)

    def _encode(self, part: str) -> np.ndarray:
        tables = _load(self.name, self.folder)
        table = tables.get("train") or next(iter(tables.values()))
        rows = _column(table, "column", self.column)
        return text_tokens("\n".join(rows).encode(), part, self.symbols, self.folder)
