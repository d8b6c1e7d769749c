"""Each exact system measured once, beside the answer: the rows of the calibration certificate."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from . import galton_watson, growth, least_squares, matrices, mean_field
from .correction_exponents import CorrectionExponent, correction_exponent
from .least_squares import Spectrum


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """A measured number, its 95 % interval where it has one, the exact one, and whether they agree.

    ``exact`` is a number, or in words what the number must satisfy.
    """

    system: str
    quantity: str
    found: float | None
    low: float | None
    high: float | None
    exact: str
    agrees: bool


def least_squares_truths(quick: bool, rng: np.random.Generator) -> list[Truth]:
    """The correction exponent of power-law least squares, its distance from the limit, and SGD with label noise."""
    spectrum, x = Spectrum(), np.geomspace(0.1, 1.0, 12)
    sizes = 2 ** np.arange(4, 11)
    curves = np.stack(
        [n**spectrum.nu * least_squares.flow_loss(spectrum, int(n), x * n**spectrum.capacity) for n in sizes]
    )
    worst = float(np.abs(curves[0] / least_squares.scaling_function(spectrum, x) - 1).max())
    rows = [_omega("power-law least squares", correction_exponent(sizes, curves, rng=rng), 1.0)]
    rows.append(_near("power-law least squares", "largest distance from the limit at N = 16", worst, 0.020, 0.002))
    ladder, grid = np.array([8, 16, 32, 64]), np.geomspace(0.1, 0.98, 24)
    for words, label, scaled, exact, holds in (
        ("without label noise", 0.0, False, "below .03", lambda d: d < 0.03),
        ("label noise, one batch size", 0.5, False, "above .1", lambda d: d > 0.1),
        ("label noise, batch growing as 1/E_end", 0.5, True, "below .03", lambda d: d < 0.03),
    ):
        z = least_squares.sgd_ladder(
            spectrum, ladder, grid, rate=0.3, batch=4, label_variance=label, scale_batch=scaled, steps_per_unit=2.0
        )
        deviation = float(np.abs(z - z.mean(axis=0)).max())
        rows.append(_row("exact SGD recursion", f"deviation, {words}", deviation, exact, holds(deviation)))
    return rows


def mean_field_truths(quick: bool, rng: np.random.Generator) -> list[Truth]:
    """The slow corrections of the Curie-Weiss magnet and the fast ones of galton_watson."""
    u, sizes = np.linspace(-2.0, 2.0, 9), 4 ** np.arange(3, 8)
    magnet = np.stack([mean_field.scaled_magnetisation(int(n), u) for n in sizes])
    family = np.stack([galton_watson.scaled_survival(int(n), u) for n in sizes])
    survival = float(galton_watson.scaled_survival(256, np.array([2.0]))[0])
    return [
        _omega("Curie-Weiss magnet", correction_exponent(sizes, magnet, rng=rng), 0.5),
        _omega("Galton-Watson family", correction_exponent(sizes, family, rng=rng), 1.0),
        _near("Galton-Watson family", "257 times survival of 256 generations at u = 2", survival, 2.304, 5e-4),
    ]


def growth_truths(quick: bool, rng: np.random.Generator) -> list[Truth]:
    """Edwards-Wilkinson in closed form, and both classes told apart."""
    saturated = float(growth.exact_width(64, np.array([1e9]))[0] / 64)
    around = growth.exact_width(4096, np.array([99.0, 101.0]))
    slope = float(0.5 * np.log(around[1] / around[0]) / np.log(101 / 99))
    rows = [
        _near("Edwards-Wilkinson, exact sum", "saturated square width over L, L = 64", saturated, 0.08331, 1e-5),
        _near("Edwards-Wilkinson, exact sum", "local growth exponent at t = 100", slope, 0.2486, 2e-4),
    ]
    tries = 20 if quick else 100
    for dynamics, exponent in growth.DYNAMIC_EXPONENT.items():
        found = [growth.dynamic_exponent(g, rng=rng) for g in _growths(dynamics, tries, rng)]
        told = [one.growth_class for one in found]
        right, wrong = told.count(dynamics) / tries, (tries - told.count(dynamics) - told.count(None)) / tries
        rows.append(_row(f"single-step model, {dynamics}", "tries told right", right, "at least .95", right >= 0.95))
        rows.append(_row(f"single-step model, {dynamics}", "tries confused", wrong, "at most .05", wrong <= 0.05))
        z = float(np.mean([one.z for one in found if one.z is not None]))
        rows.append(_near(f"single-step model, {dynamics}", "mean z", z, exponent, 0.1))
    return rows


def edge_truths(quick: bool, rng: np.random.Generator) -> list[Truth]:
    """Edges of random matrices: normal and sign entries one class, heavy entries another."""
    size, draws = (100, 400) if quick else (128, 1000)
    normal, sign, heavy = (
        matrices.largest_eigenvalues(name, size, draws, rng) for name in ("gaussian", "rademacher", "heavy")
    )
    rows = [_near("Wigner edge, normal entries", "mean", float(normal.mean()), matrices.TRACY_WIDOM_MEAN, 0.3)]
    for name, other, expected in (("signs", sign, True), ("Student t_3", heavy, False)):
        found = matrices.compare_edges(normal, other, rng=rng)
        words = "below .5: one class" if expected else "above .5: another class"
        rows.append(
            Truth(
                system=f"Wigner edge, normal entries against {name}",
                quantity="difference",
                found=found.difference,
                low=found.low,
                high=found.high,
                exact=words,
                agrees=found.one_class is expected,
            )
        )
    return rows


TRUTHS: Sequence[Callable[[bool, np.random.Generator], list[Truth]]] = (
    growth_truths,
    edge_truths,
    least_squares_truths,
    mean_field_truths,
)


def _growths(
    dynamics: growth.Dynamics, tries: int, rng: np.random.Generator, seeds: int = 5
) -> list[growth.GrownRings]:
    """Independent ladders of five seeds, simulated together."""
    big = growth.simulate_growth(dynamics, seeds * tries, rng)
    parts = [slice(seeds * i, seeds * (i + 1)) for i in range(tries)]
    return [growth.GrownRings(big.sizes, big.times, tuple(widths[part] for widths in big.widths)) for part in parts]


def _row(system: str, quantity: str, found: float, exact: str, agrees: bool) -> Truth:
    return Truth(system=system, quantity=quantity, found=found, low=None, high=None, exact=exact, agrees=bool(agrees))


def _near(system: str, quantity: str, found: float, exact: float, within: float) -> Truth:
    return _row(system, quantity, found, f"{exact:g} within {within:g}", abs(found - exact) <= within)


def _omega(system: str, found: CorrectionExponent, exact: float) -> Truth:
    inside = found.low is not None and found.high is not None and found.low <= exact <= found.high
    return Truth(
        system=system,
        quantity="correction exponent omega",
        found=found.omega,
        low=found.low,
        high=found.high,
        exact=f"{exact:g} inside the interval",
        agrees=inside,
    )
