"""How well the three curves of two learned points follow their equations."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from ..trial_runs import TrialRun
from .estimator import ESTIMATORS, CannotTell, Estimator, Reading

_FEWEST = 3
_BEGUN, _LEARNED = 0.01, 0.99


@ESTIMATORS.register
@dataclasses.dataclass(frozen=True)
class TwoDatumFlow(Estimator):
    """Root mean square distance of three curves from the equations of two data, over each curve's range and all seeds.

    Of two points with differences dx of inputs, dy of targets, dh of a representation and df of outputs, with
    ``h = |dh|^2/|dx|^2``, ``y = |df|^2/|dy|^2``, ``w = (|df|^2 - df . dy)/|dy|^2`` and t the integral of the rate (van
    Rossem and Saxe 2024, arXiv 2402.09142)::

        dh/dt = -a w
        dy/dt = -w (b h + a y/h)
        dw/dt = -(b/2) (3 w - y + 1) h - (a/2) (y + w) w/h

    where a and b are the rates of the two halves of the network, ``eta_h |dy|^2`` and ``eta_y |dx|^2``. From small
    weights y ends at 1 with ``h^2 = a/b``, so the last h gives their ratio, and one number is left to be fitted to all
    three curves. They begin where y is first above .01 and end where it is first above .99.

    Facts: ``points``, the fewest evaluations of a seed in between; ``learned``, the smallest last y; ``growth``, the
    smallest last h over the first; ``scatter``, standard deviation of ln a over seeds.

    Attributes
    ----------
    outputs, error : what y and w are called; h is the claim's observable.
    """

    name: ClassVar[str] = "two-datum-flow"
    summary: ClassVar[str] = "distance of the curves of two learned points from their equations, with one number fitted"
    facts: ClassVar[Mapping[str, str]] = {
        "points": "the number of evaluations on the curve",
        "learned": "the smallest last share of the target",
        "growth": "the factor by which the distance in the features grows",
        "scatter": "the standard deviation of ln rate over seeds",
    }
    outputs: str = "pair_outputs"
    error: str = "pair_error"

    def measure(self, runs: Sequence[TrialRun], observable: str) -> Reading:
        curves = [self._curves(run, observable) for run in runs]
        learned, growth = (min(f(each) for each in curves) for f in (lambda c: c[2, -1], lambda c: c[1, -1] / c[1, 0]))
        if not learned > _BEGUN:
            raise CannotTell(f"a seed ends at an output distance of {learned:.3g}, and has not begun to learn")
        parts = [_between(each) for each in curves]
        fewest = min(part.shape[1] for part in parts)
        if fewest < _FEWEST:
            raise CannotTell(f"{fewest} evaluations of a seed lie in its learning, the equations need {_FEWEST}")
        fitted = [_fitted(part, each[1, -1]) for part, each in zip(parts, curves, strict=True)]
        facts = {"points": float(fewest), "learned": float(learned), "growth": float(growth)}
        facts["scatter"] = float(np.std([rate for rate, _ in fitted]))
        return Reading(value=float(np.sqrt(np.mean([square for _, square in fitted]))), facts=facts)

    def _curves(self, run: TrialRun, observable: str) -> np.ndarray:
        """``(4, m)``: t, h, y, w where all were measured."""
        found = np.array([run.tau, run.of(observable), run.of(self.outputs), run.of(self.error)])
        found = found[:, np.isfinite(found).all(axis=0)]
        if not found.size:
            raise CannotTell(f"a run lacks {observable!r}, {self.outputs!r} or {self.error!r}")
        return found


def _between(curves: np.ndarray) -> np.ndarray:
    """The part from the first y above .01 to the first above .99."""
    begun, there = np.argmax(curves[2] > _BEGUN), np.flatnonzero(curves[2] > _LEARNED)
    return curves[:, begun : there[0] + 1 if len(there) else None]


def _fitted(curves: np.ndarray, last: float) -> tuple[float, float]:
    """ln a, and the mean square of what is left over the curves' ranges; ``b = a / last^2``."""
    from scipy.integrate import solve_ivp
    from scipy.optimize import least_squares

    time, seen = curves[0] - curves[0, 0], curves[1:]
    ranges = np.ptp(seen, axis=1, keepdims=True)

    def away(u: np.ndarray) -> np.ndarray:
        rates = (float(np.exp(u[0])), float(np.exp(u[0])) / last**2)
        flow = solve_ivp(
            _flow, (0, time[-1]), seen[:, 0], t_eval=time, args=rates, method="LSODA", rtol=1e-6, atol=1e-9
        )
        if flow.y.shape != seen.shape:
            return np.full(seen.size, 1e3)  # the equations leave what can be computed
        return ((flow.y - seen) / ranges).ravel()

    # From dh/dt = -a w.
    begin = (seen[0, -1] - seen[0, 0]) / max(-np.trapezoid(seen[2], time), 1e-12)
    found = least_squares(away, [np.log(max(begin, 1e-12))], x_scale=0.1)
    return float(found.x[0]), float(np.square(found.fun).mean())


def _flow(_: float, state: np.ndarray, a: float, b: float) -> list[float]:
    h, y, w = state
    return [-a * w, -w * (b * h + a * y / h), -b / 2 * (3 * w - y + 1) * h - a / 2 * (y + w) * w / h]
