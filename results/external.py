"""Read other people's learning curves: a table becomes checked curves, and what was guessed is said."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import polars as pl

from ..errors import InputError
from .columns import Chosen, choose, normal
from .curves import LearningCurve
from .endings import blown_up, end, statuses
from .gathering import gather
from .horizons import fractions, longest
from .layout import Layout
from .missing import ask, unit_in
from .observed import OtherCurves
from .quantity import TEST_LOSS, Quantity
from .rates import rate_notes, rate_of, warmup_of
from .restarts import resolve
from .run_names import names_of, parameters
from .runs import Run
from .sources.source import Raw
from .tidy import Tidy, one_family
from .twice import refusal


def read_external(raw: Raw, path: str, layout: Layout) -> OtherCurves:
    """Turn one evaluation a row into learning curves.

    A column ``observable`` names what the loss column holds on that row. Each observable gives curves of its own;
    horizons are known from the rows of all.

    Parameters
    ----------
    raw : the table.
    path : where it is from: for messages, and for names that no column has.
    layout : what the user says of it.

    Returns
    -------
    curves, and what was guessed, dropped and resolved: one sentence each.

    Raises
    ------
    InputError
        A column that is missing or holds what it must not, a run that is given twice, or a restart that is not plain.
    """
    tidy, chosen = understand(raw, path, layout)
    del raw  # of a large table both forms would be too much
    runs, clock, notes = read_runs(tidy, chosen, path, layout)
    del tidy
    ends = longest(runs)
    for observable, own in _by_observable(runs).items():
        notes.setdefault(observable, []).extend(fractions(own, clock, layout.horizon, path, ends))
    if all(len(run.clock) < 2 for run in runs):
        raise _final(path, len(runs))
    curves = [_curve(run, layout) for run in runs]
    notes[""].extend(rate_notes(curves, layout))
    return OtherCurves(curves, notes)


def read_runs(tidy: Tidy, chosen: Chosen, path: str, layout: Layout) -> tuple[list[Run], str, dict[str, list[str]]]:
    """The runs of a table with their clocks in order, the kind of clock, and what was guessed, by the observable that
    it concerns, under an empty name where it concerns all. Errors as above."""
    if _one_a_budget(tidy):
        raise _final(path, tidy.frame.height)
    runs, lost = gather(tidy)
    sure = "status" in layout.column or normal(chosen.columns.get("status", "status")) == "status"
    notes = {"": [*tidy.notes, *statuses(runs, path, sure), *one_family(runs, chosen)]}
    clock = chosen.clock or "step"
    for observable, own in _by_observable(runs).items():
        # That a value is missing or large says of a loss alone that its run diverged.
        of_loss = observable == TEST_LOSS
        ended = end(own, lost) if of_loss else []
        found = resolve(own, layout.restarts, labelled=tidy.labelled)
        if found.open or found.twice or found.mixed:
            raise refusal(found, len(own), tidy, chosen, path)
        notes[observable] = [*ended, *found.notes(len(own), clock), *(blown_up(own) if of_loss else [])]
    _end_together(runs)
    return runs, clock, notes


def _end_together(runs: Sequence[Run]) -> None:
    """What ended a run early by its loss ended it for its other observables too; changes the runs in place."""
    ended = {(*run.rung, run.seed): run.status for run in runs if run.observable == TEST_LOSS and run.status != "ok"}
    for run in runs if ended else ():
        run.status = ended.get((*run.rung, run.seed), run.status)


def _by_observable(runs: Sequence[Run]) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.observable, []).append(run)
    return found


def understand(raw: Raw, path: str, layout: Layout) -> tuple[Tidy, Chosen]:
    """The table under our names, and which columns they were. Errors as above."""
    table = _only(raw.table, layout, path)
    chosen = choose(table.columns, layout.column, raw.kind)
    table = _with_parameters(table, chosen, layout, path)
    missing = [name for name in ("size", "loss") if name not in chosen.columns]
    missing += [] if chosen.clock else ["step"]
    if missing:
        raise ask(path, table, chosen, missing, layout)
    if table.height == 0:
        raise InputError(f"{path} has columns but no rows")
    _check_unit(chosen, layout, path)
    tidy = Tidy.of(table, chosen, layout, path)
    return dataclasses.replace(tidy, notes=[*raw.notes, *chosen.notes, *tidy.notes]), chosen


def _one_a_budget(tidy: Tidy) -> bool:
    """Whether each row is a run of its own, at one size and budget: final losses, not evaluations."""
    budget = next((name for name in tidy.spare.columns if normal(name).endswith("budget")), None)
    if budget is None:
        return False
    rows = pl.DataFrame([tidy.frame["size"], tidy.spare[budget].alias("budget")])
    return bool(rows.is_unique().all()) and rows["budget"].n_unique() > 1


def _final(path: str, count: int) -> InputError:
    return InputError(
        f"{path} has one evaluation of each of {count} runs: final losses make no learning curve. "
        f"`onecurve scaling-law {path}` fits them"
    )


def _only(table: pl.DataFrame, layout: Layout, path: str) -> pl.DataFrame:
    for column, value in layout.only.items():
        if column not in table.columns:
            raise InputError(f"{path} has no column {column!r} for --only. It has: {', '.join(table.columns[:30])}")
        there = table[column].cast(pl.String)
        kept = table.filter(there == value)
        if not kept.height:
            values = ", ".join(map(str, there.unique().sort().to_list()[:12]))
            raise InputError(f"{path}: no row has {column} = {value!r}; {column} is {values}")
        table = kept
    return table


def _with_parameters(table: pl.DataFrame, chosen: Chosen, layout: Layout, path: str) -> pl.DataFrame:
    """The table with what the run's names and the user say, in columns of their own."""
    said: dict[str, pl.Expr] = {}
    if layout.run is not None:
        column = chosen.columns.get("run")
        there = table[column].cast(pl.String) if column is not None else pl.Series([], dtype=pl.String)
        names = there.drop_nulls().unique(maintain_order=True).to_list()
        found = parameters(layout.run, names, names_of(path), path)
        for group in found[0]:
            values = [one.get(group) for one in found]
            if len(set(values)) == 1:
                said[group] = pl.lit(values[0])
            else:
                said[group] = pl.lit(there.replace_strict(names, values, default=None, return_dtype=pl.String))
    said |= {name: pl.lit(value) for name, value in layout.value.items()}
    for name in said:
        chosen.columns[name] = f"{name} (said)"
    return table.with_columns(**{f"{name} (said)": value for name, value in said.items()}) if said else table


def _check_unit(chosen: Chosen, layout: Layout, path: str) -> None:
    named = unit_in(chosen.columns["loss"])
    if named and layout.unit is None:
        floor = " --floor-unit UNIT" if "irreducible_loss" in chosen.columns else ""
        raise InputError(
            f"{path}: the loss is {chosen.columns['loss']!r}, by its name in {named.replace('-', ' ')}, and a floor in "
            f"nats would not fit it. Say its unit: --unit {named}{floor}, or --unit nats to take it as it is"
        )
    if layout.unit not in (None, "nats") and layout.floor_unit is None and "irreducible_loss" in chosen.columns:
        raise InputError(
            f"{path}: the loss is converted from {layout.unit} to nats, and the unit of the irreducible loss in "
            f"{chosen.columns['irreducible_loss']!r} is not said: --floor-unit {layout.unit}, or --floor-unit nats"
        )


def _curve(run: Run, layout: Layout) -> LearningCurve:
    named = {name: getattr(run, name) for name in ("family", "dataset", "recipe", "size", "seed", "loss", "status")}
    rate = rate_of(run, layout)
    return LearningCurve(
        **named,
        recipe_label=run.recipe,
        leg="constant" if layout.schedule == "constant" else run.leg,  # type: ignore[arg-type]
        x=run.clock,
        lr=rate,
        warmup_fraction=warmup_of(run, rate, layout),
        irreducible_loss=run.irreducible_loss,
        irreducible_loss_se=run.irreducible_loss_se or 0.0,
        test_loss_se=run.test_loss_se or 0.0,
        rung=f"size {run.size:g}",
        quantity=Quantity(run.observable),
    )
