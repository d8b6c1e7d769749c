"""Starting points of our own families, where torch's defaults would get in the way of a clean learning curve."""

from __future__ import annotations

from torch import nn


def he(net: nn.Sequential) -> nn.Sequential:
    """Draw the weights of a ReLU network so that signals keep their size (He et al. 2015); biases as torch draws them.

    Torch's own draw shrinks a signal's variance by six a layer, so that deep features would be biases and no data.
    """
    for layer in net.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return net


def relu_layers(n_inputs: int, width: int, depth: int) -> nn.Sequential:
    """``depth`` linear layers of one width, each with a ReLU, as torch draws them."""
    layers: list[nn.Module] = [nn.Linear(n_inputs, width), nn.ReLU()]
    for _ in range(depth - 1):
        layers += [nn.Linear(width, width), nn.ReLU()]
    return nn.Sequential(*layers)


def readout(width: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    """Linear readout that starts at zero, so that every size starts from the same function.

    Recommended with the maximal-update parametrisation (Yang et al. 2022, Tensor Programs V, appendix D.2).
    """
    layer = nn.Linear(width, outputs, bias=bias)
    nn.init.zeros_(layer.weight)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer
