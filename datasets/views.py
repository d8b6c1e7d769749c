"""Clock-free views: the loss of parts of a task, which can be held against the whole loss without any horizon."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .dataset import View

_TAIL = 0.02  # the last shell takes all that is left, once that is less than this share of the variance
_BLOCK = 2**17  # cosines evaluated at once: they stay in a core's cache


@dataclasses.dataclass(frozen=True, eq=False)
class _OnDevice:
    """A view whose sums are made, and left, where the outputs lie.

    On the CPU the networks are taken one after the other, so that the bits of one do not depend on the others. Here
    they are taken at once: rounding may depend on how many there are, which a device keeps fixed.
    """

    view: View
    made: Callable[[slice, Tensor], Tensor]

    @property
    def names(self) -> tuple[str, ...]:
        return self.view.names

    def to(self, device: torch.device | str) -> View:
        return self.view.to(device)

    def sums(self, rows: slice, outputs: Tensor) -> Tensor:
        return self.made(rows, outputs)

    def values(self, sums: Tensor) -> Tensor:
        return self.view.values(sums)


@dataclasses.dataclass(frozen=True, eq=False)
class ShellView:
    """Loss per shell of wave numbers, for a target that is a sum of waves.

    The target is ``y = sum_s y_s`` with ``y_s`` the waves of shell s. Over the inputs the parts are orthogonal, with
    variances ``V_s``. The residual ``r = f - y`` of a network is split into its regression on the parts,
    ``r = sum_s b_s y_s + rest``. The loss of shell s is ``V_s b_s^2`` and, because the parts are orthogonal, the loss
    is the sum of these and that of the rest: ``E r^2 = sum_s V_s b_s^2 + E rest^2``.

    ``-b_s`` is the share of the shell's power that is not learned: 1 for a network that returns 0, 0 for one that has
    the shell. It is a mean over the shell's waves, weighted by their power, so ``V_s b_s^2`` is at most what the
    residual has on these waves (Cauchy-Schwarz), and all of it where the waves of a shell are learned alike; the
    difference is in the rest. Projecting on each wave by itself would show it, and could not be measured: with as many
    waves as test examples the sampling error of that sum is as large as the loss.

    The ``b_s`` come from the normal equations on the n test examples, so that a combination of the parts gives them
    without sampling error; otherwise the error of ``b_s`` is about ``sqrt(E rest^2 / (n V_s))``. The parts are not
    quite orthogonal there, so shells and rest add up to the loss within a share of about ``n^-1/2``.

    Attributes
    ----------
    names : one for each shell, and ``rest``, all in units of the loss.
    parts : ``(n, S)`` values of the parts, float64.
    targets : ``(n,)`` float64.
    variances : ``(S,)``.
    """

    names: tuple[str, ...]
    parts: np.ndarray
    targets: np.ndarray
    variances: np.ndarray

    def to(self, device: torch.device | str) -> View:
        """The view for outputs that lie on a device."""
        if torch.device(device).type == "cpu":
            return self
        parts, targets = (torch.from_numpy(each).to(device) for each in (self.parts, self.targets))
        return _OnDevice(self, lambda rows, outputs: _shell_sums(parts[rows], targets[rows], outputs))

    def sums(self, rows: slice, outputs: Tensor) -> Tensor:
        residuals = outputs[..., 0].double().numpy() - self.targets[rows]
        found = [np.append(self.parts[rows].T @ each, each @ each) for each in residuals]
        return torch.from_numpy(np.stack(found))

    def values(self, sums: Tensor) -> Tensor:
        gram = self.parts.T @ self.parts
        return torch.from_numpy(np.stack([self._losses(gram, each) for each in sums.cpu().numpy()]))

    def _losses(self, gram: np.ndarray, sums: np.ndarray) -> np.ndarray:
        slopes = np.linalg.solve(gram, sums[:-1])
        return np.append(self.variances * slopes**2, (sums[-1] - slopes @ sums[:-1]) / len(self.targets))


def _shell_sums(parts: Tensor, targets: Tensor, outputs: Tensor) -> Tensor:
    """`ShellView.sums` of all networks at once: ``(b, S)``, ``(b,)``, ``(R, b, 1)`` to ``(R, S + 1)``."""
    residuals = outputs[..., 0].double() - targets
    return torch.cat([residuals @ parts, residuals.square().sum(-1, keepdim=True)], dim=-1)


def shell_view(inputs: Tensor, targets: Tensor, vectors: np.ndarray, amplitudes: np.ndarray) -> ShellView:
    """The view of a target ``sqrt(2) Re sum_m c_m exp(2 pi i k_m . x)`` in shells of half an octave of ``|k|``.

    Parameters
    ----------
    inputs : ``(n, d)``, uniform on a unit cube.
    targets : ``(n, 1)``.
    vectors : ``(M, d)`` distinct whole numbers, of which no two are opposite; none is 0.
    amplitudes : ``(M,)`` complex c_m.
    """
    power = np.abs(amplitudes) ** 2
    shells = np.floor(2 * np.log2(np.linalg.norm(vectors, axis=1)) + 1e-9).astype(int)
    beyond = [power[shells >= s].sum() for s in range(shells.max() + 1)]
    last = next((s for s, tail in enumerate(beyond) if tail < _TAIL * power.sum()), int(shells.max()))
    shells = np.minimum(shells, last)
    present = np.unique(shells)
    member = (shells[:, None] == present).astype(np.float64)
    return ShellView(
        names=(*(_shell_name(int(s), int(s) == last) for s in present), "rest"),
        parts=_parts(inputs.float(), vectors, amplitudes, member),
        targets=targets[:, 0].double().numpy(),
        variances=power @ member,
    )


def _shell_name(shell: int, last: bool) -> str:
    low, high = (f"{math.sqrt(2) ** edge:.2g}" for edge in (shell, shell + 1))
    return f"waves from {low}" if last else f"waves {low} to {high}"


def _parts(points: Tensor, vectors: np.ndarray, amplitudes: np.ndarray, member: np.ndarray) -> np.ndarray:
    """The waves summed over each shell: ``(n, S)``."""
    matrix = torch.tensor(2 * math.pi * vectors.T, dtype=torch.float32)
    phases = torch.tensor(np.angle(amplitudes), dtype=torch.float32)
    scaled = torch.tensor(math.sqrt(2) * np.abs(amplitudes)[:, None] * member, dtype=torch.float32)
    found = []
    for block in points.split(max(8, _BLOCK // len(vectors))):
        angles = torch.addmm(phases, block, matrix)
        np.cos(angles.numpy(), out=angles.numpy())  # three times as fast as torch's
        found.append(angles @ scaled)
    return torch.cat(found).double().numpy()


@dataclasses.dataclass(frozen=True, eq=False)
class TokenClassView:
    """Cross-entropy per class of the token that is to be predicted.

    The loss is the mean of these, weighted by the share of each class in the test set.

    Attributes
    ----------
    names : the classes that the test set has.
    targets, classes : ``(n, length)`` the tokens, and the places of their classes in ``names``.
    """

    names: tuple[str, ...]
    targets: Tensor
    classes: np.ndarray

    def to(self, device: torch.device | str) -> View:
        """The view for outputs that lie on a device."""
        if torch.device(device).type == "cpu":
            return self
        targets, classes = self.targets.to(device), torch.from_numpy(self.classes).to(device)
        numbers = torch.arange(len(self.names), device=device)
        return _OnDevice(
            self, lambda rows, outputs: _class_sums(targets[rows], classes[rows, :, None] == numbers, outputs)
        )

    def sums(self, rows: slice, outputs: Tensor) -> Tensor:
        classes, targets = self.classes[rows].reshape(-1), self.targets[rows].reshape(-1)
        # One network after the other: the bits of one may not depend on how many there are.
        losses = [F.cross_entropy(each.flatten(0, 1), targets, reduction="none").double().numpy() for each in outputs]
        return torch.from_numpy(np.stack([np.bincount(classes, each, len(self.names)) for each in losses]))

    def values(self, sums: Tensor) -> Tensor:
        return sums.cpu() / torch.from_numpy(np.bincount(self.classes.reshape(-1), minlength=len(self.names)))


def _class_sums(targets: Tensor, member: Tensor, outputs: Tensor) -> Tensor:
    """`TokenClassView.sums` of all networks at once: ``(b, length)``, ``(b, length, C)``, ``(R, b, length, V)`` to
    ``(R, C)``; a product, as `bincount` reads the device and adds in any order."""
    aims = targets.expand(len(outputs), *targets.shape).reshape(-1)
    losses = F.cross_entropy(outputs.reshape(-1, outputs.shape[-1]), aims, reduction="none").double()
    return losses.reshape(len(outputs), -1) @ member.flatten(0, 1).double()


def token_class_view(targets: Tensor, class_of: Sequence[str]) -> TokenClassView:
    """The view of text with a class for each token of the vocabulary.

    Parameters
    ----------
    targets : ``(n, length)`` tokens.
    class_of : the class of each token.
    """
    order = list(dict.fromkeys(class_of))
    numbers = np.array([order.index(name) for name in class_of])[targets.numpy()]
    present, places = np.unique(numbers, return_inverse=True)
    names = tuple(order[i] for i in present)
    return TokenClassView(names=names, targets=targets, classes=places.reshape(numbers.shape))


def character_class(character: str) -> str:
    """``letters``, ``digits``, ``whitespace`` or ``punctuation``, which is the rest."""
    kinds = {"letters": str.isalpha, "digits": str.isdigit, "whitespace": str.isspace}
    return next((name for name, holds in kinds.items() if holds(character)), "punctuation")
