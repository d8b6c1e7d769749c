"""How many examples an update takes, the same on every rung or by a rule, and how many there are to train on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

_ALLOWED = "a whole number from 1, or {rule: power-law, size: N, exponent: B}"


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


def _one_of_two(value: Any) -> Any:
    """One message for what is neither a number nor a rule, in place of one for each."""
    if isinstance(value, PowerLawBatch) or (type(value) is int and value >= 1):
        return value
    if isinstance(value, dict):
        try:
            return PowerLawBatch.model_validate(value)
        except ValidationError as error:
            first = error.errors()[0]
            said = f"{first['loc'][0]}: {first['msg']}"
            raise _refused(f"the rule's {said}") from None
    raise _refused("not a batch size")


def _refused(why: str) -> PydanticCustomError:
    return PydanticCustomError("batch_size", "{why}; allowed: {allowed}", {"why": why, "allowed": _ALLOWED})


BatchSize = Annotated[int | PowerLawBatch, BeforeValidator(_one_of_two)]


def batch_size(given: BatchSize, n_params: int, first: int) -> int:
    """Examples an update of a rung of ``n_params``, on a ladder whose first rung has ``first``."""
    return given if isinstance(given, int) else given.batch(n_params, first)


def batch_rule(given: BatchSize, first_rung: str) -> str:
    """The rule in words; empty where the batch size is fixed."""
    return "" if isinstance(given, int) else given.label(first_rung)


def _sizes(value: Any) -> Any:
    listed = value if isinstance(value, list) else [value]
    if value is None or (listed and all(type(size) is int and size >= 1 for size in listed)):
        return value
    raise PydanticCustomError("train_size", "not a training set; allowed: a number of examples from 1, or a list")


TrainSize = Annotated[int | list[int] | None, BeforeValidator(_sizes)]
