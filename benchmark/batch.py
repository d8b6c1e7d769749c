"""How many examples an update takes: the same on every rung, or a rule that scales them with the ladder."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class PowerLawBatch(BaseModel):
    """``B_k = round(size (p_k / p_1)^exponent)``, with p_1 the first rung of the ladder that is trained.

    For data whose labels are noisy. At constant rate SGD settles ``(eta / 4) Tr Sigma_inf`` above the irreducible loss,
    in proportion to 1/B, and that floor does not fall with the ladder's own loss: a perfect ladder at one batch and
    rate does not collapse. With the batch as 1/E_end it does. Where the end excess goes as ``E_end ~ p^-e``, the
    exponent is e.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Literal["power-law"]
    size: int = Field(ge=1)
    exponent: float = Field(ge=-10, le=10)

    def label(self, first_rung: str) -> str:
        """The rule in words."""
        return f"{self.size} (p/p1)^{self.exponent:g}, p1 at {first_rung}"

    def batch(self, n_params: int, first: int) -> int:
        """Examples an update of a rung."""
        return max(1, round(self.size * (n_params / first) ** self.exponent))


BatchSize = Annotated[int, Field(ge=1)] | PowerLawBatch


def batch_size(given: BatchSize, n_params: int, first: int) -> int:
    """Examples an update of a rung of ``n_params``, on a ladder whose first rung has ``first``."""
    return given if isinstance(given, int) else given.batch(n_params, first)


def batch_rule(given: BatchSize, first_rung: str) -> str:
    """The rule in words; empty where the batch size is fixed."""
    return "" if isinstance(given, int) else given.label(first_rung)
