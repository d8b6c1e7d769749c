"""The sweep that `onecurve try` trains: one family, on the recipe under which curves of others are shipped."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import pyarrow.parquet as pq

from ..architectures.draws import secluded
from ..architectures.family import FAMILIES, Family
from ..architectures.flops import n_params
from ..architectures.foreign import refusal
from ..datasets.dataset import DATASETS
from ..errors import InputError
from ..results.curves import CurveSet, LearningCurve
from ..results.reading import read_curves
from ..results.trials import INTRODUCED, TrialSpec
from ..task import Task
from .sweep import Group, Sweep, load_sweep, named, rungs_of

RECIPES = "try"
SHIPPED = resources.files("onecurve.results.reference").joinpath("try.parquet")
_RUNGS, _FEWEST = 4, 3
_WIDTHS = range(4, 257)
# What two trials must share for their curves to lie over each other; the rest belongs to their ladders.
_CONDITIONS = (
    *("dataset", "optimizer", "peak_lr", "schedule", "warmup_fraction", "eval_grid", "precision", "protocol"),
    *("batch_rule", "train_size", "horizon_rule"),
)


def sweep_for(name: str, dataset: str | None = None) -> Sweep:
    """The sweep that tries a family: four rungs, eight seeds, on the cheapest data set that it fits.

    Parameters
    ----------
    name : a family, a zoo name, or ``path/to/my_net.py:MyNet``.
    dataset : the data set to use in place of the cheapest.

    Raises
    ------
    InputError
        A family without a ladder, or one that fits none of the data sets, with the reason for each.
    """
    family = FAMILIES.make(name)
    if len(family.ladder) < _FEWEST:
        raise InputError(
            f"family {family.name!r} has {len(family.ladder)} rung(s): a collapse is asked of {_FEWEST} or more"
        )
    recipes = load_sweep(RECIPES)
    groups = _groups(recipes.groups, family, dataset)
    chosen = {"families": [name], "rungs": _sizes(family, groups), "seeds": groups[0].seeds}
    return recipes.model_copy(update={"groups": [groups[0].model_copy(update=chosen)]})


def data_sets() -> list[str]:
    """Names of the data sets on which curves are shipped, the cheapest first."""
    return list(dict.fromkeys(named(group.datasets[0])[0] for group in load_sweep(RECIPES).groups))


def _groups(groups: Sequence[Group], family: Family, dataset: str | None) -> list[Group]:
    """The recipes of one data set; the first is that of the family that was piloted."""
    presets: dict[str, list[Group]] = {}
    for group in groups:
        presets.setdefault(named(group.datasets[0])[0], []).append(group)
    if dataset is None:
        return presets[_fitting(presets, family)]
    if dataset in presets:
        return presets[dataset]
    kind = DATASETS.make(dataset).task.kind
    alike = next(some for some in presets.values() if _task(some[0]).kind == kind)
    return [group.model_copy(update={"datasets": [dataset]}) for group in alike]


def _fitting(presets: Mapping[str, Sequence[Group]], family: Family) -> str:
    reasons = []
    for name, groups in presets.items():
        task = _task(groups[0])
        reason = family.misfit(task) or refusal(family, family.ladder[0], task)
        if reason is None:
            return name
        reasons.append(f"{name}: {reason}")
    raise InputError(
        f"family {family.name!r} fits none of the data sets that `try` has. {'; '.join(reasons)}. "
        "`--dataset` takes any other that `onecurve list datasets` has"
    )


def _sizes(family: Family, groups: Sequence[Group]) -> list[dict[str, int]]:
    """The model sizes of a recipe that names the family; else those that a file names; else as many parameters as the
    first family of the recipes has, so that all take minutes and the curves can be compared."""
    for group in groups:
        if family.name in [named(each)[0] for each in group.families]:
            return rungs_of(group.model_copy(update={"families": [family.name]}))
    ladder = [dict(rung) for rung in family.ladder[:_RUNGS]]
    first, task = groups[0], _task(groups[0])
    model = FAMILIES.make(*named(first.families[0]))
    own = bool(family.ref.content) and getattr(family, "names_sizes", True)
    if own or set(ladder[0]) != {"width"} or model.misfit(task):
        return ladder
    with secluded(0):
        wanted = [n_params(model.build(rung, task)) for rung in rungs_of(first)]
    found = _widths_of(family, task, wanted)
    return found if len(found) >= _FEWEST else ladder  # a family whose widths come in steps may share one


def _widths_of(family: Family, task: Task, wanted: Sequence[int]) -> list[dict[str, int]]:
    """The widths at which a family has nearest to so many parameters, each once."""
    counted: dict[int, int] = {}
    for width in _WIDTHS:
        if refusal(family, rung := {"width": width}, task) is None:
            with secluded(0):
                counted[width] = n_params(family.build(rung, task))
            if counted[width] > wanted[-1]:
                break
    nearest = {min(counted, key=lambda w: abs(math.log(counted[w] / n))) for n in wanted} if counted else ()
    return [{"width": width} for width in sorted(nearest)]


def _task(group: Group) -> Task:
    return DATASETS.make(*named(group.datasets[0])).task


def shipped_beside(spec: TrialSpec) -> CurveSet:
    """The curves that we ship under the conditions of a trial: same data set, protocol and recipe, other families."""
    with resources.as_file(SHIPPED) as path:
        if not path.exists():
            return CurveSet(())
        table = pq.read_table(path, columns=["trial_id", "spec"])
        curves = read_curves([path])
    wanted = conditions(spec.to_dict())
    rows = zip(table["trial_id"].to_pylist(), table["spec"].to_pylist(), strict=True)
    alike = {trial for trial, text in rows if conditions(json.loads(text)) == wanted}
    kept: list[LearningCurve] = [c for c in curves if c.trial_id in alike and c.family != spec.family.name]
    return CurveSet(tuple(kept), curves.margin)  # none where the recipe is of another data set


def conditions(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial, as plain types, shares with those that its curve may be laid over."""
    found = {name: spec.get(name, INTRODUCED.get(name)) for name in _CONDITIONS}
    # The rules name the first rung, which every ladder has its own of.
    for rule in ("horizon_rule", "batch_rule"):
        found[rule] = str(found[rule]).partition(", p1 at")[0]
    batch = None if found["batch_rule"] else spec["batch_size"]
    return {**found, "batch_size": batch, "parametrization": spec["parametrization"]["name"]}
