"""How long a rung trains: rules that turn a ladder's sizes into planned steps."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


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
    """``t*_k = steps (p_k / p_1)^exponent``, with p_1 the first rung of the ladder that is trained."""

    rule: Literal["power-law"]
    steps: int = Field(ge=1, le=100_000_000)
    exponent: float = Field(ge=0, le=10)

    def label(self, first_rung: str) -> str:
        """The rule in words."""
        return f"{self.steps} (p/p1)^{self.exponent:g}, p1 at {first_rung}"

    def horizon(self, n_params: int, first: int, batch_size: int) -> int:
        """Planned updates of a rung."""
        return max(1, round(self.steps * (n_params / first) ** self.exponent))


HorizonRule = Annotated[Steps | ExamplesPerParameter | PowerLaw, Field(discriminator="rule")]
