"""Measure what a sweep leaves open: sizes, FLOPs, horizons, and whether packing pays. Runs on the executor."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection

import torch
from torch import nn

from ..architectures.family import FAMILIES, Family
from ..architectures.flops import count
from ..architectures.parametrization import initialise
from ..datasets.dataset import DATASETS, Dataset
from ..datasets.subset import check_train_size
from ..errors import InputError
from ..results.trials import INTRODUCED, TrialSpec, fingerprint, rung_label, with_seeds
from ..task import Ref
from .batch import batch_rule, batch_size
from .choices import WORTH_A_GPU
from .devices import CPU, replicas_on_a_gpu, torch_settings
from .evaluation import EVAL_GRID, eval_steps
from .horizon import TrunkLength
from .lock import Resolved, worker_bytes
from .longer_runs import wanted_later
from .observables.observable import Observable, observable_from
from .optimisers.optimiser import optimiser_from
from .replicas import Single, packing_gain, random_batch, update_bytes
from .schedules.schedule import schedule_from
from .sweep import Cell, GroupSettings
from .train import PROTOCOL
from .trial_time import update_and_evaluation
from .tuned_rate import TunedRate

# Packing must pay by this much before it is worth its own rounding.
_GAIN_NEEDED = 1.1
_TIMED_SEEDS = 16
_GPU_FLOPS = 1e13  # FLOPs a second of a GPU that is neither measured nor known: what plans are made with


def family_of_cell(cell: Cell) -> Family:
    """The family that a cell names."""
    return FAMILIES.make(*cell.family)


def dataset_of_cell(cell: Cell) -> Dataset:
    """The data set that a cell names."""
    return DATASETS.make(*cell.dataset)


def trial(cell: Cell, seed: int, *, batch_size: int, horizon_steps: int, packed: bool) -> TrialSpec:
    """The trial of one seed of a cell."""
    family, dataset, given = family_of_cell(cell), dataset_of_cell(cell), cell.settings
    base = {"base": rung_label(family.ladder[0])} if given.parametrization == "mup" else {}
    return TrialSpec(
        family=family.ref,
        rung=cell.rung,
        dataset=dataset.ref,
        optimizer=optimiser_from(given.optimizer).ref,
        peak_lr=_one(given.peak_lr),
        schedule=schedule_from(given.schedule).text,
        warmup_fraction=_warmup(given, horizon_steps),
        warmup_rule="" if given.warmup_updates is None else f"{given.warmup_updates} updates",
        batch_size=batch_size,
        batch_rule=batch_rule(given.batch_size, rung_label(cell.first_rung)),
        train_size=given.train_size if isinstance(given.train_size, int) else None,
        parametrization=Ref(name=given.parametrization, params=base),
        horizon_rule=given.horizon.label(rung_label(cell.first_rung)),
        horizon_steps=horizon_steps,
        eval_grid=EVAL_GRID,
        precision=given.precision,
        packed=packed,
        seed=seed,
        protocol=PROTOCOL,
        accumulate=given.accumulate,
    )


def _warmup(given: GroupSettings, horizon: int) -> float:
    """The warmup as a share of the horizon; 0 where it is a number of updates and the horizon is not known."""
    if given.warmup_updates is None:
        return given.warmup_fraction
    if horizon and 2 * given.warmup_updates >= horizon:
        raise InputError(
            f"a warmup of {given.warmup_updates} updates is half or more of the {horizon} of a model size; "
            "train longer, or give fewer `warmup_updates`"
        )
    return given.warmup_updates / horizon if horizon else 0.0


def _one(rate: TunedRate | float | list[float]) -> float:
    """A cell has one rate; a sweep's list was taken apart before."""
    if isinstance(rate, TunedRate):
        raise InputError("a tuned learning rate is found by a pilot: `onecurve run` trains it first")
    if isinstance(rate, list):
        raise TypeError(f"a cell has one learning rate, got {rate}")
    return rate


def observables_of(cell: Cell) -> list[Observable]:
    """What is measured on a cell's trials beside the loss."""
    return [observable_from(each) for each in cell.settings.observables]


def cell_key(cell: Cell) -> str:
    """What decides a cell's resolution: its trial without seed, horizon and packing, and the wish for packing."""
    given = cell.settings.batch_size
    first_batch = given if isinstance(given, int) else given.size
    fields = trial(cell, 0, batch_size=first_batch, horizon_steps=0, packed=False).to_dict()
    # Old locks know nothing of fields that came later, and a lock's keys may not change either.
    fields = {k: v for k, v in fields.items() if k not in INTRODUCED or v != INTRODUCED[k]}
    fields = {k: v for k, v in fields.items() if k not in ("seed", "horizon_steps", "packed")}
    return fingerprint({**fields, "pack": cell.settings.pack, "control": cell.settings.control})


def resolve(cell: Cell, device: str = "cpu") -> Resolved:
    """Measure one cell.

    Parameters
    ----------
    device : ``cpu``, ``cuda``, or ``auto``: a GPU where the last rung of the ladder has enough arithmetic to be worth
        the host's work for it. A ladder trains on one kind of device.
    """
    family, dataset, given = family_of_cell(cell), dataset_of_cell(cell), cell.settings
    if isinstance(given.train_size, int):
        check_train_size(dataset, given.train_size)
    with torch_settings():
        here = count(family, cell.rung, dataset.task)
        first = here if cell.rung == cell.first_rung else count(family, cell.first_rung, dataset.task)
        batch = batch_size(given.batch_size, here.n_params, first.n_params)
        horizon = given.horizon.horizon(here.n_params, first.n_params, batch)
        if device == "auto":
            device = "cuda" if _largest_flops(cell, family, dataset, first.n_params) >= WORTH_A_GPU else "cpu"
        if device == "cpu":
            CPU.check(given.precision)  # a GPU's precision is checked where the GPU is
        models, making = _networks(cell, family, dataset)
        update = update_bytes(models[0], dataset.task, batch)
        packed = _packed(cell, family, dataset, batch, models, device)
        before, foreseen = _kin(cell, horizon, here.n_params, first.n_params, batch)
        if device == "cuda":
            step_seconds, beside_seconds = batch * here.training / _GPU_FLOPS, 0.0
        else:
            step_seconds, evaluation = _timed(cell, family, dataset, batch, models, packed)
            steps = eval_steps(EVAL_GRID, horizon, _warmup(given, horizon))
            beside_seconds = making + evaluation * sum(step >= before for step in steps)
    together = len(given.seed_list) if packed else 1
    return Resolved(
        family=family.name,
        dataset=dataset.name,
        rung=rung_label(cell.rung),
        recipe_label=trial(cell, 0, batch_size=batch, horizon_steps=horizon, packed=packed).recipe_label,
        library=family.library,
        n_params=here.n_params,
        flops_per_example=here.training,
        batch_size=batch,
        horizon_steps=horizon,
        packed=packed,
        step_seconds=step_seconds,
        beside_seconds=beside_seconds,
        memory=worker_bytes(update * together),
        update_bytes=update,
        device=device,
        replicas=replicas_on_a_gpu(update) if device == "cuda" and packed else 0,
        before=before,
        foreseen=foreseen,
    )


def specs_of(cell: Cell, resolved: Resolved) -> list[TrialSpec]:
    """The trials of a cell, one for each seed."""
    how = {name: getattr(resolved, name) for name in ("batch_size", "horizon_steps", "packed")}
    seeds = cell.settings.seed_list
    return with_seeds(trial(cell, seeds[0], **how), seeds) if seeds else []


def as_trained(cell: Cell, resolved: Resolved, trained: Collection[str]) -> Resolved:
    """Packed or not as the table's trials of the cell are, where the sweep leaves it open: a table whose lock is not
    there is gone on from, whatever was measured now.

    Parameters
    ----------
    trained : ids of the table's trials.
    """
    if cell.settings.pack != "auto" or resolved.device != "cpu" or not trained:
        return resolved
    other = dataclasses.replace(resolved, packed=not resolved.packed)
    kept, turned = (any(spec.trial_id in trained for spec in specs_of(cell, each)) for each in (resolved, other))
    if kept or not turned:
        return resolved
    settings = cell.settings.model_copy(update={"pack": other.packed})
    return resolve(dataclasses.replace(cell, settings=settings))


def _kin(cell: Cell, horizon: int, n_params: int, first: int, batch: int) -> tuple[int, list[int]]:
    """Updates of the shorter run that a cell's trials go on from, and the steps of longer ones that may follow."""
    rule, given = cell.settings.horizon, cell.settings
    if not isinstance(rule, TrunkLength):
        return 0, []
    longer = []
    for steps in rule.later:
        length = rule.lengthened(steps, n_params, first, batch)
        shrunk = given.warmup_fraction * rule.steps / steps  # as many updates of warmup
        longer.append((length, _warmup(given.model_copy(update={"warmup_fraction": shrunk}), length)))
    before = rule.lengthened(rule.before, n_params, first, batch) if rule.before else 0
    return before, wanted_later(EVAL_GRID, horizon, longer)


def _largest_flops(cell: Cell, family: Family, dataset: Dataset, first: int) -> float:
    """Training FLOPs of one trial of the last rung."""
    last = count(family, cell.last_rung or cell.rung, dataset.task)
    batch = batch_size(cell.settings.batch_size, last.n_params, first)
    return float(last.training) * batch * cell.settings.horizon.horizon(last.n_params, first, batch)


def _networks(cell: Cell, family: Family, dataset: Dataset) -> tuple[list[nn.Module], float]:
    """Networks of the cell's seeds, two at least, and the seconds of making one."""
    given, models, seconds = cell.settings, [], []
    for seed in range(max(2, _timed_together(cell))):
        began = time.thread_time()
        models.append(
            initialise(
                family,
                cell.rung,
                dataset.task,
                seed=seed,
                parametrization=given.parametrization,
                optimizer=optimiser_from(given.optimizer).exponents,
            )
        )
        seconds.append(time.thread_time() - began)
    return models, min(seconds)


def _timed_together(cell: Cell) -> int:
    return min(len(cell.settings.seed_list), _TIMED_SEEDS)


def _packed(cell: Cell, family: Family, dataset: Dataset, batch: int, models: list[nn.Module], device: str) -> bool:
    """Whether the cell's seeds train packed: as it is asked for, else where it pays, and on a GPU where it can be."""
    wish = cell.settings.pack
    if wish is True and not family.packable:
        raise InputError(f"family {family.name!r} cannot be packed (see its documentation); leave `pack` at auto")
    if wish != "auto":
        return bool(wish)
    if device == "cuda" or not family.packable:  # what cannot be packed need not even run as a batched model
        return family.packable
    return _timed_together(cell) > 1 and packing_gain(models, dataset.task, batch, seconds=0.05)[0] >= _GAIN_NEEDED


def _timed(
    cell: Cell, family: Family, dataset: Dataset, batch: int, models: list[nn.Module], packed: bool
) -> tuple[float, float]:
    """Seconds of one update of one trial, and of one evaluation of it."""
    given = cell.settings
    update, evaluation = update_and_evaluation(
        family,
        cell.rung,
        dataset,
        models,
        packed=packed,
        batch=batch,
        optimiser=optimiser_from(given.optimizer),
        parametrization=given.parametrization,
        accumulate=given.accumulate,
    )
    share = len(models) if packed else 1
    return update / share, evaluation / share


def probe(cell: Cell) -> tuple[str, str]:
    """Name and fingerprint of a family on a data set's task: parameters, loss and gradient norm on a fixed batch.

    Rounded to six digits, so that another processor gives the same fingerprint and another network does not.
    """
    family, dataset = family_of_cell(cell), dataset_of_cell(cell)
    rung, task = family.ladder[0], dataset.task
    with torch_settings():
        model = initialise(family, rung, task, seed=0, parametrization="standard", optimizer="adam").double()
        inputs, targets = random_batch(task, 8)
        inputs = inputs.double() if inputs.is_floating_point() else inputs
        targets = targets.double() if targets.is_floating_point() else targets
        loss = Single(model, task).losses(inputs[None], targets[None]).sum()
        loss.backward()
    loss = loss.detach()
    norms = [float(p.grad.norm()) if p.grad is not None else 0.0 for p in model.parameters()]
    total = float(torch.tensor(norms, dtype=torch.float64).norm())
    shapes = {name: list(p.shape) for name, p in model.named_parameters()}
    seen = {"shapes": shapes, "loss": f"{float(loss):.5e}", "gradient": f"{total:.5e}"}
    if family.ref.content:
        seen["content"] = family.ref.content
    given = {name: value for name, value in cell.family[1].items() if name != "content"}
    of = f" {fingerprint(given)[:8]}" if given else ""
    key = f"{family.name} {family.version}{of} on {task}"
    return key, fingerprint({**seen, "params": dict(family.ref.params)})
