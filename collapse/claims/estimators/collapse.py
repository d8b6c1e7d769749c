"""The largest deviation of a model size's rescaled curve from the mean of all sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from scipy.special import stdtr

from ....results.curves import LearningCurve
from ....results.quantity import Quantity, stored_name
from ...ladders.ladder import Ladder
from ...ladders.rescaling import rescale
from ...reasons import Refusal
from ...within.battery import assess
from ..trial_runs import TrialRun
from .estimator import ESTIMATORS, CannotTell, Estimated, Estimator, Reading, shared_seeds

_FEWEST_SIZES, _FEWEST_SEEDS = 3, 3


@ESTIMATORS.register
@dataclasses.dataclass(frozen=True)
class CollapseDeviation(Estimator):
    """``max_{k,x} |d_k(x)|``, as `onecurve analyze` has it, with its bounds (T5 in docs/method.md).

    "The deviation is at least the margin" is a union over sizes and x, so ``p_agrees`` is the largest of the pointwise
    p-values; ``p_differs`` is the smallest, times their number (Bonferroni). Facts: ``sizes``; ``span``, parameters of
    the largest over those of the smallest.

    Attributes
    ----------
    scale : ``end-point`` needs a known irreducible loss, ``shape`` none.
    """

    name: ClassVar[str] = "collapse-deviation"
    summary: ClassVar[str] = "largest deviation of a size's rescaled curve from the mean of all sizes"
    facts: ClassVar[Mapping[str, str]] = {
        "sizes": "the number of sizes",
        "span": "the parameters of the largest size over those of the smallest",
    }
    scale: Literal["end-point", "shape"] = "end-point"

    def measure(self, runs: Sequence[TrialRun], observable: str) -> Reading:
        found, facts = self._assessed(runs, observable)
        return Reading(value=float(np.abs(found.d).max()), facts=facts)

    def estimate(self, runs: Sequence[TrialRun], observable: str, predicted: float, margin: float) -> Estimated:
        ended = [run for run in runs if run.status == "ok"]
        if not ended or len(shared_seeds(ended)) < _FEWEST_SEEDS:
            raise CannotTell(f"fewer than {_FEWEST_SEEDS} seeds ended well at all sizes")
        found, facts = self._assessed(ended, observable)
        far = np.abs(found.d)
        agrees = stdtr(found.df, -(predicted + margin - far - found.error) / found.se)
        differs = stdtr(found.df, (predicted + margin - far + found.error) / found.se)
        kept = {"seeds": float(len(shared_seeds(ended))), "lost": 1 - len(ended) / len(runs)}
        return Estimated(
            value=float(far.max()),
            low=found.lower(),
            high=found.upper(),
            p_agrees=float(agrees.max()),
            p_differs=float(min(1.0, differs.min() * differs.size)),
            facts={**facts, **kept},
        )

    def _assessed(self, runs: Sequence[TrialRun], observable: str):  # noqa: ANN202
        ladder = Ladder.of(_curve(run, observable) for run in runs)
        if len(ladder.rungs) < _FEWEST_SIZES:
            raise CannotTell(f"{len(ladder.rungs)} sizes have two complete runs, a collapse needs {_FEWEST_SIZES}")
        floor = runs[0].floor if self.scale == "end-point" else None
        try:
            group = rescale(ladder, scale=self.scale, irreducible_loss=floor)
        except Refusal as refusal:
            from ...sentences.reasons import say

            raise CannotTell(say(refusal.reason)) from None
        # A fixed generator: the same runs give the same bounds.
        _, found = assess(group.values, group.x, group.sizes, rng=np.random.default_rng(0))
        sizes = ladder.sizes
        return found, {"sizes": float(len(sizes)), "span": float(sizes.max() / sizes.min())}


def _curve(run: TrialRun, observable: str) -> LearningCurve:
    values = run.of(observable)
    seen = np.isfinite(values)
    return LearningCurve(
        family=run.family,
        dataset=run.dataset,
        recipe="",
        size=run.settings["size"],
        seed=run.seed,
        x=run.x[seen],
        loss=values[seen],
        warmup_fraction=run.settings.get("warmup_fraction", 0.0),
        irreducible_loss=run.floor,
        quantity=Quantity(stored_name(observable)),
        status=run.status,
    )
