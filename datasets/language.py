"""Text with a known entropy: Markov chains of any small order, and hidden Markov chains."""

from __future__ import annotations

import dataclasses
import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..task import Task
from .dataset import DATASETS, check_integer, check_number, derived_seed
from .floor import KnownPosterior, entropies
from .pool import CounterStream, seeded_generator

LEAK = 0.02  # share of each row that goes by the token's rank alone, so that every context comes up


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class MarkovText(KnownPosterior):
    """Next-token prediction where a token depends on the ``order`` ones before it.

    Each context has its own distribution ``.98 D + .02 z``: D is drawn once from a Dirichlet distribution with
    parameters ``concentration * vocabulary * z``, and z falls as 1 over the token's rank (Zipf). Windows of ``length``
    start in the stationary distribution; each is new. At every place the network sees the window so far. The test
    scores the places that have a full context, from the ``order``-th on, against the true distribution.

    The population's floor is the entropy rate ``sum_c pi(c) H(row c)``, with ``pi`` the stationary distribution over
    contexts: a formula. The same mean over the contexts of 1,024 test windows has a standard deviation of .003 nats.

    Attributes
    ----------
    order : how far back the dependence reaches.
    vocabulary : tokens; ``vocabulary^(order + 1)`` is at most 2^22.
    concentration : small values give rows of few likely tokens.
    length : places in a window.
    test_size : test windows.
    """

    name = "markov-text"
    summary = "text of a Markov chain, generated, every draw new"
    how = "mean entropy of the true next-token distributions in the test windows"

    order: int = 2
    vocabulary: int = 16
    concentration: float = 0.2
    length: int = 32
    test_size: int = 1024

    def __post_init__(self) -> None:
        check_integer("vocabulary", self.vocabulary, 2, 2048)
        check_integer("order", self.order, 1, 21)
        check_number("concentration", self.concentration, 0, strict=True)
        check_integer("length", self.length, self.order, 4096)
        check_integer("test_size", self.test_size, 2)
        if (self.order + 1) * math.log(self.vocabulary) > math.log(2**22) + 1e-9:
            raise InputError(
                f"order is {self.order}; vocabulary^(order + 1) is more than 2^22. Take one of them smaller."
            )

    @property
    def task(self) -> Task:
        size = self.vocabulary
        return Task(kind="tokens", shape=(self.length,), outputs=size, loss="cross_entropy", vocabulary=size)

    @property
    def pool_size(self) -> None:
        return None

    @property
    def transitions(self) -> np.ndarray:
        """Probability of each token after each context: ``(vocabulary^order, vocabulary)``; the oldest token of a
        context is its most significant digit."""
        return _chain(self.order, self.vocabulary, float(self.concentration))[0]

    @property
    def stationary(self) -> np.ndarray:
        """Probability of each context: ``(vocabulary^order,)``."""
        return _chain(self.order, self.vocabulary, float(self.concentration))[1]

    @property
    def population_loss(self) -> float:
        return float(self.stationary @ entropies(torch.from_numpy(self.transitions)).numpy())

    @property
    def population_loss_se(self) -> float:
        return 0.0

    def prepare(self) -> None:
        """Nothing to make."""

    def draw_truth(self, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        inputs, targets = self._draw(generator, count)
        contexts = torch.zeros_like(inputs[:, self.order - 1 :])
        for place in range(self.order):
            contexts = contexts * self.vocabulary + inputs[:, place : place + contexts.shape[1]]
        truth = torch.zeros(*targets.shape, self.vocabulary)
        truth[:, self.order - 1 :] = torch.from_numpy(self.transitions).float()[contexts]
        return inputs, truth

    def stream(self, seed: int) -> CounterStream:
        return CounterStream(self._draw, self.name, self.version, seed)

    def _draw(self, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        rows, starts = _cumulative(self.order, self.vocabulary, float(self.concentration))
        first = torch.rand(count, generator=generator, dtype=torch.float64)
        context = torch.searchsorted(starts, first, right=True)
        tokens = torch.empty(self.length + 1, count, dtype=torch.int64)
        for place in range(self.order):
            tokens[place] = context // self.vocabulary ** (self.order - 1 - place) % self.vocabulary
        uniform = torch.rand(self.length + 1, count, generator=generator)
        for place in range(self.order, self.length + 1):
            tokens[place] = pick(rows, context, uniform[place])
            context = (context * self.vocabulary + tokens[place]) % self.vocabulary**self.order
        windows = tokens.T.contiguous()
        return windows[:, :-1], windows[:, 1:]


def pick(rows: Tensor, chosen: Tensor, uniform: Tensor) -> Tensor:
    """Draw from the rows ``chosen``, ``(n,)``, by uniform numbers; rows hold sums over classes but the last."""
    return (rows[chosen] <= uniform[:, None]).sum(-1)


def sums(rows: np.ndarray) -> Tensor:
    """Cumulative probabilities without the last, which is 1: ``(n, k)`` to ``(n, k - 1)``, float32."""
    return torch.from_numpy(rows.cumsum(axis=1)[:, :-1]).float()


def zipf(size: int) -> np.ndarray:
    """Probabilities that fall as 1 over the rank: ``(size,)``."""
    ranks = 1 / np.arange(1, size + 1)
    return ranks / ranks.sum()


@lru_cache(maxsize=8)
def _chain(order: int, vocabulary: int, concentration: float) -> tuple[np.ndarray, np.ndarray]:
    """Transitions and the stationary distribution, by iteration until it stands still."""
    rng = np.random.default_rng(derived_seed(MarkovText.name, MarkovText.version, "transitions"))
    rows = rng.dirichlet(concentration * vocabulary * zipf(vocabulary), vocabulary**order)
    rows = (1 - LEAK) * rows + LEAK * zipf(vocabulary)
    pi = np.full(len(rows), 1 / len(rows))
    for _ in range(100_000):
        new = (pi[:, None] * rows).reshape(vocabulary, -1).sum(axis=0)
        if np.abs(new - pi).sum() < 1e-14:
            return rows, new / new.sum()
        pi = new
    raise InputError(f"concentration is {concentration:g}; the chain mixes too slowly. Take a larger one.")


@lru_cache(maxsize=8)
def _cumulative(order: int, vocabulary: int, concentration: float) -> tuple[Tensor, Tensor]:
    rows, pi = _chain(order, vocabulary, concentration)
    return sums(rows), torch.from_numpy(pi.cumsum()[:-1])


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class HiddenMarkovText(KnownPosterior):
    """Next-token prediction where a hidden state wanders and each token tells something of it.

    From one token to the next the state stays with probability ``stay`` and else goes by its own row, drawn once
    from a Dirichlet distribution; each state has its own distribution of tokens, drawn likewise around Zipf's law. The
    best prediction of a token after a window's first ones is the forward algorithm's, started from the stationary
    distribution of states: exact, for every window. It draws on all tokens before, so the test scores the second half
    of each window, where the start is far.

    The population's floor is a mean over 16,384 new windows; its standard error is about .002 nats. A window that went
    on without end would have the entropy rate; `rate_gap` says how far below the floor it lies: .0002 nats by default.

    Attributes
    ----------
    states, vocabulary : hidden states, and tokens.
    stay : probability that the state stays.
    concentration : small values give states that use few tokens.
    length : places in a window.
    test_size : test windows.
    """

    name = "hidden-markov-text"
    summary = "text of a hidden Markov chain, generated, every draw new"
    population_draws = 2**14
    how = "mean entropy of the forward algorithm's predictions in the test windows"

    states: int = 16
    vocabulary: int = 16
    stay: float = 0.9
    concentration: float = 0.1
    length: int = 32
    test_size: int = 1024

    def __post_init__(self) -> None:
        check_integer("states", self.states, 1, 1024)
        check_integer("vocabulary", self.vocabulary, 2, 2048)
        check_number("stay", self.stay, 0)
        check_number("concentration", self.concentration, 0, strict=True)
        check_integer("length", self.length, 2, 4096)
        check_integer("test_size", self.test_size, 2)
        if self.stay >= 1:
            raise InputError(f"stay is {self.stay:g}; it must be below 1, or the state never changes.")

    @property
    def task(self) -> Task:
        size = self.vocabulary
        return Task(kind="tokens", shape=(self.length,), outputs=size, loss="cross_entropy", vocabulary=size)

    @property
    def pool_size(self) -> None:
        return None

    @property
    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Transitions ``(states, states)``, emissions ``(states, vocabulary)`` and stationary shares ``(states,)``."""
        return _hidden_chain(self.states, self.vocabulary, float(self.stay), float(self.concentration))

    def rate_gap(self, windows: int = 1024) -> float:
        """How far the entropy rate lies below the floor, in nats: what forgetting all but the window costs.

        The mean Kullback-Leibler divergence of the predictions in a window's second half from those of one who read
        seven windows more before it.
        """
        generator = seeded_generator(self.name, self.version, "rate")
        longer, _ = dataclasses.replace(self, length=8 * self.length)._draw(generator, windows)
        known, half = self.predictions(longer)[:, -self.length :], self.length // 2
        guessed = self.predictions(longer[:, -self.length :])
        gain = torch.xlogy(known, known) - torch.xlogy(known, guessed)
        return float(gain[:, half:].sum(-1).mean())

    def prepare(self) -> None:
        """Nothing to make."""

    def draw_truth(self, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        inputs, _ = self._draw(generator, count)
        truth = self.predictions(inputs)
        truth[:, : self.length // 2] = 0
        return inputs, truth

    def stream(self, seed: int) -> CounterStream:
        return CounterStream(self._draw, self.name, self.version, seed)

    def predictions(self, inputs: Tensor) -> Tensor:
        """Probability of each next token given the window so far, float64: ``(n, length, vocabulary)``."""
        moves, emits, start = (torch.from_numpy(table) for table in self.tables)
        state = start.expand(len(inputs), -1)
        predicted = []
        for place in range(inputs.shape[1]):
            state = state * emits.T[inputs[:, place]]
            state = (state / state.sum(-1, keepdim=True)) @ moves
            predicted.append(state @ emits)
        return torch.stack(predicted, dim=1)

    def _draw(self, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        moves, emits, start = (sums(np.atleast_2d(table)) for table in self.tables)
        uniform = torch.rand(2, self.length + 1, count, generator=generator)
        state = pick(start, torch.zeros(count, dtype=torch.int64), uniform[0, 0])
        tokens = torch.empty(self.length + 1, count, dtype=torch.int64)
        for place in range(self.length + 1):
            state = pick(moves, state, uniform[0, place]) if place else state
            tokens[place] = pick(emits, state, uniform[1, place])
        windows = tokens.T.contiguous()
        return windows[:, :-1], windows[:, 1:]


@lru_cache(maxsize=8)
def _hidden_chain(
    states: int, vocabulary: int, stay: float, concentration: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(derived_seed(HiddenMarkovText.name, HiddenMarkovText.version, "tables"))
    moves = stay * np.eye(states) + (1 - stay) * rng.dirichlet(np.ones(states), states)
    emits = rng.dirichlet(concentration * vocabulary * zipf(vocabulary), states)
    emits = (1 - LEAK) * emits + LEAK * zipf(vocabulary)
    equations = np.vstack([moves.T - np.eye(states), np.ones(states)])
    start = np.linalg.lstsq(equations, np.append(np.zeros(states), 1.0), rcond=None)[0]
    return moves, emits, start
