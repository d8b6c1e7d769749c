"""The public interface of Python: its names, what loading it costs, and that its page is true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import onecurve
import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "python.md").read_text()


def fresh(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True)


def loaded(code: str) -> list[str]:
    return [line.rpartition("|")[2].strip() for line in fresh(code).stderr.splitlines() if line.count("|") == 2]


@pytest.mark.parametrize("name", onecurve.__all__)
def test_every_public_name_is_there_and_said_on_the_page(name):
    assert getattr(onecurve, name) is not None
    assert name in dir(onecurve) and f"`{name}`" in PAGE


def test_no_other_names_are_offered():
    assert set(onecurve._PLACES) == set(onecurve.__all__)
    with pytest.raises(AttributeError, match="no attribute 'analyse'"):
        onecurve.analyse  # noqa: B018


def test_importing_it_loads_none_of_its_rooms_and_nothing_of_others():
    before, after = set(loaded("")), set(loaded("import onecurve, importlib, typing"))
    standard = set(loaded("import importlib, typing"))
    assert {name for name in after - before - standard if not name.startswith("__editable__")} == {"onecurve"}


def test_reading_asking_and_drawing_load_no_torch():
    code = (
        "import onecurve, sys\nonecurve.read, onecurve.analyze, onecurve.inquire, onecurve.plot, onecurve.Layout\n"
        "print(sorted({'torch', 'ray', 'timm', 'torchvision'} & set(sys.modules)))"
    )
    assert fresh(code).stdout.strip() == "[]"


def test_the_page_runs(tmp_path, monkeypatch, capsys):
    reference = tmp_path / "results" / "reference"
    reference.mkdir(parents=True)
    (reference / "demo.parquet").symlink_to(ROOT / "results" / "reference" / "demo.parquet")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names: dict[str, object] = {}
    *asking, training = blocks
    for block in asking:
        exec(block, names)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("linear power-law-regression collapse 0.00") for line in lines)
    assert list((tmp_path / "figures").glob("*.png")) and (tmp_path / "deviations.pdf").read_bytes()[:4] == b"%PDF"
    assert (len(names["mine"]), names["layout"].column["size"]) == (16, "n_params")
    # The last block trains what takes a minute: here a few updates of it.
    short = training.replace('["seeds=3"]', '["seeds=1", "horizon={rule: steps, steps: 20}"]')
    exec(short, names)
    asked, found, failed = map(int, capsys.readouterr().out.split()[-3:])
    assert asked == names["summary"].asked > 0 and (found, failed) == (0, 0)
