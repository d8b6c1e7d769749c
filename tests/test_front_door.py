"""The public interface of Python: its names, what loading it costs, and that its page is true."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import types
from pathlib import Path

import onecurve
import pytest
from test_docs import OLD_WORDS

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


def explained(name: str) -> list[str]:
    """The docstrings of a public name: its own, and those of its methods."""
    found = getattr(onecurve, name)
    if not isinstance(found, type):
        return [inspect.getdoc(found) or ""]
    kinds = (property, classmethod, staticmethod, types.FunctionType)
    methods = [one for key, one in vars(found).items() if not key.startswith("_") and isinstance(one, kinds)]
    return [inspect.getdoc(one) or "" for one in (found, *methods)]


@pytest.mark.parametrize("name", sorted(set(onecurve.__all__) - {"DATASETS", "FAMILIES"}))
def test_docstrings_of_the_public_interface_have_the_words_of_the_field(name):
    first, *methods = explained(name)
    assert first
    for text in (first, *methods):
        prose = re.sub(r"`+[^`]*`+|noise\s+floor", "", text)
        prose = re.sub(r"^[\w, *]+ : ", "", prose, flags=re.MULTILINE)  # names of parameters
        assert not OLD_WORDS.findall(prose)


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
    (reference / "quick.parquet").symlink_to(ROOT / "results" / "reference" / "quick.parquet")
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
