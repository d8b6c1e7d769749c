"""Gram matrices of the features on shared test inputs, from which trials are compared without their weights."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import torch
from torch import Tensor

from ..features import features, gram, layers_of
from ..replicas import Replicas
from .observable import OBSERVABLES, Probe, Unmeasurable
from .summary import Grams, Summary

_FEWEST = 4  # examples, for a debiased comparison


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class GramSummary(Summary):
    """Centred Gram matrices of the features of the first ``examples`` of the test set, before and after training.

    Of what goes into the ``last`` layer, and into a ``middle`` one where there is one; see `hidden_layers`. What is
    kept is the upper triangle in float16, ``examples^2`` bytes a matrix: 64 KiB a trial for 128 examples. `onecurve
    representations` compares them by linear CKA, which the matrices decide (Kornblith et al. 2019, `arXiv 1905.00414`),
    or by the Procrustes distance.
    """

    name = "gram"
    summary = "Gram matrices of the features, for comparisons between trials; no curve"
    examples: int = 128

    def check(self) -> None:
        if not _FEWEST <= self.examples <= 512:
            raise self.refuse("examples", f"a whole number from {_FEWEST} to 512")

    def grams(self, replicas: Replicas, probe: Probe) -> Grams:
        inputs = probe.test.inputs[: self.examples]
        if len(inputs) < _FEWEST:
            raise Unmeasurable(f"the test set has {len(inputs)} examples, a comparison needs {_FEWEST}")
        found: Grams = [[] for _ in range(replicas.count)]
        digest = _digest(inputs)
        for name, layer in hidden_layers(replicas, inputs[:2]).items():
            into = features(replicas, inputs.expand(replicas.count, *inputs.shape), layer)[1]
            seen = by_example(into, len(inputs))
            about = {"layer": name, "examples": len(inputs), "features": seen.shape[2], "inputs": digest}
            for own, matrix in zip(found, gram(seen), strict=True):
                own += _record(matrix, about)
        return found


def hidden_layers(replicas: Replicas, inputs: Tensor) -> dict[str, str]:
    """``last``, the layer that is called last, and ``middle``, one halfway to it; compared are their inputs.

    Halfway is by the order of calls. A layer that sees the data themselves is none, and one that sees fewer numbers an
    example than the last does is a side path, such as the squeeze of a squeeze-and-excitation; the next one is taken.

    Raises
    ------
    Unmeasurable
        Networks without a known layer that sees anything but the data.
    """
    called = layers_of(replicas, inputs)
    given = inputs.expand(replicas.count, *inputs.shape)
    with torch.no_grad():
        _, seen = replicas.look(given, called)
    width = {name: seen[name].into[0].numel() for name in called if not _same(seen[name].into, given)}
    if not called or called[-1] not in width:
        raise Unmeasurable("no hidden layer of these networks is known")
    halfway = len(called) // 2
    between = [name for name in called[:-1] if name in width and width[name] >= width[called[-1]]]
    between.sort(key=lambda name: abs(called.index(name) - halfway))
    return {"middle": between[0], "last": called[-1]} if between else {"last": called[-1]}


def _same(seen: Tensor, inputs: Tensor) -> bool:
    return seen.numel() == inputs.numel() and torch.equal(seen.reshape(-1), inputs.reshape(-1).to(seen))


def by_example(seen: Tensor, examples: int) -> Tensor:
    """``(R, n, k)`` features of examples that a layer may see in pieces, ``(R, n pieces, k)``, example by example.

    Raises
    ------
    Unmeasurable
        Pieces that are not shared out evenly.
    """
    count, rows, width = seen.shape
    if rows % examples:
        raise Unmeasurable("a layer of these networks sees no examples one by one")
    return seen.reshape(count, examples, rows // examples * width)


def _record(matrix: Tensor, about: dict[str, Any]) -> list[dict[str, Any]]:
    """Nothing for features that are constant or not finite, which say nothing."""
    scale = float(matrix.abs().amax())
    if not 0 < scale < float("inf"):
        return []
    rows, columns = torch.triu_indices(*matrix.shape, device=matrix.device)
    return [{**about, "scale": scale, "values": (matrix[rows, columns] / scale).half().cpu()}]


def _digest(inputs: Tensor) -> str:
    """Of the inputs in single precision, whatever that of the trial is."""
    plain = inputs.float() if inputs.is_floating_point() else inputs.long()
    return hashlib.sha256(plain.cpu().contiguous().numpy().tobytes()).hexdigest()[:16]
