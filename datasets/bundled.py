"""What scikit-learn brings: small digits, tumours, and two photographs."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..errors import unknown
from ..task import Task
from .data_root import MissingData
from .dataset import DATASETS
from .finite import Finite, records, split

PHOTOS = ("china", "flower")


@lru_cache(maxsize=8)
def _digest(name: str, *parts: str) -> str:
    """sha256 of a file of scikit-learn's, found without an import of it: that takes 150 MB and more than a second."""
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise MissingData(f"{name} needs the package scikit-learn. Get it by: pip install scikit-learn")
    return hashlib.sha256(Path(package.origin).parent.joinpath("datasets", *parts).read_bytes()).hexdigest()


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class Digits(Finite):
    """The 1,797 handwritten digits of 8 x 8 pixels that scikit-learn brings (a part of UCI's optical digits).

    360 are for testing, chosen digit by digit by a fixed key. For smoke tests: with 360 images the standard error of an
    accuracy of .97 is .9 %.
    """

    name = "digits"
    summary = "1,797 handwritten digits of 8 x 8, real, repeated; scikit-learn, BSD-3"
    scaled_over = (0, 1, 2, 3)
    held_out, train_rows = 360, 1437

    test_size: int = 360

    @property
    def task(self) -> Task:
        return Task(kind="image", shape=(1, 8, 8), outputs=10, loss="cross_entropy")

    def content(self) -> str:
        return _digest(self.name, "data", "digits.csv.gz")

    def _read(self, part: str) -> np.ndarray:
        from sklearn.datasets import load_digits

        pixels, labels = map(np.asarray, load_digits(return_X_y=True))
        images = pixels.astype(np.uint8).reshape(-1, 1, 8, 8)
        return split(records(images, labels), self.held_out, self.name, self.version)[part]


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class BreastCancer(Finite):
    """Whether a tumour is benign, from 30 measures of its cells: 569 tumours of Wisconsin, 114 of them for testing.

    Very small: it shows how a table is trained on, and supports no verdict.
    """

    name = "breast-cancer"
    summary = "569 tumours by 30 measures, real, repeated, very small; scikit-learn, BSD-3"
    held_out, train_rows = 114, 455

    test_size: int = 114

    @property
    def task(self) -> Task:
        return Task(kind="vector", shape=(30,), outputs=2, loss="cross_entropy")

    def content(self) -> str:
        return _digest(self.name, "data", "breast_cancer.csv")

    def _read(self, part: str) -> np.ndarray:
        from sklearn.datasets import load_breast_cancer

        inputs, labels = map(np.asarray, load_breast_cancer(return_X_y=True))
        rows = records(inputs.astype(np.float32), labels.astype(np.int64))
        return split(rows, self.held_out, self.name, self.version)[part]


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class Photo(Finite):
    """The colour of a photograph at a place: 273,280 pixels of 427 x 640, from 2 numbers to 3, squared error.

    Real, of low dimension, with the power-law spectrum of natural images. 27,328 pixels in random places are for
    testing; a place's neighbours are trained on. Colours are shifted and scaled channel by channel, so the mean colour
    has the loss 1. With 10,000 test pixels the relative standard error of the loss is about 2 %.

    Attributes
    ----------
    image : ``china`` (a temple) or ``flower``.
    """

    name = "photo"
    summary = "colours of a photograph by place, real, one pass or more; scikit-learn, CC BY 2.0"
    held_out, train_rows = 27_328, 245_952

    test_size: int = 10_000
    image: str = "china"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.image not in PHOTOS:
            raise unknown("image of the data set 'photo':", self.image, PHOTOS)

    @property
    def task(self) -> Task:
        return Task(kind="vector", shape=(2,), outputs=3, loss="squared_error")

    def content(self) -> str:
        return _digest(self.name, "images", f"{self.image}.jpg")

    def _read(self, part: str) -> np.ndarray:
        from sklearn.datasets import load_sample_image

        pixels = load_sample_image(f"{self.image}.jpg")
        places = np.indices(pixels.shape[:2]).reshape(2, -1).T
        rows = records(places.astype(np.float32), pixels.reshape(-1, 3).astype(np.float32))
        return split(rows, self.held_out, self.name, self.version)[part]
