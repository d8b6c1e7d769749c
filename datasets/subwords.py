"""Byte-pair tokens: merges learned from the training files by the package `tokenizers`."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from .data_root import MissingData
from .dataset import DATASETS, check_integer
from .text import Text, _digest, _texts

BYTES = 256
_END = "<end>"


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class PythonSubwords(Text):
    """Next-token prediction on Python's standard library in byte-pair tokens of about two characters.

    Files and split are those of `pysource`. The merges are learned from the training files alone, so the loss in nats a
    token is that of a code that never saw the test files. ``pool_size`` is about 117,000 windows of 32. The version of
    the package `tokenizers` belongs to the identity, because it decides the merges.

    Attributes
    ----------
    vocabulary : different tokens, with the 256 bytes and the end of a file.
    """

    name = "pysource-bpe"
    summary = "byte-pair tokens of Python's standard library, real, one pass over a pool; PSF licence"

    vocabulary: int = 512

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("vocabulary", self.vocabulary, BYTES + 1, 2**16)

    @property
    def symbols(self) -> int:
        return self.vocabulary

    def content(self) -> str:
        return hashlib.sha256(f"{_digest()} {library_version(self.name)}".encode()).hexdigest()

    def _encode(self, part: str) -> np.ndarray:
        return encode(_texts(part), _python_tokenizer(self.vocabulary))


@lru_cache(maxsize=2)
def _python_tokenizer(vocabulary: int) -> Any:
    return learn(_texts("train"), vocabulary)


def library_version(name: str) -> str:
    """Version of the package `tokenizers`; MissingData says what ``name`` needs it for."""
    try:
        import tokenizers
    except ImportError:
        raise MissingData(f"{name} needs the package tokenizers. Get it by: pip install tokenizers") from None
    return tokenizers.__version__


def learn(texts: Sequence[str], vocabulary: int) -> Any:
    """Learn byte-level merges from texts: a tokenizer with ``vocabulary`` tokens at most, the same for equal texts."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, initial_alphabet=alphabet, special_tokens=[_END], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encode(texts: Sequence[str], tokenizer: Any) -> np.ndarray:
    """Tokens of all texts, each followed by the end of a file: ``(n,)``, uint16."""
    end = tokenizer.token_to_id(_END)
    found = (tokenizer.encode_batch_fast([text], add_special_tokens=False)[0].ids for text in texts)
    return np.concatenate([np.array([*ids, end], dtype=np.uint16) for ids in found])
