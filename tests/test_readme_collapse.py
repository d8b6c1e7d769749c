"""The Python calls of collapse/README.md run, in order, and print what the text says."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_its_python_runs(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "collapse" / "README.md").read_text(), flags=re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    first, noise, fit = capsys.readouterr().out.splitlines()
    family, verdict, bound = first.split()
    assert (family, verdict) == ("linear", "collapse") and float(bound) < 0.01
    assert all(float(sd) > 0 for sd in noise.strip("[]").split(", "))
    floor, low, high, status = fit.split()
    assert status == "ok" and float(low) < float(floor) < float(high) and float(low) < 0 < float(high)
