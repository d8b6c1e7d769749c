"""Images on a manifold of few dimensions, with a target that a network learns at ever finer scales."""

from __future__ import annotations

import dataclasses

from torch import Tensor

from ..task import Task
from .dataset import DATASETS, TestSet, View, check_integer
from .floor import Noiseless
from .teachers import ManifoldTeacher, Relayed, Taught


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class ManifoldImages(Taught, Noiseless):
    """The points of `ManifoldTeacher` as images: a regression with a known floor for networks that take pixels.

    Each of the ``pixels^2`` numbers of a point is a pixel, in rows from the top. A pixel depends on all hidden
    coordinates, so a network that sees any few of its neighbours can tell them; nothing is gained by looking far. The
    target is a sum of waves with a power-law spectrum, of which small networks learn the long ones and large networks
    ever shorter ones. It follows from the image, so the irreducible loss is 0.

    Attributes
    ----------
    pixels : side of an image.
    dimension, modes, alpha, pool, test_size, curvature : see `ManifoldTeacher`.
    """

    name = "manifold-images"
    summary = "power-law sum of waves on a curved manifold of images, generated, one pass over a pool or every draw new"

    pixels: int = 8
    dimension: int = 4
    modes: int = 2000
    alpha: float = 2.0
    pool: int | str = 1_000_000
    test_size: int = 4096
    curvature: float = 2.0

    def __post_init__(self) -> None:
        check_integer("pixels", self.pixels, 2)
        _ = self.teacher  # checks the rest

    @property
    def teacher(self) -> ManifoldTeacher:
        """The same points as vectors."""
        names = "dimension", "modes", "alpha", "pool", "test_size", "curvature"
        return ManifoldTeacher(ambient=self.pixels**2, **{name: getattr(self, name) for name in names})

    @property
    def task(self) -> Task:
        return Task(kind="image", shape=(1, self.pixels, self.pixels), outputs=1, loss="squared_error")

    def test_set(self) -> TestSet:
        test = self.teacher.test_set()
        return dataclasses.replace(test, inputs=self._image(test.inputs))

    def views(self, test: TestSet) -> View | None:
        return self.teacher.views(test)

    def stream(self, seed: int) -> Relayed:
        return Relayed(self.teacher.stream(seed), lambda _, points, targets: (self._image(points), targets))

    def _image(self, points: Tensor) -> Tensor:
        return points.view(-1, *self.task.shape)
