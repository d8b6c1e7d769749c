"""Onecurve: do networks of different sizes, architectures and data sets learn along one curve?

What ``__all__`` names is the public interface, which does not change without a version in which the old way still
works; `docs/python.md` shows it. Everything else, all rooms and modules, is private by convention. A name is imported
when it is first used, so that ``import onecurve`` loads nothing and the analysis never loads torch.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _CHECKING
from typing import Any as _Any

if _CHECKING:
    from .architectures.family import FAMILIES, Family
    from .benchmark.sweep import load_sweep
    from .benchmark.whole_sweep import run_sweep as run
    from .collapse.analysis import analyze
    from .collapse.figures import save_figures as plot
    from .collapse.inquiry import inquire
    from .collapse.outcome import Analysis, GroupResult
    from .collapse.reasons import Reason
    from .datasets.dataset import DATASETS, Dataset
    from .errors import InputError
    from .results.curves import CurveSet, LearningCurve
    from .results.layout import Layout
    from .results.reading import read_curves as read

__all__ = [
    "DATASETS",
    "FAMILIES",
    "Analysis",
    "CurveSet",
    "Dataset",
    "Family",
    "GroupResult",
    "InputError",
    "Layout",
    "LearningCurve",
    "Reason",
    "analyze",
    "inquire",
    "load_sweep",
    "plot",
    "read",
    "run",
]

# Where each public name lives: its module, and its name there where that is another.
_PLACES = {
    "DATASETS": "datasets.dataset",
    "FAMILIES": "architectures.family",
    "Analysis": "collapse.outcome",
    "CurveSet": "results.curves",
    "Dataset": "datasets.dataset",
    "Family": "architectures.family",
    "GroupResult": "collapse.outcome",
    "InputError": "errors",
    "Layout": "results.layout",
    "LearningCurve": "results.curves",
    "Reason": "collapse.reasons",
    "analyze": "collapse.analysis",
    "inquire": "collapse.inquiry",
    "load_sweep": "benchmark.sweep",
    "plot": "collapse.figures:save_figures",
    "read": "results.reading:read_curves",
    "run": "benchmark.whole_sweep:run_sweep",
}


def __getattr__(name: str) -> _Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, there = _PLACES[name].partition(":")
    found = getattr(_import_module(f".{module}", __name__), there or name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({name for name in globals() if not name.startswith("_")} | set(__all__))
