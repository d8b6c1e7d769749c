"""The universal forms that a master curve may have, each through the same schedule.

Every form is ``ln l(x)`` with ``l(1) = 1``, in two factors: a time law in the phase ``y = int_0^x eta / int_0^1 eta``
and the annealing factor ``(1 - G eta(1))/(1 - G eta(x))``, so that forms differ in their time law alone.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from ...errors import unknown
from ..ladders.rescaling import to_shape
from ..outcome import RescaledGroup
from . import time_laws
from .search import Curve
from .time_laws import Clock, TimeLaw


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Law:
    """A form: a time law ``log_curve(theta (N, q), clock) -> (N, m)``, its parameters, bounds and starts.

    ``logarithmic`` names the parameters that are searched in their logarithm. ``annealed`` is False where the law
    carries the schedule itself or ignores it. ``same_at_constant_rate`` names the form that it then coincides with.
    """

    name: str
    formula: str
    parameters: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    starts: tuple[tuple[float, ...], ...]
    log_curve: TimeLaw
    logarithmic: tuple[str, ...] = ()
    annealed: bool = True
    same_at_constant_rate: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """A law on one clock and scale, ready to be searched: ``curve`` maps ``(N, q)`` to ``(N, m)``."""

    law: Law
    names: tuple[str, ...]
    curve: Curve
    low: np.ndarray
    high: np.ndarray
    starts: np.ndarray

    def natural(self, theta: np.ndarray) -> np.ndarray:
        """Parameters ``(..., q)`` as the formula has them."""
        logs = np.array([name in self.law.logarithmic for name in self.names])
        return np.where(logs, np.exp(np.where(logs, theta, 0.0)), theta)


def problem(law: Law, group: RescaledGroup) -> Problem:
    """Set a law up for a group's clock and scale; the annealing gain joins the parameters where the rate changes."""
    clock = Clock.of(group)
    gained = law.annealed and clock.varying
    q = len(law.parameters)

    def curve(theta: np.ndarray) -> np.ndarray:
        z = law.log_curve(theta[:, :q], clock)
        if gained:
            gain = theta[:, q:]
            z = z + np.log1p(-gain * clock.end_rate) - np.log1p(-gain * clock.rate)
        if group.scale == "end-point":
            return z
        with np.errstate(divide="ignore", invalid="ignore"):
            # A curve that does not fall has no shape; far off, it is left at once.
            return np.nan_to_num(to_shape(z, clock.x), nan=1e3, posinf=1e3, neginf=-1e3)

    extra = ((0.0, 0.15, 0.5),) if gained else ()
    starts = np.array([[*row] for row in itertools.product(*law.starts, *extra)])
    return Problem(
        law=law,
        names=law.parameters + (("gain",) if gained else ()),
        curve=curve,
        low=np.array(law.low + ((0.0,) if gained else ())),
        high=np.array(law.high + ((0.95,) if gained else ())),
        starts=starts,
    )


def find(name: str) -> Law:
    """A law by its name."""
    for law in LAWS:
        if law.name == name:
            return law
    raise unknown("form", name, [law.name for law in LAWS])


_MU = (np.log(0.02), np.log(3.0))
_MU_STARTS = tuple(np.log([0.1, 0.3, 0.6, 1.2]))
LAWS = (
    Law(
        name="sum with size",
        formula="l = (r y^-mu + 1)/(1 + r), share = r/(1 + r): a power law in time and one in size (M2)",
        parameters=("mu", "share"),
        logarithmic=("mu",),
        low=(_MU[0], 0.0),
        high=(_MU[1], 1.0),
        starts=(_MU_STARTS, (0.2, 0.5, 0.8)),
        log_curve=time_laws.sum_with_size,
    ),
    Law(
        name="power law with offset",
        formula="l = share x^-mu + 1 - share, in steps, blind to the schedule",
        parameters=("mu", "share"),
        logarithmic=("mu",),
        low=(_MU[0], 0.0),
        high=(_MU[1], 1.0),
        starts=(_MU_STARTS, (0.2, 0.5, 0.8)),
        log_curve=time_laws.offset,
        annealed=False,
        same_at_constant_rate="sum with size",
    ),
    Law(
        name="sum of power laws",
        formula="l = share y^-mu + (1 - share) y^-slow",
        parameters=("mu", "slow", "share"),
        logarithmic=("mu", "slow"),
        low=(_MU[0], np.log(1e-3), 0.0),
        high=(_MU[1], np.log(1.0), 1.0),
        starts=(_MU_STARTS, tuple(np.log([0.02, 0.2])), (0.2, 0.5, 0.8)),
        log_curve=time_laws.two_powers,
    ),
    Law(
        name="stretched exponential",
        formula="ln l = depth (1 - y^beta)",
        parameters=("depth", "beta"),
        logarithmic=("depth", "beta"),
        low=(np.log(1e-3), np.log(1e-2)),
        high=(np.log(300.0), np.log(4.0)),
        starts=(tuple(np.log([0.3, 1.0, 5.0])), tuple(np.log([0.1, 0.5, 1.0]))),
        log_curve=time_laws.stretched,
    ),
    Law(
        name="logarithmic",
        formula="l = 1 - slope ln[(y + shift)/(1 + shift)]",
        parameters=("slope", "shift"),
        logarithmic=("slope", "shift"),
        low=(np.log(1e-3), np.log(1e-5)),
        high=(np.log(100.0), np.log(3.0)),
        starts=(tuple(np.log([0.1, 0.5, 2.0])), tuple(np.log([1e-3, 0.05, 0.5]))),
        log_curve=time_laws.logarithmic,
    ),
    Law(
        name="logistic",
        formula="l = [1 + e^(k (1 - middle))]/[1 + e^(k (y - middle))]",
        parameters=("k", "middle"),
        logarithmic=("k",),
        low=(np.log(1e-2), -3.0),
        high=(np.log(100.0), 1.5),
        starts=(tuple(np.log([0.5, 2.0, 8.0])), (-0.5, 0.2, 0.7)),
        log_curve=time_laws.logistic,
    ),
    Law(
        name="broken power law",
        formula="ln l = -mu ln y - change w [ln(1 + (y/e^place)^(1/w)) - the same at y = 1], w = .3",
        parameters=("mu", "change", "place"),
        logarithmic=("mu",),
        low=(_MU[0], -3.0, np.log(0.03)),
        high=(_MU[1], 3.0, np.log(2.0)),
        starts=(_MU_STARTS, (-0.3, 0.3), tuple(np.log([0.15, 0.5]))),
        log_curve=time_laws.broken,
    ),
    Law(
        name="multi-power law",
        formula="l = share y^-mu + 1 - share - drop sum_k d eta_k [1 - (1 + speed eta_k^-.64 S_k)^-.6] + the same at 1",
        parameters=("mu", "share", "drop", "speed"),
        logarithmic=("mu", "speed"),
        low=(_MU[0], 0.0, 0.0, np.log(0.05)),
        high=(_MU[1], 3.0, 5.0, np.log(1e4)),
        starts=(_MU_STARTS, (0.3, 0.7), (0.1, 0.5), tuple(np.log([2.0, 50.0]))),
        log_curve=time_laws.multi_power,
        annealed=False,
        same_at_constant_rate="sum with size",
    ),
)
