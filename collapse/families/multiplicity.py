"""Many questions at once: which claims need a correction, which do not, and in which order they are asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ...errors import InputError
from ...results.levels import ALPHA
from ..reasons import Reason, because


def holm(p_values: Sequence[float]) -> np.ndarray:
    """``(n,)`` adjusted p-values for "SOME family deviates, and these do" (Holm 1979).

    In ascending order ``p~_(i) = max_{j <= i} min(1, (n - j + 1) p_(j))``. The chance of one false claim or more is at
    most alpha, whatever the dependence.
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(np.minimum(1.0, (len(p) - np.arange(len(p))) * p[order]))
    adjusted = np.empty_like(p)
    adjusted[order] = stepped
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> np.ndarray:
    """``(n,)`` adjusted p-values for a list in which a share q may be false (Benjamini and Hochberg 1995).

    In ascending order ``p~_(i) = min_{j >= i} min(1, n p_(j)/j)``; a list is what lies at or below q.
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    scaled = np.minimum(1.0, len(p) * p[order] / np.arange(1, len(p) + 1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return adjusted


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """What may be claimed: ``dataset`` that data sets decide the curve, ``families`` which deviate, ``places`` for
    which of them it may be said where. ``reason`` says at which gate the questions ended."""

    dataset: bool
    families: tuple[str, ...]
    places: tuple[str, ...]
    reason: Reason


def gatekeep(
    dataset: float, families: Mapping[str, float], places: Mapping[str, float], *, alpha: float = ALPHA
) -> Gate:
    """Ask in order: the data-set omnibus, which family, where; the chance of any false claim stays at most alpha.

    The level alpha goes to the omnibus first. Once that is rejected, 1/F of it goes to each family; a family that is
    rejected hands its level to its own "where", and that, once rejected, to the families still open. A family without
    a "where" hands its level straight on, so without any this is Holm's procedure behind the gate (the graphical
    procedure of Bretz and others 2009).

    Parameters
    ----------
    dataset : p-value of the permutation test over data sets.
    families : p-value of each family's deviation.
    places : p-value of "where", for families that have one.
    alpha : level of the whole.

    Raises
    ------
    InputError : a place for a family that is not there, or something that is no p-value.
    """
    stray = sorted(set(places) - set(families))
    if stray:
        raise InputError(f"a place is given for {stray[0]!r}, which is none of the families {', '.join(families)}")
    names = list(families)
    located = [name for name in names if name in places]
    p = _checked([dataset, *families.values(), *(places[name] for name in located)])
    done = _walk(p, _arrows(names, located), alpha)
    n = len(names)
    deviating = tuple(name for name, out in zip(names, done[1 : n + 1], strict=True) if out)
    placed = tuple(name for name, out in zip(located, done[n + 1 :], strict=True) if out)
    if not done[0]:
        reason = because("data-sets-not-shown", p=dataset)
    elif not deviating:
        reason = because("no-family-shown")
    else:
        reason = because("families-deviate", deviating=len(deviating), families=n, placed=len(placed))
    return Gate(dataset=bool(done[0]), families=deviating, places=placed, reason=reason)


def _arrows(names: Sequence[str], located: Sequence[str]) -> np.ndarray:
    """``(h, h)`` shares of its level that a rejected hypothesis hands to each other one."""
    n = len(names)
    arrows = np.zeros((1 + n + len(located),) * 2)
    arrows[0, 1 : n + 1] = 1.0 / max(n, 1)
    for i, name in enumerate(names, start=1):
        others = [j for j in range(1, n + 1) if j != i]
        source = n + 1 + located.index(name) if name in located else i
        if source != i:
            arrows[i, source] = 1.0
        if others:
            arrows[source, others] = 1.0 / len(others)
    return arrows


def _walk(p: np.ndarray, arrows: np.ndarray, alpha: float) -> np.ndarray:
    """``(h,)`` what is rejected, all level on the first hypothesis at the start.

    A rejected i leaves the graph: ``w_l += w_i g_il``, ``g_lk = (g_lk + g_li g_ik)/(1 - g_li g_il)``.
    """
    levels, shares = np.eye(len(p))[0] * alpha, arrows.copy()
    done = np.zeros(len(p), dtype=bool)
    while True:
        ready = np.flatnonzero(~done & (levels > 0) & (p <= levels * (1 + 1e-12)))
        if not len(ready):
            return done
        i = int(ready[0])
        done[i] = True
        levels = levels + levels[i] * shares[i]
        levels[i] = 0.0
        through = shares[:, i, None] * shares[i]
        back = 1 - np.diag(through)[:, None]
        shares = np.divide(shares + through, back, out=np.zeros_like(shares), where=back > 1e-12)
        shares[i] = shares[:, i] = 0.0
        np.fill_diagonal(shares, 0.0)


def _checked(p_values: Sequence[float]) -> np.ndarray:
    p = np.asarray(p_values, dtype=float)
    if p.ndim != 1 or not len(p) or not np.all((p >= 0) & (p <= 1)):
        raise InputError(f"p-values must be numbers from 0 to 1, at least one, got {list(p_values)}")
    return p
