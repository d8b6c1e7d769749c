"""How the representations of two seeds approach each other as a setting grows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np

from ....results.grams import Gram
from ...representations.similarity import debiased_cka
from ..trial_runs import TrialRun, grouped
from .estimator import ESTIMATORS, CannotTell, Estimator, Reading
from .one_setting import misfit, slope

_ROUNDING = 1e-9


@ESTIMATORS.register
@dataclasses.dataclass(frozen=True)
class SeedSimilarity(Estimator):
    """``d ln(1 - CKA) / d ln s``: CKA the mean over pairs of seeds of the debiased one, at each value of a setting s.

    Facts: ``settings``, how many there are; ``least``, the smallest CKA; ``misfit``, the largest distance of
    ln(1 - CKA) from its line.

    Attributes
    ----------
    setting : its name, such as ``width``.
    layer : ``last`` or ``middle``.
    moment : ``end`` of the training, or its ``start``.
    """

    name: ClassVar[str] = "seed-similarity"
    summary: ClassVar[str] = "d ln(1 - CKA between seeds) / d ln s over the values of a setting"
    facts: ClassVar[Mapping[str, str]] = {
        "settings": "the number of settings",
        "least": "the smallest CKA between seeds",
        "misfit": "the largest distance of the logarithm from the power law",
    }
    setting: str = "width"
    layer: Literal["last", "middle"] = "last"
    moment: Literal["start", "end"] = "end"

    def measure(self, runs: Sequence[TrialRun], observable: str) -> Reading:
        by_value = grouped(runs, lambda run: run.settings.get(self.setting, np.nan))
        if len(by_value) < 2:
            raise CannotTell(f"{self.setting} has one value only")
        alike = np.array([self._alike(each) for each in by_value.values()])
        if not (alike < 1 - _ROUNDING).all():
            raise CannotTell("the representations of some seeds are equal")
        u, y = np.log(list(by_value)), np.log(1 - alike)
        facts = {"settings": float(len(u)), "least": float(alike.min()), "misfit": misfit(u, y)}
        return Reading(value=slope(u, y), facts=facts)

    def _alike(self, runs: Sequence[TrialRun]) -> float:
        grams = [self._gram(run) for run in runs]
        if len({gram.inputs for gram in grams}) > 1:
            raise CannotTell("runs were looked at on different inputs")
        if len(grams) < 2:
            raise CannotTell("one seed has nothing to be compared with")
        matrices = [gram.matrix for gram in grams]
        return float(debiased_cka(matrices, matrices)[np.triu_indices(len(grams), 1)].mean())

    def _gram(self, run: TrialRun) -> Gram:
        step = 0 if self.moment == "start" else run.steps[-1]
        found = [gram for gram in run.grams if gram.layer == self.layer and gram.step == step]
        if not found:
            raise CannotTell(f"a run has no Gram matrix of its {self.layer} layer at the {self.moment}")
        return found[0]
