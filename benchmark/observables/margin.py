"""By how much the true class leads over the best other one."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ...architectures.family import Family
from ...datasets.dataset import Dataset
from ...task import Task
from .classes import NO_CLASSES, cases
from .observable import OBSERVABLES, Probe, Reader, Readout

_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class Margin(Readout):
    """Quantiles of ``f_y - max_{c != y} f_c``, the logit of the true class less the largest other one.

    The q-quantile is the smallest margin that at least a share q of the examples does not exceed. Where the test set
    holds true probabilities, an example counts for each class with its probability.
    """

    name = "margin"
    names = tuple(f"margin_q{100 * level:02.0f}" for level in _LEVELS)
    summary = "quantiles of the margin of the true class on the test set"
    scale = "difference"

    def misfit(self, family: Family, dataset: Dataset) -> str | None:
        return None if dataset.task.loss == "cross_entropy" else NO_CLASSES

    def reader(self, probe: Probe) -> Reader:
        return _Margins(probe.dataset.task)


class _Margins(Reader):
    def __init__(self, task: Task) -> None:
        self._task = task
        self._seen: list[tuple[Tensor, Tensor]] = []

    def take(self, rows: slice, outputs: Tensor, targets: Tensor) -> None:
        found = [cases(self._task, *one) for one in zip(outputs, targets, strict=True)]
        margins = torch.stack([_margins(one.logits.double()) for one in found])
        self._seen.append((margins.flatten(1), torch.stack([one.truth for one in found]).flatten(1)))

    def values(self) -> Tensor:
        margins, weights = (torch.cat(parts, dim=1) for parts in zip(*self._seen, strict=True))
        order = margins.argsort(dim=1)
        shares = weights.gather(1, order).cumsum(1)
        levels = torch.tensor(_LEVELS, dtype=shares.dtype, device=shares.device)
        place = torch.searchsorted(shares, levels * shares[:, -1:] * (1 - 1e-12)).clamp(max=shares.shape[1] - 1)
        return margins.gather(1, order).gather(1, place)


def _margins(logits: Tensor) -> Tensor:
    """``(n, outputs)``: of each class, were it the true one."""
    top = logits.topk(2, dim=-1)
    others = top.values[:, :1].expand_as(logits).clone()
    return logits - others.scatter(1, top.indices[:, :1], top.values[:, 1:])
