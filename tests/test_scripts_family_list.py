"""What `onecurve list families` says of checks, and where it has it from."""

import json

import pytest
from onecurve.architectures.family import FAMILIES
from onecurve.scripts.family_list import family_rows, in_short
from onecurve.scripts.publish import list_sizes
from onecurve.scripts.publish.list_sizes import check_of, main, read_sizes


def row(*statuses, seen=True):
    layers = [{"slope": {"status": status}} for status in statuses]
    mine, control = {"layers": layers, "hidden": {"value": 0.0312}}, {"layers": layers, "hidden": {"value": 0.9}}
    return {
        "family": "mlp",
        "reason": None,
        "control_seen": seen,
        "coordinates": {"mup": mine, "standard": control},
    }


@pytest.mark.parametrize(
    ("statuses", "seen", "status"),
    [
        (("pass", "none", "pass"), True, "pass"),
        (("pass", "unclear"), True, "unclear"),
        (("pass", "fail", "unclear"), True, "fail"),
        (("pass",), False, "unclear"),
        (("none",), True, "unclear"),
    ],
)
def test_the_worst_layer_decides_and_the_control_must_fail(statuses, seen, status):
    found = check_of(row(*statuses, seen=seen))
    assert found == {"status": status, "reason": None, "slope": 0.031, "standard": 0.9}


def test_checks_are_taken_over_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(list_sizes, "SIZES", tmp_path / "families.json")
    monkeypatch.setattr(FAMILIES, "names", lambda: ["linear", "mlp"])
    refused = {"family": "linear", "reason": "it has no features to check"}
    (tmp_path / "checks.json").write_text(json.dumps({"families": [row("pass"), refused]}))
    main(["--checks", str(tmp_path / "checks.json")])
    main([])
    known = read_sizes()
    assert known["mlp"]["coordinate_check"]["status"] == "pass" and known["mlp"]["n_params"][0] < 3000
    assert known["linear"]["coordinate_check"]["reason"] == "it has no features to check"
    listed = {each["family"]: each["coordinate_check"] for each in in_short(family_rows())}
    assert listed == {"linear": None, "mlp": "pass +0.03 (+0.90)"}


def test_every_family_of_the_catalogue_is_listed_as_measured():
    known = read_sizes()
    for name in FAMILIES.names():
        assert known[name]["flops"] and known[name]["params_per_doubling"], name
        assert known[name]["coordinate_check"]["status"] in ("pass", "unclear", None), name
