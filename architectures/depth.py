"""How initial weights and learning rates change with depth, so that a deeper residual network learns alike.

Each branch is to be multiplied by ``c = base depth / depth`` (the exponent 1 of CompleteP, Dey et al. 2025), and with
Adam no rate changes, while with SGD a weight inside a branch, whose gradient is multiplied by ``c``, has its rate
divided by ``c``. The factor is put into the last layer of the branch, weights and biases, so that no forward pass is
changed. Let ``W' = c W``: the gradient to ``W'`` is that to ``W`` over ``c``. Adam's step does not see it and has to be
``c`` times as large; SGD's step is to be ``c**2`` times as large, with the rate over ``c``.

=====================  =====  =======  =======
parameter              init   Adam lr  SGD lr
=====================  =====  =======  =======
last layer of branch   c      c        c
others in a block      1      1        1 / c
outside of blocks      1      1        1
=====================  =====  =======  =======

What holds for Adam holds for every step that does not see the size of the gradient: the sign of Lion, the orthogonal
matrix of Muon. What holds for SGD holds with momentum, which is linear in the gradients. An optimiser says which by the
powers ``inside`` and ``end`` of its exponents. A decay of the weights goes by the learning rate alone: ``W' = c W``
decays by the same share as ``W``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..errors import InputError
from .exponents import WidthExponents, power
from .family import Family, Rung


def depth_factors(
    family: Family, rung: Rung, modules: Iterable[str], *, exponents: WidthExponents
) -> Mapping[str, tuple[float, float]]:
    """Factors on the initial values and the learning rate, by the name of a branch's last module or of a block.

    A module's own factors are those of the longest name given here that is the module or contains it; a module that
    none contains has (1, 1), as has everything at the base depth.

    Parameters
    ----------
    modules : names of the network's modules.
    exponents : of the optimiser.

    Raises
    ------
    InputError
        The family's ``branch_ends`` match no module.
    """
    base, depth = family.base_depth, rung.get("depth")
    if base is None or depth is None or depth == base:
        return {}
    c = base / depth
    ends = {name: found for name in modules if (found := _match(family, name))}
    if not ends:
        raise InputError(f"branch_ends of family {family.name!r} match no module: {', '.join(family.branch_ends)}")
    blocks = dict.fromkeys(ends.values(), (1.0, power(c, exponents.inside)))
    return {**blocks, **dict.fromkeys(ends, (c, power(c, exponents.end)))}


def factors_of(parameter: str, factors: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    """The factors of a parameter by its full name; see `depth_factors`."""
    parts = parameter.split(".")
    paths = (".".join(parts[:n]) for n in range(len(parts) - 1, 0, -1))
    return next((factors[path] for path in paths if path in factors), (1.0, 1.0))


def _match(family: Family, module: str) -> str | None:
    """The block of a module that ends a branch, None for any other module."""
    for expression in family.branch_ends:
        found = re.fullmatch(expression, module)
        if found:
            named = found.groupdict().get("block")
            first = re.match(r"(?:[^.]+\.)*?\d+(?=\.|$)", module)
            return named or (first.group() if first else module)
    return None
