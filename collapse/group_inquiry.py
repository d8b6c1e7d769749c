"""Further questions to one group: its laws, a forecast, controls, noise, what would have shown and where."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np

from .composing import Missing
from .controls.negatives import negatives_of
from .controls.other_data_sets import Foreign, foreign_controls
from .controls.otherwise import Otherwise, trained_otherwise
from .controls.unrelated import Shuffled, shuffled_rungs
from .controls.wrong_horizons import WrongHorizons, wrong_horizons
from .families.crossing import Crossing
from .irreducible.balance import Balance, balance_of
from .irreducible.joint import Joint, joint_of
from .ladders.last_losses import SeedNoise, seed_noise
from .ladders.measurement import Measured
from .ladders.soundness import unusable
from .laws.comparison import FormComparison, compare_forms, compared
from .laws.forecast import Forecast, forecast
from .laws.frontier import Deltas, estimate_deltas
from .laws.ranking import Ranking, rank_rescalings
from .onset.question import OnsetAnswer, ask_onset
from .outcome import RescaledGroup
from .planning.detectable import Detectable, smallest_detectable
from .robust.robustness import Robustness, ask_robustness
from .settings import Settings
from .single.from_reruns import SingleRuns, single_runs
from .single.questions import SingleAnswers, answer_single
from .within.envelope import Departures, departures

_SIMULATED = 100  # groups for each detectable error, which are then known to about 6 %


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Laws:
    """What law a group's curves obey: the floor that they imply, delta three ways, the form, the best rescaling."""

    balance: Balance
    deltas: Deltas | None
    forms: FormComparison | Missing | None
    rescalings: Ranking | Missing
    joint: Joint


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Controls:
    """What else a ladder shows: its curves dealt at random or cut at wrong horizons, other data sets' curves, and how
    much more ladders deviate that were trained otherwise on purpose."""

    shuffled: Shuffled | None
    wrong_horizons: WrongHorizons | Missing
    foreign: tuple[Foreign | Missing, ...]
    otherwise: Otherwise | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class GroupInquiry:
    """Answers about one group; None where the question was not asked or the group has no curves to ask.

    Where a group has one run a size its answers are in ``single_runs``, with a reason for all that it cannot answer.
    """

    family: str
    dataset: str
    recipe: str
    leg: str
    laws: Laws | None
    forecast: Forecast | Missing | None
    detectable: Detectable | Missing | None
    where: Departures | None
    controls: Controls | None
    noise: tuple[SeedNoise, ...] | None
    tightness: SingleRuns | None
    onset: OnsetAnswer | Missing | None = None
    single_runs: SingleAnswers | None = None
    robust: Robustness | Missing | None = None


def inquire_group(
    one: Measured,
    measured: Sequence[Measured],
    crossing: Crossing | None,
    questions: Collection[str],
    settings: Settings,
    *,
    margin: float,
    rng: np.random.Generator,
) -> GroupInquiry:
    """Answer the questions that one group can answer.

    Parameters
    ----------
    one, measured : the group and all groups.
    crossing : families crossed with data sets on its leg, where there are any.
    questions : which.
    settings : of the analysis.
    margin : in use.
    rng : chance.
    """
    group, chances = one.rescaled, rng.spawn(6)
    laws_rng, power_rng, where_rng, controls_rng, onset_rng, robust_rng = chances
    asked = set(questions) if one.independent else set()
    ends = group is not None and group.scale == "end-point"
    computable = unusable(one.ladder) is None
    return GroupInquiry(
        family=one.family,
        dataset=one.dataset,
        recipe=one.recipe,
        leg=one.leg,
        laws=_laws(one, settings, laws_rng) if "laws" in asked else None,
        forecast=_forecast(one, measured, settings) if "forecast" in asked and ends else None,
        detectable=_detectable(one, margin, power_rng) if "detectable" in asked and group else None,
        where=departures(group, rng=where_rng) if "where" in asked and group else None,
        controls=_controls(one, measured, crossing, margin, controls_rng) if "controls" in asked else None,
        # Single runs and groups of one rung have noise and tightness, though they have no verdict.
        noise=seed_noise(one.curves) if "noise" in questions and computable else None,
        tightness=_single_runs(one, measured, settings) if "tightness" in questions and computable else None,
        # An onset that cannot be had says why.
        onset=ask_onset(one, margin=margin, rng=onset_rng) if "onset" in questions and one.single is None else None,
        robust=_robust(one, measured, margin, robust_rng) if "robust" in questions and one.single is None else None,
        single_runs=_answered(one, measured, questions, settings, margin),
    )


def _robust(
    one: Measured, measured: Sequence[Measured], margin: float, rng: np.random.Generator
) -> Robustness | Missing:
    return ask_robustness(one, negatives_of(one, measured), margin=margin, rng=rng)


def _answered(
    one: Measured, measured: Sequence[Measured], questions: Collection[str], settings: Settings, margin: float
) -> SingleAnswers | None:
    if one.single is None:
        return None
    return answer_single(one.single, questions, _others(one, measured), settings.x_min, settings.forms, margin=margin)


def _forecast(one: Measured, measured: Sequence[Measured], settings: Settings) -> Forecast | Missing | None:
    group = one.rescaled
    return forecast(group, others=_others(one, measured), forms=settings.forms) if group else None


def _single_runs(one: Measured, measured: Sequence[Measured], settings: Settings) -> SingleRuns:
    same = [
        other.ladder
        for other in measured
        if other is not one and (other.family, other.dataset, other.leg) == (one.family, one.dataset, one.leg)
    ]
    carried = {curve.irreducible_loss for curve in one.curves}
    floor = carried.pop() if len(carried) == 1 else None
    if isinstance(settings.irreducible_loss, float | int):
        floor = float(settings.irreducible_loss)
    return single_runs(one.ladder, same, irreducible_loss=floor, x_min=settings.x_min)


def _detectable(one: Measured, margin: float, rng: np.random.Generator) -> Detectable | Missing:
    assert one.rescaled is not None
    floors = one.floor.free
    return smallest_detectable(one.rescaled, rng=rng, margin=margin, groups=_SIMULATED, resamples=99, floors=floors)


def _controls(
    one: Measured,
    measured: Sequence[Measured],
    crossing: Crossing | None,
    margin: float,
    rng: np.random.Generator,
) -> Controls:
    shuffle_rng, horizon_rng, foreign_rng, otherwise_rng = rng.spawn(4)
    group = one.rescaled
    enough = group is not None and len(group.values) > 2
    inside = crossing is not None and (one.family, one.dataset) in crossing.cells
    return Controls(
        shuffled=shuffled_rungs(group, rng=shuffle_rng) if enough and group else None,
        wrong_horizons=wrong_horizons(one, rng=horizon_rng, margin=margin),
        foreign=foreign_controls(crossing, one.family, one.dataset, rng=foreign_rng) if inside and crossing else (),
        otherwise=trained_otherwise(one, measured, rng=otherwise_rng),
    )


def _laws(one: Measured, settings: Settings, rng: np.random.Generator) -> Laws:
    floor_rng, delta_rng, form_rng, joint_rng = rng.spawn(4)
    group = one.rescaled
    known = one.floor.value if one.floor.source in ("known", "given") else None
    ends = group is not None and group.scale == "end-point"
    return Laws(
        balance=balance_of(one.ladder, rng=floor_rng, known=known, x_min=settings.x_min),
        deltas=estimate_deltas(group, rng=delta_rng) if ends and group else None,
        forms=compare_forms(group, rng=form_rng, forms=compared(settings.forms)) if ends and group else None,
        rescalings=rank_rescalings(one.ladder, irreducible_loss=known),
        joint=joint_of(one.ladder, rng=joint_rng, x_min=settings.x_min),
    )


def _others(one: Measured, measured: Sequence[Measured]) -> dict[str, RescaledGroup]:
    """Groups of other families on the same data set, leg, grid and scale."""
    mine = one.rescaled if one.single is None else one.single.rescaled
    found = {}
    for other in measured:
        theirs = other.rescaled if other.single is None else other.single.rescaled
        same = (other.dataset, other.leg, other.control) == (one.dataset, one.leg, one.control)
        if not same or other.family == one.family or mine is None or theirs is None or theirs.scale != mine.scale:
            continue
        if np.array_equal(theirs.x, mine.x):
            found.setdefault(other.family, theirs)
    return found
