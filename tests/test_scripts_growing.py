"""The report that grows while a sweep runs: never two pages at a time, and nothing of it reaches the run."""

from __future__ import annotations

import os
import time

import pytest
from onecurve.scripts.growing import Growing

STUB = """#!/bin/sh
echo "$@" >> '{log}'
sleep {seconds}
echo '{out}' >&{stream}
exit {code}
"""


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """Takes the place of Python, so that a page is a line in a file that notes what was asked."""
    log = tmp_path / "log"

    def write(seconds=0.0, code=0, out="wrote report.html", stream=1):
        path = tmp_path / "stub"
        said = {"log": str(log), "seconds": seconds, "code": code, "out": out}
        path.write_text(STUB.format(**said, stream=stream))
        path.chmod(0o755)
        monkeypatch.setattr("onecurve.scripts.growing.sys.executable", str(path))
        return lambda: log.read_text().splitlines() if log.exists() else []

    return write


def until(done, seconds=120.0):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_pages_follow_each_other_and_the_last_asks_everything(stub):
    pages, said = stub(), []
    with Growing("runs/my", said.append, 0.0) as growing:
        growing.look()
        until(lambda: len(pages()) == 1)
        until(lambda: growing.look() or len(pages()) == 2)
        growing.finish()
    quick, *_, whole = pages()
    assert quick == "-m onecurve.scripts.cli report runs/my --ask detectable"
    assert whole == "-m onecurve.scripts.cli report runs/my"
    assert said == ["report: wrote report.html"]


def test_no_page_before_its_time_at_the_lowest_priority_and_none_beside_another(stub):
    pages = stub(seconds=60)
    with Growing("runs/my", print, 1000.0) as early:
        early.look()
        assert early._process is None
    with Growing("runs/my", print, 0.0) as growing:
        growing.look()
        first = growing._process
        assert os.getpriority(os.PRIO_PROCESS, first.pid) == 19
        start = time.monotonic()
        for _ in range(100):
            growing.look()
        assert time.monotonic() - start < 1.0 and growing._process is first
        until(lambda: len(pages()) == 1)
    assert first.poll() is not None  # ended with the run


def test_a_slow_page_makes_the_next_one_later(stub):
    stub(seconds=0.3)
    with Growing("runs/my", print, 0.0) as growing:
        growing.look()
        until(lambda: growing.look() or growing._process is None)
        assert growing._next - time.monotonic() > 2.0


def test_a_page_that_fails_is_said_in_the_end_and_reaches_nothing_else(stub, monkeypatch):
    said = []
    stub(code=2, out="onecurve: no curves are there", stream=2)
    with Growing("runs/my", said.append, 0.0) as growing:
        growing.look()
        growing.finish()
    assert said == ["report: onecurve: no curves are there"]
    monkeypatch.setattr("onecurve.scripts.growing.sys.executable", "/no/such/python")
    with Growing("runs/my", said.append, 0.0) as growing:
        growing.look()
        growing.finish()
    assert len(said) == 2 and said[1].startswith("report: none was written: ")
    monkeypatch.setattr("onecurve.scripts.growing._LONGEST", 0.05)
    stub(seconds=60)
    with Growing("runs/my", said.append, 0.0) as growing:
        growing.finish()
    assert len(said) == 3 and "timed out" in said[2]


def test_a_run_leaves_its_whole_report(tmp_path, tiny, onecurve):
    done = onecurve("run", tiny(), "--out", "out", "--address", "in-process", "--report", "--report-every", "1")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.rstrip().endswith("</html>") and 'id="c0-controls"' in page
    assert "report: wrote out/report.html" in done.stderr
    assert not list((tmp_path / "out").glob(".report*"))
    for what in ("report", "watch"):
        done = onecurve("run", "tiny.yaml", "--out", "out", f"--{what}-every", "5")
        assert done.returncode == 2 and f"give --{what} too" in done.stderr
