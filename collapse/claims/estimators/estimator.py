"""What an estimator is: one number from a family's runs, with an interval over seeds and what it says of itself."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from scipy.special import stdtr, stdtrit

from ....catalogue import Catalogue
from ..trial_runs import TrialRun, grouped

LEVEL = 0.95
# Facts that every estimate has, in words.
ALWAYS = {"seeds": "the number of seeds in use", "lost": "the share of runs that did not end well"}
_FEWEST_SEEDS = 3


class CannotTell(Exception):
    """Why there is no number, in one clause."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reading:
    """A number, and what the runs say of the conditions under which it was found.

    Attributes
    ----------
    value : the number.
    facts : by the names in `Estimator.facts`.
    """

    value: float
    facts: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Estimated:
    """A number with its 95 % interval and the evidence for and against a prediction.

    Attributes
    ----------
    value, low, high : the number and its interval.
    p_differs : p-value of "it lies within the margin": small where it does not.
    p_agrees : p-value of "it lies outside of the margin": small where it does not (two one-sided tests).
    facts : what the regime is asked of.
    """

    value: float
    low: float
    high: float
    p_differs: float
    p_agrees: float
    facts: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Estimator(ABC):
    """Makes one number of a family's runs on a data set. Subclass it as a frozen dataclass of its parameters.

    Attributes
    ----------
    name : what a claim writes under ``estimate``.
    summary : one line for lists.
    facts : what it says beside the number, of which a regime may ask for a range: names, and each in words.
    """

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    facts: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def measure(self, runs: Sequence[TrialRun], observable: str) -> Reading:
        """The number.

        Raises
        ------
        CannotTell
            The runs have not what is needed.
        """

    def estimate(self, runs: Sequence[TrialRun], observable: str, predicted: float, margin: float) -> Estimated:
        """The number with its interval, by leaving out one seed at a time.

        A jackknife over seeds: ``se^2 = (n-1)/n sum_s (v_s - mean v)^2`` with ``v_s`` the number without seed s (Efron
        and Stein 1981), and Student's t with n - 1 degrees of freedom. For numbers that are smooth in the seeds' means.

        Raises
        ------
        CannotTell
            Fewer than three seeds ended well, or `measure` cannot tell.
        """
        ended = [run for run in runs if run.status == "ok"]
        if not ended:
            raise CannotTell(f"none of {len(runs)} runs ended well ({runs[0].status})")
        seeds = sorted(shared_seeds(ended))
        if len(seeds) < _FEWEST_SEEDS:
            raise CannotTell(f"{len(seeds)} seeds ended well in all settings, an interval needs {_FEWEST_SEEDS}")
        ended = [run for run in ended if run.seed in seeds]
        whole = self.measure(ended, observable)
        without = np.array(
            [self.measure([run for run in ended if run.seed != seed], observable).value for seed in seeds]
        )
        n = len(seeds)
        se = float(np.sqrt((n - 1) / n * np.square(without - without.mean()).sum()))
        facts = {**whole.facts, "seeds": float(n), "lost": 1 - sum(run.status == "ok" for run in runs) / len(runs)}
        return judged(whole.value, se, n - 1, predicted, margin, facts)


def judged(
    value: float, se: float, df: float, predicted: float, margin: float, facts: Mapping[str, float]
) -> Estimated:
    """An estimate by Student's t from a standard error and its degrees of freedom.

    ``p_agrees`` is the larger one of two one-sided tests (Schuirmann 1987); ``p_differs`` the same distance the other
    way. Without any error they are 0 or 1.
    """
    half = float(stdtrit(df, 0.5 + LEVEL / 2)) * se
    inside = margin - abs(value - predicted)
    if se == 0:
        p_agrees = float(inside < 0)
        p_differs = 1 - p_agrees
    else:
        p_agrees, p_differs = float(stdtr(df, -inside / se)), min(1.0, 2 * float(stdtr(df, inside / se)))
    return Estimated(
        value=value, low=value - half, high=value + half, p_differs=p_differs, p_agrees=p_agrees, facts=facts
    )


def shared_seeds(runs: Sequence[TrialRun]) -> set[int]:
    """Seeds that every setting has."""
    settings = grouped(runs, lambda run: tuple(sorted(run.settings.items())))
    return set.intersection(*({run.seed for run in each} for each in settings.values()))


ESTIMATORS: Catalogue[Estimator] = Catalogue("estimator", "onecurve.collapse.claims.estimators")
