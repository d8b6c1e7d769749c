"""The quick calibration certificate, made once by two processes."""

from __future__ import annotations

import copy
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from onecurve.collapse.calibration.floor_power import balance_rows, floor_rates, profile_rows
from onecurve.collapse.calibration.simulation import Scenario
from onecurve.scripts.cli import app
from onecurve.scripts.publish import calibration_run
from onecurve.scripts.publish.calibration_table import BOUND_LINES, LINES, POOLED_LINES, TWIN_LINES
from onecurve.scripts.publish.certificate import disagreements, page_of
from typer.testing import CliRunner

GROUPS = 24


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The page and the numbers that the command line writes."""
    folder = tmp_path_factory.mktemp("certificate")
    page, numbers = folder / "page.md", folder / "out" / "numbers.json"
    arguments = ["calibrate", "--quick", "--groups", str(GROUPS), "--to", str(page), "--json", str(numbers)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0 and done.output.strip().endswith(f"wrote {page}")
    return page.read_text(), json.loads(numbers.read_text())


def test_figures_agree_with_what_is_expected(made):
    odd = disagreements(made[1])
    assert len(odd) <= 1, odd  # one of ninety may lie three errors away
    assert all(row["agrees"] for row in made[1]["truths"])


def test_every_cell_has_its_groups_and_numbers(made):
    numbers = made[1]
    assert numbers["quick"] and numbers["groups"] == GROUPS
    assert [cell["name"] for cell in numbers["cells"]] == [line.name for line in LINES]
    for cell, line in zip(numbers["cells"], LINES, strict=True):
        assert cell["groups"]["known"] == GROUPS
        assert ("profiled" in cell["groups"]) == line.floors
        assert 0 <= cell["measured"]["exact"] <= 1
        assert set(cell["expected"]) <= set(cell["measured"])
    assert [row["name"] for row in numbers["twin"]] == [line.name for line in TWIN_LINES]
    assert [row["name"] for row in numbers["pooled"]] == list(POOLED_LINES)
    assert [row["name"] for row in numbers["bound"]] == list(BOUND_LINES)
    exact = numbers["bound"][0]["measured"]
    assert exact["covered"] == exact["certified"] == 1 and exact["upper"] < 0.95 * exact["reference_upper"]
    one_spike = numbers["twin"][1]["measured"]
    assert one_spike["certified"] == 1 and one_spike["plain_certified"] == 0


def test_progress_counts_to_the_end_and_processes_change_nothing(monkeypatch):
    monkeypatch.setattr(calibration_run, "LINES", LINES[:1])
    for name, none in (("TRUTHS", ()), ("TWIN_LINES", ()), ("POOLED_LINES", {}), ("BOUND_LINES", {})):
        monkeypatch.setattr(calibration_run, name, none)
    monkeypatch.setattr(calibration_run, "ProcessPoolExecutor", lambda *_, **__: ThreadPoolExecutor(1))
    monkeypatch.setitem(calibration_run._CHUNK, "known", 10)
    seen = []
    found = calibration_run.certified(True, 30, np.random.default_rng(0), progress=lambda *both: seen.append(both))
    assert seen == [(i, 5) for i in range(1, 6)]
    again = calibration_run.certified(True, 30, np.random.default_rng(0))
    assert found.numbers == again.numbers and found.numbers["cells"][0]["groups"] == {
        "known": 30,
        "profiled": 4,
        "balance": 2,
    }


def test_the_page_shows_every_cell_and_marks_what_is_off(made):
    page, numbers = made
    assert page.strip() == page_of(numbers).strip()
    for line in LINES:
        assert f"| {line.name} |" in page
    wrong = copy.deepcopy(numbers)
    wrong["cells"][0]["measured"]["exact"] = 0.5
    wrong["truths"][0]["agrees"] = False
    assert len(disagreements(wrong)) == len(disagreements(numbers)) + 2
    assert "0.500 +- 0.102 (0.05) !" in page_of(wrong)


def test_rates_of_floors_are_means_of_groups_that_have_one():
    nan = float("nan")
    found = floor_rates(np.array([[1, 1, 0.1], [0, 0, 0.3], [nan] * 3]), np.array([[1, nan, 1, 0], [0, nan, 1, 0]]))
    assert (found.profiled, found.covered, found.against_end_point) == (0.5, 0.5, 0.5)
    assert found.against_known is None and (found.against_normal, found.joint) == (1.0, 0.0)
    assert found.identified == pytest.approx(2 / 3)
    assert found.bias == pytest.approx(0.2) and found.sd == pytest.approx(np.sqrt(0.02))


def test_a_wrong_horizon_moves_the_floor_and_the_balance_sees_it():
    rng = np.random.default_rng(1)
    profiled, balanced = (
        rows(Scenario(gamma_error=0.4), 3, rng, resamples=59) for rows in (profile_rows, balance_rows)
    )
    assert profiled.shape == (3, 3) and balanced.shape == (3, 4)
    assert profiled[:, 2] == pytest.approx(np.full(3, 0.0377), abs=0.01)
    assert np.all(balanced[:, 1] == 1.0)
