"""What an analysis returns: every number with its interval and its status, ready for a table, a figure or JSON.

A larger result contains the smaller ones that it is made of; how a field reads in JSON is told by its metadata (see
`composing`).
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import InputError
from ..results.quantity import LOSS, Quantity
from .composing import HIDDEN, Missing, flat, named
from .reasons import Reason

if TYPE_CHECKING:
    import pandas

    from ..results.curves import CurveSet, LearningCurve
    from .controls.discrimination import Discrimination
    from .controls.unrelated import Unrelated
    from .drawing.sheet import Sheet
    from .families.datasets import DatasetPairs
    from .families.pairs import Pair
    from .ladders.ladder import Ladder
    from .robust.pooling import PooledNoise
    from .within.exactness import Exactness

Verdict = Literal["collapse", "approximate", "no-collapse", "cannot-tell"]
Evidence = Literal["confirmatory", "exploratory"]
Scale = Literal["end-point", "shape"]
HORIZON = "horizon_exponent_plus_20_percent"  # the first of the errors that a ladder should have shown


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """Which group: a family on a data set under one recipe and one kind of schedule; ``control`` as in the curves."""

    family: str
    dataset: str
    recipe: str
    recipe_label: str
    leg: str
    control: str | None = None

    @classmethod
    def of(cls, curve: LearningCurve) -> Key:
        """The group that a curve belongs to."""
        return cls(**{field.name: getattr(curve, field.name) for field in dataclasses.fields(cls)})


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Extent:
    """What was trained: model sizes, seeds of the size that has fewest, runs without an end, and the range of x on
    which ``overlap`` is the share that all sizes have."""

    n_rungs: int
    n_seeds: int
    n_censored: int = 0
    x_min: float | None = None
    x_max: float | None = None
    overlap: float | None = None

    @classmethod
    def of(cls, ladder: Ladder, group: RescaledGroup | None, overlap: float) -> Extent:
        """Read off a ladder and its rescaled curves."""
        counts = {"n_rungs": len(ladder.rungs), "n_seeds": ladder.fewest_seeds, "n_censored": len(ladder.censored)}
        if group is None:
            return cls(**counts, overlap=overlap)
        return cls(**counts, overlap=overlap, x_min=float(group.x[0]), x_max=float(group.x[-1]))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class IrreducibleLoss:
    """The irreducible loss that was subtracted: a value with its 95 % interval, or nothing (``source`` none).

    ``domain`` has the ends between which it was free when it was chosen by these curves, None where it was not.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    source: Literal["known", "given", "profile", "fit", "none"] = "none"
    domain: tuple[float, float] | None = dataclasses.field(default=None, metadata=HIDDEN)

    @property
    def free(self) -> tuple[float, float] | None:
        """Ends between which it may lie, relative to the value; None where it is known without error."""
        if self.value is None:
            return None
        low, high = self.domain or (self.low, self.high)
        if low is None or high is None or low == high:
            return None
        return low - self.value, high - self.value


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """Deviation of a group in one band of x: the largest |d| over model sizes and x, its 95 % bounds, and what
    unrelated curves show in the same band."""

    x: tuple[float, float]
    deviation: float | None = None
    lower_bound: float | None = None
    upper_bound: float | None = None
    unrelated_deviation: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """The largest |d| over model sizes and x with its 95 % bounds, the upper one also by Student's quantiles alone
    (``reference_bound``), the upper bound that the seeds' noise alone would leave, and the same in each band of x."""

    deviation: float | None = None
    lower_bound: float | None = None
    upper_bound: float | None = None
    reference_bound: float | None = None
    noise_bound: float | None = None
    bands: tuple[Band, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Residuals:
    """Each model size's deviation from the mean of the sizes, all ``(K, m)``.

    Attributes
    ----------
    d : the deviation.
    se, df : its standard error and degrees of freedom.
    band : half-width of the simultaneous 95 % band, the only one that may say where a size leaves; of single runs that
        of their noise level.
    """

    d: np.ndarray
    se: np.ndarray | None = None
    df: np.ndarray | None = None
    band: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RescaledGroup:
    """The curves of one group on the common grid.

    Attributes
    ----------
    scale : ``end-point``: z = ln(E(x)/E(1)) with a floor L0; ``shape``: the curve less its end over its own mean
        improvement, free of L0.
    x : ``(m,)`` common grid, log-spaced.
    sizes : ``(K,)`` parameters of each rung, ascending.
    rungs : what each rung is called.
    values : K arrays ``(n_k, m)``, one row a seed, on the scale above.
    seeds : K tuples with the seeds of the rows.
    phase : ``(m,)`` share of the learning-rate integral at x, y(x); None where the schedule is not known.
    rate : ``(m,)`` learning rate at x over its peak; None where the schedule is not known.
    end_rate : the same at x = 1.
    units : K arrays ``(n_k,)``: what each curve was divided by, E(1) or the mean improvement.
    quantity : what the curves are of.
    error : ``(K, m)`` what interpolation between rare evaluations may have added to a rung's mean curve; None where
        evaluations are dense or shared.
    evaluations : the fewest that a curve has on the grid and at its end; 0 where that is not known.
    """

    scale: Scale
    x: np.ndarray
    sizes: np.ndarray
    rungs: tuple[str, ...]
    values: tuple[np.ndarray, ...]
    seeds: tuple[tuple[int | str, ...], ...]
    phase: np.ndarray | None
    rate: np.ndarray | None
    end_rate: float | None = None
    units: tuple[np.ndarray, ...] = ()
    quantity: Quantity = LOSS
    error: np.ndarray | None = None
    evaluations: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Spread:
    """Descriptions of the spread, for comparison with the literature; no verdict rests on them.

    Attributes
    ----------
    collapse_deviation : ``(m,)`` Delta(x) = sd/mean of the normalised curves, sizes and seeds pooled.
    noise : ``(K, m)`` sigma(x) = sd/mean over seeds of the excess loss, not normalised by its own end.
    between, within : ``(m,)`` variance between rungs (noise of the means taken off) and within.
    slope, slope_se, slope_df : ``(m,)`` slope of a rung's mean curve on ``ln p``, its standard error and degrees of
        freedom.
    """

    collapse_deviation: np.ndarray
    noise: np.ndarray
    between: np.ndarray
    within: np.ndarray
    slope: np.ndarray
    slope_se: np.ndarray
    slope_df: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FittedForm:
    """The sum of power laws, ``l = [(r y^-mu + 1)/(1 + r)] (1 - G eta(1)/eta_0)/(1 - G eta(x)/eta_0)``, fitted to a
    group's mean curve.

    ``share`` is r/(1+r), the part of the end excess that time still lowers; ``error`` the largest misfit over x.
    ``status`` is ``ok`` or says what could not be had; the numbers are None where there is no fit at all.
    """

    mu: float | None
    share: float | None
    gain: float | None
    error: float | None
    status: Reason


def _of(path: str) -> Any:
    """A property that reads a part of a part; None where a part is missing."""
    first, rest = path.split(".")
    part, value = attrgetter(first), attrgetter(rest)
    return property(lambda self: None if part(self) is None else value(part(self)))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GroupResult:
    """The verdict on one group and everything it rests on.

    Numbers that could not be had are None, and ``reason`` or ``warnings`` says why. Parts that many read have short
    names: ``result.deviation`` is ``result.bounds.deviation``.

    Attributes
    ----------
    key, extent : which group, and what was trained.
    irreducible_loss : what was subtracted.
    exact, shape : the exactness tests, with the irreducible loss and on shapes.
    margin, bounds : the margin in use, and the deviation that is held against it.
    noise_floor, noise_from : the seeds' noise, and where that of the upper bound is from: ``seeds``, ``sizes``, or of
        one run a size ``reruns``, ``groups``, ``neighbours`` or None. ``pooled_noise`` has how ``sizes`` share it.
    collapse_deviation : mean over ln x of Delta(x), the literature's measure, to hold beside the noise floor; no
        verdict rests on it.
    resolution : deviation that each error would cause that the ladder should have shown.
    null : what curves show that share nothing but the schedule.
    discrimination : at which x such curves would miss the margin.
    verdict, reason, evidence, warnings : the verdict and what to know of it.
    single : whether there is one run a size: then the deviation is a description.
    settles_from : the smallest model size from which on the sizes are bounded within the margin, where all of them
        together are not: the deviation dies out with size.
    sound : whether nothing forbids a verdict but what the numbers say; else no size is said to leave.
    residuals, spread, rescaled, form : the curves behind it.
    """

    key: Key = dataclasses.field(
        metadata=flat("family", "dataset", "recipe", "recipe_label", "leg", "control"),
    )
    extent: Extent = dataclasses.field(
        metadata=flat("n_rungs", "n_seeds", "n_censored", "x_min", "x_max", "overlap"),
    )
    irreducible_loss: IrreducibleLoss
    margin: float
    verdict: Verdict
    evidence: Evidence
    reason: Reason | None = None
    exact: Exactness | None = dataclasses.field(default=None, metadata=flat("p_trend", p="p_exact"))
    shape: Exactness | None = dataclasses.field(default=None, metadata=flat(p="p_shape"))
    bounds: Bounds = dataclasses.field(
        default=Bounds(),
        metadata=flat("deviation", "lower_bound", "upper_bound", "reference_bound", "noise_bound", "bands"),
    )
    noise_floor: float | None = None
    collapse_deviation: float | None = None
    noise_from: str | None = "seeds"
    pooled_noise: PooledNoise | None = None
    resolution: dict[str, float | None] = dataclasses.field(default_factory=dict)
    null: Unrelated | None = dataclasses.field(default=None, metadata=flat(deviation="unrelated_deviation"))
    discrimination: Discrimination | None = None
    warnings: tuple[Reason, ...] = ()
    single: bool = False
    settles_from: str | None = None
    sound: bool = dataclasses.field(default=True, metadata=HIDDEN)
    residuals: Residuals | None = dataclasses.field(default=None, metadata=HIDDEN)
    spread: Spread | None = dataclasses.field(default=None, metadata=HIDDEN)
    rescaled: RescaledGroup | None = dataclasses.field(default=None, metadata=flat(scale="rescaling"))
    form: FittedForm | None = None

    family, dataset, recipe = _of("key.family"), _of("key.dataset"), _of("key.recipe")
    recipe_label, leg, control = _of("key.recipe_label"), _of("key.leg"), _of("key.control")
    n_rungs, n_seeds, n_censored = _of("extent.n_rungs"), _of("extent.n_seeds"), _of("extent.n_censored")
    x_min, x_max, overlap = _of("extent.x_min"), _of("extent.x_max"), _of("extent.overlap")
    p_exact, p_trend, p_shape = _of("exact.p"), _of("exact.p_trend"), _of("shape.p")
    deviation, lower_bound = _of("bounds.deviation"), _of("bounds.lower_bound")
    upper_bound, noise_bound, bands = _of("bounds.upper_bound"), _of("bounds.noise_bound"), _of("bounds.bands")
    reference_bound = _of("bounds.reference_bound")
    unrelated_deviation, unrelated = _of("null.deviation"), _of("null.curves")
    d, se, df, band = _of("residuals.d"), _of("residuals.se"), _of("residuals.df"), _of("residuals.band")

    @property
    def conditional(self) -> bool:
        """Whether the verdict is a claim that holds for an irreducible loss which these curves chose."""
        return self.verdict != "cannot-tell" and self.irreducible_loss.source in ("profile", "fit")

    def __repr__(self) -> str:
        from .sentences.verdicts import sentence

        return f"GroupResult({self.family} on {self.dataset}: {self.verdict}; {sentence(self)})"

    def _repr_html_(self) -> str:
        from .sentences.as_html import group_html

        return group_html(self)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FamilyDeviation:
    """How far a family's mean curve lies from the master curve of the other families on that data set.

    ``difference`` is ``(m,)``, signed, on the grid ``x``; ``deviation`` its largest modulus with a 95 % interval;
    ``where`` the stretch of x in which the simultaneous band excludes zero, None where there is none. The numbers are
    None where the family cannot stand beside the others, and ``reason`` says why. ``name`` is the family, with what
    tells it apart where it has several recipes.
    """

    family: str
    recipe: str
    name: str
    deviation: float | None = None
    low: float | None = None
    high: float | None = None
    where: tuple[float, float] | None = None
    verdict: Verdict = "cannot-tell"
    reason: Reason | None = None
    x: np.ndarray | None = dataclasses.field(default=None, metadata=HIDDEN)
    difference: np.ndarray | None = dataclasses.field(default=None, metadata=HIDDEN)
    standard_error: np.ndarray | None = dataclasses.field(default=None, metadata=HIDDEN)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class AcrossFamilies:
    """Families compared on one data set, on the scale that all of them share.

    ``pairs`` are all two by two; ``shared`` says whether all share one curve: ``collapse`` where every pair is bounded
    below the margin, ``no-collapse`` where some pair differs by more. ``classes`` are the groups of families that share
    one curve among themselves and differ from all others, empty where the pairs do not part them so.
    """

    dataset: str
    leg: str
    scale: Scale = dataclasses.field(metadata=named("rescaling"))
    smallest_model: str | None
    per_family: tuple[FamilyDeviation, ...]
    pairs: tuple[Pair, ...] = ()
    classes: tuple[tuple[str, ...], ...] = ()
    shared: Verdict = "cannot-tell"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """What was found in a set of curves. A notebook shows it as a table of verdicts.

    Attributes
    ----------
    groups : a verdict with all it rests on for each family on each data set.
    across_families : families compared on each data set.
    across_datasets : data sets compared over the families that they share.
    warnings : what concerns the whole; what those who read files say comes as text.
    notes : what was guessed when the curves were read.
    quantity : what all curves are of, the test loss where nothing else was asked for.
    curves : the curves that it was made from, for `plot`.
    """

    groups: tuple[GroupResult, ...]
    across_families: tuple[AcrossFamilies, ...]
    across_datasets: tuple[DatasetPairs | Missing, ...] = ()
    warnings: tuple[Reason | str, ...] = ()
    notes: tuple[str, ...] = ()
    quantity: Quantity = dataclasses.field(default=LOSS, metadata=flat("observable", "scale"))
    curves: CurveSet | None = dataclasses.field(default=None, metadata=HIDDEN, compare=False)

    def plot(self, figure: str = "summary") -> Sheet:
        """Draw one figure.

        Parameters
        ----------
        figure : ``summary`` (the control that must hold, the network with the tightest bound, the control that must
            fail), ``deviations`` (every group with its bounds), ``across-families`` (each family against the others) or
            ``dataset-NAME`` (every group of a data set: as trained, rescaled, deviations).

        Returns
        -------
        Sheet
            A notebook shows it. ``save("mine.pdf")`` writes it, ``figure`` is matplotlib's.

        Raises
        ------
        InputError
            No such figure; the message names those that there are.
        """
        from .figures import sheet_of

        return sheet_of(self, figure)

    def to_pandas(self) -> pandas.DataFrame:
        """One row a group: verdict, deviation with its bounds, p-values, margin and the verdict in a sentence.

        Deviations, bounds and margin are in ln l (.03 is 3 %). What is missing is missing (NaN or None).
        `onecurve export` has the meaning of each column.

        Raises
        ------
        InputError
            pandas is not installed.
        """
        from .contract import to_table

        try:
            import pandas
        except ImportError:
            raise InputError("a data frame of pandas needs pandas: pip install 'onecurve[notebook]'") from None
        return pandas.DataFrame(to_table(self))

    def __repr__(self) -> str:
        counts = Counter(group.verdict for group in self.groups)
        said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        return f"Analysis({len(self.groups)} groups: {said})" if said else "Analysis(no group)"

    def _repr_html_(self) -> str:
        from .sentences.as_html import analysis_html

        return analysis_html(self)
