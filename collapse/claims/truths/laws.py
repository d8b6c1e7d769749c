"""Laws that hold by construction: powers of time and of settings, constants, valleys of the learning rate, ladders."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from ..trial_runs import TrialRun
from .truth import TRUTHS, ExactSystem, evaluations, made, noisy


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class PowerOfTime(ExactSystem):
    """``E = tau^-exponent`` with noise between seeds."""

    name: ClassVar[str] = "power-of-time"
    summary: ClassVar[str] = "E = tau^-exponent"
    exponent: float = 0.5
    noise: float = 0.02
    seeds: int = 5

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        steps = evaluations(1000)
        clean = np.append(steps[1], steps[1:]) ** -self.exponent
        settings = {"size": 100.0, "peak_lr": 0.1}
        return [made(observable, seed, steps, noisy(clean, self.noise, rng), settings) for seed in range(self.seeds)]


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class PowerOfSetting(ExactSystem):
    """The last value goes as ``s^exponent``; with ``spread`` its variance between seeds does, about a mean of one."""

    name: ClassVar[str] = "power-of-setting"
    summary: ClassVar[str] = "last value, or its variance between seeds, goes as s^exponent"
    setting: str = "width"
    exponent: float = -1.0
    spread: bool = False
    noise: float = 0.02
    seeds: int = 8

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        steps, found = evaluations(100), []
        for s in (8.0, 16.0, 32.0, 64.0):
            for seed in range(self.seeds):
                power = s**self.exponent
                noise = (power**0.5 if self.spread else self.noise) * rng.normal()
                last = np.exp(noise) * (1.0 if self.spread else power)
                values = last * steps / steps[-1]
                found.append(made(observable, seed, steps, values, {"size": s**2, self.setting: s}))
        return found


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class Plateau(ExactSystem):
    """A value that stays where ``factor * v * product of powers`` is ``at``, for two values of each setting."""

    name: ClassVar[str] = "plateau"
    summary: ClassVar[str] = "a value times powers of settings stays at a constant"
    at: float = 1.0
    factor: float = 1.0
    powers: str = ""
    noise: float = 0.02
    seeds: int = 5

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        steps, found = evaluations(100), []
        terms = [term.partition("^")[::2] for term in self.powers.split()]
        for scale in (0.05, 0.1):
            settings = {"size": 100.0, **{name: scale for name, _ in terms}}
            product = float(np.prod([settings[name] ** float(power or 1) for name, power in terms]))
            clean = np.full(len(steps), self.at / (self.factor * product))
            found += [
                made(observable, seed, steps, noisy(clean, self.noise, rng), settings) for seed in range(self.seeds)
            ]
        return found


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class RateValley(ExactSystem):
    """``ln L = curvature (ln eta - ln eta*)^2`` with ``eta*`` going as ``width^exponent``."""

    name: ClassVar[str] = "rate-valley"
    summary: ClassVar[str] = "a parabola in ln eta whose lowest point goes as width^exponent"
    exponent: float = 0.0
    noise: float = 0.01
    seeds: int = 5

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        steps, found = evaluations(100), []
        for width in (16.0, 32.0, 64.0):
            for rate in 0.01 * 2.0 ** np.arange(-4, 5):
                for seed in range(self.seeds):
                    away = np.log(rate / 0.013) - self.exponent * np.log(width / 32)
                    clean = np.full(len(steps), np.exp(0.2 * away**2))
                    settings = {"size": width**2, "width": width, "peak_lr": float(rate)}
                    found.append(made(observable, seed, steps, noisy(clean, self.noise, rng), settings))
        return found


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class OneCurve(ExactSystem):
    """A ladder of ``E = t^-mu + p^-nu`` with horizons ``t* = c p^(gamma)``, ``gamma = (1 + wrong_by) nu/mu``.

    With ``wrong_by`` 0 its normalised curves are one; see docs/method.md. With ``bend`` the exponent of time grows by
    this share from one size to the next, and they are of different shapes.
    """

    name: ClassVar[str] = "one-curve"
    summary: ClassVar[str] = "a ladder of sums of power laws whose horizon exponent is off by a share"
    wrong_by: float = 0.0
    bend: float = 0.0
    mu: float = 0.5
    nu: float = 0.5
    noise: float = 0.01
    seeds: int = 8

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        found = []
        for place, size in enumerate((1e2, 4e2, 1.6e3, 6.4e3)):
            horizon = 10 * size ** ((1 + self.wrong_by) * self.nu / self.mu)
            steps = np.unique(np.concatenate([[0.0], horizon * np.geomspace(0.05, 1.0, 40)]))
            clean = np.append(steps[1], steps[1:]) ** -(self.mu * (1 + self.bend * place)) + size**-self.nu
            for seed in range(self.seeds):
                found.append(made(observable, seed, steps, noisy(clean, self.noise, rng), {"size": size}))
        return found
