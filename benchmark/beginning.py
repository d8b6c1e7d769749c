"""The networks as they began, kept beside those that train."""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor, nn

from .replicas import Replicas


class Beginning:
    """A follower that never moves: a copy of the networks with their first weights.

    Attributes
    ----------
    replicas : the copy; what it computes is what the networks computed before the first update.
    """

    def __init__(self, replicas: Replicas) -> None:
        trained = dict(replicas.named_parameters()).values()
        copies: dict[int, Any] = {id(each): each.detach().clone() for each in replicas.buffers()}
        copies |= {id(each): _like(each) for each in trained}
        self.replicas = copy.deepcopy(replicas, copies)

    def after_update(self) -> None:
        """Stay."""

    def tensors(self) -> list[Tensor]:
        return [*(tensor for _, tensor in self.replicas.named_parameters()), *self.replicas.buffers()]


def _like(tensor: Tensor) -> Tensor:
    """A copy of a leaf, of its kind."""
    own = tensor.detach().clone()
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(own, tensor.requires_grad)
    return own.requires_grad_(tensor.requires_grad)
