"""N1: how far curves that share nothing but the schedule would lie apart, on the same grid and with as many rungs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from .forms import log_form, schedule_of
from .grid import bands
from .outcome import Form, RescaledGroup
from .rescaling import to_shape

FEWEST_FITS = 4
GENEROUS = (
    "unrelated curves are power laws with exponents .2 to .8, for want of other fits: this control is generous, "
    "and lying below it says little"
)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Unrelated:
    """Curves of the closed form with parameters drawn from the suite's own fits, through the group's schedule.

    Attributes
    ----------
    deviation : mean over draws of the largest |d| over rungs and x.
    bands : the same in each band, None where the band is empty.
    curves : ``(draws, m)`` some of them, on the group's scale.
    warning : what weakens the control.
    """

    deviation: float
    bands: tuple[float | None, ...]
    curves: np.ndarray
    warning: str | None


def unrelated(
    group: RescaledGroup, fits: Sequence[Form], *, rng: np.random.Generator, draws: int = 200, shown: int = 60
) -> Unrelated:
    """Draw as many curves as the group has rungs, ``draws`` times, and measure their spread as the group's is measured.

    With at least four fits, (mu, r, G) are drawn from them with replacement and perturbed (a kernel of Silverman's
    width in ln mu, logit share and G). With fewer: one set of exponents evenly on [.2, .8], pure power laws. All go
    through the group's schedule and are put on its scale, because a decaying schedule alone makes curves agree near
    their end.
    """
    k = len(group.sizes)
    generous = len(fits) < FEWEST_FITS
    mu, share, gain = _even(k) if generous else _drawn(fits, (draws, k, 1), rng)
    curves = log_form(mu, share, gain, *schedule_of(group))
    if group.scale == "shape":
        curves = to_shape(curves, group.x)
    d = np.abs(curves - curves.mean(axis=1, keepdims=True))
    in_band = [float(d[..., mask].max(axis=(1, 2)).mean()) if mask.any() else None for _, mask in bands(group.x)]
    warning = GENEROUS if generous else None
    if group.phase is None:
        warning = "the schedule is not known: unrelated curves are drawn at constant rate, which is a generous control"
    return Unrelated(
        deviation=float(d.max(axis=(1, 2)).mean()),
        bands=tuple(in_band),
        curves=curves.reshape(-1, len(group.x))[:shown],
        warning=warning,
    )


def _even(k: int) -> tuple[np.ndarray, float, float]:
    return np.linspace(0.2, 0.8, k)[None, :, None], 1.0, 0.0


def _drawn(
    fits: Sequence[Form], shape: tuple[int, ...], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = np.array([[np.log(fit.mu), np.log(fit.share / (1 - fit.share)), fit.gain] for fit in fits])  # type: ignore[operator, arg-type]
    width = table.std(axis=0, ddof=1) * (0.8 / len(table)) ** (1 / 7)
    chosen = table[rng.integers(len(table), size=shape[:2])] + width * rng.normal(size=(*shape[:2], 3))
    mu, share = np.exp(chosen[..., :1]), 1 / (1 + np.exp(-chosen[..., 1:2]))
    return mu, share, np.clip(chosen[..., 2:], 0.0, 0.95)
