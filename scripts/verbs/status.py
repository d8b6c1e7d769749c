"""`status`: how far a sweep is and what it cost, from its lock and its table alone: no torch, no Ray."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from ...errors import InputError
from ..application import TRAIN, app
from ..options import JsonFlag
from ..writing import print_json

_STATES = ("ok", "failed", "pending")
_MOST_FAILURES, _MOST_REASON = 10, 160  # lines, and characters of each
_SECONDS = ("train_seconds", "data_seconds", "eval_seconds")


@app.command(rich_help_panel=TRAIN)
def status(
    folder: Annotated[str, typer.Argument(help="A results folder.")],
    as_json: JsonFlag = False,
) -> None:
    """Say how far a sweep is: done, failed, pending, and what data and evaluations cost."""
    from ..terminal import print_rows

    report = sweep_status(folder)
    if as_json:
        print_json(report)
        return
    print_rows(report["groups"])
    for line in said(report):
        typer.echo(line)


def sweep_status(folder: str) -> dict[str, Any]:
    """Trials done, failed and pending, and what data and evaluations cost, in all and by group.

    Raises
    ------
    InputError
        A folder without a lock.
    """
    from ...benchmark.lock import read_lock
    from ...benchmark.observable_costs import measured_shares
    from ...results.live import under_way
    from ...results.store import Store

    store = Store(folder)
    names = store.json_names(".lock.json")
    if not names:
        raise InputError(f"{folder!r} holds no sweep (no .lock.json). `onecurve run SWEEP --out {folder}` starts one")
    wanted = ["trial_id", "status", "device", "threads", "host", "reason", "measured", *_SECONDS]
    ended = {row["trial_id"]: row for row in store.table(wanted).to_pylist()}
    groups: dict[tuple[str, str, str], list[str]] = {}
    for name in names:
        lock = read_lock(store, name)
        for cell in lock.cells.values() if lock else ():
            groups.setdefault((cell.family, cell.dataset, cell.recipe_label), []).extend(cell.trials.values())
    rows = [
        {"family": family, "dataset": dataset, "recipe": recipe, **_counted(trials, ended)}
        for (family, dataset, recipe), trials in groups.items()
    ]
    trials = [trial for members in groups.values() for trial in members]
    return {
        "n_trials": len(trials),
        **_counted(trials, ended),
        "core_hours": _hours(row for row in ended.values() if row["device"] != "cuda"),
        "device_hours": _hours(row for row in ended.values() if row["device"] == "cuda"),
        "observables": measured_shares(ended.values()),
        "failures": _failures(ended.values()),
        "running": under_way(store),
        "groups": rows,
    }


def said(report: Mapping[str, Any]) -> list[str]:
    """The report's closing lines: how far, what it cost, and what the driver says that is at work now."""
    from ...results.live import clock

    counts = (
        f"{report['ok']} of {report['n_trials']} trials done, {report['failed']} failed, {report['pending']} pending"
    )
    shares = overhead(report)
    device = f"{report['device_hours']:.2f} device hours and " if report["device_hours"] else ""
    lines = [counts, f"{device}{report['core_hours']:.2f} core hours so far" + (f"; {shares}" if shares else "")]
    if report["observables"]:
        each = (f"{label} {100 * share:.2g} %" for label, share in report["observables"].items())
        lines.append(f"of the updates' time, observables took: {', '.join(each)}")
    lines += [
        f"{each['trials']} {each['status']} on {each['host'] or 'a machine that is not known'}: {each['reason']}"
        for each in report["failures"][:_MOST_FAILURES]
    ]
    running = report["running"]
    if running:
        rate = running["trials_per_minute"]
        speed = f", {rate:.0f} trials a minute" if rate else ""
        left = f", about {clock(running['seconds_left'])} left" if running["seconds_left"] is not None else ""
        lines.append(f"a driver is at work: {running['workers']} workers{speed}{left}")
        lines += [f"{host} was left out: {reason}" for host, reason in (running.get("left_out") or {}).items()]
    return lines


def _hours(rows: Iterable[Mapping[str, Any]]) -> float:
    """Hours of trials: a pack's seconds were shared among them."""
    return sum((row["train_seconds"] or 0) + (row["eval_seconds"] or 0) for row in rows) / 3600


def _failures(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What failed where, the most frequent first."""
    counts = Counter(
        (row["status"], row["host"], (row["reason"] or "")[:_MOST_REASON])
        for row in rows
        if row["status"] not in ("ok", "diverged")
    )
    names = ("status", "host", "reason", "trials")
    return [dict(zip(names, (*key, count), strict=True)) for key, count in counts.most_common()]


def _counted(trials: Iterable[str], ended: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    trials = list(trials)
    counts = Counter(_state(ended.get(trial)) for trial in trials)
    return {**{state: counts[state] for state in _STATES}, **_shares([ended[t] for t in trials if t in ended])}


def _shares(rows: Iterable[Mapping[str, Any]]) -> dict[str, float | None]:
    """Time for data and for evaluations over that of the updates alone, from the trials that know all three."""
    known = [row for row in rows if all(row[name] is not None for name in _SECONDS)]
    train, data, evaluation = (sum(row[name] for row in known) for name in _SECONDS)
    if not train > data:
        return {"data_share": None, "evaluation_share": None}
    return {"data_share": data / (train - data), "evaluation_share": evaluation / (train - data)}


def overhead(shares: Mapping[str, float | None]) -> str:
    """The two shares in words; empty where they are not known."""
    data, evaluation = shares["data_share"], shares["evaluation_share"]
    if data is None or evaluation is None:
        return ""
    return f"beside the updates, data took {100 * data:.1f} % of their time and evaluations {100 * evaluation:.1f} %"


def _state(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "pending"
    return "ok" if row["status"] == "ok" else "failed"
