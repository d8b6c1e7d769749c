"""Both checks of a family, cut into jobs that any process can do: what to measure, how much of it, and the verdict."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ...architectures.draws import key_of
from ...architectures.family import FAMILIES, Family, Rung
from ...architectures.flops import count
from ...architectures.roles import places
from ...datasets.dataset import DATASETS
from ...task import Task
from .coordinates import CoordinateCheck, Parametrization, coordinate_check, layers_to_check, spread_rungs
from .rate_transfer import RateCurve, RateTransfer, Training, rate_curve, transfer_of

Named = tuple[str, dict[str, Any]]
BOTH: tuple[Parametrization, ...] = ("mup", "standard")
_RATES_TRIED = 7
_STEPS, _BATCH = 4, 32
# from the best to the cheapest: seeds, updates, share of the ladder
_TRANSFERS = (
    (8, 200, 1.0),
    (6, 200, 1.0),
    (4, 200, 1.0),
    (4, 120, 1.0),
    (4, 80, 1.0),
    (4, 80, 0.84),
    (4, 80, 0.67),
    (4, 60, 0.5),
    (4, 40, 0.5),
    (3, 40, 0.5),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckPart:
    """One piece of work for one process: a coordinate check, or with ``training`` a search of one rung's best rate."""

    family: Named
    dataset: Named
    parametrization: Parametrization
    n_seeds: int
    seconds: float
    rungs: tuple[dict[str, int], ...]
    training: Training | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class FamilyCheck:
    """What the checks found, by parametrisation; ``transfers`` is empty where no rates were searched."""

    family: str
    coordinates: Mapping[str, CoordinateCheck]
    transfers: Mapping[str, RateTransfer]

    @property
    def status(self) -> Literal["pass", "fail", "unclear"]:
        """``fail`` where a check of maximal update fails, ``unclear`` where one is, or where the control is not seen.

        The control is the standard parametrisation at the same rate: one of its layers must fail.
        """
        transfer = self.transfers["mup"].slope.status if "mup" in self.transfers else "pass"
        found = {self.coordinates["mup"].status, transfer}
        if "fail" in found:
            return "fail"
        seen = self.control_seen
        return "pass" if found == {"pass"} and seen else "unclear"

    @property
    def control_seen(self) -> bool:
        """Whether the coordinate check sees that the standard parametrisation does not transfer."""
        return self.coordinates["standard"].status == "fail"


def coordinate_jobs(family: Named, dataset: Named, ladder: Sequence[Rung], *, seconds: float = 24.0) -> list[CheckPart]:
    """The coordinate check under both parametrisations, each with as many seeds, 6 to 48, as fit into the seconds."""
    entry, task = FAMILIES.make(*family), DATASETS.make(*dataset).task
    rungs = tuple(dict(rung) for rung in spread_rungs(ladder))
    layers_to_check(entry, rungs[-1], task)
    each = (_STEPS + 1) * sum(update_seconds(entry, rung, task, _BATCH) for rung in rungs)
    n_seeds = max(6, min(48, int(seconds / each)))
    base = {"family": family, "dataset": dataset, "n_seeds": n_seeds, "seconds": n_seeds * each, "rungs": rungs}
    return [CheckPart(parametrization=how, **base) for how in BOTH]


def transfer_jobs(family: Named, dataset: Named, ladder: Sequence[Rung], *, seconds: float = 90.0) -> list[CheckPart]:
    """The search of the best rate, a job a rung and parametrisation, the longest first: no more seconds of a core.

    The time is foretold by a formula and not measured, so the same family always gets the same check. The cheapest
    search is done even where it is foretold to take longer.
    """
    jobs: list[CheckPart] = []
    for n_seeds, steps, share in _TRANSFERS:
        last = max(2, round(share * (len(ladder) - 1)))
        jobs = _searches(family, dataset, spread_rungs(ladder[: last + 1], 4 if share == 1 else 3), n_seeds, steps)
        if sum(job.seconds for job in jobs) <= seconds:
            break
    return sorted(jobs, key=lambda job: -job.seconds)


def _searches(family: Named, dataset: Named, rungs: Sequence[Rung], n_seeds: int, steps: int) -> list[CheckPart]:
    entry, task = FAMILIES.make(*family), DATASETS.make(*dataset).task
    batch = 4 * _BATCH if task.kind == "vector" else _BATCH  # where examples cost next to nothing
    jobs = []
    for rung in rungs:
        each = n_seeds * steps * _RATES_TRIED * update_seconds(entry, rung, task, batch)
        each *= 0.6 if entry.packable else 1.0
        base = {"family": family, "dataset": dataset, "n_seeds": n_seeds, "rungs": (dict(rung),), "seconds": each}
        for how in BOTH:
            training = Training(parametrization=how, steps=steps, batch_size=batch, n_seeds=n_seeds)
            jobs.append(CheckPart(parametrization=how, training=training, **base))
    return jobs


def do(job: CheckPart) -> CoordinateCheck | RateCurve:
    """Do one job."""
    family, dataset = FAMILIES.make(*job.family), DATASETS.make(*job.dataset)
    if job.training is not None:
        return rate_curve(family, dataset, job.rungs[0], job.training)
    how = job.parametrization
    return coordinate_check(
        family, dataset, rungs=job.rungs, parametrization=how, n_seeds=job.n_seeds, steps=_STEPS, batch_size=_BATCH
    )


def gathered(family: str, done: Sequence[tuple[CheckPart, CoordinateCheck | RateCurve]]) -> FamilyCheck:
    """The check of a family from all of its jobs."""
    coordinates = {job.parametrization: found for job, found in done if isinstance(found, CoordinateCheck)}
    transfers = {}
    for how in BOTH:
        mine = [(job, found) for job, found in done if isinstance(found, RateCurve) and job.parametrization == how]
        if mine and mine[0][0].training:
            transfers[how] = transfer_of(family, [curve for _, curve in mine], mine[0][0].training)
    return FamilyCheck(family=family, coordinates=coordinates, transfers=transfers)


def update_seconds(family: Family, rung: Rung, task: Task, batch: int) -> float:
    """Roughly the seconds of an update on one core of 2024: a fifth of a millisecond a tensor, 30 GFLOP a second."""
    tensors = len(places(family, key_of(rung), task))
    return 2e-4 * tensors + batch * count(family, rung, task).training / 3e10
