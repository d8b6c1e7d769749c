"""The user's own text, under the data root."""

from __future__ import annotations

import dataclasses
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .data_root import MissingData, content_of, under_root
from .dataset import DATASETS, TestSet, check_integer
from .subwords import BYTES, encode, learn, library_version
from .text import Text
from .views import TokenClassView, character_class, token_class_view

BLOCK = 2**14  # bytes of a text that are for training or for testing together
_CLASSES = [*(character_class(chr(byte)) if byte < 128 else "beyond ASCII" for byte in range(BYTES)), "end of block"]


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class TextFile(Text):
    """Next-token prediction on a text file, or on all ``.txt`` files of a folder, under the data root.

    With the vocabulary 257 tokens are bytes and the end of a file. A larger one is of byte pairs, learned from the
    training part. Texts are cut into blocks of 16 KiB, or tenths where they are short; every tenth block is for
    testing.

    Attributes
    ----------
    path : name under the data root.
    vocabulary : different tokens.
    """

    name = "text-file"
    summary = "a text file or a folder of them, yours, under the data root, one pass over a pool"

    path: str = ""
    vocabulary: int = BYTES + 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("vocabulary", self.vocabulary, BYTES + 1, 2**16)

    @property
    def symbols(self) -> int:
        return self.vocabulary

    def content(self) -> str:
        content = content_of(*self._files())
        if self.vocabulary == BYTES + 1:
            return content
        return hashlib.sha256(f"{content} {library_version(self.name)}".encode()).hexdigest()

    def views(self, test: TestSet) -> TokenClassView | None:
        return byte_view(test) if self.vocabulary == BYTES + 1 else None

    def _files(self) -> tuple[Path, list[Path]]:
        path = under_root(self.name, "path", self.path)
        if path.is_file():
            return path.parent, [path]
        found = sorted(path.rglob("*.txt"))
        if not found:
            raise MissingData(f"the folder {path} holds no .txt files.")
        return path, found

    def _encode(self, part: str) -> np.ndarray:
        data = b"\0".join(path.read_bytes() for path in self._files()[1])
        return text_tokens(data, part, self.vocabulary, self.path)


def byte_view(test: TestSet) -> TokenClassView:
    """The view of a text whose tokens are bytes."""
    return token_class_view(test.targets, _CLASSES)


def text_tokens(data: bytes, part: str, vocabulary: int, where: str) -> np.ndarray:
    """Tokens of a part of a text, as `TextFile` describes: ``(n,)``, uint16."""
    if len(data.strip()) < 2 * 10:
        raise InputError(f"the text {where} is empty, or too short to be cut in ten: it has {len(data)} bytes.")
    size = min(BLOCK, len(data) // 10)
    blocks = [data[start : start + size] for start in range(0, len(data), size)]
    chosen = [block for i, block in enumerate(blocks) if (i % 10 == 9) == (part == "test")]
    if vocabulary == BYTES + 1:
        return np.concatenate([np.append(np.frombuffer(block, np.uint8).astype(np.uint16), BYTES) for block in chosen])
    return encode(_strings(chosen), _tokenizer(data, size, vocabulary))


def _strings(blocks: list[bytes]) -> list[str]:
    return [block.decode("utf-8", errors="replace") for block in blocks]


@lru_cache(maxsize=1)
def _tokenizer(data: bytes, size: int, vocabulary: int) -> Any:
    blocks = [data[start : start + size] for start in range(0, len(data), size)]
    return learn(_strings([block for i, block in enumerate(blocks) if i % 10 != 9]), vocabulary)
