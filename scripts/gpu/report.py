"""What a check of a machine found: lines with a target, a measured value and whether it was met."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that was measured.

    Attributes
    ----------
    part, what : where it belongs, and what it is, in words.
    measured : the value in words, with its unit.
    target : what was wanted; empty where nothing was, and the line is for information.
    met : whether the target was met; None where there is none, or where it could not be tried here.
    values : the numbers behind it.
    """

    part: str
    what: str
    measured: str
    target: str = ""
    met: bool | None = None
    values: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """``pass``, ``FAIL``, or ``-`` where nothing was decided."""
        return "-" if self.met is None else "pass" if self.met else "FAIL"


class Report:
    """Collects lines, prints each as it comes, and writes all of them after every part.

    Parameters
    ----------
    about : the machine and what runs on it, by name.
    folder : where ``gpu_check.md`` and ``gpu_check.json`` go; None for nowhere.
    tell : takes each line of text.
    """

    def __init__(self, about: dict[str, Any], folder: Path | None = None, tell: Callable[[str], None] = print) -> None:
        self.about, self.lines, self.seconds = about, list[Line](), dict[str, float]()
        self._folder, self._tell, self._part = folder, tell, ""

    def begin(self, part: str) -> None:
        """What follows belongs to a part."""
        self._part = part

    def say(self, what: str, measured: str, target: str = "", met: bool | None = None, **values: Any) -> None:
        """Add a line."""
        line = Line(part=self._part, what=what, measured=measured, target=target, met=met, values=values)
        self.lines.append(line)
        self._tell(f"[{line.part}] {what}: {measured}" + (f" (target: {target}: {line.verdict})" if target else ""))

    def end(self, seconds: float) -> None:
        """A part has ended; what is known is written."""
        self.seconds[self._part] = round(seconds, 1)
        self._tell(f"[{self._part}] {seconds:.0f} s")
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / "gpu_check.md").write_text(self.markdown())
            found = {"about": self.about, "seconds": self.seconds, "lines": [dataclasses.asdict(x) for x in self.lines]}
            (self._folder / "gpu_check.json").write_text(json.dumps(found, indent=1, default=str))

    @property
    def failed(self) -> list[Line]:
        """The lines whose target was missed."""
        return [line for line in self.lines if line.met is False]

    def markdown(self) -> str:
        """All lines as a table."""
        head = [f"{name}: {value}" for name, value in self.about.items()]
        rows = [f"| {x.part} | {x.what} | {x.measured} | {x.target or '-'} | {x.verdict} |" for x in self.lines]
        table = ["| part | what | measured | target | verdict |", "|---|---|---|---|---|", *rows]
        decided = [line for line in self.lines if line.met is not None]
        end = f"{len(decided) - len(self.failed)} of {len(decided)} targets met; seconds: {self.seconds}"
        return "\n".join(["# GPU check", "", *(f"* {each}" for each in head), "", *table, "", end, ""])
