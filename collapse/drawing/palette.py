"""One colour and one marker a family, the same in every figure; one shade a rung, light for small, dark for large."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from matplotlib.colors import to_rgb

Color = tuple[float, float, float]

# Told apart under the three common kinds of colour blindness; no grey, which belongs to the unrelated curves.
HUES = ("#0072B2", "#D55E00", "#009E73", "#AA3377", "#E69F00", "#56B4E9", "#332288", "#999933", "#882255")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p", "h")
_BLACK: Color = (0.0, 0.0, 0.0)
_WHITE: Color = (1.0, 1.0, 1.0)
FAN = "#cccccc"
NOISE = "#d9d9d9"
INK = "#222222"
FAINT = "#666666"

_PLACES = {"mlp": 0, "resnet": 1, "vit": 2, "decoder": 3, "cnn": 4, "linear": 6, "resmlp": 8}


def family_places(names: Iterable[str]) -> dict[str, int]:
    """Give each family its place in the palette, from its name alone as far as places are free.

    Well-known families have a fixed place. Any other takes the place that its name hashes to, or the next free one, so
    that two families share a colour only where there are more families than colours.

    Parameters
    ----------
    names : the families that appear together, in any order and with repetitions.
    """
    unique = sorted(set(names))
    places = {name: _PLACES[name] for name in unique if name in _PLACES}
    for name in unique:
        if name in places:
            continue
        start = int(hashlib.sha256(name.encode()).hexdigest(), 16) % len(HUES)
        order = [(start + step) % len(HUES) for step in range(len(HUES))]
        taken = list(places.values())
        # The least used place: free ones first, and an even share once all are taken.
        places[name] = min(order, key=lambda place: (taken.count(place), order.index(place)))
    return places


def family_colors(names: Iterable[str]) -> dict[str, Color]:
    """The colour of each family (see `family_places`)."""
    return {name: to_rgb(HUES[place]) for name, place in family_places(names).items()}


def family_markers(names: Iterable[str]) -> dict[str, str]:
    """The marker of each family: a second way to tell them apart, without colour."""
    markers: dict[str, str] = {}
    used: list[int] = []
    for name, place in family_places(names).items():
        # Families that have to share a colour do not share the marker as well.
        markers[name] = MARKERS[(place + 4 * used.count(place)) % len(MARKERS)]
        used.append(place)
    return markers


def legible(color: Color, *, on_dark: bool = False) -> Color:
    """The colour, dark enough for text on white, or light enough for text on black."""
    return _mix(color, _WHITE, 0.5) if on_dark else _mix(color, _BLACK, 0.25)


def shades(color: Color, sizes: Sequence[float], *, on_dark: bool = False) -> dict[float, Color]:
    """A shade of ``color`` a size: light for the smallest, dark for the largest; one size alone has ``color``.

    On a dark ground it is the other way, so that the largest size stands out most on either.
    """
    ordered = sorted(set(sizes))
    if len(ordered) == 1:
        return {ordered[0]: color}
    near, far = (_BLACK, _WHITE) if on_dark else (_WHITE, _BLACK)
    ground = _mix(color, _WHITE, 0.35) if on_dark else color  # dark hues would vanish
    return {size: _shade(ground, rank / (len(ordered) - 1), near, far) for rank, size in enumerate(ordered)}


def _shade(color: Color, share: float, near: Color, far: Color) -> Color:
    return _mix(color, near, 0.55 * (1 - 2 * share)) if share < 0.5 else _mix(color, far, 0.5 * (2 * share - 1))


def _mix(color: Color, other: Color, weight: float) -> Color:
    red, green, blue = ((1 - weight) * a + weight * b for a, b in zip(color, other, strict=True))
    return red, green, blue
