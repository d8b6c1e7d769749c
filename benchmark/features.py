"""What a network makes of its inputs before its readout."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .replicas import Replicas

_READERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Bilinear)


def readout_of(replicas: Replicas, inputs: Tensor) -> str | None:
    """Name of the last linear or convolutional layer that is called; None where there is none.

    Parameters
    ----------
    inputs : a few examples, ``(n, ...)``.
    """
    called = layers_of(replicas, inputs)
    return called[-1] if called else None


def layers_of(replicas: Replicas, inputs: Tensor) -> list[str]:
    """Names of the linear and convolutional layers in the order of their last calls."""
    known = [name for name, module in replicas.network.named_modules() if isinstance(module, _READERS)]
    with torch.no_grad():
        _, seen = replicas.look(inputs.expand(replicas.count, *inputs.shape), known)
    return list(seen)


def features(replicas: Replicas, inputs: Tensor, layer: str) -> tuple[Tensor, Tensor]:
    """Outputs of the network and what goes into a layer, ``(R, n, ...)`` and ``(R, n, k)`` float64.

    Parameters
    ----------
    inputs : of each network, ``(R, n, ...)``.
    """
    with torch.no_grad():
        outputs, seen = replicas.look(inputs, [layer])
    return outputs, seen[layer].into.double().flatten(2)


def gram(features: Tensor) -> Tensor:
    """``(R, n, k)`` to the centred Gram matrices ``(R, n, n)``, of rows less their mean."""
    centred = features - features.mean(1, keepdim=True)
    return torch.stack([row @ row.T for row in centred])


def alignment(left: Tensor, right: Tensor) -> Tensor:
    """``(R,)`` cosine between matrices ``(R, n, n)``; of centred Gram matrices it is linear CKA.

    Kornblith et al. 2019, `arXiv 1905.00414`: ``<K, L> / (|K| |L|)``.
    """
    pairs = zip(left, right, strict=True)
    return torch.stack([(a * b).sum() / (a.square().sum().sqrt() * b.square().sum().sqrt()) for a, b in pairs])
