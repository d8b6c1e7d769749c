"""By which powers of the width initial values and learning rates change: what maximal update asks of an optimiser.

Maximal update (Yang et al. 2022, Tensor Programs V, table 3, the form without multipliers in the forward pass), with
``m_in`` and ``m_out`` the factors by which a weight's input and output axes are larger than at the base rung:

========  ===================  ==================  ========  ==========  ========
role      what grows           std, against base   Adam lr   SGD lr      Muon lr
========  ===================  ==================  ========  ==========  ========
hidden    input and output     ``m_in ** -1/2``    1 / m_in  1           1
output    input                ``m_in ** -1``      1 / m_in  1 / m_in    1 / m_in
narrow    input                ``m_in ** -1/2``    1 / m_in  1 / m_in    1
input     output               1                   1         m_out       1
vector    a bias, norm, token  1                   1         m_out       1
fixed     nothing              1                   1         1           1
========  ===================  ==================  ========  ==========  ========

A narrow weight is one whose output does not grow and is not the network's, such as the way back from a mixer's hidden
units to its places: what it passes on keeps its size. With SGD its std goes as ``1 / m_in``, or the gradients behind it
would grow with the width; other optimisers do not see the size of a gradient.

* `ADAM` holds for every optimiser whose step has entries of a size that the gradient's does not change: Adam, AdamW,
  Lion. A step of entries 1 adds up over ``m_in`` aligned inputs, so its rate is divided by ``m_in``.
* `SGD` holds for steps that are linear in the gradients, so with momentum, too.
* `MUON` holds where hidden and narrow matrices take a step of spectral norm ``sqrt(n_out / n_in)``, which changes what
  they put out by as much at every width (the spectral condition of Yang, Simon and Bernstein 2023,
  `arXiv 2310.17813`): no power is left for the rate. All other weights are trained by Adam.

Depth enters by ``c``, base depth over depth; see `depth`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Powers(NamedTuple):
    """Powers of ``m_in`` and ``m_out`` in the factors on the initial spread and on the learning rate of one role."""

    std_in: float = 0.0
    std_out: float = 0.0
    rate_in: float = 0.0
    rate_out: float = 0.0


@dataclass(frozen=True, kw_only=True)
class WidthExponents:
    """What an optimiser needs so that features change alike at every width and depth.

    Attributes
    ----------
    hidden, output, narrow, input, vector : the powers for each role; a ``fixed`` weight never changes.
    inside, end : powers of ``c`` in the rate of a weight inside a residual branch and in that of the branch's last
        layer.
    """

    hidden: Powers
    output: Powers
    narrow: Powers
    input: Powers = Powers()
    vector: Powers = Powers()
    inside: float = 0.0
    end: float = 1.0

    def of(self, role: str) -> Powers:
        """The powers of a role."""
        return Powers() if role == "fixed" else getattr(self, role)


def power(growth: float, exponent: float) -> float:
    """``growth ** exponent``, for -1 by division, which rounds correctly where a library's power may not."""
    return 1 / growth if exponent == -1.0 else growth**exponent


_READOUT = Powers(std_in=-1.0, rate_in=-1.0)
ADAM = WidthExponents(
    hidden=Powers(std_in=-0.5, rate_in=-1.0), output=_READOUT, narrow=Powers(std_in=-0.5, rate_in=-1.0)
)
SGD = WidthExponents(
    hidden=Powers(std_in=-0.5),
    output=_READOUT,
    narrow=Powers(std_in=-1.0, rate_in=-1.0),
    input=Powers(rate_out=1.0),
    vector=Powers(rate_out=1.0),
    inside=-1.0,
)
MUON = WidthExponents(hidden=Powers(std_in=-0.5), output=_READOUT, narrow=Powers(std_in=-0.5))
