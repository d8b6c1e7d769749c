"""How well a model predicts held-out seeds of a family, and how far that would move with other seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import multivariate_t

from ..ladders.rescaling import master_curve
from ..outcome import RescaledGroup
from .covariance import Noise, counts_of, halves
from .predictions import Prediction, Setting

Predict = Callable[[Setting, RescaledGroup], Prediction]
DRAWS = 200  # of all seeds; a standard error is then known to 5 %


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class SeedDraws:
    """Errors that seeds make in block means of mean curves, the same for all models that are compared.

    ``halves`` are for each group ``(2, D, q)``, one for the mean of each half of its seeds; ``unit`` ``(D, q)`` is
    standard normal, for what else of a prediction comes from seeds.
    """

    halves: tuple[np.ndarray, ...]
    unit: np.ndarray

    @classmethod
    def of(
        cls, groups: Sequence[RescaledGroup], noise: Noise, rng: np.random.Generator, draws: int = DRAWS
    ) -> SeedDraws:
        """Normal with the pooled covariance of each half's mean."""
        q = len(noise.blocks)
        found = []
        for i, group in enumerate(groups):
            roots = [_root(noise, noise.of_mean(i, counts_of(half))) for half in halves(group)]
            found.append(np.stack([rng.standard_normal((draws, q)) @ root.T for root in roots]))
        return cls(tuple(found), rng.standard_normal((draws, q)))

    def master(self, weights: np.ndarray) -> np.ndarray:
        """``(D, q)`` error of a master curve that weighs the groups so ``(G,)``."""
        return np.asarray(sum(w * one.mean(axis=0) for w, one in zip(weights, self.halves, strict=True) if w))


def densities(predict: Predict, setting: Setting, drawn: SeedDraws) -> np.ndarray:
    """Log density of one half of the left-out family's seeds given the other, mean of both ways: ``(1 + D,)``.

    The first is of the data, the others of the data moved by what each draw of seeds moves the half that is predicted
    and the prediction. How a prediction moves is linear in the curves that it was made from (`Prediction.response`).
    """
    parts = halves(setting.groups[setting.left_out])
    return 0.5 * (_density(predict, setting, drawn, parts, 0) + _density(predict, setting, drawn, parts, 1))


def _density(
    predict: Predict, setting: Setting, drawn: SeedDraws, parts: tuple[RescaledGroup, RescaledGroup], own: int
) -> np.ndarray:
    noise, test = setting.noise, parts[1 - own]
    found = predict(setting, parts[own])
    covariance = found.covariance + noise.of_mean(setting.left_out, counts_of(test))
    q = len(noise.blocks)
    df = noise.df - q + 1  # predictive of a normal whose covariance was estimated on noise.df
    scale = noise.blocks @ covariance @ noise.blocks.T * noise.df / df
    gap = noise.blocks @ (master_curve(test) - found.curve)
    moved = drawn.halves[setting.left_out][1 - own] - _moved(found, setting, drawn, own)
    rows = np.vstack([gap, gap + moved])
    return np.atleast_1d(multivariate_t(np.zeros(q), scale, df).logpdf(rows))  # type: ignore[arg-type]


def _moved(found: Prediction, setting: Setting, drawn: SeedDraws, own: int) -> np.ndarray:
    """``(D, q)`` change of a prediction's block means with each draw."""
    moved = drawn.halves[setting.left_out][own] @ found.response.T
    if found.follows_master:
        return moved + drawn.master(setting.weights) @ (np.eye(len(found.response)) - found.response).T
    values, vectors = np.linalg.eigh(setting.noise.blocks @ found.shared @ setting.noise.blocks.T)
    return moved + drawn.unit @ (vectors * np.sqrt(np.maximum(values, 0.0))).T


def _root(noise: Noise, covariance: np.ndarray) -> np.ndarray:
    return np.linalg.cholesky(noise.blocks @ covariance @ noise.blocks.T)
