"""Curves that share nothing but the schedule, from a prior that no data of the suite have touched."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from ..forms.clock import Clock
from ..forms.sum_of_power_laws import log_sum
from ..ladders.rescaling import to_shape
from ..outcome import Scale

MU_MEDIAN, MU_WIDTH = 0.35, 0.3  # time exponents: half of them within .29 and .43, 95 % within .19 and .63
GAIN_MEAN, GAIN_WIDTH = 0.17, 0.07  # annealing gains, cut off at 0 and .5
CURVES = 255


def prior_curves(clock: Clock, scale: Scale = "end-point") -> np.ndarray:
    """``(255, m)`` curves ln l of the sum of power laws with parameters from the prior, through a schedule.

    ``mu`` is log-normal about .35 (sd of ln mu .3), the share of time at the end has a standard normal logit, the
    annealing gain G is normal about .17 (sd .07, within 0 and .5). The three run through a Sobol sequence, so the
    curves are the same wherever they are asked for. The exponents are those that learning curves are reported to have
    (Hestness et al. 2017: .07 to .35 in data; Kaplan et al. 2020, Hoffmann et al. 2022: .08 to .37), with room above.

    Parameters
    ----------
    clock : grid and schedule.
    scale : as for `RescaledGroup`.
    """
    normal = ndtri(qmc.Sobol(3, scramble=False).random(CURVES + 1)[1:])
    mu = np.exp(np.log(MU_MEDIAN) + MU_WIDTH * normal[:, :1])
    share = 1 / (1 + np.exp(-normal[:, 1:2]))
    gain = np.clip(GAIN_MEAN + GAIN_WIDTH * normal[:, 2:], 0.0, 0.5) if clock.varying else np.zeros_like(mu)
    curves = log_sum(mu, share, gain, clock)
    return curves if scale == "end-point" else to_shape(curves, clock.x)
