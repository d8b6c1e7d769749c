"""A check of a family from the command line: what is asked of which ladder, and its parts in processes."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    from ..architectures.family import Rung
    from ..benchmark.checks.family_check import CheckPart, FamilyCheck, Named

_PROCESSES = 2
_EVERY = 5.0  # seconds between progress lines


def request(
    name: str, dataset: str | None, rungs: str | None, arguments: Sequence[str]
) -> tuple[Named, Named, str, list[Rung]]:
    """Family and data set as any process can make them again, the data set in words, and the ladder."""
    from ..architectures.family import FAMILIES
    from ..benchmark.checks.small_data import label_of, small_dataset
    from ..benchmark.naming import check_fit, pinned
    from ..datasets.dataset import DATASETS

    params = dict(map(_argument, arguments))
    family = FAMILIES.make(name, params)
    ladder = _ladder(family, rungs)
    entry = pinned(family, params, ladder[0])
    family = FAMILIES.make(*entry)
    for rung in ladder:
        family.check_rung(rung)
    data = DATASETS.make(dataset) if dataset else small_dataset(family)
    check_fit(family, ladder, data.task, data.name)
    data.prepare()
    return entry, (data.name, dict(data.ref.params)), label_of(data), ladder


def _argument(pair: str) -> tuple[str, Any]:
    import yaml

    key, sign, value = pair.partition("=")
    if not sign:
        raise InputError(f"--set takes KEY=VALUE, got {pair!r}")
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise InputError(f"--set {pair}: {' '.join(str(error).split())[:200]}") from None


def _ladder(family: Any, rungs: str | None) -> list[Rung]:
    ladder: list[Rung] = list(family.ladder)
    if rungs is not None:
        knob = next(iter(ladder[0] if ladder else family.knobs))
        try:
            ladder = [{knob: int(part)} for part in rungs.split(",")]
        except ValueError:
            raise InputError(f"--rungs takes widths such as 16,24,32,48, got {rungs!r}") from None
    if len(ladder) < 3:
        raise InputError(
            f"family {family.name!r} has {len(ladder)} rungs here, a check needs 3: give widths by --rungs 16,24,32,48 "
            "and arguments that scale with w by --set, such as --set embed_dim=w"
        )
    return ladder


def work(jobs: Sequence[CheckPart], *, processes: int = _PROCESSES) -> list[tuple[CheckPart, Any]]:
    """Do jobs in processes of one thread each, with a line of progress now and then on standard error.

    The processes are sent the texts of the users' files that this one has read.
    """
    from ..architectures.user import remember, sources
    from ..benchmark.checks.family_check import do

    began = last = time.monotonic()
    found, total, over = [], sum(job.seconds for job in jobs), 0.0
    with ProcessPoolExecutor(processes, get_context("spawn"), remember, (sources(),)) as pool:
        waiting = {pool.submit(do, job): job for job in jobs}
        try:
            for future in as_completed(waiting):
                job = waiting[future]
                found.append((job, future.result()))
                over += job.seconds
                now = time.monotonic()
                if now - last >= _EVERY or len(found) == len(jobs):
                    last, left = now, (now - began) * (total - over) / over
                    print(
                        f"{len(found)}/{len(jobs)} parts, {now - began:.0f} s, about {left:.0f} s left",
                        file=sys.stderr,
                        flush=True,
                    )
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return found


def as_dict(found: FamilyCheck) -> dict[str, Any]:
    """What a check found, as plain types."""
    return {**dataclasses.asdict(found), "status": found.status, "control_seen": found.control_seen}
