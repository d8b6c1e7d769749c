"""What several tests need: a cache of their own, a tiny sweep, the command line here and in a process of its own."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import warnings
from pathlib import Path
from types import SimpleNamespace

# Before torch is imported, here and in what tests start: several threads on two busy cores cost more than they give.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import yaml


def pytest_collection_modifyitems(items):
    """The longest slow tests first, so that two processes end together."""
    items.sort(key=lambda item: not (item.get_closest_marker("slow") and item.path.name == "test_readme.py"))


def pytest_terminal_summary(terminalreporter):
    """In place of a line a skipped test: how many were skipped, and what they need."""
    import skipped

    reports = terminalreporter.stats.get("skipped", [])
    for line in skipped.lines(report.longrepr[2].removeprefix("Skipped: ") for report in reports):
        terminalreporter.write_line(line)


TINY_FOURIER = {"name": "fourier", "inputs": 2, "modes": 64, "pool": 8192, "test_size": 256}


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """Folders that all processes of one run of the tests share, by name."""
    own = tmp_path_factory.getbasetemp()
    parent = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def folder(name: str) -> Path:
        (parent / name).mkdir(exist_ok=True)
        return parent / name

    return folder


@pytest.fixture(scope="session")
def catalogue_cache(shared):
    """A cache for tests over the whole catalogue: what somebody fetched is tested, too."""
    cache, fetched = shared("catalogue-cache"), Path.home() / ".cache" / "onecurve" / "fetched"
    if fetched.is_dir():
        with contextlib.suppress(FileExistsError):
            (cache / "fetched").symlink_to(fetched)
    return cache


@pytest.fixture(scope="session", autouse=True)
def _cache(shared):
    """Data made by tests never reaches the user's cache; a pool is made once for all processes of one run."""
    folder = str(shared("cache"))
    before = os.environ.get("ONECURVE_CACHE")
    os.environ["ONECURVE_CACHE"] = folder
    yield folder
    if before is None:
        os.environ.pop("ONECURVE_CACHE")
    else:
        os.environ["ONECURVE_CACHE"] = before


@pytest.fixture(scope="session", autouse=True)
def pdf_fonts():
    """The kind of fonts that figures embed in PDFs, for the tests of figures; elsewhere fonts are drawn.

    Fitting TrueType fonts to their letters takes half the time of all drawing.
    """
    from onecurve.collapse.drawing.lettering import _STYLE

    kind = _STYLE["pdf.fonttype"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(_STYLE, "pdf.fonttype", 3)
        yield kind


def write_tiny(folder: Path, name: str = "tiny", pool: int = 8192, **changes) -> Path:
    common = {"seeds": 3, "batch_size": 16, "horizon": {"rule": "steps", "steps": 40}, "pack": True, **changes}
    control = {
        "families": "linear",
        "datasets": "power-law-regression",
        "rungs": [4, 8, 16],
        "optimizer": "sgd",
        "parametrization": "standard",
        "peak_lr": 0.05,
        "control": "holds",
    }
    network = {"families": "mlp", "datasets": {**TINY_FOURIER, "pool": pool}, "rungs": [8, 12, 16], "peak_lr": 0.01}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"name": name, "groups": [{**control, **common}, {**network, **common}]}))
    return path


@pytest.fixture
def tiny(tmp_path):
    """Writes a sweep of seconds: the ``linear`` control and an ``mlp``; keywords replace keys of both groups."""

    def write(name: str = "tiny", **changes) -> Path:
        return write_tiny(tmp_path, name, **changes)

    return write


# Columns that say when, how fast and at which attempt, not what.
INCIDENTAL = ["started_utc", "train_seconds", "eval_seconds", "data_seconds", "attempt", "measured"]


@pytest.fixture(scope="session")
def rows_of():
    """Rows of a results folder by trial id, less what may differ from run to run."""

    def rows(uri) -> dict[str, dict]:
        from onecurve.results.store import Store

        table = Store(uri).table().drop_columns(INCIDENTAL).to_pylist()
        found = {row["trial_id"]: row for row in table}
        assert len(found) == len(table)
        return found

    return rows


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """Folder of the tiny sweep, trained in one go in this process; for each set of changes once. Copy it."""
    known: dict[str, Path] = {}

    def train(**changes) -> Path:
        from onecurve.benchmark import runner
        from onecurve.benchmark.executors import InProcess
        from onecurve.benchmark.sweep import load_sweep
        from onecurve.results.store import Store

        key = repr(sorted(changes.items()))
        if key not in known:
            folder = tmp_path_factory.mktemp("undisturbed")
            runner.run(load_sweep(str(write_tiny(folder, **changes))), Store(folder / "run"), InProcess())
            known[key] = folder / "run"
        return known[key]

    return train


@pytest.fixture(scope="session")
def undisturbed(kept, rows_of):
    """Rows of the tiny sweep, trained in one go in this process."""
    return lambda **changes: rows_of(kept(**changes))


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """A page of curves with hostile names, and the JSON of their analysis."""
    from hostile_report import write_report

    return write_report(tmp_path_factory.mktemp("report"))


@pytest.fixture
def one_thread():
    """One thread of torch, as a worker has it; what it was before comes back."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def onecurve(tmp_path, monkeypatch):
    """Runs the command line in this process, in a temporary folder; what is not `InputError` fails the test.

    Imports that a process of its own would repeat cost seconds; `onecurve_process` has one.
    """
    from onecurve.scripts.cli import main

    def call(*arguments: object, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        words, out, err, code = [str(argument) for argument in arguments], io.StringIO(), io.StringIO(), 0
        before = dict(os.environ)
        with monkeypatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            patch.chdir(cwd)
            patch.setattr(sys, "argv", ["onecurve", *words])
            patch.setattr(warnings, "showwarning", warnings.showwarning)  # the command line has its own
            try:
                main()
            except SystemExit as end:
                code = end.code
            finally:
                os.environ.clear()
                os.environ.update(before)
        return subprocess.CompletedProcess(words, code or 0, out.getvalue(), err.getvalue())

    return call


@pytest.fixture
def onecurve_process(tmp_path):
    """Runs the command line in a process of its own, in a temporary folder."""

    def call(*arguments: object, timeout: float = 240, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "onecurve.scripts.cli", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=cwd, check=False)

    return call


@pytest.fixture(scope="session")
def evaluate():
    """Measures outputs that a test gives by the trainer's own recorder: ``evaluate(predict, task, test, view)``.

    What was found has ``loss``, ``loss_se``, ``accuracy`` and, of the view, ``observables``.
    """
    from onecurve.benchmark.evaluation import Recorder
    from onecurve.benchmark.observables.observable import observable_from

    def measure(predict, task, test, view=None) -> SimpleNamespace:
        class Given:
            name, views, test_set = "given", staticmethod(lambda _: view), staticmethod(lambda: test)

        Given.task = task
        replicas = SimpleNamespace(count=len(predict(test.inputs[:1])), predict=predict)
        update = SimpleNamespace(
            replicas=replicas,
            follower_of=lambda make: make(replicas),
            batch=None,
            gradients=None,
            clock=SimpleNamespace(number=0),
        )
        recorder = Recorder([observable_from("views")], update, None, Given(), test)
        seen = recorder.measure(recorder.record)
        assert not recorder.trouble
        by_name = {each.name: values for each, values in seen.values.items()}
        accuracy = by_name["accuracy"][:, 0] if "accuracy" in by_name else None
        return SimpleNamespace(
            loss=seen.loss, loss_se=seen.loss_se, accuracy=accuracy, observables=by_name.get("views")
        )

    return measure


class Door:
    """A port of this machine that passes bytes on to another one while it is open, and refuses while it is shut."""

    def __init__(self, behind: int) -> None:
        self._behind, self.port, self.uri = behind, free_port(), ""
        self._listening: socket.socket | None = None
        self._through: list[socket.socket] = []

    def open(self) -> None:
        """Let connections through."""
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def shut(self) -> None:
        """Cut what is under way and refuse what comes."""
        if self._listening is not None:
            self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
            self._listening = None
        for end in self._through:
            cut(end)
        self._through.clear()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                here = listening.accept()[0]
                there = socket.create_connection(("127.0.0.1", self._behind))
            except OSError:
                return
            self._through += [here, there]
            for pair in ((here, there), (there, here)):
                threading.Thread(target=pump, args=pair, daemon=True).start()


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    cut(source)
    cut(sink)


def cut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def s3_server():
    """Port of an S3 server on this machine, with the bucket ``bucket``."""
    port = free_port()
    os.environ |= {"AWS_ACCESS_KEY_ID": "here", "AWS_SECRET_ACCESS_KEY": "here", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ |= {"AWS_EC2_METADATA_DISABLED": "true"}
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for _ in range(600):
        try:
            request = urllib.request.Request(f"http://127.0.0.1:{port}/bucket", method="PUT")
            urllib.request.urlopen(request, timeout=10).close()
            break
        except OSError:
            time.sleep(0.1)
    yield port
    server.kill()
    server.wait()


@pytest.fixture
def s3(s3_server, tmp_path):
    """An open door to the S3 server, and the address of a results folder behind it."""
    door = Door(s3_server)
    door.open()
    door.uri = f"s3://bucket/{tmp_path.name}?endpoint_override=127.0.0.1:{door.port}&scheme=http"
    yield door
    door.shut()
