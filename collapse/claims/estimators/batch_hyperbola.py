"""How many updates and examples a target costs at each batch size."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from ....results.quantity import stored_name
from ..trial_runs import TrialRun, grouped
from .estimator import ESTIMATORS, CannotTell, Estimated, Estimator, Reading
from .one_setting import log_mean, slope, stacked

_NEAR_LOSSES, _NEAR_RATES = np.log(1.5), np.log(2.2)


@ESTIMATORS.register
@dataclasses.dataclass(frozen=True)
class BatchHyperbola(Estimator):
    """Mean of ``(S/S_min - 1)(E/E_min - 1)`` over the batch sizes B between the smallest and the largest one.

    S updates and ``E = B S`` examples lead to a target loss at the best learning rate of each batch size. S_min and
    E_min are those of the hyperbola ``S = S_min + E_min/B`` through the smallest and the largest batch size; on it the
    product is 1 (McCandlish, Kaplan, Amodei and the OpenAI Dota Team 2018, arXiv 1812.06162). Where S goes as
    ``B^-1/2`` it is above 1, and where a sharp bend parts linear speed-up from none it is below.

    ln S is where the line of ln t on ln L, of the mean over seeds within a factor of 1.5 of the target, is at the
    target; at the best rate the lowest point of a parabola through ln S of all rates within a factor of 2.2 of it. Both
    are by least squares, for the first crossing and the lowest of several numbers lean to one side under noise. A rate
    at which a run diverges never reaches a target. Where S is a few updates, rates have to be close.

    Facts: ``batches``, how many sizes; ``updates_saved``, S of the smallest over S of the largest; ``examples_lost``, E
    of the largest over E of the smallest; ``interior``, the share of sizes with the best rate inside those that were
    tried, or with one rate alone.

    Attributes
    ----------
    share : the target over the mean loss at the start.
    """

    name: ClassVar[str] = "batch-hyperbola"
    summary: ClassVar[str] = "(S/S_min - 1)(E/E_min - 1) of updates and examples to a target loss"
    facts: ClassVar[Mapping[str, str]] = {
        "batches": "the number of batch sizes",
        "updates_saved": "the updates of the smallest batch over those of the largest",
        "examples_lost": "the examples of the largest batch over those of the smallest",
        "interior": "the share of batch sizes whose best rate lies inside the rates tried",
    }
    share: float = 0.5

    def estimate(self, runs: Sequence[TrialRun], observable: str, predicted: float, margin: float) -> Estimated:
        found = super().estimate(_held_at_the_start(runs, observable), observable, predicted, margin)
        return dataclasses.replace(found, facts={**found.facts, "lost": 1 - _well(runs) / len(runs)})

    def measure(self, runs: Sequence[TrialRun], observable: str) -> Reading:
        target = self.share * float(np.mean([run.of(observable)[0] for run in runs]))
        by_batch = grouped(runs, lambda run: run.settings["batch_size"])
        if len(by_batch) < 3:
            raise CannotTell(f"{len(by_batch)} batch sizes were tried, a hyperbola needs three")
        best = [_best(each, observable, target) for each in by_batch.values()]
        batches, updates = np.array(list(by_batch)), np.exp([each for each, _ in best])
        examples = batches * updates
        least_examples = (updates[0] - updates[-1]) / (1 / batches[0] - 1 / batches[-1])
        least_updates = updates[-1] - least_examples / batches[-1]
        if min(least_updates, least_examples) <= 0:
            raise CannotTell("updates fall as 1/B or faster, or not at all: no batch size is critical")
        product = (updates / least_updates - 1) * (examples / least_examples - 1)
        facts = {
            "batches": float(len(batches)),
            "updates_saved": float(updates[0] / updates[-1]),
            "examples_lost": float(examples[-1] / examples[0]),
            "interior": float(np.mean([inside for _, inside in best])),
        }
        return Reading(value=float(product[1:-1].mean()), facts=facts)


def _well(runs: Sequence[TrialRun]) -> int:
    return sum(run.status == "ok" for run in runs)


def _held_at_the_start(runs: Sequence[TrialRun], observable: str) -> list[TrialRun]:
    """Runs of a setting in which one diverged stay at their first loss: that rate never reaches a target."""
    found: list[TrialRun] = []
    for each in grouped(runs, lambda run: tuple(sorted(run.settings.items()))).values():
        if all(run.status != "diverged" for run in each):
            found += each
            continue
        for run in each:
            first = np.full(2, run.of(observable)[0])
            still = {
                "steps": np.array([0.0, 1.0]),
                "tau": np.array([0.0, 1.0]),
                "observed": {stored_name(observable): first},
            }
            found.append(dataclasses.replace(run, **still, status="ok"))
    return found


def _best(runs: Sequence[TrialRun], observable: str, target: float) -> tuple[float, bool]:
    """ln of the fewest updates over the rates, and whether that rate lies inside those that were tried."""
    by_rate = grouped(runs, lambda run: run.settings["peak_lr"])
    rates = np.log(list(by_rate))
    u = np.array([_updates(each, observable, target) for each in by_rate.values()])
    if not np.isfinite(u).any():
        raise CannotTell(f"no rate reaches the target at batch size {runs[0].settings['batch_size']:g}")
    best = int(np.argmin(u))
    inside = len(rates) == 1 or 0 < best < len(rates) - 1
    away = rates - rates[best]
    near = np.isfinite(u) & (np.abs(away) < _NEAR_RATES)
    if near.sum() < 3:
        return float(u[best]), inside
    parabola = np.poly1d(np.polyfit(away[near], u[near], 2))
    if parabola[2] <= 0:
        return float(u[best]), inside
    lowest = np.clip(-parabola[1] / (2 * parabola[2]), away[near][0], away[near][-1])
    return float(parabola(lowest)), inside


def _updates(runs: Sequence[TrialRun], observable: str, target: float) -> float:
    """ln of the updates at which the mean over seeds is at the target; inf where it never is."""
    steps, _, values = stacked(runs, observable)
    y = log_mean(values) - np.log(target)
    there = np.flatnonzero(y <= 0)
    if not len(there) or there[0] == 0:
        return np.inf
    near = np.abs(y) < _NEAR_LOSSES
    near[there[0] - 1 : there[0] + 1] = True  # those on both sides of it
    near &= steps > 0
    u = np.log(steps[near])
    return float(u.mean() - slope(y[near], u) * y[near].mean()) if near.sum() > 1 else float(u[0])
