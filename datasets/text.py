"""Text in windows, and the source of Python's own standard library, character by character."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from abc import abstractmethod
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from ..errors import InputError
from ..task import Task
from .dataset import DATASETS, Dataset, TestSet, check_integer, derived_seed
from .order import SeededOrder
from .pool import PoolStream, cached_array
from .table import Windows
from .views import TokenClassView, character_class, token_class_view

PRINTABLE = 95  # ASCII 32 to 126 are the tokens 0 to 94
NEWLINE, OTHER, END_OF_FILE = PRINTABLE, PRINTABLE + 1, PRINTABLE + 2
VOCABULARY = PRINTABLE + 3
_CLASSES = [*(character_class(chr(32 + token)) for token in range(PRINTABLE)), "whitespace", "other", "other"]
SKIPPED = {
    *("site-packages", "dist-packages", "__pycache__"),  # not the library
    *("test", "tests", "idlelib", "turtledemo"),  # absent from many installations
    *("encodings", "pydoc_data", "lib2to3"),  # mostly tables, generated text, and fixtures
}


@dataclasses.dataclass(frozen=True)
class Text(Dataset):
    """Next-token prediction on a text that is cut into windows.

    The training tokens follow each other as one text. Each seed cuts it from its own starting place into windows of
    ``length`` and visits them in its own order, so in one pass each token is predicted once; ``pool_size`` counts these
    windows. The test windows come from a text of their own.

    Attributes
    ----------
    length : tokens in a window.
    test_size : test windows.
    """

    length: int = 32
    test_size: int = 1024

    def __post_init__(self) -> None:
        check_integer("length", self.length, 1, 4096)
        check_integer("test_size", self.test_size, 1)

    @property
    @abstractmethod
    def symbols(self) -> int:
        """How many different tokens there are. Cheap: it reads no data."""

    @abstractmethod
    def _encode(self, part: str) -> np.ndarray:
        """All tokens of a part, ``train`` or ``test``, whatever the windows: ``(n,)``, uint8 or uint16."""

    @property
    def task(self) -> Task:
        count = self.symbols
        return Task(kind="tokens", shape=(self.length,), outputs=count, loss="cross_entropy", vocabulary=count)

    @property
    def pool_size(self) -> int:
        return _windows(self._tokens("train"), self.length)

    def prepare(self) -> None:
        self._tokens("train")
        self._tokens("test")

    def test_set(self) -> TestSet:
        tokens = self._tokens("test")
        available = _windows(tokens, self.length)
        if self.test_size > available:
            raise InputError(f"test_size is {self.test_size}; the test files hold {available} windows.")
        order = SeededOrder(available, self.name, self.version, "test")
        starts = order.indices(0, self.test_size).astype(np.int64) * self.length
        table = self._table(tokens)
        inputs, targets = table.gather(table.tensors(), torch.from_numpy(starts))
        return TestSet(inputs=inputs, targets=targets)

    def stream(self, seed: int) -> PoolStream:
        tokens, length = self._tokens("train"), self.length
        size = _windows(tokens, length)
        if size < 1:
            raise InputError(f"length is {length}; the training text of {self.name} holds {len(tokens)} tokens.")
        first = derived_seed(self.name, self.version, seed, "first") % length
        order = SeededOrder(size, self.name, self.version, seed)
        return PoolStream(order, self._table(tokens), first=first, stride=length, shared=True)

    def _table(self, tokens: np.ndarray) -> Windows:
        wide = tokens.dtype == np.uint16  # which torch can hardly do anything with
        return Windows(torch.from_numpy(tokens.view(np.int16) if wide else tokens), self.length)

    def _tokens(self, part: str) -> np.ndarray:
        ref = dataclasses.replace(self, length=1, test_size=1).ref  # the text is the same for every window
        return cached_array(ref, part, lambda: self._encode(part))


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class PythonSource(Text):
    """Next-character prediction on the standard library of the running interpreter.

    Tokens are the printable ASCII characters, newline, one for every other character and one for the end of a file; 98
    in all. A tenth of the files, chosen by the hash of their path, is for testing. ``pool_size`` is about 250,000
    windows of 32.

    The text depends on the interpreter's version, hence its sha256 belongs to the data set's identity. Its entropy is
    not known. With 1,024 test windows of 32 the relative standard error of the loss is 1.4 % near 1.5 nats.
    """

    name = "pysource"
    summary = "characters of Python's standard library, real, one pass over a pool; PSF licence"

    @property
    def symbols(self) -> int:
        return VOCABULARY

    def content(self) -> str:
        return _digest()

    def views(self, test: TestSet) -> TokenClassView:
        return token_class_view(test.targets, _CLASSES)

    def _encode(self, part: str) -> np.ndarray:
        return np.concatenate([_encode(text) for text in _texts(part)])


def _windows(tokens: np.ndarray, length: int) -> int:
    """How many windows there are without overlap, wherever below ``length`` the first starts."""
    return (len(tokens) - length) // length


def _encode(text: str) -> np.ndarray:
    """Turn a file's text into tokens, with the end of the file: uint8."""
    codes = np.frombuffer(text.encode("utf-32-le", errors="replace"), dtype=np.uint32)
    printable = (codes >= 32) & (codes < 32 + PRINTABLE)
    tokens = np.where(printable, codes - 32, np.where(codes == ord("\n"), NEWLINE, OTHER))
    return np.append(tokens, END_OF_FILE).astype(np.uint8)


def _files() -> list[Path]:
    """The library's files in a fixed order."""
    root = Path(os.__file__).parent
    found = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in SKIPPED]
        found += [(Path(folder) / name).relative_to(root) for name in names if name.endswith(".py")]
    return sorted(found, key=lambda path: path.as_posix())


def _texts(part: str) -> list[str]:
    root = Path(os.__file__).parent
    held_out = part == "test"
    chosen = [path for path in _files() if (derived_seed("pysource", path.as_posix()) % 10 == 0) == held_out]
    return [(root / path).read_text(encoding="utf-8", errors="replace") for path in chosen]


@lru_cache(maxsize=1)
def _digest() -> str:
    """sha256 of the names and bytes of all files."""
    root = Path(os.__file__).parent
    digest = hashlib.sha256()
    for path in _files():
        data = (root / path).read_bytes()
        digest.update(f"{path.as_posix()} {len(data)}\n".encode() + data)
    return digest.hexdigest()
