"""Forms that a user asks for by name, checked before anything rests on them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from ...errors import InputError, first_line
from .clock import Clock
from .form import FORMS, Form, Parameter

_X = np.append(np.geomspace(0.1, 0.98, 9), 1.0)
_CLOCKS = (Clock.constant(_X), Clock(_X, 1 - (1 - _X) ** 2, 1 - _X, 0.0))
_ENDS_AT = 1e-6


def asked_forms(names: Sequence[str]) -> tuple[Form, ...]:
    """Forms by their names: of the catalogue, or ``path/to/my_form.py:MyForm``.

    Raises
    ------
    InputError
        An unknown name, with the nearest match; a file that does not run; a form that is none (`check_form`).
    """
    found = tuple(FORMS.make(name) for name in dict.fromkeys(names))
    for form in found:
        check_form(form)
    return found


def check_form(form: Form) -> None:
    """Refuse a form that could not be searched, or that is no normalised curve.

    Raises
    ------
    InputError
        Parameters that are missing, of one name, or whose bounds and starts do not fit; a curve that cannot be
        computed, has another shape than the grid, is not finite at the starts, or is not 1 at x = 1.
    """
    parameters = getattr(form, "parameters", ())
    if not parameters or not all(isinstance(one, Parameter) for one in parameters):
        raise InputError(f"the form {form.name!r} names no `parameters`: a tuple of Parameter, one for each number")
    if not hasattr(form, "formula"):
        raise InputError(f"the form {form.name!r} names no `formula`")
    names = [one.name for one in parameters]
    if len(set(names)) < len(names) or "gain" in names:
        raise InputError(f"the form {form.name!r} needs a name of its own for each parameter, and none called gain")
    for one in parameters:
        _check_parameter(form, one)
    starts = np.array(list(itertools.product(*(one.starts for one in parameters))))
    for clock in _CLOCKS:
        _check_curve(form, [starts[:, i : i + 1] for i in range(len(parameters))], (len(starts), len(_X)), clock)


def _check_parameter(form: Form, one: Parameter) -> None:
    said = f"the parameter {one.name!r} of the form {form.name!r}"
    if one.scale not in ("linear", "logarithm", "share"):
        raise InputError(f"{said} moves on no scale that there is: linear, logarithm or share, got {one.scale!r}")
    if not -np.inf < one.low < one.high < np.inf:
        raise InputError(f"{said} needs two finite bounds, low below high, got {one.low:g} and {one.high:g}")
    if one.scale == "logarithm" and one.low <= 0:
        raise InputError(f"{said} is searched in its logarithm and must stay above 0, got a bound of {one.low:g}")
    if one.scale == "share" and not 0 <= one.low < one.high <= 1:
        raise InputError(f"{said} is a share and must stay between 0 and 1, got {one.low:g} to {one.high:g}")
    if not one.starts or not all(one.low <= start <= one.high for start in one.starts):
        raise InputError(f"{said} needs starts between {one.low:g} and {one.high:g}, got {list(one.starts)}")


def _check_curve(form: Form, columns: list[np.ndarray], shape: tuple[int, int], clock: Clock) -> None:
    try:
        with np.errstate(all="ignore"):
            z = np.asarray(form.log_curve(columns, clock), dtype=float)
            one = np.asarray(form.log_curve([float(column[0, 0]) for column in columns], clock), dtype=float)
    except Exception as error:  # whatever a user's form may raise
        raise InputError(f"the form {form.name!r} cannot be computed: {first_line(error)}") from None
    if z.shape != shape or one.shape != shape[1:]:
        raise InputError(
            f"the form {form.name!r} must broadcast its parameters against the grid: expected curves {shape} and "
            f"{shape[1:]}, got {z.shape} and {one.shape}"
        )
    if not np.all(np.isfinite(z)):
        raise InputError(f"the form {form.name!r} is not finite at all of its starts")
    if np.abs(z[:, -1]).max() > _ENDS_AT:
        ends = f"{np.exp(z[np.abs(z[:, -1]).argmax(), -1]):.4g}"
        raise InputError(f"the form {form.name!r} must be 1 at x = 1, where its ln l is 0: it ends at {ends}")
