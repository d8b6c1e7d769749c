"""How often the onset and the correction exponent are right: simulated ladders and systems whose answer is exact."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np

from ...results.grid import common_grid
from ...results.levels import MARGIN
from ..onset.corrections import fit_corrections
from ..onset.sub_ladders import FEWEST, find_onset
from ..outcome import RescaledGroup
from ..truths import galton_watson, least_squares, mean_field
from .simulation import autoregression


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class OnsetCase:
    """A ladder without noise and the noise that is added to it.

    Attributes
    ----------
    truth : ``(K, m)`` normalised curves.
    sizes : ``(K,)``.
    noise : sd of a seed's normalised curve far from x = 1.
    omega : exponent of its leading correction, None where it has none.
    seeds : of each size.
    """

    truth: np.ndarray
    sizes: np.ndarray
    noise: float = 0.01
    omega: float | None = None
    seeds: int = 5

    def onset(self, margin: float = MARGIN) -> int:
        """Index of the true onset; K - 2 where not even the three largest sizes are within the margin."""
        at = len(self.truth) - FEWEST + 1
        while at > 0:
            part = self.truth[at - 1 :]
            # A deviation at the margin is not within it.
            if np.abs(part - part.mean(axis=0)).max() >= margin * (1 - 1e-9):
                break
            at -= 1
        return at

    def draw(self, rng: np.random.Generator) -> RescaledGroup:
        """A group of seeds: noise as in `simulate`, normalised by the end."""
        k, m = self.truth.shape
        walk = autoregression((k, self.seeds), m + 1, rng)
        values = self.truth[:, None] + self.noise * (walk[..., :-1] - walk[..., -1:]) / np.sqrt(2)
        return RescaledGroup(
            scale="end-point",
            x=common_grid(),
            sizes=self.sizes,
            rungs=tuple(f"size {size:g}" for size in self.sizes),
            values=tuple(values),
            seeds=(tuple(range(self.seeds)),) * k,
            phase=None,
            rate=None,
        )


def _amplitudes(*amplitudes: float, omega: float | None = None) -> OnsetCase:
    """Six sizes doubling from 1,000 whose curves differ by an amplitude at x = .1, falling as ln x to 0 at 1."""
    x = common_grid()
    slope = np.log(1 / x) / np.log(1 / x[0])
    return OnsetCase(truth=np.outer(amplitudes, slope), sizes=1000 * 2.0 ** np.arange(6), omega=omega)


def _flow() -> OnsetCase:
    """Gradient flow on power-law least squares to ``t = 4 N^1.5``."""
    spectrum, sizes, x = least_squares.Spectrum(), 16 * 2.0 ** np.arange(6), np.append(common_grid(), 1.0)
    losses = [least_squares.flow_loss(spectrum, int(n), 4 * x * n**spectrum.capacity) for n in sizes]
    logs = np.log(np.stack(losses))
    return OnsetCase(truth=logs[:, :-1] - logs[:, -1:], sizes=sizes, noise=0.002, omega=1.0)


def _scaled(of: Callable[[int, np.ndarray], np.ndarray], sizes: np.ndarray, omega: float) -> OnsetCase:
    u = np.linspace(-2.0, 3.0, len(common_grid()))
    return OnsetCase(truth=np.log(np.stack([of(int(n), u) for n in sizes])), sizes=sizes, noise=0.005, omega=omega)


def _slow() -> OnsetCase:
    return _amplitudes(*0.15 * 2.0 ** (-0.5 * np.arange(6)), omega=0.5)


#: Name -> what makes the case.
CASES: Mapping[str, Callable[[], OnsetCase]] = {
    "first-size": lambda: _amplitudes(*np.zeros(6)),
    "third-size": lambda: _amplitudes(0.2, 0.12, 0, 0, 0, 0),
    "at-the-margin": lambda: _amplitudes(0, MARGIN / 0.8, 0, 0, 0, 0),
    "none": lambda: _amplitudes(*-0.1 * np.arange(6)),
    "slow-approach": _slow,
    "odd-size": lambda: _amplitudes(0, 0.15, 0, 0, 0, 0),
    "least-squares": _flow,
    "Curie-Weiss": lambda: _scaled(mean_field.scaled_magnetisation, 64 * 2.0 ** np.arange(7), 0.5),
    "Galton-Watson": lambda: _scaled(galton_watson.scaled_survival, 8 * 2.0 ** np.arange(6), 1.0),
}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class OnsetPower:
    """Shares of groups.

    Attributes
    ----------
    true_onset : index of the size, K - 2 where there is none.
    too_early : an onset below the true one: the error that is controlled.
    exact, none : the true onset; no onset.
    covered : the interval holds the true onset, of groups that have an onset; None where none has.
    identified : omega has an interval.
    omega : median of omega where it is identified, and ``omega_width`` of its interval's length.
    omega_covered : the interval holds the true omega, of those identified; None without one.
    statuses : of omega, by code, in groups.
    """

    true_onset: int
    too_early: float
    exact: float
    none: float
    covered: float | None
    identified: float
    omega: float | None
    omega_width: float | None
    omega_covered: float | None
    statuses: dict[str, int]


def onset_power(case: OnsetCase, groups: int, rng: np.random.Generator, *, margin: float = MARGIN) -> OnsetPower:
    """Draw groups and ask each for its onset and its omega.

    Parameters
    ----------
    case : what is drawn.
    groups : how many.
    rng : chance.
    margin : in ln l.
    """
    truth, last = case.onset(margin), len(case.sizes) - FEWEST + 1
    ends, fits = [], []
    for chance in rng.spawn(groups):
        group = case.draw(chance)
        found = find_onset(group, margin=margin, rng=chance)
        where = {float(size): k for k, size in enumerate(case.sizes)} | {None: last}
        ends.append((where[found.size], 0 if found.low is None else where[found.low], where[found.high]))
        fits.append(fit_corrections(group, margin=margin, rng=chance))
    at, low, high = np.array(ends).T
    held = ((low <= truth) & (truth <= high))[at < last]
    good = [fit for fit in fits if fit.status.code == "ok"]
    return OnsetPower(
        true_onset=truth,
        too_early=float(np.mean(at < truth)),
        exact=float(np.mean(at == truth)),
        none=float(np.mean(at == last)),
        covered=float(held.mean()) if len(held) else None,
        identified=len(good) / groups,
        omega=float(np.median([fit.omega for fit in good])) if good else None,
        omega_width=float(np.median([fit.high - fit.low for fit in good])) if good else None,
        omega_covered=float(np.mean([f.low <= case.omega <= f.high for f in good])) if good and case.omega else None,
        statuses=dict(Counter(fit.status.code for fit in fits)),
    )
