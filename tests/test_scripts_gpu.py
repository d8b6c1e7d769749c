"""The check of a machine with a GPU, gone through on a processor: no GPU has run it."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from onecurve.errors import InputError
from onecurve.results.fields import COLUMNS
from onecurve.results.store import Store
from onecurve.scripts.gpu import correctness, resources
from onecurve.scripts.gpu import large_ladder as ladder
from onecurve.scripts.gpu.bundle import bundle
from onecurve.scripts.gpu.check import main
from onecurve.scripts.gpu.large_ladder import take_in
from onecurve.scripts.gpu.report import Report

# What a bare machine lacks. torch itself is imported first: it looks for some of these and copes without.
BARE = """
import sys, torch, numpy, torch._dynamo
class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"ray", "polars", "pyarrow", "pydantic", "yaml", "timm", "torchvision", "typer",
                                  "rich", "matplotlib", "PIL", "mlxtend"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.split(".")[0])
sys.meta_path.insert(0, Lacking())
sys.path.insert(0, sys.argv.pop(1))
from onecurve.scripts.gpu.check import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="session")
def checked(tmp_path_factory):
    """The folder of a dry run of the ladder and the data, as one file and without the libraries of a whole setup."""
    folder = tmp_path_factory.mktemp("gpu")
    assert bundle(folder / "check.pyz") > 100_000
    command = [sys.executable, "-c", BARE, str(folder / "check.pyz"), "--device", "cpu", "--quick"]
    more = ["--parts", "data,ladder", "--out", str(folder / "out")]
    done = subprocess.run([*command, *more], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return folder / "out"


def test_a_bare_machine_writes_a_table(checked):
    found = json.loads((checked / "gpu_check.json").read_text())
    assert found["about"]["note"] == "no GPU: the CUDA branches have not run"
    assert {line["part"] for line in found["lines"]} == {"data", "ladder"}
    table = (checked / "gpu_check.md").read_text()
    assert "| part | what | measured | target | verdict |" in table and "4 of 4 targets met" in table


def test_a_store_takes_the_rows_in_once(checked, tmp_path):
    store = Store(tmp_path / "run")
    assert take_in(checked, store) == 6
    assert take_in(checked, store) == 0
    rows = store.table().to_pylist()
    assert {row["status"] for row in rows} == {"ok"} and len({row["trial_id"] for row in rows}) == 6
    assert {row["device"] for row in rows} == {"cpu"} and {row["replicas"] for row in rows} == {None}
    sent = [json.loads(line) for line in (checked / ladder.ROWS).read_text().splitlines()]
    assert {name for row in sent for name in row} == {name for name, _, _ in COLUMNS}
    by_trial = {row["trial_id"]: row for row in rows}
    for row in sent:
        assert by_trial[row["trial_id"]] == row  # to the last bit, through JSON


def test_the_command_takes_in_and_counts(checked, tmp_path, capsys):
    assert main(["--take-in", str(checked), "--store", str(tmp_path / "run")]) == 0
    assert "6 trials of" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read: No such file or directory; give the folder that --out named"),
        ("{", "line 1 is no row of a trial"),
        ('{"trial_id": "a"}\n', "line 1 is no row of a trial"),
        ("[1]\n", "line 1 is no row of a trial"),
    ],
    ids=str,
)
def test_what_is_no_row_is_refused(tmp_path, text, said):
    if text is not None:
        (tmp_path / ladder.ROWS).write_text(text)
    with pytest.raises(InputError, match=said):
        take_in(tmp_path, Store(tmp_path / "run"))
    assert not Store(tmp_path / "run").shards()


def test_a_row_that_was_changed_is_refused(checked, tmp_path):
    row = json.loads((checked / ladder.ROWS).read_text().splitlines()[0])
    spec = json.loads(row["spec"]) | {"seed": 99}
    (tmp_path / ladder.ROWS).write_text(json.dumps({**row, "spec": json.dumps(spec)}))
    with pytest.raises(InputError, match=f"the trial {row['trial_id']} is not what its specification says"):
        take_in(tmp_path, Store(tmp_path / "run"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--device", "cuda"], "sees no GPU here; use --device cpu"),
        (["--device", "mps"], "device mps is not supported"),
        (["--device", "cpu", "--parts", "sped"], "unknown part 'sped'. Did you mean 'speed'?"),
        (["--take-in", "somewhere"], "--take-in needs --store"),
    ],
    ids=str,
)
def test_bad_input_is_a_sentence(given, said, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main(given) == 2
    assert said in capsys.readouterr().err


def test_a_part_that_fails_says_so_and_the_next_goes_on(capsys, monkeypatch, tmp_path):
    def broken(device, quick, report):
        raise ValueError("the bus is on fire")

    monkeypatch.setattr(correctness, "correctness", broken)
    monkeypatch.setattr(resources, "memory", lambda device, quick, report: report.say("all", "well", "well", True))
    assert main(["--device", "cpu", "--quick", "--parts", "correctness,memory", "--out", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "failed: ValueError: the bus is on fire" in out and "| memory | all | well | well | pass |" in out
    assert "Traceback" not in out and (tmp_path / "gpu_check.md").exists()


def report_of(monkeypatch, name, there):
    """Lines of the comparison of curves, where the device's have been changed."""
    lines = Report({}, tell=lambda line: None)
    train = correctness.train

    def changed(pack, *, device=None, **options):
        trained = train(pack, **options)
        if device is not None:
            for trial in trained:
                trial.test_loss = [there(k, loss) for k, loss in enumerate(trial.test_loss)]
        return trained

    monkeypatch.setattr(correctness, "train", changed)
    correctness._same_curves(name, correctness.CPU, True, lines)
    return [line.verdict for line in lines.lines]


def test_curves_that_differ_are_found(monkeypatch):
    assert report_of(monkeypatch, "mlp", lambda k, loss: loss) == ["pass", "pass"]
    assert report_of(monkeypatch, "mlp", lambda k, loss: loss * (1 + 1e-2 * (k == 0))) == ["FAIL", "FAIL"]
    assert report_of(monkeypatch, "mlp", lambda k, loss: loss * (1 + 1e-2 * (k == 9))) == ["pass", "FAIL"]


def test_the_archive_has_the_package_alone(tmp_path):
    bundle(tmp_path / "check.pyz")
    names = zipfile.ZipFile(tmp_path / "check.pyz").namelist()
    assert "__main__.py" in names and "onecurve/datasets/__init__.py" in names
    assert not [name for name in names if "tests/" in name or Path(name).suffix != ".py"]


@pytest.mark.slow
@pytest.mark.alone
def test_every_step_of_the_command_on_a_processor(tmp_path, capsys):
    assert main(["--device", "cpu", "--quick", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "gpu_check.json").read_text())
    assert list(found["seconds"]) == ["correctness", "memory", "data", "ladder", "speed"]
    assert not [line for line in found["lines"] if line["met"] is False or "failed" in line["measured"]]
