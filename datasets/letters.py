"""Images whose true probabilities are known: letters at a few places, in Gaussian noise."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..task import Task
from .dataset import DATASETS, check_integer, check_number
from .floor import KnownPosterior
from .images import LETTERS, letter_bitmaps
from .pool import CounterStream

PART = 256  # images whose distances to all clean ones are held at once: 30 MB
INK_MEAN, INK_SD = 0.14, 0.25  # of the pixels of clean images, about


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class LettersInNoise(KnownPosterior):
    """Which letter is it? Letters in 22 fonts, moved a few pixels, in Gaussian noise: an image set with a known floor.

    An example takes a letter c, a font and a shift of up to ``shift`` pixels each way, all alike likely, and adds
    noise of standard deviation s to each pixel: ``x = B + s z``. What is moved beyond the edge is lost. So ``x`` is a
    mixture of ``classes * fonts * (2 shift + 1)^2`` Gaussians around clean images ``B_i``, and by Bayes' rule

        p(c | x) = sum_{i of c} e^{-|x - B_i|^2 / 2 s^2} / sum_i e^{-|x - B_i|^2 / 2 s^2},

    which is what the test targets hold, for each test image. A network sees x shifted and scaled to about zero mean and
    unit variance. The population's floor is a mean over 65,536 new images.

    Attributes
    ----------
    pixels : side of an image.
    classes : how many letters, from A on.
    shift : pixels by which a letter is moved at most, to each side.
    noise : standard deviation of the noise, s; that of ink on paper is about .4.
    test_size : test images.
    """

    name = "letters-in-noise"
    summary = "letters in many fonts at a few places in noise, generated, every draw new"
    population_draws: ClassVar[int] = 2**16

    pixels: int = 8
    classes: int = 26
    shift: int = 2
    noise: float = 0.3
    test_size: int = 4096

    def __post_init__(self) -> None:
        check_integer("pixels", self.pixels, 8)
        check_integer("classes", self.classes, 2, len(LETTERS))
        check_integer("shift", self.shift, 0, self.pixels // 2)
        check_number("noise", self.noise, 0, strict=True)
        check_integer("test_size", self.test_size, 2)

    @property
    def task(self) -> Task:
        return Task(kind="image", shape=(1, self.pixels, self.pixels), outputs=self.classes, loss="cross_entropy")

    @property
    def pool_size(self) -> None:
        return None

    @property
    def scale(self) -> float:
        """What pixels are divided by: about the standard deviation of ink and noise together."""
        return math.hypot(INK_SD, self.noise)

    @property
    def clean(self) -> Tensor:
        """Images without noise, those of a letter one after the other: ``(classes, fonts * places, pixels^2)``."""
        return _clean_images(self.pixels, self.classes, self.shift)

    def content(self) -> str:
        return hashlib.sha256(self.clean.numpy().tobytes()).hexdigest()

    def prepare(self) -> None:
        """Nothing to make."""

    def stream(self, seed: int) -> CounterStream:
        return CounterStream(self._draw, self.name, self.version, seed)

    def posterior(self, images: Tensor) -> Tensor:
        """``p(letter | x)``, float64: ``(n, 1, pixels, pixels)`` to ``(n, classes)``."""
        clean = self.clean.double().flatten(0, 1)
        half_squares = clean.square().sum(1) / 2

        def part(some: Tensor) -> Tensor:
            scores = (self.scale * some.double().flatten(1) @ clean.T - half_squares) / self.noise**2
            return scores.view(len(some), self.classes, -1).logsumexp(-1).softmax(-1)

        return torch.cat([part(some) for some in images.split(PART)])

    def draw_truth(self, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        images, _ = self._draw(generator, count)
        return images, self.posterior(images)

    def _draw(self, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        clean = self.clean
        labels = torch.randint(self.classes, (count,), generator=generator)
        drawn = torch.randint(clean.shape[1], (count,), generator=generator)
        noise = torch.randn(count, self.pixels**2, generator=generator).mul_(self.noise)
        return noise.add_(clean[labels, drawn]).div_(self.scale).view(count, 1, self.pixels, self.pixels), labels


@lru_cache(maxsize=4)
def _clean_images(pixels: int, classes: int, shift: int) -> Tensor:
    """Each letter in each font at each place, less `INK_MEAN`: ``(classes, fonts * places, pixels^2)``."""
    bitmaps = pad(letter_bitmaps(pixels, classes), [shift] * 4)
    starts = range(2 * shift + 1)
    moved = [bitmaps[..., down : down + pixels, across : across + pixels] for down in starts for across in starts]
    return torch.stack(moved, dim=2).transpose(0, 1).reshape(classes, -1, pixels**2) - INK_MEAN
