"""How long a rung trains: rules that turn a ladder's sizes into planned steps."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ..errors import InputError


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Steps(_Rule):
    """Every rung trains for the same number of updates."""

    rule: Literal["steps"]
    steps: int = Field(ge=1, le=100_000_000)

    def label(self, first_rung: str) -> str:
        """The rule in words."""
        return f"{self.steps} steps"

    def horizon(self, n_params: int, first: int, batch_size: int) -> int:
        """Planned updates of a rung."""
        return self.steps


class ExamplesPerParameter(_Rule):
    """A fixed number of examples for each parameter: ``t* = ratio p / batch``."""

    rule: Literal["examples-per-parameter"]
    ratio: float = Field(gt=0)

    def label(self, first_rung: str) -> str:
        """The rule in words."""
        return f"{self.ratio:g} examples a parameter"

    def horizon(self, n_params: int, first: int, batch_size: int) -> int:
        """Planned updates of a rung."""
        return max(1, round(self.ratio * n_params / batch_size))


class PowerLaw(_Rule):
    """``t*_k = steps (p_k / p_1)^exponent``, with p_1 the parameters ``at`` which ``steps`` holds, so that networks of
    all families train alike at equal parameters; those of the first rung of the ladder that is trained unless given."""

    rule: Literal["power-law"]
    steps: int = Field(ge=1, le=100_000_000)
    exponent: float = Field(ge=0, le=10)
    at: int | None = Field(default=None, ge=1, exclude_if=lambda given: given is None)  # older requests lack it

    def label(self, first_rung: str) -> str:
        """The rule in words."""
        if self.at is not None:
            return f"{self.steps} (p/{self.at})^{self.exponent:g}"
        return f"{self.steps} (p/p1)^{self.exponent:g}, p1 at {first_rung}"

    def horizon(self, n_params: int, first: int, batch_size: int) -> int:
        """Planned updates of a rung."""
        return max(1, round(self.steps * (n_params / (self.at or first)) ** self.exponent))


class TrunkLength(PowerLaw):
    """Updates of a pilot's trunks, which may be wanted longer; no rule of a sweep file.

    Attributes
    ----------
    before : ``steps`` of the shorter trunks that these go on from; 0 where they start.
    later : ``steps`` of the longer ones that may go on from these.
    """

    before: int = 0
    later: tuple[int, ...] = ()

    def lengthened(self, steps: int, n_params: int, first: int, batch_size: int) -> int:
        """Updates of a rung's trunk at another of these steps."""
        return self.model_copy(update={"steps": steps}).horizon(n_params, first, batch_size)


class PilotSetting(_Rule):
    """What of a ladder's setting its pilot has otherwise, so that a ladder with one thing wrong takes the training
    lengths of the one that is right."""

    peak_lr: float = Field(default=0.003, gt=0, le=1e6)
    parametrization: Literal["mup", "standard"] = "mup"
    warmup_updates: int | None = Field(default=None, ge=1)


class ComputeOptimal(_Rule):
    """The power law that a pilot finds on this ladder; `pilots` puts it in the place of this rule before a run.

    Attributes
    ----------
    updates : of the smallest model size in the pilot's first trunks; larger sizes train longer, as their parameters.
    longest : of the smallest model size in the last ones: trunks that are too short are doubled up to here.
    seeds : of each model size in the pilot.
    warmup : of a trunk that is made longer: ``share`` of its length, so that it is another curve and is trained anew,
        or as many ``updates`` as the first trunks have, so that it goes on from the shorter one.
    of : what trunks are compared by: their test ``loss``, or their ``ema-loss``, that of averaged weights, which has
        little of the noise of a rate that stays high and is nearer to the loss after the rate has decayed, or their
        ``averaged-loss``, of weights averaged over a share of the training so far: for ladders that are judged by it.
    rungs : the pilot's model sizes, as a group's ``rungs``; the ladder's own unless given. A ladder of sizes whose own
        crossings nobody can pay for takes its training lengths from smaller ones.
    found_at : settings of the pilot that are not the ladder's, such as ``{peak_lr: 0.01}``.
    factor, exponent_factor : the ladder trains for ``factor`` times the updates that the pilot finds for its smallest
        size, growing with ``exponent_factor`` times the exponent: a ladder that is off on purpose.
    """

    rule: Literal["compute-optimal"] = "compute-optimal"
    updates: int = Field(default=2000, ge=10, le=100_000_000)
    longest: int = Field(default=32_000, ge=10, le=100_000_000)
    seeds: int = Field(default=8, ge=2)
    warmup: Literal["share", "updates"] = "share"
    of: Literal["loss", "ema-loss", "averaged-loss"] = "loss"
    rungs: list[int | dict[str, int]] | None = None
    found_at: PilotSetting = PilotSetting()
    factor: float = Field(default=1.0, gt=0, le=100)
    exponent_factor: float = Field(default=1.0, ge=0, le=10)

    @property
    def column(self) -> str:
        """What the tables call the losses that trunks are compared by."""
        return {"loss": "test_loss", "ema-loss": "ema_loss", "averaged-loss": "averaged_loss"}[self.of]

    def label(self, first_rung: str) -> str:
        """There is none before the pilot."""
        self._refuse()

    def horizon(self, n_params: int, first: int, batch_size: int) -> int:
        """There is none before the pilot."""
        self._refuse()

    def found(self, updates: float, exponent: float) -> PowerLaw:
        """The rule that takes its place."""
        steps = max(1, round(self.factor * updates))
        return PowerLaw(rule="power-law", steps=steps, exponent=round(self.exponent_factor * exponent, 3))

    def _refuse(self) -> NoReturn:
        raise InputError("a compute-optimal training length is found by a pilot: `onecurve run` trains it first")


def _in_full(given: Any) -> Any:
    return {"rule": given} if given == "compute-optimal" else given


HorizonRule = Annotated[
    Annotated[Steps | ExamplesPerParameter | PowerLaw | ComputeOptimal, Field(discriminator="rule")],
    BeforeValidator(_in_full),
]
