"""What a library's initialisation draws, learned without disturbing torch's generator."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import torch

from ..task import Task
from .family import Family, Rung

Key = tuple[tuple[str, int], ...]  # a rung that hashes

_PROBES = 64  # at most so many builds to learn a spread
_ENOUGH = 1024  # elements that give a spread to about 2 %


def key_of(rung: Rung) -> Key:
    """The rung as a key for caches."""
    return tuple(sorted(rung.items()))


@contextmanager
def secluded(seed: int) -> Iterator[None]:
    """Seeded CPU generator, float32 and CPU as defaults; afterwards everything is as before."""
    dtype = torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the GPUs too
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)


@dataclass(frozen=True)
class InitialSpread:
    """Root mean square of a parameter's initial values over ``count`` drawn elements; None where nothing is drawn."""

    rms: float | None
    count: int


@lru_cache(maxsize=1024)
def spreads(family: Family, key: Key, task: Task) -> dict[str, InitialSpread]:
    """Spread of the library's initial values, from fixed probe draws that no trial shares."""
    squares: dict[str, float] = {}
    first: dict[str, torch.Tensor] = {}
    drawn: set[str] = set()
    probe = 0
    while probe < 2 or (probe < _PROBES and any(first[name].numel() * probe < _ENOUGH for name in drawn)):
        with secluded(2**62 + probe), torch.no_grad():
            for name, p in family.build(dict(key), task).named_parameters():
                squares[name] = squares.get(name, 0.0) + p.double().square().sum().item()
                if not torch.equal(first.setdefault(name, p), p):
                    drawn.add(name)
        probe += 1
    counts = {name: p.numel() * probe for name, p in first.items()}
    return {
        name: InitialSpread(math.sqrt(squares[name] / n) if name in drawn else None, n) for name, n in counts.items()
    }
