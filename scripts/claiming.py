"""Claims on trained networks: from a claim's setting to a sweep, its results folder, and what was found there."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import typer

from ..collapse.claims.claim import Claim, Evidence
from ..collapse.claims.judging import Finding, found_of, tried_on_truth
from ..collapse.claims.record import FILE, Record, record_from, said_of
from ..collapse.claims.trial_runs import COLUMNS, runs_of, told_apart
from ..errors import InputError

if TYPE_CHECKING:
    from ..benchmark.executors import Executor
    from ..benchmark.sweep import Sweep
    from ..results.store import Store

_STATED = "stated.json"
_OBSERVED = ("loss", "test_loss", "accuracy", "test_accuracy")  # recorded without being asked for


def sweep_of_claim(claim: Claim, families: Sequence[str] = ()) -> Sweep:
    """The sweep that a claim is tested on, checked against the catalogues, with other families where some are given.

    Raises
    ------
    InputError
        A setting that is no sweep, an unknown observable, family or data set, a family that does not fit.
    """
    from ..benchmark.sweep import sweep_of

    changes = [f"families=[{', '.join(families)}]"] if families else []
    sweep = sweep_of({"name": claim.name, **claim.setting}, f"the setting of {claim.name!r}", changes)
    _check_recorded(claim, sweep)
    return sweep


def _check_recorded(claim: Claim, sweep: Sweep) -> None:
    """Refuse a claim about what its setting does not record."""
    from ..benchmark.observables.observable import observable_from
    from ..benchmark.sweep import expand
    from ..datasets.dataset import DATASETS

    columns = set(_OBSERVED)
    for cell in expand(sweep):
        dataset = DATASETS.make(*cell.dataset)
        for each in map(observable_from, cell.settings.observables):
            columns |= set(each.names_on(dataset)) or {each.name}  # what is no curve is known by its name
    if claim.observable not in columns:
        raise InputError(
            f"the claim {claim.name!r} is about {claim.observable!r}, which its setting does not record; it records "
            f"{', '.join(sorted(columns))}"
        )


def judge(claim: Claim, store: Store, executor: Executor, families: Sequence[str] = ()) -> Record:
    """Try a claim on its truths, train what its setting asks for and is not there yet, and say what was found."""
    sweep = sweep_of_claim(claim, families)
    stated = _stated(claim, store)
    trusted = tried_on_truth(claim)
    findings: Sequence[Finding] = ()
    if trusted.passed:
        findings = found_of(claim, _trained(claim, sweep, store, executor))
    record = Record(
        claim=said_of(claim),
        stated_digest=stated["digest"],
        stated_on=stated["on"],
        judged_on=_now(),
        trusted=trusted,
        findings=findings,
    )
    store.write_json(FILE, record.to_dict())
    return record


def _stated(claim: Claim, store: Store) -> dict[str, Any]:
    """What the claim's file was before its first network, noted now where there is none yet."""
    stated = store.read_json(_STATED)
    if stated is None:
        stated = {"digest": claim.digest, "on": _now()}
        store.write_json(_STATED, stated)
    return stated


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _trained(claim: Claim, sweep: Sweep, store: Store, executor: Executor) -> list[Any]:
    from ..benchmark.sweep_plan import trial_ids
    from ..results.reading import read_tables
    from .progress import follow

    summary = follow(sweep, store, executor, refresh=True, retry="record")
    for reason in summary.reasons[:3]:
        typer.echo(f"  failed: {reason}", err=True)
    if not summary.asked:
        raise InputError(f"the setting of {claim.name!r} asks for no trial")
    wanted = trial_ids(sweep, store)
    rows, _ = read_tables([store.uri], COLUMNS)
    missing = len(set(wanted) - {row["trial_id"] for row in rows})
    if missing:  # a trial that failed has a row, too: this one was not tried
        raise InputError(
            f"{claim.name!r} is not judged: {missing} of {len(set(wanted))} trials of its setting were not trained; "
            "the same command goes on"
        )
    runs = runs_of(row for row in rows if row["trial_id"] in wanted)
    return told_apart(runs, str(claim.estimate.get("setting", "")))


def records_in(folder: str) -> list[Record]:
    """Records of all claims that were judged into a folder, by kind of evidence, then by name.

    Raises
    ------
    InputError
        None is there.
    """
    places = sorted(Path(folder).glob(f"*/{FILE}"))
    if not places:
        raise InputError(f"no claim was judged into {folder!r}: `onecurve claims run --out {folder}` does that")
    return sorted_records([_read(place) for place in places])


def _read(place: Path) -> Record:
    try:
        record = record_from(json.loads(place.read_text()))
        get_args(Evidence).index(record.claim["evidence"])
        return record
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InputError(f"{str(place)!r} is no record of a claim, or one that is cut short: {error}") from None


def sorted_records(records: Sequence[Record]) -> list[Record]:
    """Records by kind of evidence, then by name."""
    kinds = get_args(Evidence)
    return sorted(records, key=lambda record: (kinds.index(record.claim["evidence"]), record.claim["name"]))


def as_json(records: Sequence[Record]) -> dict[str, Any]:
    """All records and the table of constants, as plain types."""
    from ..collapse.claims.constants import rows

    claims = [{key: value for key, value in record.to_dict().items() if key != "findings"} for record in records]
    return {"schema_version": 1, "claims": claims, "constants": rows(records)}
