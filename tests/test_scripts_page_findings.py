"""What the page's tables and figures take from an analysis: each number in its own column, in the page's order."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from onecurve.scripts.page.chapter import _order
from onecurve.scripts.page.drawn import _silent
from onecurve.scripts.page.findings import tables_of
from onecurve.scripts.page.origin import made_with, unfinished

WHOSE = {"family": "mlp", "dataset": "fourier", "setting": "3f", "setting_label": "adam", "schedule": "decayed",
         "control": None}  # fmt: skip


def found(**group):
    asked = {"onset": None, "laws": None, **group}
    return {"across_families": [], "groups": [{**WHOSE, **asked}]}


def test_families_have_their_class_and_where_they_differ():
    rows = [
        {"family": name[0], "name": name, "setting": "3f", "deviation": d, "low": d / 2, "high": 2 * d,
         "verdict": "no-collapse", "reason": None, "where": where}
        for name, d, where in (("a", 0.1, [0.2, 0.6]), ("b", 0.2, None), ("b, sgd", 0.3, None))
    ]  # fmt: skip
    pair = {"first": "a", "second": "b", "difference": 0.3, "p": 0.01}
    across = {"dataset": "fourier", "schedule": "decayed", "rescaling": "shape", "classes": [["a"], ["b", "b, sgd"]],
              "per_family": rows, "pairs": [pair]}  # fmt: skip
    tables = tables_of({"across_families": [across], "groups": []})
    assert [(row["family"], row["name"], row["class"]) for row in tables["families"]] == [
        ("a", "a", 1), ("b", "b", 2), ("b", "b, sgd", 2)]  # fmt: skip
    assert [(row["from_x"], row["to_x"]) for row in tables["families"]] == [(0.2, 0.6), (None, None), (None, None)]
    assert [(row["low"], row["high"]) for row in tables["families"]] == [(0.05, 0.2), (0.1, 0.4), (0.15, 0.6)]
    (line,) = tables["pairs-of-families"]
    assert line == {"dataset": "fourier", "schedule": "decayed", "rescaling": "shape", **pair}


def test_irreducible_losses_and_rescalings_keep_their_columns():
    balance = {"floor": 0.3, "low": 0.2, "high": 0.5, "end_point": {"floor": 0.35}, "conclusion": "agree",
               "status": "ok"}  # fmt: skip
    fits = [{"name": n, "n_parameters": k, "error": 0.1 * k, "score": k, "behind": 0.0, "behind_se": 0.1,
             "says": "best", "status": "ok", "left out": 1} for k, n in enumerate(("one", "two"))]  # fmt: skip
    tables = tables_of(found(laws={"balance": balance, "rescalings": {"rescalings": fits}}))
    (row,) = tables["irreducible-losses"]
    assert (row["implied_by_collapse"], row["low"], row["high"], row["of_last_losses"]) == (0.3, 0.2, 0.5, 0.35)
    assert {name: row[name] for name in WHOSE} == WHOSE
    assert [(one["name"], one["n_parameters"]) for one in tables["rescalings"]] == [("one", 0), ("two", 1)]
    assert set(tables) == {"irreducible-losses", "rescalings"}


def test_onsets_and_their_sub_ladders():
    ladder = {"model_size": "w 8", "size": 10, "n_sizes": 3, "deviation": 0.02, "lower_bound": 0.01,
              "upper_bound": 0.05, "p_exact": 0.3, "within_margin": False}  # fmt: skip
    onset = {"size": 20, "model_size": "w 16", "low": 10, "high": 40, "at_or_below_smallest": False, "margin": 0.03,
             "status": "ok", "sentence": "from w 16 on", "sub_ladders": [ladder]}  # fmt: skip
    tables = tables_of(found(onset={"onset": onset}))
    assert [(row["size"], row["low"], row["high"]) for row in tables["onsets"]] == [(20, 10, 40)]
    assert [(row["lower_bound"], row["upper_bound"]) for row in tables["sub-ladders"]] == [(0.01, 0.05)]


@pytest.mark.parametrize(("informs", "wanted"), [([True, True, False, False], 0.6), ([True] * 4, None)])
def test_agreement_says_nothing_from_the_first_such_x_on(informs, wanted):
    seen = SimpleNamespace(x=np.array([0.2, 0.4, 0.6, 0.8]), informs=np.array(informs))
    assert _silent(SimpleNamespace(discrimination=seen)) == wanted
    assert _silent(SimpleNamespace(discrimination=None)) is None


def test_controls_come_first_then_data_sets_then_bounds():
    def one(family, dataset="b", control=None, bound=0.1):
        return SimpleNamespace(family=family, dataset=dataset, control=control, upper_bound=bound)

    groups = [one("no bound", bound=None), one("wide", bound=0.5), one("narrow"), one("first", "a", bound=0.9),
              one("fails", "z", "fails"), one("holds", "z", "holds")]  # fmt: skip
    names = [group.family for group in sorted(groups, key=_order)]
    assert names == ["holds", "fails", "first", "narrow", "wide", "no bound"]


def test_runs_that_did_not_end_keep_their_reasons_and_those_that_did_are_left_out():
    def run(seed, complete, trial):
        return SimpleNamespace(family="mlp", dataset="d", recipe="3f", rung="w 8", size=8, seed=seed, status="diverged",
                               x=np.array([0.1, 0.4]), complete=complete, trial_id=trial)  # fmt: skip

    rows = [{"trial_id": "t1", "last_step": 40, "reason": "loss is nan"}, {"trial_id": "t0", "reason": "other"}]
    (one,) = unfinished([run(0, True, "t0"), run(1, False, "t1")], rows)
    assert (one["seed"], one["last_x"], one["last_step"], one["reason"]) == ("1", 0.4, 40, "loss is nan")


def test_what_trained_the_curves_names_every_value_and_the_first_and_last_day():
    def row(torch, started):
        blank = dict.fromkeys(("protocol", "onecurve_version", "python", "platform", "cpu_kind", "device",
                               "schema_version"))  # fmt: skip
        return {**blank, "torch": torch, "started_utc": started}

    rows = [row("2.7", "2026-01-02T03:04:05"), row("2.6", "2026-01-01T00:00:00"), row(None, "")]
    assert made_with(rows) == [("PyTorch", "2.6, 2.7"), ("trained", "2026-01-01 00:00 to 2026-01-02 03:04 (UTC)")]
