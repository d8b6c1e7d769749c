"""Well-known image sets in the user's folder: CIFAR, MNIST, Fashion-MNIST and SVHN, as torchvision reads them."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..errors import InputError
from ..task import Task
from .data_root import MissingData, content_of, data_root
from .dataset import DATASETS, derived_seed
from .finite import Finite, records


@dataclasses.dataclass(frozen=True)
class Standard(Finite):
    """An image set with a split of its own, in the layout in which torchvision keeps it.

    It is looked for in the data root and in the folder of its name below. Nothing is ever downloaded. Checksums, where
    torchvision knows them, are compared once: then the pixels lie in the cache. The test part keeps all its images, in
    an order of chance that is fixed. Training images are seen again and again.
    """

    scaled_over = (0, 2, 3)
    shape: ClassVar[tuple[int, int, int]] = (3, 32, 32)
    classes: ClassVar[int] = 10
    files: ClassVar[tuple[str, ...]]
    reader: ClassVar[str]

    @property
    def task(self) -> Task:
        return Task(kind="image", shape=self.shape, outputs=self.classes, loss="cross_entropy")

    def content(self) -> str:
        root = self._root()
        return content_of(root, [root / name for name in self.files])

    def _root(self) -> Path:
        """The folder that holds all files."""
        places = [data_root(), data_root() / self.name]
        for place in places:
            if all((place / name).is_file() for name in self.files):
                return place
        looked = " and ".join(str(place / Path(self.files[0]).parent) for place in places)
        call = f"torchvision.datasets.{self.reader}('{data_root()}', download=True)"
        raise MissingData(f"{self.name} is not here: looked for {self._wanted} in {looked}. Get it by: {call}")

    @property
    def _wanted(self) -> str:
        first, more = Path(self.files[0]).name, len(self.files) - 1
        return f"{first} and {more} more files"

    def _read(self, part: str) -> np.ndarray:
        import torchvision.datasets

        root = self._root()
        try:
            images, labels = self._arrays(getattr(torchvision.datasets, self.reader), str(root), part)
            rows = records(np.ascontiguousarray(images).reshape(-1, *self.shape), np.asarray(labels, dtype=np.int64))
        except (RuntimeError, OSError, ValueError, EOFError, KeyError, TypeError, AssertionError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{self.name} in {root} is damaged: torchvision.{self.reader} says: {reason}") from None
        if rows["y"].min() < 0 or rows["y"].max() >= self.classes:
            raise InputError(f"{self.name} in {root} is damaged: labels beyond 0 to {self.classes - 1}.")
        if part == "train":
            return rows
        return rows[np.random.default_rng(derived_seed(self.name, self.version, part)).permutation(len(rows))]

    @abstractmethod
    def _arrays(self, reader: Any, root: str, part: str) -> tuple[np.ndarray, Any]:
        """Images ``(n, channels, height, width)``, uint8, and labels."""


class _Cifar(Standard):
    def _arrays(self, reader: Any, root: str, part: str) -> tuple[np.ndarray, Any]:
        found = reader(root, train=part == "train", download=False)
        return found.data.transpose(0, 3, 1, 2), found.targets


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class Cifar10(_Cifar):
    """CIFAR-10: 50,000 + 10,000 colour images of 32 x 32, 10 classes; the standard error of an accuracy is .3 %."""

    name = "cifar10"
    summary = "60,000 small colour images in 10 classes, real, repeated, yours, under the data root"
    reader, train_rows = "CIFAR10", 50_000
    files = tuple(f"cifar-10-batches-py/{name}" for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"))


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class Cifar100(_Cifar):
    """CIFAR-100: 50,000 + 10,000 colour images of 32 x 32, 100 classes; the standard error of an accuracy is .5 %."""

    name = "cifar100"
    summary = "60,000 small colour images in 100 classes, real, repeated, yours, under the data root"
    reader, train_rows, classes = "CIFAR100", 50_000, 100
    files = ("cifar-100-python/train", "cifar-100-python/test")


class _Idx(Standard):
    shape = (1, 28, 28)

    def _arrays(self, reader: Any, root: str, part: str) -> tuple[np.ndarray, Any]:
        found = reader(root, train=part == "train", download=False)
        return found.data.numpy(), found.targets.numpy()


def _idx_files(folder: str) -> tuple[str, ...]:
    kinds = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple(f"{folder}/raw/{kind}-ubyte" for kind in kinds)


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class MnistFull(_Idx):
    """All of MNIST: 60,000 + 10,000 digits of 28 x 28; `mnist` is the 5,000 of them that need no folder."""

    name = "mnist-full"
    summary = "70,000 handwritten digits, real, repeated, yours, under the data root"
    reader, train_rows, files = "MNIST", 60_000, _idx_files("MNIST")


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class FashionMnist(_Idx):
    """Fashion-MNIST: 60,000 + 10,000 grey images of clothes, 28 x 28, 10 classes."""

    name = "fashion-mnist"
    summary = "70,000 images of clothes, real, repeated, yours, under the data root"
    reader, train_rows, files = "FashionMNIST", 60_000, _idx_files("FashionMNIST")


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class Svhn(Standard):
    """Street View House Numbers: 73,257 + 26,032 colour images of 32 x 32; the digits 1 and 2 are a third of them."""

    name = "svhn"
    summary = "99,289 digits of house numbers, real, repeated, yours, under the data root"
    reader, train_rows, files, held_out = "SVHN", 73_257, ("train_32x32.mat", "test_32x32.mat"), 26_032

    def _arrays(self, reader: Any, root: str, part: str) -> tuple[np.ndarray, Any]:
        found = reader(root, split=part, download=False)
        return found.data, found.labels
