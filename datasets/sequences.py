"""Sequences: MNIST-1D, and spelling with pronunciation."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..task import Task
from .data_root import MissingData
from .dataset import DATASETS, TestSet, check_integer, derived_seed
from .fetch import fetched, source
from .finite import Finite, records
from .text import Text
from .views import TokenClassView, token_class_view

PACKAGE = "mnist1d"
LETTERS = "abcdefghijklmnopqrstuvwxyz'.-_0123456789"
PHONEMES = re.findall(
    "[A-Z]+",
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH",
)
SAYS, END = len(LETTERS) + len(PHONEMES), len(LETTERS) + len(PHONEMES) + 1
_CLASSES = ["letters"] * len(LETTERS) + ["phonemes"] * len(PHONEMES) + ["end of word", "end of entry"]


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class Mnist1d(Finite):
    """MNIST-1D: ten digits drawn as a line of 40 numbers, each padded, scaled, shifted, sheared and noised.

    Examples are made by the package mnist1d (Greydanus, "Scaling down deep learning", 2020) with its own settings. It
    separates a linear model from a perceptron and that from a convolutional network. Each part has a key of its own and
    equally many of each digit. The smallest possible loss is not known.

    Attributes
    ----------
    pool : training examples; they take .2 ms each to make, once.
    test_size : test examples, up to 4,000.
    """

    name = "mnist-1d"
    summary = "lines of 40 numbers for ten digits, generated once, a pool in one pass or more; mnist1d, Apache-2.0"
    scaled_over, held_out = (0, 1), 4000

    test_size: int = 4000
    pool: int = 20_000

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("pool", self.pool, 10, 10**7)

    @property
    def task(self) -> Task:
        return Task(kind="vector", shape=(40,), outputs=10, loss="cross_entropy")

    @property
    def pool_size(self) -> int:
        return self.pool

    def content(self) -> str:
        return _package_digest()

    def _read(self, part: str) -> np.ndarray:
        count = self.pool if part == "train" else self.held_out
        return _lines(derived_seed(self.name, self.version, part) % 2**32, count)


def _lines(seed: int, count: int) -> np.ndarray:
    """Draw ``count`` records, the digits by turns. The package draws from numpy's global generator alone."""
    from mnist1d.data import get_dataset_args, get_templates
    from mnist1d.transform import transform

    templates, settings = get_templates(), get_dataset_args()
    with _global_seed(seed):
        lines = [transform(templates["x"][i % 10], templates["t"], settings)[0] for i in range(count)]
    return records(np.array(lines, dtype=np.float32), np.arange(count) % 10)


@contextlib.contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """Seed numpy's global generator, for code of others, and put it back."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


@lru_cache(maxsize=1)
def _package_digest() -> str:
    try:
        package = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        looked = f"looked for the package {PACKAGE} in {sys.prefix}"
        raise MissingData(f"mnist-1d is not here: {looked}. Get it by: pip install {PACKAGE}") from None
    files = [Path(str(package.locate_file(f"{PACKAGE}/{name}.py"))).read_bytes() for name in ("data", "transform")]
    return hashlib.sha256(b"".join(files)).hexdigest()


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class CmuDict(Text):
    """Next-symbol prediction on English words, letter by letter, each followed by its phonemes.

    The Carnegie Mellon Pronouncing Dictionary: 135,166 entries such as ``spell = S P EH L``, without stress, in an
    order of chance that is fixed. A tenth of the words, chosen by their hash, is for testing with all their
    pronunciations. Tokens are 40 letters and signs, 39 phonemes, the sign between word and phonemes, and the end.
    Spelling is hard to guess, phonemes much less so: the loss is a mean over both. Each entry has about 15 tokens.
    """

    name = "cmudict"
    summary = "words and their phonemes, real, one pass over a pool; CMU, BSD-style, by `onecurve data fetch cmudict`"

    @property
    def symbols(self) -> int:
        return END + 1

    def content(self) -> str:
        fetched(self.name)
        return source(self.name).sha256

    def views(self, test: TestSet) -> TokenClassView:
        return token_class_view(test.targets, _CLASSES)

    def _encode(self, part: str) -> np.ndarray:
        entries = [entry for entry in _entries(fetched(self.name)) if _held_out(entry[0]) == (part == "test")]
        order = np.random.default_rng(derived_seed(self.name, self.version, part)).permutation(len(entries))
        return np.concatenate([_entry_tokens(*entries[i]) for i in order])


def _entries(path: Path) -> list[tuple[str, list[str]]]:
    """Words and their phonemes, without the number of a pronunciation, comments and stress."""
    lines = [line.split("#")[0].split() for line in path.read_text("utf-8").splitlines()]
    return [(re.sub(r"\(\d+\)$", "", word), [each.rstrip("012") for each in phones]) for word, *phones in lines]


def _held_out(word: str) -> bool:
    return derived_seed("cmudict", word) % 10 == 0


def _entry_tokens(word: str, phonemes: list[str]) -> np.ndarray:
    spelled = [LETTERS.index(letter) for letter in word]
    return np.array([*spelled, SAYS, *(len(LETTERS) + PHONEMES.index(each) for each in phonemes), END], dtype=np.uint8)
