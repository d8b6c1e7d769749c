"""From runs to verdicts: a claim is judged on each family and data set, and first on its truth and its counter."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from scipy.stats import false_discovery_control

from .claim import Claim
from .estimators.estimator import ALWAYS, CannotTell, Estimated
from .trial_runs import TrialRun, grouped

Verdict = Literal["holds", "fails", "cannot tell", "out of regime"]
LEVEL = 0.05


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """What a claim's estimator found of one family on one data set, before any verdict.

    Attributes
    ----------
    claim, family, dataset : what was asked of whom.
    predicted, margin : as the claim has them.
    estimate : the number; None where there is none.
    reason : why there is none, or why it is out of the claim's regime; empty otherwise.
    """

    claim: str
    family: str
    dataset: str
    predicted: float
    margin: float
    estimate: Estimated | None = None
    reason: str = ""

    @property
    def in_regime(self) -> bool:
        """Whether a verdict may be given."""
        return self.estimate is not None and not self.reason


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judged:
    """A finding with its verdict.

    Attributes
    ----------
    finding : what was found.
    verdict : ``holds`` within the margin, ``fails`` beyond it, ``cannot tell``, or ``out of regime``.
    q : the smaller of both q-values; None where there is no number in the regime.
    """

    finding: Finding
    verdict: Verdict
    q: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trusted:
    """How a claim does where the answer is known. It may judge a network where ``passed``.

    Attributes
    ----------
    truth, counter : verdicts on the system of which it is true and on the one of which it is false.
    seconds : what both took.
    """

    truth: Judged
    counter: Judged
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether the claim holds on its truth and fails on its counter."""
        return self.truth.verdict == "holds" and self.counter.verdict == "fails"


def tried_on_truth(claim: Claim) -> Trusted:
    """Judge a claim on its truth and on its counter, with a fixed generator."""
    began = time.perf_counter()
    first, second = (
        verdicts([found(claim, system.runs(claim.observable, np.random.default_rng(0)), "truth", system.name)])[0]
        for system in (claim.true_system, claim.false_system)
    )
    return Trusted(truth=first, counter=second, seconds=time.perf_counter() - began)


def found_of(claim: Claim, runs: Sequence[TrialRun]) -> list[Finding]:
    """A finding for each family and data set among the runs, in alphabetical order."""
    return [
        found(claim, each, family, dataset)
        for (family, dataset), each in grouped(runs, lambda run: (run.family, run.dataset)).items()
    ]


def found(claim: Claim, runs: Sequence[TrialRun], family: str, dataset: str) -> Finding:
    """What the estimator finds of these runs."""
    about: dict[str, Any] = {"claim": claim.name, "family": family, "dataset": dataset}
    about |= {"predicted": claim.predicts, "margin": claim.margin}
    try:
        estimate = claim.estimator.estimate(runs, claim.observable, claim.predicts, claim.margin)
    except CannotTell as why:
        return Finding(**about, reason=f"{why}{_lost(runs)}")
    if not np.isfinite(estimate.value):
        return Finding(**about, reason="the number is not finite")
    outside = _outside(claim, estimate.facts)
    return Finding(**about, estimate=estimate, reason=outside and f"{outside}{_lost(runs)}")


def _lost(runs: Sequence[TrialRun]) -> str:
    """That some runs did not end well, in a clause: what an estimator lacks may be what these would have had."""
    ends = sorted(run.status for run in runs if run.status != "ok")
    if not 0 < len(ends) < len(runs):
        return ""  # an estimator says itself that none ended well
    return f"; {len(ends)} of {len(runs)} runs did not end well ({', '.join(dict.fromkeys(ends))})"


def _outside(claim: Claim, facts: Mapping[str, float]) -> str:
    """Which condition of the regime is not met, in a clause; empty where all are."""
    for name, (low, high) in claim.regime.where.items():
        value = facts[name]
        if (low is not None and value < low) or (high is not None and value > high):
            ends = (f"at least {low:g}" if low is not None else "", f"at most {high:g}" if high is not None else "")
            wanted = " and ".join(filter(None, ends))
            words = {**ALWAYS, **claim.estimator.facts}
            said = claim.estimate.get(name, words[name])  # what stands beside is called by its own name
            return f"{said} is {value:.3g}, the regime asks for {wanted}"
    return ""


def verdicts(findings: Sequence[Finding]) -> list[Judged]:
    """Verdicts with the false discovery rate of all of them held at 5 %.

    Each finding in its regime states two hypotheses, "it lies outside of the margin" and "it lies inside". The
    q-values of Benjamini and Hochberg (1995) are those of all of them together; a claim holds where the first is
    rejected, and fails where the second is.
    """
    told = [one for one in findings if one.in_regime]
    values = [p for one in told if one.estimate for p in (one.estimate.p_agrees, one.estimate.p_differs)]
    q = false_discovery_control(values) if values else np.array([])
    both = dict(zip(map(id, told), q.reshape(-1, 2).tolist(), strict=True))
    return [_judge(one, both.get(id(one))) for one in findings]


def _judge(one: Finding, q: list[float] | None) -> Judged:
    if q is None:
        return Judged(finding=one, verdict="cannot tell" if one.estimate is None else "out of regime")
    agrees, differs = q
    verdict: Verdict = "holds" if agrees <= LEVEL else "fails" if differs <= LEVEL else "cannot tell"
    return Judged(finding=one, verdict=verdict, q=min(q))
