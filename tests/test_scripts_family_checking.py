"""The verb `check-family` and the table over the catalogue: what is asked, what is printed, what is drawn."""

import copy
import dataclasses
import json

import pytest
from onecurve.benchmark.checks.family_check import coordinate_jobs
from onecurve.errors import InputError
from onecurve.scripts.family_checking import request, work
from onecurve.scripts.publish.zoo_table import main, page_of, write

BAD = {
    "a name": (("mpl", None, None, []), "Did you mean 'mlp'"),
    "a data set": (("mlp", "fouriel", None, []), "Did you mean 'fourier'"),
    "a misfit": (("vit", "fourier", None, []), "does not fit data set 'fourier': needs images"),
    "rungs": (("mlp", None, "16;24", []), "--rungs takes widths such as 16,24,32,48, got '16;24'"),
    "too few rungs": (("mlp", None, "16,24", []), "has 2 rungs here, a check needs 3"),
    "a rung": (("vit", None, "20,30,40", []), "multiple of 4, such as 28 or 32"),
    "an argument": (("mlp", None, None, ["depth"]), "--set takes KEY=VALUE, got 'depth'"),
    "an unknown argument": (("mlp", None, None, ["dept=3"]), "Did you mean 'depth'"),
    "no ladder": (("timm:MlpMixer", None, None, ["embed_dim=w", "patch_size=4"]), "give widths by --rungs"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_said_before_anything_is_measured(case):
    asked, message = BAD[case]
    with pytest.raises(InputError) as caught:
        request(*asked)
    assert message in str(caught.value)


def test_a_request_is_what_another_process_can_make_again():
    data = {"inputs": 4, "modes": 512, "pool": 65_536, "test_size": 1024}
    entry, dataset, label, ladder = request("mlp", None, "16,24,36", ["depth=3"])
    assert entry == ("mlp", {"depth": 3}) and [rung["width"] for rung in ladder] == [16, 24, 36]
    assert dataset[0] == "fourier" and data.items() <= dataset[1].items() and label.startswith("fourier (inputs 4")


NET = """from torch import nn


class MyNet(nn.Module):
    ladder = [8, 12, 16]

    def __init__(self, width, task):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(task.n_inputs, width), nn.Tanh(), nn.Linear(width, task.outputs))

    def forward(self, x):
        return self.net(x)
"""


def test_a_users_file_is_checked_from_any_folder(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "my_net.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    entry, data, _, ladder = request("elsewhere/my_net.py:MyNet", None, None, [])
    jobs = [dataclasses.replace(job, n_seeds=2) for job in coordinate_jobs(entry, data, ladder)[:1]]
    ((_, found),) = work(jobs, processes=1)
    assert [layer.layer for layer in found.layers] == ["net.0", "net.2"] and found.rungs[0] == "width 8"


def slope(value, status="pass"):
    seeds = [value - 0.01, value + 0.01]
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "status": status, "reason": None, "seeds": seeds}


def row():
    layers = [
        {"layer": "1", "kind": "input", "slope": slope(0.02)},
        {"layer": "3", "kind": "hidden", "slope": slope(-0.07, "unclear")},
    ]
    check = {"layers": layers, "growth": [1.0, 2.0, 4.0], "n_seeds": 8, "hidden": slope(-0.07)}
    search = {"curves": [{"growth": 1.0}, {"growth": 4.0}], "steps": 120, "n_seeds": 3, "slope": slope(0.1)}
    control, lost = copy.deepcopy(check), copy.deepcopy(search)
    control["hidden"] = slope(0.8, "fail")
    lost["slope"] |= {"value": None, "low": None, "high": None, "status": "none", "reason": "width 4: on the edge"}
    return {
        "family": "net",
        "library": "torch",
        "dataset": "web",
        "reason": None,
        "coordinates": {"mup": check, "standard": control},
        "transfers": {"mup": search, "standard": lost},
    }


def test_the_page_has_slopes_with_intervals_and_reasons(tmp_path):
    refused = {"family": "plain", "library": "torch", "reason": "it has no features to check"}
    page = page_of([row(), refused])
    assert "| net | torch | web | 3 over 4 times, 8 | -0.07 (-0.17 to +0.03) pass | -0.07 to +0.02 | 1, 1, 0 |" in page
    assert "| +0.80 (+0.70 to +0.90) fail |" in page
    assert "| net | 2 over 4 times | 120, 3 | +0.10 (+0.00 to +0.20) pass | width 4: on the edge |" in page
    assert "| hidden | 1, 1 | -0.07 (-0.07 to -0.07) | 0, 1, 0 |" in page and "| input | 1, 1 | +0.02" in page
    assert "* plain: it has no features to check" in page
    write(tmp_path, [row(), refused])
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"checks.{kind}" for kind in ("csv", "json", "md", "pdf", "png", "svg")}
    points = (tmp_path / "checks.csv").read_text()
    assert "hidden layers,net" in points and ",0.8," in points
    assert json.loads((tmp_path / "checks.json").read_text())["families"][0]["family"] == "net"


def test_a_stored_check_is_not_made_again(tmp_path, capsys):
    main(["--to", str(tmp_path), "--only", "linear", "--transfer", ""])
    assert "features to check" in (tmp_path / "checks.md").read_text()
    stored = tmp_path / "families" / "linear.json"
    changed = json.loads(stored.read_text()) | {"reason": "kept"}
    stored.write_text(json.dumps(changed))
    main(["--to", str(tmp_path), "--only", "linear", "--transfer", ""])
    assert "* linear: kept" in (tmp_path / "checks.md").read_text()


@pytest.mark.slow
def test_a_family_is_checked_in_two_minutes(onecurve_process, tmp_path):
    done = onecurve_process("check-family", "resmlp", "--json", "check.json", timeout=400)
    assert done.returncode == 0, done.stderr
    assert "is seen to fail, as it must" in done.stdout and "parts" in done.stderr
    found = json.loads((tmp_path / "check.json").read_text())
    assert abs(found["coordinates"]["mup"]["hidden"]["value"]) < 0.1
    assert found["transfers"]["standard"]["slope"]["value"] < found["transfers"]["mup"]["slope"]["value"] - 0.4
