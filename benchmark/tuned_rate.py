"""A learning rate that a pilot is to find."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_WIDER = 4  # rates by which a scan grows at each end


class TunedRate(BaseModel):
    """The best rate of a ladder's smallest size, found by a scan in factors of two.

    Attributes
    ----------
    updates : of both sizes in the scan.
    seeds : of each rate.
    around : middle of the first scan.
    rungs : the two model sizes, as a group's ``rungs``; the smallest and the middle one of the ladder unless given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Literal["tuned"] = "tuned"
    updates: int = Field(default=1000, ge=10, le=100_000_000)
    seeds: int = Field(default=4, ge=2)
    around: float = Field(default=0.008, gt=0, le=1e3)
    rungs: list[int | dict[str, int]] | None = Field(default=None, min_length=2, max_length=2)

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # rungs have no hash

    def scans(self) -> list[tuple[float, ...]]:
        """The rates of a scan, and of those that take its place where the best one lies at an end."""
        reaches = (3, 3 + _WIDER, 3 + 2 * _WIDER)
        return [tuple(self.around * 2.0**power for power in range(-reach, reach + 1)) for reach in reaches]


def in_full(given: Any) -> Any:
    """``tuned`` alone, written out."""
    return {"rule": given} if given == "tuned" else given
