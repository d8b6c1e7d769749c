"""What a user sets for an analysis, checked once."""

from __future__ import annotations

import dataclasses

from ..errors import InputError
from ..results.grid import X_MIN
from ..results.levels import LATEST
from .forms.form import Form
from .irreducible.choice import FloorChoice, check_choice
from .single.noise_levels import NoiseChoice, check_noise_choice


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What an analysis rests on beside the curves.

    Attributes
    ----------
    margin : largest deviation that still counts as collapse, in ln l (.03 is 3 %). None is the planned one, else .03.
        Another one than planned is accepted, and makes the evidence exploratory.
    irreducible_loss : ``known`` takes each group's own, ``fit`` the end-point power law's, ``profile`` the one at
        which the curves collapse best, a pair ``(low, high)`` the best between two ends that were known beforehand; or
        a number.
    resamples : wild-bootstrap resamples, at least 99.
    x_min : where the grid starts at the earliest, a fraction of the horizon.
    noise_from : where one run a size may take a noise level from, ``neighbours`` or ``groups``; or ``sizes``: groups
        with few seeds pool it over their sizes. None is nowhere.
    forms : further forms, beside those of each comparison.
    """

    margin: float | None = None
    irreducible_loss: FloorChoice = "known"
    resamples: int = 999
    x_min: float = X_MIN
    noise_from: NoiseChoice | None = None
    forms: tuple[Form, ...] = ()

    def __post_init__(self) -> None:
        if self.margin is not None and not 0 < self.margin < 1:
            raise InputError(f"the margin must lie between 0 and 1, got {self.margin:g}; .03 is 3 %")
        if self.resamples < 99:
            raise InputError(f"at least 99 resamples are needed for a 5 % test, got {self.resamples}")
        if not 0 < self.x_min < LATEST:
            raise InputError(f"x_min must lie between 0 and .9, got {self.x_min:g}")
        check_choice(self.irreducible_loss)
        check_noise_choice(self.noise_from)
