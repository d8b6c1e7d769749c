"""The user's own folder of images by class, under the data root."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..task import Task
from .data_root import content_of, under_root
from .dataset import DATASETS, check_integer, derived_seed
from .finite import Finite, empty_records

IMAGES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
TRAIN, TEST = ("train", "training"), ("test", "val", "valid", "validation")

Listed = list[tuple[Path, int]]


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class ImageFolder(Finite):
    """Images in one folder for each class, under the data root: ``<root>/<folder>/<class>/<image>``.

    A folder with ``train`` and ``test`` (or ``val``) in it has its own split; otherwise a tenth of each class, chosen
    by the hash of the name, is for testing. Classes are numbered by name. Each image is cropped in the middle to a
    square and scaled to ``pixels``, once; the result is kept in the cache, 8 bits a number.

    Attributes
    ----------
    folder : name under the data root.
    pixels : side of an image.
    classes : how many there must be, so that a sweep's networks never depend on what a folder holds.
    channels : 3 for colours, 1 for grey.
    per_class : training images to take of each class, the first by name; 0 for all.
    """

    name = "image-folder"
    summary = "a folder of images by class, yours, under the data root"
    scaled_over = (0, 2, 3)
    held_out = 10**6

    test_size: int = 1000
    folder: str = ""
    pixels: int = 32
    classes: int = 10
    channels: int = 3
    per_class: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("pixels", self.pixels, 4, 1024)
        check_integer("classes", self.classes, 2)
        check_integer("per_class", self.per_class, 0)
        if self.channels not in (1, 3):
            raise InputError(f"channels is {self.channels!r}; it must be 1 (grey) or 3 (colours).")

    @property
    def task(self) -> Task:
        shape = (self.channels, self.pixels, self.pixels)
        return Task(kind="image", shape=shape, outputs=self.classes, loss="cross_entropy")

    def content(self) -> str:
        paths = [path for part in ("train", "test") for path, _ in self._listed(part)]
        return content_of(self._root(), paths)

    def _root(self) -> Path:
        return under_root(self.name, "folder", self.folder)

    def _read(self, part: str) -> np.ndarray:
        listed = self._listed(part)
        if part == "test":  # so that its beginning has all classes
            order = np.random.default_rng(derived_seed(self.name, self.version, part)).permutation(len(listed))
            listed = [listed[i] for i in order]
        rows = empty_records(len(listed), np.dtype(np.uint8), self.task.shape)
        for i, (path, label) in enumerate(listed):
            rows[i] = (_pixels(path, self.pixels, self.channels), label)
        return rows

    def _listed(self, part: str) -> Listed:
        """Images of a part with their classes."""
        root = self._root()
        own = [_first_folder(root, names) for names in (TRAIN, TEST)]
        if all(own):
            found = _by_class(own[part == "test"], self.classes)
        else:
            found = [_tenth(paths, part == "test") for paths in _by_class(root, self.classes)]
        if part == "train" and self.per_class:
            found = [paths[: self.per_class] for paths in found]
        return [(path, label) for label, paths in enumerate(found) for path in paths]


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class ImageNet(ImageFolder):
    """ImageNet as folders of classes, ``<root>/imagenet/train`` and ``<root>/imagenet/val``, scaled to 64 pixels.

    The validation images must lie in class folders, too. The test part is their beginning in an order of chance.
    1.28 million images of 64 pixels take 16 GB in the cache; ``per_class`` and ``pixels`` make it less.
    """

    name = "imagenet"
    summary = "ImageNet, yours, under the data root"

    test_size: int = 10_000
    folder: str = "imagenet"
    pixels: int = 64
    classes: int = 1000


def _first_folder(root: Path, names: tuple[str, ...]) -> Path | None:
    return next((root / name for name in names if (root / name).is_dir()), None)


def _by_class(root: Path | None, classes: int) -> list[list[Path]]:
    """Images of each class folder, sorted by name."""
    assert root is not None
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    if len(folders) != classes:
        raise InputError(f"{root} holds {len(folders)} class folders; the data set's parameter classes is {classes}.")
    found = []
    for folder in folders:
        found.append(sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGES))
        if not found[-1]:
            raise InputError(f"the class folder {folder} holds no images ({', '.join(sorted(IMAGES))}).")
    return found


def _tenth(paths: list[Path], test: bool) -> list[Path]:
    """A tenth of a class, at least one image, or the others; by the hash of the names."""
    if len(paths) < 2:
        raise InputError(f"{paths[0].parent} holds 1 image; a class needs one for training and one for testing.")
    order = sorted(paths, key=lambda path: derived_seed("image-folder", path.parent.name, path.name))
    count = max(1, len(paths) // 10)
    return sorted(order[:count] if test else order[count:])


def _pixels(path: Path, side: int, channels: int) -> np.ndarray:
    """Pixels of an image file: ``(channels, side, side)``, uint8."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return fitted_pixels(image, side, channels)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read as an image: {' '.join(str(error).split())}") from None


def fitted_pixels(image: Any, side: int, channels: int) -> np.ndarray:
    """A Pillow image, cropped in the middle to a square and scaled: ``(channels, side, side)``, uint8."""
    from PIL import Image, ImageOps

    fitted = ImageOps.fit(image.convert("RGB" if channels == 3 else "L"), (side, side), Image.Resampling.BOX)
    return np.asarray(fitted).reshape(side, side, channels).transpose(2, 0, 1)
