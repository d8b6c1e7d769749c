"""Finite-size scaling in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..composing import OK, Estimate, Missing
from ..finite_size.metric_factors import SharedFunction
from ..finite_size.tables import Scaling
from .numbers import estimate, percent, percent_interval
from .reasons import say

_CLASSES = {True: "one universality class", False: "different universality classes", None: "not decided"}


def system_lines(observables: Sequence[str], found: Scaling | Missing) -> Iterator[str]:
    """The exponents of one system."""
    if isinstance(found, Missing):
        yield say(found.status)
        return
    point = found.critical
    at = _said(point, ".6g") if point.high > point.low else f"{point.value:.6g} (given)"
    yield f"critical point {at}, 1/nu {_said(found.inverse_nu)}"
    if found.plain_goodness is not None:
        omega = "not identified" if found.omega is None else _said(found.omega)
        yield (
            f"correction to scaling L^-omega: omega {omega}; the fit without it has p = {found.plain_goodness:.2g} in "
            "this window"
        )
    for observable, dimension in zip(observables, found.dimensions, strict=True):
        if dimension is not None:
            yield f"{observable} ~ L^{_said(dimension)}"
    yield f"window |t - t_c| L^(1/nu) <= {found.window:.3g}, goodness of fit p = {found.goodness:.2g}"
    if found.status != OK:
        yield say(found.status)


def pair_line(second: str, found: SharedFunction | Missing) -> str:
    """Whether two systems, of which ``second`` is one, share a scaling function."""
    if isinstance(found, Missing):
        return f"not compared: {say(found.status)}"
    exponents = "the exponents agree" if found.exponents_agree else "the exponents differ"
    return (
        f"{_CLASSES[found.one_class]}: {exponents}; with the scaled distance of {second} multiplied by "
        f"{_said(found.distance_factor)}, its scaling function differs by {percent(found.difference)} "
        f"{percent_interval(found.low, found.high)}, where the margin is {percent(found.margin)}"
    )


def _said(one: Estimate, digits: str = ".4g") -> str:
    return estimate(one.value, one.low, one.high, digits)
