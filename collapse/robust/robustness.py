"""What `--robust` answers of a group: the verdict without spikes and far runs, and the run that it rests on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..composing import Missing
from ..conclusion import judged
from ..ladders.measurement import Measured
from ..outcome import Verdict
from ..reasons import because
from .influence import Influence, most_influential
from .twin import Twin, robust_twin


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Robustness:
    """The robust twin of a verdict, and its most influential run; ``plain_verdict`` and ``plain_upper_bound`` are what
    they stand beside."""

    plain_verdict: Verdict
    plain_upper_bound: float | None
    twin: Twin | Missing
    influence: Influence | Missing


def ask_robustness(
    one: Measured, negatives: Sequence[Measured], *, margin: float, rng: np.random.Generator
) -> Robustness | Missing:
    """The twin and the influence of a group with seeds.

    Parameters
    ----------
    one : what was measured.
    negatives : ladders of the same family and data set that were trained wrongly on purpose.
    margin : in use.
    rng : chance.
    """
    if one.problem is not None:
        return Missing(Robustness, because("robust-without-a-sound-ladder", why=one.problem))
    if one.rescaled is None or one.deviations is None or not one.independent:
        return Missing(Robustness, because("nothing-to-test"))
    plain_rng, twin_rng, influence_rng = rng.spawn(3)
    plain = judged(one, margin=margin, rng=plain_rng, negatives=negatives)
    return Robustness(
        plain_verdict=plain.verdict,
        plain_upper_bound=plain.bounds.upper_bound,
        twin=robust_twin(one, plain, negatives, margin=margin, rng=twin_rng),
        influence=most_influential(one, plain, margin=margin, rng=influence_rng),
    )
