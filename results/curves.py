"""Learning curves as the analysis sees them: checked, immutable, whoever trained them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np

from ..errors import InputError
from .quantity import LOSS, Quantity

Leg = Literal["decayed", "constant"]
HorizonSource = Literal["exact", "pilot", "assumed"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LearningCurve:
    """The test loss of one trial, or another quantity, against the fraction of its training length.

    Attributes
    ----------
    family, dataset, recipe : the group that the curve belongs to; curves are compared within one setting.
    recipe_label : the setting in words.
    leg : ``decayed`` or ``constant``, the kind of learning-rate schedule.
    size : parameters of the network.
    seed : the trial's seed: a label, of which equal ones of one size are one run.
    x : ``(m,)`` increasing, step over training length; 1 is the end of the training.
    loss : ``(m,)`` test loss at x, or what ``quantity`` says in its place.
    lr : ``(m,)`` learning rate at x over its peak, or None where it is not known.
    irreducible_loss : the known ``L0`` of the quantity, or None.
    irreducible_loss_se : its standard error.
    test_loss_se : standard error of the loss from a finite test set that all curves share, as a table may give it;
        0 where the irreducible loss is that of the very test set.
    status : ``ok``, or why the trial ended early (``diverged``, ``oom``, ``timeout``, ``killed``, ``error``).
    control : ``holds`` or ``fails`` for a control whose answer is known, None for a measurement.
    repeats : how often the trial saw each training example, 1 for one pass.
    pool_fraction : share of the training pool that the training uses, 0 where each draw is new.
    running_statistics : whether the network has batch norm, and was evaluated with statistics that ran along.
    warmup_fraction : share of the training in which the learning rate rises; curves are compared after ten times that.
    horizon_source : how the ladder's training lengths are known: ``exact`` from a formula, ``pilot`` measured
        beforehand, ``assumed`` otherwise.
    tuned : ``yes`` where the learning rate is the best one at the smallest size and at a larger one, ``mis-scaled``
        where the best one moves with size, ``unknown`` where nobody looked, or could not tell.
    rung : the model size in words, such as ``width 48``; empty where only the size is known.
    trial_id : the trial's identity, empty for other people's curves.
    quantity : what the curve is of.
    device : ``cpu`` or ``cuda``, which trained it; empty where that is not known.
    """

    family: str
    dataset: str
    recipe: str
    recipe_label: str = ""
    leg: Leg = "decayed"
    size: float
    seed: int | str
    x: np.ndarray
    loss: np.ndarray
    lr: np.ndarray | None = None
    irreducible_loss: float | None = None
    irreducible_loss_se: float = 0.0
    test_loss_se: float = 0.0
    status: str = "ok"
    control: Literal["holds", "fails"] | None = None
    repeats: float = 1.0
    pool_fraction: float = 0.0
    running_statistics: bool = False
    warmup_fraction: float = 0.0
    horizon_source: HorizonSource = "assumed"
    tuned: str = "unknown"
    rung: str = ""
    trial_id: str = ""
    quantity: Quantity = LOSS
    device: str = ""

    def __post_init__(self) -> None:
        for name in ("x", "loss", "lr"):
            value = getattr(self, name)
            if value is None:
                continue
            array = np.array(value, dtype=float)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        self._check()

    def _check(self) -> None:
        who, noun = self.whose, self.quantity.noun
        if self.x.ndim != 1 or self.x.shape != self.loss.shape:
            raise InputError(
                f"{who}: x and {noun} must be one-dimensional and equally long, "
                f"got {self.x.shape} and {self.loss.shape}"
            )
        if self.lr is not None and self.lr.shape != self.x.shape:
            raise InputError(f"{who}: lr must be as long as x, got {self.lr.shape} and {self.x.shape}")
        if not np.isfinite(self.x).all() or not np.isfinite(self.loss).all():
            raise InputError(f"{who}: x and {noun} must be finite; a run that diverged ends at its last finite point")
        if not (self.x[1:] > self.x[:-1]).all():
            place = self.x[np.argmin(np.diff(self.x))]
            raise InputError(f"{who}: x must increase; a step is given twice or out of order near x = {place:g}")
        if not 0 < self.size < np.inf:
            raise InputError(f"{who}: the size must be a positive number")

    @property
    def whose(self) -> str:
        """Whose curve it is, for a message."""
        return f"curve of {self.family} on {self.dataset}, size {self.size:g}, seed {self.seed}"

    @property
    def complete(self) -> bool:
        """Whether the trial ended well and reached its planned end. If not it is censored: it has no end point."""
        return self.status == "ok" and len(self.x) > 0 and bool(np.isclose(self.x[-1], 1.0, rtol=0, atol=1e-9))


def seed_order(seed: int | str) -> tuple[bool, int | str]:
    """A key by which seeds sort: numbers by size, then names."""
    return isinstance(seed, str), seed


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class CurveSet:
    """Learning curves, and the margin under which they were planned.

    Attributes
    ----------
    curves : the curves, in any order.
    margin : the sweep's margin for the deviation, chosen before the data; None where there was no sweep.
    axis : what x is, in words.
    warnings : what a reader of them should know, such as groups that lack the observable.
    notes : what was guessed, dropped and resolved when other people's tables were read, one sentence each.
    """

    curves: tuple[LearningCurve, ...]
    margin: float | None = None
    axis: str = "fraction of training x"
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def quantity(self) -> Quantity:
        """What all curves are of; the test loss where there is none."""
        return self.curves[0].quantity if self.curves else LOSS

    def __iter__(self) -> Iterator[LearningCurve]:
        return iter(self.curves)

    def __len__(self) -> int:
        return len(self.curves)

    def __repr__(self) -> str:
        return f"CurveSet({len(self.curves)} curves of the {self.quantity.title} in {len(self.groups())} groups)"

    def _repr_html_(self) -> str:
        from .html_table import html_table

        rows = []
        for (family, dataset, _, leg), own in self.groups().items():
            first, sizes = own.curves[0], sorted({curve.size for curve in own})
            extent = " to ".join(f"{size:,.0f}" if size >= 1 else f"{size:.3g}" for size in (sizes[0], sizes[-1]))
            ended = sum(not curve.complete for curve in own)
            setting = first.recipe_label or first.recipe
            rows.append([family, dataset, setting, leg, f"{len(sizes)}", extent, f"{len(own)}", f"{ended}"])
        heads = ("family", "data set", "setting", "learning rate", "sizes", "parameters", "curves", "ended early")
        said = [*self.warnings, *(f"read: {note}" for note in self.notes)]
        return html_table(heads, rows, caption=repr(self), numbers=heads[4:], words=heads[2:3], notes=said)

    def groups(self) -> dict[tuple[str, str, str, str], CurveSet]:
        """The curves by (``family``, ``dataset``, ``recipe``, ``leg``), in the order of first appearance."""
        grouped: dict[tuple[str, str, str, str], list[LearningCurve]] = {}
        for curve in self.curves:
            grouped.setdefault((curve.family, curve.dataset, curve.recipe, curve.leg), []).append(curve)
        return {
            key: CurveSet(tuple(members), self.margin, self.axis, notes=self.notes) for key, members in grouped.items()
        }

    @classmethod
    def of(
        cls,
        curves: Iterable[LearningCurve],
        margin: float | None = None,
        axis: str = "fraction of training x",
        warnings: Iterable[str] = (),
        notes: Iterable[str] = (),
    ) -> CurveSet:
        """Collect curves of one quantity; none at all is an error."""
        collected = tuple(curves)
        if not collected:
            raise InputError("no learning curve found")
        titles = {curve.quantity.title for curve in collected}
        if len(titles) > 1:
            raise InputError(f"curves of one quantity are compared, got {', '.join(sorted(titles))}")
        return cls(collected, margin, axis, tuple(warnings), tuple(notes))
