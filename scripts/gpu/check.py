"""What a machine with a GPU must show, in one command: ``python -m onecurve.scripts.gpu.check``.

Needs torch and numpy alone: no Ray, no network. Each part is tried by itself, and one that fails says so while the next
goes on. Prints a table with targets and verdicts, and writes it with ``--out`` as Markdown and JSON, together with the
rows of a real ladder, which ``--take-in`` brings into a results folder on another machine. ``--device cpu --quick``
goes through every step on a machine without a GPU. The CUDA branches of the trainer have never run: this is what tries
them.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError, first_line, unknown

PARTS = ("correctness", "memory", "data", "ladder", "speed")
_LIMIT = 420.0  # no part begins after so many seconds


def main(given: Sequence[str] | None = None) -> int:
    """The command; returns 0 where no target was missed, 1 where one was, 2 for bad input."""
    options = _options(given)
    try:
        if options.take_in:
            return _take_in(options.take_in, options.store)
        parts = _parts(options.parts)
        return _check(options.device, options.quick, Path(options.out) if options.out else None, parts)
    except InputError as error:
        print(f"gpu_check: {error}", file=sys.stderr)
        return 2


def _options(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gpu_check", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda or cpu")
    parser.add_argument("--quick", action="store_true", help="small sizes: a dry run of every step")
    parser.add_argument("--out", help="folder for the table and the rows")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--take-in", metavar="FOLDER", help="bring the rows of a check into a results folder")
    parser.add_argument("--store", help="the results folder for --take-in")
    return parser.parse_args(given)


def _parts(given: str) -> list[str]:
    wanted = [name.strip() for name in given.split(",") if name.strip()]
    for name in wanted:
        if name not in PARTS:
            raise unknown("part", name, PARTS)
    return wanted


def _take_in(folder: str, store: str | None) -> int:
    from ...results.store import Store
    from .large_ladder import take_in

    if store is None:
        raise InputError("--take-in needs --store, the results folder that takes the rows")
    print(f"{take_in(folder, Store(store))} trials of {folder} are now in {store}")
    return 0


def _check(name: str, quick: bool, folder: Path | None, parts: Sequence[str]) -> int:
    import torch

    from ...benchmark.devices import device_of
    from .report import Report

    warnings.simplefilter("ignore")
    device = device_of(name)
    about = {
        "device": device.label,
        "host": f"{platform.node()}, {platform.platform()}",
        "torch": torch.__version__,
        "python": platform.python_version(),
        "run": "quick, a dry run" if quick else "whole",
    }
    if device.kind == "cpu":
        about["note"] = "no GPU: the CUDA branches have not run"
    report, began = Report(about, folder), time.perf_counter()
    for part in parts:
        report.begin(part)
        start = time.perf_counter()
        try:
            if start - began > _LIMIT:
                report.say(part, "left out: no time")
            else:
                _work(part, folder)(device, quick, report)
        except KeyboardInterrupt:
            report.say(part, "interrupted", "runs", False)
            break
        except Exception as error:
            report.say(part, f"failed: {first_line(error)}", "runs", False)
        finally:
            report.end(time.perf_counter() - start)
    print(f"\n{report.markdown()}")
    return 1 if report.failed else 0


def _work(part: str, folder: Path | None) -> Callable[..., Any]:
    """A part is imported when it is tried, so that what one lacks stops no other."""
    from . import correctness, resources, speed
    from . import large_ladder as ladder

    if part == "ladder":
        return lambda device, quick, report: ladder.ladder(device, quick, report, folder)
    return {
        "correctness": correctness.correctness,
        "memory": resources.memory,
        "data": resources.data,
        "speed": speed.speed,
    }[part]


if __name__ == "__main__":
    sys.exit(main())
