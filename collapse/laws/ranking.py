"""Which universality holds? Competing rescalings ranked by how well each predicts a rung that it did not see."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ...results.grid import log_weights
from ...results.levels import LATEST
from ..composing import OK, Missing
from ..ladders.ladder import Ladder
from ..ladders.raw_losses import grid_of, losses_on
from ..ladders.rescaling import schedule
from ..reasons import Reason, because
from .rescalings import RESCALINGS, Ladders, Rescaling

_COVERED = 0.25  # least share of a rung's grid on which a rescaling must predict
_EQUAL = 2.0  # standard errors


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """One rescaling.

    Attributes
    ----------
    error : root of the mean square error on rungs left out, over each rung's mean improvement (.01 is 1 %).
    covered : share of the left-out rungs' grid on which there was a prediction.
    n_parameters : anchors of all rungs and fitted numbers.
    score : ln of the mean square error plus ``2 q/N``, q parameters on N independent data.
    behind, behind_se : score less that of the best, and its standard error over rungs, paired.
    status : ``ok`` or why it is not ranked; then the numbers are None.
    """

    name: str
    n_parameters: int
    error: float | None = None
    covered: float | None = None
    score: float | None = None
    behind: float | None = None
    behind_se: float | None = None
    status: Reason = OK


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Ranking:
    """All rescalings, best first, those that cannot be ranked last.

    ``equal`` names the ones within 2 standard errors of the best. ``independent`` is the number of independent values
    in one curve, from the correlation of its noise.
    """

    rescalings: tuple[Ranked, ...]
    best: str
    equal: tuple[str, ...]
    independent: float
    status: Reason = OK


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Errors:
    """Mean square errors ``(K,)`` of the rungs left out, and the share of their grid that was predicted."""

    squares: np.ndarray
    covered: float


def rank_rescalings(
    ladder: Ladder,
    *,
    irreducible_loss: float | None = None,
    horizon_exponent: float = 1.0,
    compute: Sequence[float] | None = None,
    rescalings: Sequence[Rescaling] = RESCALINGS,
) -> Ranking | Missing:
    """Rank rescalings by leave-one-rung-out error with a penalty for free parameters.

    Each rung is predicted from the others: its error is the root mean square over d ln x of the predicted less the
    measured mean loss, over the rung's own mean improvement ``mean[L(x) - L(1)]``, one unit for all rescalings. Anchors
    are read off one half of the rung's seeds and held against the other half, and the other way round: an anchor must
    not win by passing through the noise that it is judged by. Free parameters are paid for besides: with q numbers in
    all and N = K times the independent values in a curve, the score is ``ln MSE + 2 q/N`` (Akaike). Noise over x is
    strongly correlated; a curve of 24 points holds two or three independent values, and counting points would make
    anchors all but free.

    Parameters
    ----------
    ladder : at least four rungs of two seeds.
    irreducible_loss : the known L0; None fits one to the end points of the rungs that are not predicted.
    horizon_exponent : exponent of the horizon in the size, for compute where it is not given: ``p^(1 + gamma)``.
    compute : ``(K,)`` training FLOPs of each rung at its horizon.
    rescalings : the candidates.
    """
    if len(ladder.rungs) < 4:
        return _nothing(rescalings, len(ladder.rungs), because("ranking-needs-four-sizes", sizes=len(ladder.rungs)))
    if ladder.first_x() >= LATEST:
        return _nothing(rescalings, len(ladder.rungs), because("no-common-x"))
    x = grid_of(ladder)
    rows = losses_on(ladder, x)
    if irreducible_loss is not None and min(one.min() for one in rows) <= irreducible_loss:
        return _nothing(rescalings, len(rows), because("floor-not-below-losses"))
    data = _prepare(ladder, x, rows, irreducible_loss, horizon_exponent, compute)
    independent = independent_values(rows)
    errors = [_errors(one, data, rows) for one in rescalings]
    return _ranking(rescalings, errors, data, independent)


def independent_values(rows: Sequence[np.ndarray]) -> float:
    """``(tr C)^2 / tr C^2`` of the noise correlation C over x, seeds of all rungs together, each with unit variance."""
    scaled = []
    for values in rows:
        residual = values - values.mean(axis=0)
        spread = residual.std(axis=0)
        scaled.append(residual / np.where(spread > 0, spread, 1.0))
    joined = np.concatenate(scaled)
    values = np.linalg.svd(joined, compute_uv=False) ** 2
    return float(values.sum() ** 2 / (values**2).sum()) if values.sum() > 0 else float(joined.shape[1])


def _prepare(
    ladder: Ladder,
    x: np.ndarray,
    rows: Sequence[np.ndarray],
    floor: float | None,
    horizon_exponent: float,
    compute: Sequence[float] | None,
) -> Ladders:
    ends = [one[:, -1] for one in rows]
    variances = np.array([one.var(ddof=1) / len(one) for one in ends])
    phases = [schedule(Ladder((rung,), (), ()), x)[0] for rung in ladder.rungs]
    known = [phase for phase in phases if phase is not None]
    log_sizes = np.log(ladder.sizes) - np.log(ladder.sizes).mean()
    spent = (1 + horizon_exponent) * log_sizes if compute is None else np.log(np.asarray(compute, dtype=float))
    return Ladders(
        x=x,
        losses=np.stack([one.mean(axis=0) for one in rows]),
        weights=1 / (variances + variances.mean() + 1e-30),
        log_sizes=log_sizes,
        phases=np.stack(known) if len(known) == len(phases) else None,
        log_compute=spent - spent.mean(),
        floor=floor,
    )


def _errors(one: Rescaling, data: Ladders, rows: Sequence[np.ndarray]) -> _Errors | Reason:
    """Errors on rungs left out, or why there are none."""
    problem = one.wants(data)
    if problem:
        return problem
    weights = log_weights(data.x) / log_weights(data.x).sum()
    units = (data.losses[:, :-1] - data.ends[:, None]) @ weights
    if np.any(units <= 0):
        return because("size-does-not-improve")
    misses = np.stack([_misses(one, data, k, values) / units[k] for k, values in enumerate(rows)])
    seen = np.isfinite(misses)
    covered = seen[:, 0] @ weights
    if covered.min() < _COVERED:
        return because("too-little-in-common")
    squares = np.where(seen, misses, 0.0) ** 2 @ weights / (seen @ weights)
    return _Errors(squares.mean(axis=1), float(covered.mean()))


def _misses(one: Rescaling, data: Ladders, k: int, values: np.ndarray) -> np.ndarray:
    """``(2, m)`` predicted less measured loss of rung k, anchored by either half of its seeds, against the other."""
    others = np.delete(np.arange(len(data.ends)), k)
    halves = values[::2].mean(axis=0), values[1::2].mean(axis=0)
    found = []
    for anchoring, measured in (halves, halves[::-1]):
        losses = data.losses.copy()
        losses[k] = anchoring
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            found.append(one.predict(dataclasses.replace(data, losses=losses), others, k) - measured[:-1])
    return np.stack(found)


def _ranking(
    rescalings: Sequence[Rescaling],
    errors: Sequence[_Errors | Reason],
    data: Ladders,
    independent: float,
) -> Ranking | Missing:
    k = len(data.ends)
    counts = [k * one.anchors + one.fitted + (one.floored and data.floor is None) for one in rescalings]
    good = {i: error for i, error in enumerate(errors) if isinstance(error, _Errors)}
    squares = {i: error.squares for i, error in good.items()}
    scores = {i: float(np.log(squares[i].mean()) + 2 * counts[i] / (k * independent)) for i in good}
    rows = zip(rescalings, counts, errors, strict=True)
    out = [Ranked(name=one.name, n_parameters=n, status=e) for one, n, e in rows if isinstance(e, Reason)]
    if not good:
        known = {"rescalings": tuple(out), "independent": independent}
        return Missing(Ranking, because("no-rescaling-predicts"), known)
    order = sorted(good, key=scores.__getitem__)
    best = order[0]
    ranked = []
    for i in order:
        behind = np.log(squares[i]) - np.log(squares[best])
        ranked.append(
            Ranked(
                name=rescalings[i].name,
                error=float(np.sqrt(squares[i].mean())),
                covered=good[i].covered,
                n_parameters=counts[i],
                score=scores[i],
                behind=scores[i] - scores[best],
                behind_se=float(behind.std(ddof=1) / np.sqrt(k)),
            )
        )
    equal = tuple(one.name for one in ranked[1:] if (one.behind or 0.0) <= _EQUAL * (one.behind_se or 0.0))
    return Ranking(
        rescalings=(*ranked, *out),
        best=ranked[0].name,
        equal=equal,
        independent=independent,
    )


def _nothing(rescalings: Sequence[Rescaling], k: int, status: Reason) -> Missing:
    rows = tuple(Ranked(name=one.name, n_parameters=k * one.anchors + one.fitted, status=status) for one in rescalings)
    return Missing(Ranking, status, {"rescalings": rows})
