"""Ways to continue a curve of which only the first part is known. All work on ln E(x), the end included."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from ..forms.annealing import GAIN, log_denominator
from ..forms.clock import Clock
from ..forms.form import Form
from ..forms.posed import Posed
from .search import fit_from_many


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Context:
    """What is known when a rung is forecast.

    Attributes
    ----------
    x : ``(m + 1,)`` grid and the end.
    phase, rate : ``(m + 1,)`` of the schedule.
    early : number of first points that are seen of the target.
    rungs : K arrays ``(n_k, m + 1)``: ln E of the training rungs.
    log_sizes : ``(K,)`` of the training rungs.
    log_size : the target's.
    """

    x: np.ndarray
    phase: np.ndarray
    rate: np.ndarray
    early: int
    rungs: Sequence[np.ndarray]
    log_sizes: np.ndarray
    log_size: float

    def without(self, k: int) -> Context:
        """The forecast of training rung k from the others."""
        kept = [i for i in range(len(self.rungs)) if i != k]
        return dataclasses.replace(
            self,
            rungs=[self.rungs[i] for i in kept],
            log_sizes=self.log_sizes[kept],
            log_size=float(self.log_sizes[k]),
        )


Method = Callable[[Context, np.ndarray], np.ndarray]
"""From a context and the target's seeds up to the last early point ``(n, e)`` to the rest ``(n, m + 1 - e)``."""


def master_of(rungs: Sequence[np.ndarray]) -> np.ndarray:
    """``(m + 1,)`` mean over rungs of the mean over seeds of ``ln E(x) - ln E(1)``."""
    return np.mean([(rows - rows[:, -1:]).mean(axis=0) for rows in rungs], axis=0)


def by_master(context: Context, seen: np.ndarray) -> np.ndarray:
    """The master curve of the training rungs, moved so that it passes through the early part on average."""
    return _along(master_of(context.rungs), seen)


def by_given_master(master: np.ndarray) -> Method:
    """The same with a master curve ``(m + 1,)`` from elsewhere, such as another family's."""
    return lambda _, seen: _along(master, seen)


def by_own_power_law(context: Context, seen: np.ndarray) -> np.ndarray:
    """The target's own power law: a straight line in (ln x, ln E) through its early part."""
    at = np.log(context.x)
    u = at[: context.early] - at[: context.early].mean()
    slope = (seen @ u / (u @ u))[:, None]
    return seen.mean(axis=1)[:, None] + slope * (at[context.early :] - at[: context.early].mean())


def by_last_value(context: Context, seen: np.ndarray) -> np.ndarray:
    """The last loss seen, for ever."""
    return np.repeat(seen[:, -1:], len(context.x) - context.early, axis=1)


def by_sum_of_power_laws(context: Context, seen: np.ndarray) -> np.ndarray:
    """``E = [A p^-a y^-mu + B p^-nu] / (1 - G eta)`` fitted to all training curves and to the target's early part;
    each seed then keeps its own mean distance from the fit."""
    lp = np.append(context.log_sizes, context.log_size)
    lp = lp - context.log_sizes.mean()
    whole = len(context.x)
    size = np.append(np.repeat(lp[:-1], whole), np.full(context.early, lp[-1]))
    place = np.append(np.tile(np.arange(whole), len(lp) - 1), np.arange(context.early))
    target = np.append(np.concatenate([rows.mean(axis=0) for rows in context.rungs]), seen.mean(axis=0))
    log_phase, varying = np.log(context.phase), np.ptp(context.rate) > 1e-9

    def surface(theta: np.ndarray, size: np.ndarray, place: np.ndarray) -> np.ndarray:
        amplitude, a, mu, floor, nu, *gain = (theta[:, i : i + 1] for i in range(theta.shape[1]))
        value = np.logaddexp(amplitude - a * size - np.exp(mu) * log_phase[place], floor - nu * size)
        return value - log_denominator(gain[0], context.rate[place]) if gain else value

    level = float(np.mean([rows[:, -1].mean() for rows in context.rungs]))
    extra = [0.1] if varying else []
    starts = np.array([[level - 0.7, s, np.log(mu), level - 0.7, s, *extra] for mu in (0.2, 0.6) for s in (0.2, 0.6)])
    low = np.array([level - 8, -2, np.log(0.02), level - 8, -2, *([GAIN.low] if varying else [])])
    high = np.array([level + 3, 3, np.log(3), level + 3, 3, *([GAIN.high] if varying else [])])
    theta, _ = fit_from_many(lambda t: surface(t, size, place), starts, target, np.ones(len(target)), low, high)
    fitted = surface(theta[None], np.full(whole, lp[-1]), np.arange(whole))[0]
    return _along(fitted, seen)


def by_form(form: Form) -> Method:
    """One form for all sizes, ``ln E_k = c_k + ln l(x)``, fitted to all training curves and to the target's early part;
    each seed then keeps its own mean distance from the fit."""

    def predict(context: Context, seen: np.ndarray) -> np.ndarray:
        e, early = context.early, seen.mean(axis=0)
        posed = Posed.on(form, Clock(context.x, context.phase, context.rate, float(context.rate[-1])))

        def levelled(curves: np.ndarray) -> np.ndarray:
            """Curves ``(N, m + 1)`` less their mean, and their early part less its own: the c_k are projected out."""
            parts = curves, curves[:, :e]
            return np.concatenate([part - part.mean(axis=1, keepdims=True) for part in parts], axis=1)

        whole = np.mean([rows.mean(axis=0) for rows in context.rungs], axis=0)
        target = np.append(whole - whole.mean(), early - early.mean())
        weights = np.append(np.full(len(whole), float(len(context.rungs))), np.ones(e))
        theta, _ = fit_from_many(
            lambda t: levelled(posed.curve(t)), posed.starts, target, weights, posed.low, posed.high
        )
        return _along(posed.curve(theta[None])[0], seen)

    return predict


def _along(curve: np.ndarray, seen: np.ndarray) -> np.ndarray:
    early = seen.shape[1]
    return curve[early:] + (seen - curve[:early]).mean(axis=1)[:, None]
