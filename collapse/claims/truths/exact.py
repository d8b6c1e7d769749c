"""Small systems that are solved exactly: the one-third law of softmax, separable logistic regression, SGD."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import numpy as np

from ...truths.least_squares import Spectrum, sgd_excess
from ..trial_runs import TrialRun
from .truth import TRUTHS, ExactSystem, evaluations, made, noisy


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class AlignedSoftmax(ExactSystem):
    """A student ``W = beta W*`` of a peaked softmax teacher, by gradient flow in its one number ``beta``.

    With energies ``u`` (Gaussian, one draw a seed and example) and the largest of them as the label,
    ``L(beta) = E[ln sum e^(beta u) - beta max u]`` and ``d beta / d tau = -dL/d beta``. Late, L goes as
    ``beta^-1 ~ tau^-1/3`` (Liu, Liu, Pehlevan and Gore 2026, arXiv 2602.03685). A head with squared error, on the
    probabilities' logits ``beta u`` against ``u``, decays exponentially instead.
    """

    name: ClassVar[str] = "aligned-softmax"
    summary: ClassVar[str] = "gradient flow of the temperature of an aligned softmax: L ~ tau^-1/3"
    head: Literal["softmax", "squared-error"] = "softmax"
    classes: int = 32
    examples: int = 2000
    last: float = 1e5
    seeds: int = 5

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        steps = evaluations(self.last, first=0.005)
        return [
            made(observable, seed, steps, self._losses(steps, rng), {"size": 1.0, "peak_lr": 1.0})
            for seed in range(self.seeds)
        ]

    def _losses(self, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        from scipy.integrate import solve_ivp

        energies = rng.normal(size=(self.examples, self.classes))
        if self.head == "squared-error":
            mean = np.square(energies).mean()
            return mean * np.exp(-2 * mean * times * 20 / self.last)
        gaps = energies.max(axis=1, keepdims=True) - energies

        def flow(_: float, beta: np.ndarray) -> np.ndarray:
            weights = np.exp(-beta[0] * gaps)
            return np.array([(weights * gaps).sum(axis=1) @ (1 / weights.sum(axis=1)) / len(gaps)])

        solved = solve_ivp(flow, (0, times[-1]), [0.0], t_eval=times, method="LSODA", rtol=1e-6, atol=1e-8)
        return np.array([np.log(np.exp(-beta * gaps).sum(axis=1)).mean() for beta in solved.y[0]])


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class SeparableLogistic(ExactSystem):
    """Full-batch gradient descent of logistic regression on separable points, in float64: ``L ~ 1/t``.

    Soudry, Hoffer, Nacson, Gunasekar and Srebro 2018 (arXiv 1710.10345). With ``flipped`` labels among the points they
    are not separable, and the loss tends to a minimum above zero.
    """

    name: ClassVar[str] = "separable-logistic"
    summary: ClassVar[str] = "gradient descent of logistic regression on separable points: L ~ 1/t"
    points: int = 20
    inputs: int = 16
    flipped: int = 0
    steps: int = 20_000
    rate: float = 1.0
    seeds: int = 5

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        steps = np.unique(np.round(evaluations(self.steps)))
        settings = {"size": float(self.inputs), "peak_lr": self.rate}
        found = []
        for seed in range(self.seeds):
            inputs = rng.normal(size=(self.points, self.inputs))
            teacher = rng.normal(size=self.inputs)
            signs = np.sign(inputs @ teacher)
            signs[: self.flipped] *= -1
            found.append(made(observable, seed, steps, self._losses(inputs * signs[:, None], steps), settings))
        return found

    def _losses(self, signed: np.ndarray, steps: np.ndarray) -> np.ndarray:
        weights, losses, wanted = np.zeros(signed.shape[1]), [], set(steps.astype(int))
        for step in range(self.steps + 1):
            scores = signed @ weights
            if step in wanted:
                losses.append(np.logaddexp(0, -scores).mean())
            weights += self.rate * signed.T @ (1 / (1 + np.exp(scores))) / len(signed)
        return np.array(losses)


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class LeastSquaresSgd(ExactSystem):
    """Expected loss of SGD on power-law least squares, by its exact recursion, with noise between seeds.

    Batch sizes of 1, 2 and 4 times ``batch``, with learning rates that follow the batch size to the power ``rule`` and
    1, 1/2 and 1/4 of the updates; or, where ``scaled`` is ``rate``, one batch size.
    """

    name: ClassVar[str] = "least-squares-sgd"
    summary: ClassVar[str] = "exact recursion of SGD on power-law least squares, at several batch sizes"
    rule: float = 1.0
    scaled: Literal["batch", "rate"] = "batch"
    rate: float = 0.02
    batch: int = 4
    features: int = 64
    label_variance: float = 0.0
    batches: int = 3
    noise: float = 0.002
    seeds: int = 5

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        found = []
        for times in 2 ** np.arange(self.batches):
            rate, horizon = self.rate * float(times) ** self.rule, round(4000 / times)
            batch = self.batch * int(times) if self.scaled == "batch" else self.batch
            rates = np.full(horizon, rate)
            curve = sgd_excess(Spectrum(), self.features, rates, batch=batch, label_variance=self.label_variance)
            steps = np.unique(np.round(evaluations(horizon))).astype(int)
            settings = {"size": float(self.features), "peak_lr": rate, "batch_size": float(batch)}
            clean = 2 * curve[steps]  # a network's loss is the mean square, the recursion's is half of it
            found += [
                made(observable, seed, steps, noisy(clean, self.noise, rng), settings) for seed in range(self.seeds)
            ]
        return found


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class LeastSquaresPlateau(ExactSystem):
    """Excess loss of SGD on least squares with noisy labels, by its exact recursion, until it is stationary.

    For rates of 1, 2 and 4 times ``rate``.
    """

    name: ClassVar[str] = "least-squares-plateau"
    summary: ClassVar[str] = "excess of SGD on least squares with label noise at several rates, by its exact recursion"
    rate: float = 0.01
    batch: int = 4
    features: int = 16
    label_variance: float = 0.05
    noise: float = 0.02
    seeds: int = 5

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        spectrum, found, steps = Spectrum(capacity=0.5, source=1.8), [], evaluations(4000).round().astype(int)
        for rate in self.rate * 2.0 ** np.arange(3):
            rates = np.full(4000, rate)
            curve = sgd_excess(spectrum, self.features, rates, batch=self.batch, label_variance=self.label_variance)
            clean = 2 * curve[steps] - spectrum.tail(self.features)
            settings = {"size": float(self.features), "peak_lr": float(rate)}
            found += [
                made(observable, seed, steps, noisy(clean, self.noise, rng), settings) for seed in range(self.seeds)
            ]
        return found


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class LinearMode(ExactSystem):
    """One mode of a deep linear network by gradient flow, ``da/dt = N a^(2 - 2/N) (s - a)`` with N matrices.

    With two matrices a/s is logistic with the rate 2 s (Saxe, McClelland and Ganguli 2014, arXiv 1312.6120); with more
    it has another shape. Time is the integral of the learning rate times ``clock``.
    """

    name: ClassVar[str] = "linear-mode"
    summary: ClassVar[str] = "one mode of a deep linear network under gradient flow"
    matrices: int = 2
    strength: float = 4.0
    clock: float = 0.25
    begin: float = 1e-6
    seeds: int = 5

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        from scipy.integrate import solve_ivp

        found, until = [], 1.6 * self._half_time(self.begin)
        for seed in range(self.seeds):
            begin = self.begin * float(np.exp(0.3 * rng.normal()))
            steps = evaluations(1000)

            def flow(_: float, a: np.ndarray) -> np.ndarray:
                return self.matrices * np.abs(a) ** (2 - 2 / self.matrices) * (self.strength - a)

            times = steps / steps[-1] * until
            solved = solve_ivp(flow, (0, until), [begin], t_eval=times, method="LSODA", rtol=1e-8, atol=1e-12)
            settings = {"size": 64.0, "peak_lr": until / self.clock / steps[-1]}
            found.append(made(observable, seed, steps, solved.y[0] / self.strength, settings))
        return found

    def _half_time(self, begin: float) -> float:
        """Roughly when half of the mode is learned."""
        if self.matrices == 2:
            return float(np.log(self.strength / begin)) / (2 * self.strength)
        power = 1 - 2 / self.matrices
        return begin**-power / (self.matrices * power * self.strength)
