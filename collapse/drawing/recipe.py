"""What a figure was made of, kept in the file itself: the command, a hash of the points drawn, and versions."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import html
import json
import re
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...results.transport import shown
from ...results.versions import version
from ...results.web import is_web

_COMMAND: ContextVar[tuple[str, ...]] = ContextVar("command", default=())
_KEY = "onecurve"  # of the text in a PNG
_SVG = re.compile(rb"<dc:description>(.*?)</dc:description>", re.DOTALL)
_PDF = re.compile(rb"/Subject \(((?:[^()\\]|\\.)*)\)", re.DOTALL)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to draw a figure again.

    Parameters
    ----------
    command : words after ``onecurve``, without passwords and queries of addresses; empty where Python drew it.
    figure : its name, which is that of its file without the ending.
    data : sha256 of the table of the points drawn, which is also the CSV beside the figure.
    onecurve, matplotlib : versions.
    """

    command: tuple[str, ...]
    figure: str
    data: str
    onecurve: str
    matplotlib: str

    @classmethod
    def of(cls, figure: str, table: str) -> Recipe:
        """The recipe of a figure that is drawn now."""
        return cls(
            command=tuple(shown(word) if is_web(word) else word for word in _COMMAND.get()),
            figure=figure,
            data=hashlib.sha256(table.encode()).hexdigest(),
            onecurve=version("onecurve"),
            matplotlib=version("matplotlib"),
        )

    def metadata(self, kind: str) -> dict[str, Any]:
        """What matplotlib writes into a ``png``, ``svg`` or ``pdf``; no date, so that equal figures are equal files."""
        text = json.dumps(dataclasses.asdict(self))
        return {
            "png": {"Software": None, _KEY: text},
            "svg": {"Date": None, "Description": text},
            "pdf": {"CreationDate": None, "Subject": text},
        }[kind]


@contextlib.contextmanager
def drawn_by(command: Sequence[str]) -> Iterator[None]:
    """Say in all figures drawn inside that this command drew them."""
    token = _COMMAND.set(tuple(command))
    try:
        yield
    finally:
        _COMMAND.reset(token)


def read_recipe(path: str | Path) -> Recipe:
    """The recipe that a figure carries.

    Raises
    ------
    InputError
        No such file, no PNG, SVG or PDF, or one without a recipe.
    """
    place = Path(path)
    try:
        text = {".png": _from_png, ".svg": _from_svg, ".pdf": _from_pdf}.get(place.suffix.lower(), _of_no_kind)(place)
        said = json.loads(text)
        return Recipe(**{**said, "command": tuple(map(str, said["command"]))})
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read as a figure: {error}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{str(path)!r} carries no recipe: another program drew it or wrote it anew, or an earlier Onecurve did"
        ) from None


def _of_no_kind(path: Path) -> str:
    raise InputError(f"{str(path)!r} is no figure: PNG, SVG and PDF files carry a recipe")


def _from_png(path: Path) -> str:
    from PIL import Image

    with Image.open(path) as image:
        return image.info[_KEY]


def _from_svg(path: Path) -> str:
    found = _SVG.search(path.read_bytes())
    return html.unescape(found[1].decode()) if found else ""


def _from_pdf(path: Path) -> str:
    found = _PDF.search(path.read_bytes())
    return re.sub(r"\\(.)", r"\1", found[1].decode("latin-1")) if found else ""
