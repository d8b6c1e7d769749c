"""Least squares on power-law data: an exact scaling function that is no sum of power laws, and exact SGD."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import gamma, gammaincc, zeta


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Spectrum:
    """Eigenvalues ``l_j = j^-capacity`` of the inputs; direction j holds ``j^-source`` of twice the initial loss.

    The first N directions can be learned. Exponents: time ``mu = (source-1)/capacity``, size ``nu = source - 1``, so
    the optimal horizon goes as ``N^capacity``.
    """

    capacity: float = 1.5
    source: float = 1.8

    @property
    def mu(self) -> float:
        """Exponent of the loss in time."""
        return (self.source - 1) / self.capacity

    @property
    def nu(self) -> float:
        """Exponent of the loss in the number of directions."""
        return self.source - 1

    def tail(self, size: int) -> float:
        """``sum_{j > N} j^-source``: what N directions cannot learn."""
        return float(zeta(self.source, size + 1))


def flow_loss(spectrum: Spectrum, size: int, times: np.ndarray) -> np.ndarray:
    """Loss of gradient flow, same shape as ``times``::

    L(t, N) = sum_{j <= N} j^-b exp(-2 j^-a t) + sum_{j > N} j^-b
    """
    j = np.arange(1, size + 1, dtype=float)
    decays = np.exp(-2 * np.asarray(times)[..., None] * j**-spectrum.capacity)
    return decays @ j**-spectrum.source + spectrum.tail(size)


def scaling_function(spectrum: Spectrum, x: np.ndarray) -> np.ndarray:
    """Limit of ``N^{b-1} L`` at ``x = t N^-a``, approached with corrections of order 1/N::

        Phi(x) = (1/a) (2x)^{-(b-1)/a} Gamma((b-1)/a, 2x) + 1/(b-1)

    with the upper incomplete Gamma function: the sum over j becomes an integral over ``j/N``.
    """
    upper = gamma(spectrum.mu) * gammaincc(spectrum.mu, 2 * x)
    return (2 * x) ** -spectrum.mu * upper / spectrum.capacity + 1 / spectrum.nu


def sgd_excess(
    spectrum: Spectrum, size: int, rates: np.ndarray, *, batch: float, label_variance: float = 0.0
) -> np.ndarray:
    """Expected excess loss of one-pass SGD on Gaussian inputs after 0, 1, ..., T steps, ``(T + 1,)``.

    The second moments of the error follow an exact recursion (Gaussian fourth moments)::

        m_j <- (1 - eta l_j)^2 m_j + (eta^2/B) (l_j^2 m_j + l_j sum_k l_k m_k + l_j s^2)
        E = (1/2) (sum_j l_j m_j + tail),     s^2 = tail + label variance

    Directions that the model lacks act on it as label noise. The irreducible loss is half of the label variance.

    Parameters
    ----------
    spectrum, size : the problem; N directions are learned, from zero weights.
    rates : ``(T,)`` learning rate of each step.
    batch : examples a step, B.
    label_variance : variance of the noise on the labels.
    """
    j = np.arange(1, size + 1, dtype=float)
    eigenvalues, moments = j**-spectrum.capacity, j ** (spectrum.capacity - spectrum.source)
    tail = spectrum.tail(size)
    noise = tail + label_variance
    return np.array([0.5 * (learned + tail) for learned, _ in _course(eigenvalues, moments, noise, rates, batch)])


def sgd_noise(
    spectrum: Spectrum, size: int, rates: np.ndarray, *, batch: float, label_variance: float = 0.0
) -> np.ndarray:
    """Trace of the covariance of a batch's gradient before each step of `sgd_excess` and after the last, ``(T + 1,)``::

        Tr Sigma = (1/B) sum_j l_j (l_j m_j + sum_k l_k m_k + s^2)

    For the parameters see `sgd_excess`.
    """
    j = np.arange(1, size + 1, dtype=float)
    eigenvalues, moments = j**-spectrum.capacity, j ** (spectrum.capacity - spectrum.source)
    noise = spectrum.tail(size) + label_variance
    course = _course(eigenvalues, moments, noise, rates, batch)
    return np.array([(eigenvalues @ (eigenvalues * m + learned + noise)) / batch for learned, m in course])


def _course(
    eigenvalues: np.ndarray, moments: np.ndarray, noise: float, rates: np.ndarray, batch: float
) -> Iterator[tuple[Any, np.ndarray]]:
    """``sum_k l_k m_k`` and the second moments before each step and after the last."""
    for rate in rates:
        learned = eigenvalues @ moments
        yield learned, moments
        kept = (1 - rate * eigenvalues) ** 2 * moments
        moments = kept + rate**2 / batch * eigenvalues * (eigenvalues * moments + learned + noise)
    yield eigenvalues @ moments, moments


def sgd_ladder(
    spectrum: Spectrum,
    sizes: np.ndarray,
    x: np.ndarray,
    *,
    rate: float,
    batch: float,
    label_variance: float = 0.0,
    scale_batch: bool = False,
    steps_per_unit: float = 4.0,
) -> np.ndarray:
    """``ln[E(x)/E(1)]`` of a perfect ladder at constant rate, horizons ``steps_per_unit N^a``: ``(K, m)``.

    With label noise the floor of SGD at one batch does not fall with the loss, and even a perfect ladder does not
    collapse; a batch that grows as ``1/E_end`` restores it. E_end is that of gradient flow without noise.
    """
    rows = []
    ends = np.array(
        [flow_loss(spectrum, int(n), np.array(rate * steps_per_unit * n**spectrum.capacity)) for n in sizes]
    )
    batches = batch * (ends[0] / ends if scale_batch else np.ones(len(ends)))
    for n, examples in zip(sizes, batches, strict=True):
        horizon = round(steps_per_unit * float(n) ** spectrum.capacity)
        curve = sgd_excess(spectrum, int(n), np.full(horizon, rate), batch=examples, label_variance=label_variance)
        steps = np.log(np.arange(1, horizon + 1) / horizon)
        rows.append(np.interp(np.log(x), steps, np.log(curve[1:] / curve[-1])))
    return np.stack(rows)
