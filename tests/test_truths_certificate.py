"""The quick calibration certificate, made once by two processes."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from onecurve.collapse.calibration import Cell
from onecurve.collapse.floor_power import balance_rows, floor_rates, profile_rows
from onecurve.scripts.calibrate import calibrate
from onecurve.scripts.calibration_table import LINES
from onecurve.scripts.certificate import disagreements, page_of

# The two rows whose expected power is for another noise than theirs; measured .95 +- .01 and .59 +- .02.
OFF = "exponents .3, horizon exponent +20 %"


@pytest.fixture(scope="module")
def made():
    seen = []
    found = calibrate(True, 80, np.random.default_rng(0), progress=lambda done, total: seen.append((done, total)))
    return found, seen


def test_figures_agree_with_what_is_expected(made):
    found, _ = made
    odd = [line for line in disagreements(found.numbers) if OFF not in line]
    assert len(odd) <= 1, odd  # one of sixty may lie three errors away
    assert all(row["agrees"] for row in found.numbers["truths"])


def test_every_cell_has_its_groups_and_numbers(made):
    numbers = made[0].numbers
    assert [cell["name"] for cell in numbers["cells"]] == [line.name for line in LINES]
    for cell, line in zip(numbers["cells"], LINES, strict=True):
        assert cell["groups"]["known"] == 80
        assert ("profiled" in cell["groups"]) == line.floors
        assert 0 <= cell["measured"]["exact"] <= 1
        assert set(cell["expected"]) <= set(cell["measured"])
    assert json.loads(json.dumps(numbers)) == numbers


def test_progress_counts_to_the_end(made):
    seen = made[1]
    total = seen[0][1]
    assert seen == [(i, total) for i in range(1, total + 1)]


def test_the_page_shows_every_cell_and_marks_what_is_off(made):
    found, _ = made
    assert found.page == page_of(found.numbers)
    for line in LINES:
        assert f"| {line.name} |" in found.page
    wrong = copy.deepcopy(found.numbers)
    wrong["cells"][0]["measured"]["exact"] = 0.5
    wrong["truths"][0]["agrees"] = False
    assert len(disagreements(wrong)) == len(disagreements(found.numbers)) + 2
    assert "0.500 +- 0.056 (0.05) !" in page_of(wrong)


def test_rates_of_floors_are_means_of_groups_that_have_one():
    nan = float("nan")
    found = floor_rates(np.array([[1, 1, 0.1], [0, 0, 0.3], [nan] * 3]), np.array([[1, nan], [0, nan]]))
    assert (found.profiled, found.covered, found.against_end_point) == (0.5, 0.5, 0.5)
    assert found.against_known is None
    assert found.identified == pytest.approx(2 / 3)
    assert found.bias == pytest.approx(0.2) and found.sd == pytest.approx(np.sqrt(0.02))


def test_a_wrong_horizon_moves_the_floor_and_the_balance_sees_it():
    rng = np.random.default_rng(1)
    profiled, balanced = (rows(Cell(gamma_error=0.4), 3, rng, resamples=59) for rows in (profile_rows, balance_rows))
    assert profiled.shape == (3, 3) and balanced.shape == (3, 2)
    assert profiled[:, 2] == pytest.approx(np.full(3, 0.0377), abs=0.01)
    assert np.all(balanced[:, 1] == 1.0)
