"""Follow a run: a progress bar with an ETA on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..benchmark.dispatch import Progress, Terms, generous
from ..benchmark.executors import Executor
from ..benchmark.runner import RunSummary, run
from ..benchmark.sweep import Sweep
from ..results.store import Store
from .growing import Growing

_EVERY = 10.0  # seconds between plain lines


@contextlib.contextmanager
def workers(address: str) -> Iterator[Executor]:
    """The workers at an address, given back in the end."""
    from ..benchmark.executors import make_executor

    print(f"starting workers ({address})", file=sys.stderr, flush=True)
    executor = make_executor(address)
    try:
        yield executor
    finally:
        executor.close()


def follow(
    sweep: Sweep,
    store: Store,
    executor: Executor,
    *,
    only: Mapping[str, str] | None = None,
    watch: float | None = None,
    page: float | None = None,
    **options: Any,
) -> RunSummary:
    """Run a sweep and show how its table grows.

    ``watch`` and ``page`` are seconds between two looks at its curves and between two reports; None is never.
    """
    print(f"{sweep.name}: results go to {store.uri}", file=sys.stderr, flush=True)
    show = _Bar() if sys.stderr.isatty() else _Lines()
    with show, contextlib.ExitStack() as open_:
        looks = [] if watch is None else [_watching(show, store, watch)]
        growing = None if page is None else open_.enter_context(Growing(store.uri, show.say, page))
        if growing is not None:
            looks.append(lambda progress: growing.look())

        def report(progress: Progress) -> None:
            show.report(progress)
            for look in looks if progress.stage == "train" else ():
                look(progress)

        summary = run(sweep, store, executor, only=only, report=report, **options)
        if growing is not None:
            growing.finish()
        return summary


def _watching(show: _Bar | _Lines, store: Store, every: float) -> Callable[[Progress], None]:
    from .watching import Watching

    watching = Watching(store, show.say, every)
    return lambda progress: watching.look(last=progress.done >= progress.total)


def terms(threads: int, timeout: float | None, keep_every: float, across: bool, stop_after: int | None) -> Terms:
    """Terms of a run from the command line; ``timeout`` and ``keep_every`` are minutes."""
    limit = generous if timeout is None else lambda pack: 60 * timeout
    return Terms(threads=threads, limit=limit, keep_every=60 * keep_every, across=across, stop_after=stop_after)


def _text(progress: Progress) -> str:
    if progress.stage == "prepare":
        return f"preparing data and measuring cells {progress.done}/{progress.total}"
    failed = f", {progress.failed} failed" if progress.failed else ""
    return f"{progress.done}/{progress.total} trials in the table{failed}"


class _Lines:
    """Plain lines, at most one in ten seconds."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._last = 0.0

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def report(self, progress: Progress) -> None:
        """Print how far the run is and how long the rest may take."""
        now = time.monotonic()
        began = self._began.setdefault(progress.stage, now)
        if progress.done < progress.total and now - self._last < _EVERY:
            return
        self._last = now
        share = progress.seconds_done / progress.seconds_total if progress.seconds_total else 1.0
        left = f", about {(now - began) * (1 - share) / share:.0f} s left" if 0.05 < share < 1 else ""
        self.say(f"{_text(progress)}, {now - began:.0f} s{left}")

    def say(self, text: str) -> None:
        """Print a line."""
        print(text, file=sys.stderr, flush=True)


class _Bar:
    """A bar that measures progress in expected seconds, so that its ETA knows long packs from short ones."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
        )
        self._progress = RichProgress(*columns, console=Console(stderr=True))
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def report(self, progress: Progress) -> None:
        """Move the bar of the progress's stage."""
        if progress.stage not in self._tasks:
            self._tasks[progress.stage] = self._progress.add_task(_text(progress), total=progress.seconds_total)
        self._progress.update(self._tasks[progress.stage], completed=progress.seconds_done, description=_text(progress))

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)
