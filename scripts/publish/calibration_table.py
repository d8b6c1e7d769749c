"""The cells of the calibration certificate, and the figures that they should reproduce."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ...collapse.calibration.bound_power import BoundCell
from ...collapse.calibration.robust_power import Marks
from ...collapse.calibration.simulation import Scenario

Range = tuple[float, float]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationLine:
    """A cell of the table and the figures it should reproduce, as (low, high); ``floors`` runs T2 and T4 too."""

    name: str
    cell: Scenario
    expected: Mapping[str, Range]
    floors: bool = True


def _one(value: float) -> Range:
    return value, value


LINES = (
    CalibrationLine(
        name="true collapse",
        cell=Scenario(),
        expected={
            "chi_square": (0.6, 0.7),
            "permutation": (0.19, 0.28),
            "exact": _one(0.05),
            "shape": _one(0.04),
            "profiled": (0.04, 0.06),
            "certified": (0.99, 1.0),
            "refuted": _one(0.0),
            "bias": _one(0.0),
            "against_end_point": _one(0.05),
            "against_known": _one(0.05),
            "against_normal": (0.05, 0.08),
            "joint": _one(0.048),
        },
    ),
    CalibrationLine(
        name="noise 4 times larger at one end",
        cell=Scenario(noise_ratio=4),
        expected={
            "chi_square": _one(0.6),
            "permutation": (0.17, 0.28),
            "exact": (0.04, 0.08),
            "shape": (0.02, 0.055),
            "profiled": (0.045, 0.058),
            "certified": _one(0.78),
            "refuted": _one(0.0),
            "bias": _one(0.0001),
        },
    ),
    CalibrationLine(
        name="horizon exponent +5 %",
        cell=Scenario(gamma_error=0.05),
        expected={
            "chi_square": _one(0.98),
            "permutation": _one(0.56),
            "exact": (0.55, 0.68),
            "trend": _one(0.92),
            "shape": _one(0.05),
            "profiled": _one(0.09),
            "bias": _one(0.007),
            "against_normal": _one(0.37),
            "against_known": _one(0.89),
        },
    ),
    CalibrationLine(
        name="horizon exponent +10 %",
        cell=Scenario(gamma_error=0.1),
        expected={
            "chi_square": _one(1.0),
            "permutation": (0.91, 0.97),
            "exact": _one(1.0),
            "shape": _one(0.045),
            "profiled": _one(0.18),
            "certified": _one(0.22),
            "refuted": _one(0.0),
            "bias": _one(0.0128),
            "against_normal": _one(0.88),
            "joint": _one(0.54),
        },
    ),
    CalibrationLine(
        name="horizon exponent +20 %",
        cell=Scenario(gamma_error=0.2),
        expected={
            "permutation": _one(1.0),
            "exact": _one(1.0),
            "shape": _one(0.05),
            "profiled": _one(0.70),
            "refuted": _one(0.52),
            "bias": _one(0.0229),
            "against_end_point": _one(1.0),
            "joint": _one(0.99),
        },
    ),
    CalibrationLine(
        name="horizon exponent +40 %",
        cell=Scenario(gamma_error=0.4),
        expected={
            "exact": _one(1.0),
            "shape": _one(0.06),
            "profiled": _one(1.0),
            "refuted": _one(1.0),
            "bias": _one(0.0377),
        },
    ),
    CalibrationLine(
        name="time exponent drifts .01 a rung",
        cell=Scenario(drift=0.01),
        expected={"exact": _one(1.0), "shape": (0.30, 0.35), "profiled": _one(0.60), "bias": _one(-0.0270)},
    ),
    CalibrationLine(
        name="time exponent drifts .02 a rung",
        cell=Scenario(drift=0.02),
        expected={"exact": _one(1.0), "shape": _one(0.95), "profiled": _one(1.0), "bias": _one(-0.0606)},
    ),
    CalibrationLine(
        name="4 rungs, 3 seeds, true collapse",
        cell=Scenario(rungs=4, seeds=3),
        expected={"exact": _one(0.046), "certified": _one(0.88)},
        floors=False,
    ),
    CalibrationLine(
        name="4 rungs, 8 seeds, true collapse",
        cell=Scenario(rungs=4, seeds=8),
        expected={"exact": _one(0.061)},
        floors=False,
    ),
    CalibrationLine(
        name="horizon exponent +20 %, noise 4 times larger at one end",
        cell=Scenario(gamma_error=0.2, noise_ratio=4),
        expected={"exact": _one(1.0), "refuted": _one(0.73)},
        floors=False,
    ),
    CalibrationLine(
        name="exponents .3, horizon exponent +20 %, constant rate",
        cell=Scenario(mu=0.3, nu=0.3, gamma_error=0.2),
        expected={"exact": (0.96, 0.97)},
        floors=False,
    ),
    CalibrationLine(
        name="exponents .3, horizon exponent +20 %, linear decay",
        cell=Scenario(mu=0.3, nu=0.3, gamma_error=0.2, decay=True),
        expected={"exact": (0.53, 0.60)},
        floors=False,
    ),
    CalibrationLine(
        name="the same, constant rate, noise 4 times larger at one end",
        cell=Scenario(mu=0.3, nu=0.3, gamma_error=0.2, noise_ratio=4),
        expected={"exact": _one(0.79)},
        floors=False,
    ),
    CalibrationLine(
        name="the same, linear decay, noise 4 times larger at one end",
        cell=Scenario(mu=0.3, nu=0.3, gamma_error=0.2, decay=True, noise_ratio=4),
        expected={"exact": _one(0.38)},
        floors=False,
    ),
    CalibrationLine(
        name="exponents .3, linear decay, gain drifts from .11 to .17",
        cell=Scenario(mu=0.3, nu=0.3, gain=(0.11, 0.17), decay=True),
        expected={"deviation": _one(0.03)},
        floors=False,
    ),
    CalibrationLine(
        name="test-set offset, sd 2 % of the smallest end excess",
        cell=Scenario(offset=0.02),
        expected={"exact": _one(0.14)},
        floors=False,
    ),
    CalibrationLine(
        name="8 rungs, 10 seeds, test-set offset, sd 4 %",
        cell=Scenario(rungs=8, seeds=10, offset=0.04),
        expected={"exact": _one(0.56)},
        floors=False,
    ),
    CalibrationLine(
        name="error curve shared by a rung's seeds, a third of a seed's",
        cell=Scenario(rung_noise=1 / 3),
        expected={"exact": (0.19, 0.95), "covered_above": (0.95, 1.0)},
        floors=False,
    ),
    CalibrationLine(
        name="error curve shared by a rung's seeds, three quarters of a seed's",
        cell=Scenario(rung_noise=0.75),
        expected={"exact": (0.19, 0.95), "covered_above": (0.95, 1.0)},
        floors=False,
    ),
    CalibrationLine(
        name="data order shared across rungs, half the variance",
        cell=Scenario(order_noise=0.5),
        expected={"exact": (0.0, 0.05)},
        floors=False,
    ),
)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TwinLine:
    """A cell of the table of the robust twin."""

    name: str
    cell: Scenario
    marks: Marks


TWIN_LINES = (
    TwinLine(name="true collapse", cell=Scenario(), marks="none"),
    TwinLine(name="one spike of 40 %", cell=Scenario(), marks="one"),
    TwinLine(name="a spike in each run", cell=Scenario(), marks="each"),
    TwinLine(name="a run on a plateau", cell=Scenario(), marks="plateau"),
    TwinLine(name="a run that ends in a spike", cell=Scenario(), marks="end"),
    TwinLine(name="noise 4 times larger at one end", cell=Scenario(noise_ratio=4), marks="none"),
    TwinLine(name="the same, a spike in each run", cell=Scenario(noise_ratio=4), marks="each"),
    TwinLine(name="4 sizes, 3 seeds", cell=Scenario(rungs=4, seeds=3), marks="none"),
    TwinLine(name="4 sizes, 3 seeds, one spike", cell=Scenario(rungs=4, seeds=3), marks="one"),
    TwinLine(name="training-length exponent +5 %, a spike in each run", cell=Scenario(gamma_error=0.05), marks="each"),
    TwinLine(name="training-length exponent +20 %", cell=Scenario(gamma_error=0.2), marks="none"),
    TwinLine(name="training-length exponent +20 %, a spike in each run", cell=Scenario(gamma_error=0.2), marks="each"),
)

_LARGE, _SMALL = {"size": 0.03}, {"size": 0.015}
_BOUNDED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("true collapse", {}),
    ("trend with size, 3 %", {"shape": "trend", **_LARGE}),
    ("one odd size, 3 %", {"shape": "odd size", **_LARGE}),
    ("one odd stretch, 3 %", {"shape": "stretch", **_LARGE}),
    ("one odd stretch, 1.5 %", {"shape": "stretch", **_SMALL}),
    ("one odd point, 3 %", {"shape": "spike", **_LARGE}),
    ("one odd point, 1.5 %", {"shape": "spike", **_SMALL}),
    ("one odd point, 3 %, skewed seeds", {"shape": "spike", "noise": "skewed", **_LARGE}),
    ("one odd point, -3 %, skewed seeds", {"shape": "dip", "noise": "skewed", **_LARGE}),
    ("one odd point, 3 %, heavy tails", {"shape": "spike", "noise": "heavy", **_LARGE}),
    (
        "one odd point, 3 %, noise of a course of its own at each size",
        {"shape": "spike", "noise": "own course", **_LARGE},
    ),
    ("one odd point, 3 %, noise 4 times larger there", {"shape": "spike", "noise_ratio": 4.0, **_LARGE}),
    ("one odd point, 3 %, noise 4 times smaller there", {"shape": "spike", "noise_ratio": 0.25, **_LARGE}),
)
#: Cells of the table of the upper bound, by name.
BOUND_LINES = {
    f"{rungs} sizes, {seeds} seeds, {name}": BoundCell(rungs=rungs, seeds=seeds, **of)
    for rungs, seeds in ((6, 5), (4, 3))
    for name, of in _BOUNDED
}

#: Cells of the table of pooled noise, by name: few seeds, noise as many times larger at the largest size.
POOLED_LINES = {
    f"{rungs} sizes, {seeds} seeds, "
    + ("equal noise" if ratio == 1 else f"noise {ratio} times larger at one end"): Scenario(
        rungs=rungs, seeds=seeds, noise_ratio=ratio
    )
    for rungs, seeds, ratios in ((6, 2, (1, 2, 4)), (4, 2, (1, 4)), (8, 2, (1, 4)), (6, 3, (1, 2, 4)), (4, 3, (1, 4)))
    for ratio in ratios
}
