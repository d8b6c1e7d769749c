"""The sweep that `onecurve try` trains: one family, on the recipe under which curves of others are shipped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import pyarrow.parquet as pq

from ..architectures.family import FAMILIES, Family
from ..architectures.foreign import refusal
from ..datasets.dataset import DATASETS
from ..errors import InputError
from ..results.curves import CurveSet, LearningCurve
from ..results.reading import read_curves
from ..results.trials import INTRODUCED, TrialSpec
from .sweep import Group, Named, Sweep, load_sweep

RECIPES = "try"
SHIPPED = resources.files("onecurve.results.reference").joinpath("try.parquet")
_RUNGS, _FEWEST = 4, 3
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
    ladder: list[Any] = [dict(rung) for rung in family.ladder[:_RUNGS]]
    if len(ladder) < _FEWEST:
        raise InputError(f"family {family.name!r} has {len(ladder)} rung(s): a collapse is asked of {_FEWEST} or more")
    recipes = load_sweep(RECIPES)
    group = _group(recipes.groups, family, dataset)
    chosen = {"families": [name], "rungs": ladder, "seeds": recipes.groups[0].seeds}
    return recipes.model_copy(update={"groups": [group.model_copy(update=chosen)]})


def _group(groups: Sequence[Group], family: Family, dataset: str | None) -> Group:
    presets: dict[str, Group] = {}
    for group in groups:
        presets.setdefault(_name(group.datasets[0]), group)
    if dataset is None:
        return _fitting(presets, family)
    if dataset in presets:
        return presets[dataset]
    kind = DATASETS.make(dataset).task.kind
    alike = next(g for g in presets.values() if DATASETS.make(*_parts(g.datasets[0])).task.kind == kind)
    return alike.model_copy(update={"datasets": [dataset]})


def _fitting(presets: Mapping[str, Group], family: Family) -> Group:
    reasons = []
    for name, group in presets.items():
        task = DATASETS.make(*_parts(group.datasets[0])).task
        reason = family.misfit(task) or refusal(family, family.ladder[0], task)
        if reason is None:
            return group
        reasons.append(f"{name}: {reason}")
    raise InputError(f"family {family.name!r} fits none of the data sets that `try` has. {'; '.join(reasons)}")


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
    return CurveSet.of(kept, curves.margin)


def conditions(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial, as plain types, shares with those that its curve may be laid over."""
    found = {name: spec.get(name, INTRODUCED.get(name)) for name in _CONDITIONS}
    # The rules name the first rung, which every ladder has its own of.
    for rule in ("horizon_rule", "batch_rule"):
        found[rule] = str(found[rule]).partition(", p1 at")[0]
    batch = None if found["batch_rule"] else spec["batch_size"]
    return {**found, "batch_size": batch, "parametrization": spec["parametrization"]["name"]}


def _name(named: Named) -> str:
    return _parts(named)[0]


def _parts(named: Named) -> tuple[str, dict[str, Any]]:
    if isinstance(named, str):
        return named, {}
    return str(named["name"]), {k: v for k, v in named.items() if k != "name"}
