"""The coordinate check with a number: by which power of the width the activations of each layer change in training.

A network whose parametrisation transfers changes the activations of every layer by as much at every width (Yang et al.
2022, Tensor Programs V, appendix D.1). So for each layer and seed the logarithm of the root mean square change, after a
few updates on one batch, is regressed on the logarithm of the width. The slope is 0 under maximal update. A weight
whose initial values or rate have the wrong power of the width shows as a slope of at least 1/2 in size, as all powers
are multiples of that: slopes inside +-1/4, half of it, pass.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ...architectures.draws import secluded
from ...architectures.family import Family, Rung
from ...architectures.parametrization import initialise, width_growth
from ...datasets.dataset import Dataset
from ...errors import InputError
from ...results.trials import rung_label
from ...task import Task
from ..devices import torch_settings
from ..optimisers.optimiser import Optimiser, optimiser_from
from ..replicas import Single
from ..update import Repeated, update_of
from .layers import Layer, layers_of, outputs_of, rms
from .slopes import Slope, slope_of_seeds

Parametrization = Literal["mup", "standard"]
_EPSILON = 1e-10


@dataclasses.dataclass(frozen=True, kw_only=True)
class LayerChange:
    """How a layer's change depends on width.

    Attributes
    ----------
    layer, kind : name of the module and its kind; see `layers.Layer`.
    change : root mean square change of its output at each rung, geometric mean over seeds; None where it is 0 or not
        finite for a seed.
    slope : of log change against log width, None with a reason in the slope's status.
    """

    layer: str
    kind: str
    change: tuple[float | None, ...]
    slope: Slope


@dataclasses.dataclass(frozen=True, kw_only=True)
class CoordinateCheck:
    """The check of one family under one parametrisation.

    Attributes
    ----------
    growth : widths over that of the base rung, one a rung.
    layers : one entry a layer, in the order of the network.
    hidden : mean slope of the layers whose input and output grow; of all layers where there is none.
    """

    family: str
    parametrization: str
    optimizer: str
    peak_lr: float
    steps: int
    batch_size: int
    n_seeds: int
    rungs: tuple[str, ...]
    growth: tuple[float, ...]
    layers: tuple[LayerChange, ...]
    hidden: Slope

    @property
    def status(self) -> Literal["pass", "fail", "unclear"]:
        """``fail`` where a layer fails, else ``unclear`` where one is, else ``pass``. Frozen layers do not count."""
        found = {layer.slope.status for layer in self.layers}
        return "fail" if "fail" in found else "unclear" if "unclear" in found or found <= {"none"} else "pass"


def coordinate_check(
    family: Family,
    dataset: Dataset,
    *,
    parametrization: Parametrization,
    rungs: Sequence[Rung] | None = None,
    n_seeds: int = 8,
    steps: int = 4,
    peak_lr: float = 2.0**-10,
    batch_size: int = 32,
    optimizer: str | Optimiser = "adam",
) -> CoordinateCheck:
    """Measure the slope of log activation change against log width, for each layer.

    Parameters
    ----------
    rungs : at least three widths; four of the ladder's, evenly spread, where None.
    n_seeds : networks a width, each with a batch of its own that it repeats.
    steps : updates at the constant rate ``peak_lr``. A readout that starts at zero holds the gradients of the first one
        back, so at least 3.
    optimizer : a name, whose epsilon is then made small, or an entry as it is.

    Raises
    ------
    InputError
        Fewer than three widths, two seeds or three steps, a misfit, or a family in which nothing grows.
    """
    rungs = list(rungs) if rungs is not None else spread_rungs(family.ladder)
    _check(family, dataset, rungs, n_seeds, steps)
    optimiser, rates = _optimiser(optimizer), np.full((steps, 1), peak_lr)
    growth = _growth(family, dataset, rungs)
    layers = layers_to_check(family, rungs[-1], dataset.task)
    changes = np.full((len(layers), n_seeds, len(rungs)), np.nan)
    with torch_settings():
        for s in range(n_seeds):
            batch = dataset.stream(s).batch(0, batch_size)
            for r, rung in enumerate(rungs):
                changes[:, s, r] = _changes(family, dataset, rung, s, batch, layers, optimiser, rates, parametrization)
    x = np.log(growth)
    found = tuple(_layer(layer, change, x) for layer, change in zip(layers, changes, strict=True))
    seeds = [entry.slope.seeds for layer, entry in zip(layers, found, strict=True) if layer.role == "hidden"]
    seeds = seeds or [entry.slope.seeds for entry in found]
    return CoordinateCheck(
        family=family.name,
        parametrization=parametrization,
        optimizer=optimiser.name,
        peak_lr=peak_lr,
        steps=steps,
        batch_size=batch_size,
        n_seeds=n_seeds,
        rungs=tuple(rung_label(rung) for rung in rungs),
        growth=tuple(growth),
        layers=found,
        hidden=mean_slope([each for each in seeds if each]),
    )


def mean_slope(seeds: Sequence[Sequence[float]]) -> Slope:
    """Slope of the mean over layers, from the slopes of each seed in each layer."""
    return slope_of_seeds(np.mean(np.asarray(seeds, dtype=float), axis=0) if len(seeds) else np.empty(0))


def spread_rungs(ladder: Sequence[Rung], n: int = 4) -> list[Rung]:
    """So many rungs of a ladder, from the first to the last, evenly spread."""
    return [ladder[i] for i in np.unique(np.linspace(0, len(ladder) - 1, n).round().astype(int))]


def _check(family: Family, dataset: Dataset, rungs: Sequence[Rung], n_seeds: int, steps: int) -> None:
    reason = family.misfit(dataset.task)
    if reason:
        raise InputError(f"family {family.name!r} does not fit data set {dataset.name!r}: {reason}")
    if len(rungs) < 3 or n_seeds < 2 or steps < 3:
        raise InputError(
            f"a coordinate check needs 3 rungs, 2 seeds and 3 steps, got {len(rungs)}, {n_seeds} and {steps}"
        )


def layers_to_check(family: Family, rung: Rung, task: Task) -> list[Layer]:
    """The layers of a rung; refuses a family that is nothing but a linear readout of its inputs."""
    layers = layers_of(family, rung, task)
    if {layer.role for layer in layers} == {"output"} and is_affine(family, task):
        raise InputError(f"family {family.name!r} is a readout of its inputs: it has no features to check")
    return layers


def is_affine(family: Family, task: Task) -> bool:
    """Whether the networks of a family are affine in their input: ``f(x) + f(-x) = 2 f(0)`` up to rounding."""
    if task.kind == "tokens":
        return False
    with secluded(0), torch.no_grad():
        net = family.build(family.ladder[0], task).eval()
        for parameter in net.parameters():
            parameter.copy_(torch.randn_like(parameter))
        inputs = torch.randn(2, *task.shape)
        both, middle = net(inputs) + net(-inputs), 2 * net(torch.zeros_like(inputs))
    return torch.allclose(both, middle, rtol=1e-3, atol=1e-3)


def _growth(family: Family, dataset: Dataset, rungs: Sequence[Rung]) -> list[float]:
    growth = [width_growth(family, rung, dataset.task) for rung in rungs]
    found = [m for m in growth if m is not None]
    if len(found) < len(growth) or len(set(found)) < len(found):
        raise InputError(f"family {family.name!r} has no hidden layer that grows from rung to rung: nothing to check")
    return found


def _changes(
    family: Family,
    dataset: Dataset,
    rung: Rung,
    seed: int,
    batch: tuple[Tensor, Tensor],
    layers: Sequence[Layer],
    optimiser: Optimiser,
    rates: np.ndarray,
    parametrization: str,
) -> list[float]:
    """Root mean square change of each layer's output on the batch it was trained on."""
    task, how = dataset.task, {"parametrization": parametrization, "optimizer": optimiser.exponents}
    net = initialise(family, rung, task, seed=seed, **how)
    inputs, targets = batch
    repeated = Repeated(inputs[None], targets[None])
    update = update_of(
        family, rung, Single(net, task), repeated, optimiser=optimiser, rates=rates, parametrization=parametrization
    )
    before = outputs_of(net, inputs, layers, seed)
    with secluded(seed):
        for _ in rates:
            update()
    after = outputs_of(net, inputs, layers, seed)
    return [math.nan if layer.name not in before else rms(after[layer.name] - before[layer.name]) for layer in layers]


def _optimiser(given: str | Optimiser) -> Optimiser:
    """The optimiser of a name, if it has an epsilon with one far below every gradient.

    Behind a gain that starts at zero the first gradients are as small as the usual 1e-8, and the smaller the wider the
    network (`nfnet`): training leaves that behind, the few updates of a check do not.
    """
    if isinstance(given, Optimiser):
        return given
    optimiser = optimiser_from(given)
    return optimiser_from({"name": given, "eps": _EPSILON}) if hasattr(optimiser, "eps") else optimiser


def _layer(layer: Layer, changes: np.ndarray, x: np.ndarray) -> LayerChange:
    """The slope of one layer from its changes ``(seeds, rungs)``."""
    usable = np.isfinite(changes) & (changes > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(usable, np.log(changes), np.nan)
    means = [float(np.exp(column.mean())) if np.isfinite(column).all() else None for column in logs.T]
    if not usable.all():
        why = "diverged" if np.isinf(changes).any() else "frozen" if (changes == 0).all() else "not finite or 0"
        slope = Slope(status="none", reason=why)
    else:
        slope = slope_of_seeds(logs @ (x - x.mean()) / np.square(x - x.mean()).sum())
    return LayerChange(layer=layer.name, kind=layer.kind, change=tuple(means), slope=slope)
