"""How heavy the tail of a layer's spectrum is."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor

from ...datasets.dataset import Dataset
from ..power_tail import FEWEST, power_tail
from ..replicas import Replicas
from .by_layer import ByLayer, spectra
from .observable import OBSERVABLES, Probe, Unmeasurable

_SEED = 0


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class TailExponent(ByLayer):
    """Exponent alpha of the tail ``p(x) ~ x^-alpha`` of the squared singular values, and the p-value of that form.

    Of each matrix with at least 50 singular values (Martin and Mahoney 2021, `arXiv 1810.01075`; the fit and its test
    are those of Clauset et al. 2009, see `power_tail`), and over all of them the mean exponent and the smallest
    p-value. Where p is at most 0.1 the tail is no power law, and its exponent describes nothing.
    """

    name = "tail-exponent"
    names = ("tail_exponent", "tail_p")
    whole = "tail_exponent"
    summary = "exponent of the tail of each matrix's spectrum, with a goodness test"
    scale = "ratio"
    resamples: int = 100

    def check(self) -> None:
        if not 10 <= self.resamples <= 10000:
            raise self.refuse("resamples", "a whole number from 10 to 10000")

    def names_on(self, dataset: Dataset) -> tuple[str, ...]:
        return self.names

    def names_for(self, replicas: Replicas, dataset: Dataset) -> tuple[str, ...]:
        large = _large(replicas)
        each = [f"{value} {name}" for name in large for value in self.names] if self.layers else []
        return (*self.names, *each)

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        own = _large(replicas)
        large = [values for name, values in spectra(replicas) if name in own]
        rows = np.array([[self._tail(row) for row in np.array(values.square().tolist())] for values in large])
        each = torch.from_numpy(rows).permute(1, 0, 2)  # (R, layers, 2)
        whole = torch.stack([each[..., 0].mean(1), each[..., 1].amin(1)], dim=1)
        found = torch.cat([whole, each.flatten(1)], dim=1) if self.layers else whole
        return found.to(large[0].device)

    def _tail(self, values: np.ndarray) -> tuple[float, float]:
        found = power_tail(values, self.resamples, np.random.default_rng(_SEED))
        return found.exponent, found.p


def _large(replicas: Replicas) -> list[str]:
    """Names of the matrices with enough singular values for a tail."""
    found = [name for name, matrix in spectra(replicas, values=False) if min(matrix.shape[1:]) >= FEWEST]
    if not found:
        raise Unmeasurable(f"no matrix of these networks has {FEWEST} singular values")
    return found
