"""Curves under other schedules: exact for SGD on least squares, and no number where something is missing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from onecurve.benchmark.schedules.schedule import schedule_of
from onecurve.collapse.laws.other_schedule import COLUMNS, THEORY, forecasts_of
from onecurve.collapse.truths.least_squares import Spectrum, sgd_excess, sgd_noise
from onecurve.errors import InputError
from onecurve.results.reading import read_tables

ROOT = Path(__file__).resolve().parents[1]
RATE, BATCH, SPECTRUM = 0.2, 4, Spectrum()
SCHEDULES = ("linear", "cosine", "wsd(decay_fraction=0.2)")
NOBODY = np.random.default_rng(0)


def row(schedule="constant", size=16, seed=0, *, jitter=0.0, rate=RATE, noise=True, steps=12.0, **other):
    """The row of an exact run: expected losses, twice those of the recursion, whose loss has a factor 1/2."""
    horizon = round(steps * size**1.5)
    relative = schedule_of(schedule).relative(horizon, 0.0)
    how = {"batch": BATCH, "label_variance": 0.0}
    loss, trace = (of(SPECTRUM, size, rate * relative[:-1], **how) for of in (sgd_excess, sgd_noise))
    at = np.unique(np.round(np.geomspace(0.02, 1, 60) * horizon).astype(int))
    total = np.concatenate([[0.0], np.cumsum(relative[:-1])]) * rate
    wobble = np.exp(jitter * np.random.default_rng([seed, size, len(schedule)]).standard_normal())
    observables = [{"name": "gradient_noise", "value": (trace[at] * BATCH * wobble).tolist()}] if noise else []
    fields = {
        "family": "linear",
        "dataset": "power-law",
        "optimizer": "sgd",
        "parametrization": "standard",
        "precision": "float32",
        "peak_lr": rate,
        "batch_size": BATCH,
        "batch_rule": "",
        "train_size": None,
        "warmup_fraction": 0.0,
        "horizon_rule": "power",
        "horizon_steps": horizon,
        "rung": f"features {size}",
        "n_params": size,
        "seed": seed,
        "schedule": schedule,
        "status": "ok",
        "irreducible_loss": 0.0,
        "x": (at / horizon).tolist(),
        "lr": relative[at].tolist(),
        "lr_integral": total[at].tolist(),
        "test_loss": (loss[at] * wobble).tolist(),
        "observables": observables,
        "spec": None,
    }
    return {**fields, **other}


@pytest.fixture(scope="module")
def rows():
    return [row(s, n, seed, jitter=0.002) for s in ("constant", *SCHEDULES) for n in (8, 16) for seed in range(3)]


def test_the_noise_that_the_rate_leaves_is_forecast(rows):
    """alpha lies below 1/4, which fully relaxed modes have, and the same one serves all decays and sizes."""
    found = forecasts_of(rows, rng=NOBODY)
    assert [(one.source, one.target, one.plain) for one in found] == [("constant", s, True) for s in sorted(SCHEDULES)]
    for one in found:
        assert 0.1 < one.alpha.low < one.alpha.value < one.alpha.high and one.alpha.value < THEORY
        for curve in one.curves:
            assert curve.error.value < 0.25 * curve.error_by_time.value
            assert curve.error.low <= curve.error.value <= curve.error.high
            assert curve.forecast[-1] == pytest.approx(curve.measured[-1], rel=0.05)
            assert curve.by_time[-1] > 1.03 * curve.measured[-1]


def test_without_noise_time_alone_is_exact():
    """With a batch so large that its gradient is exact, and a small rate, the schedule is a clock and nothing else."""
    many = [
        row(s, n, seed, rate=0.02, steps=40.0, batch_size=BATCH)
        for s in ("constant", "linear")
        for n in (8,)
        for seed in (0, 1)
    ]
    (one,) = forecasts_of(many, rng=NOBODY)
    assert one.curves[0].error_by_time.value < 0.02
    assert one.curves[0].error.value < one.curves[0].error_by_time.value


def test_the_recursion_of_the_noise_is_that_of_the_loss():
    """One step from zero weights with a rate eta adds eta^2/2 sum_j l_j Sigma_jj to the drift of the loss."""
    l = np.arange(1, 9.0) ** -SPECTRUM.capacity
    trace = sgd_noise(SPECTRUM, 8, np.array([0.1]), batch=2.0)
    m = np.arange(1, 9.0) ** (SPECTRUM.capacity - SPECTRUM.source)
    assert trace[0] == pytest.approx((l * (l * m + l @ m + SPECTRUM.tail(8))).sum() / 2)
    assert len(trace) == 2 and trace[1] < trace[0]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"noise": False}, "schedules-need-noise"),
        ({"seed": 0}, "schedules-one-seed"),
        ({"size": 12}, "schedules-no-common-size"),
    ],
)
def test_what_is_missing_gives_a_reason_and_no_number(change, code):
    seeds = (0,) if "seed" in change else (0, 1)
    source = [row("constant", **{"size": 8, "seed": seed, **change}) for seed in seeds]
    (one,) = forecasts_of([*source, *(row("linear", 8, seed) for seed in seeds)], rng=NOBODY)
    assert one.status.code == code and one.alpha is None and one.curves == ()


def test_a_source_whose_rates_sum_to_less_is_refused(rows):
    found = forecasts_of(rows, "linear", rng=NOBODY)
    of = {one.target: one for one in found}
    assert of["constant"].status.code == "ok" and len(of["constant"].curves[0].x) < 60  # half of it at most
    short = [row("wsd(decay_fraction=0.2)", 8, s, lr_integral=(np.arange(60) * 1e-6).tolist()) for s in (0, 1)]
    for each in short:
        each["lr_integral"] = (np.arange(len(each["x"])) * 1e-6).tolist()
    (one,) = forecasts_of([*short, *(row("linear", 8, s) for s in (0, 1))], short[0]["schedule"], rng=NOBODY)
    assert one.status.code == "schedules-apart"


def test_ladders_that_differ_in_more_are_apart_and_unknown_schedules_refused(rows):
    spec = {"schedule": "x", "seed": 0, "family": "linear", "horizon_steps": 3, "peak_lr": RATE}
    other = [{**each, "spec": json.dumps({**spec, "dataset": {"inputs": k}})} for k in (1, 2) for each in rows]
    assert len(forecasts_of(other, rng=NOBODY)) == 2 * len(SCHEDULES)
    assert forecasts_of([each for each in rows if each["schedule"] == "linear"], rng=NOBODY) == []
    with pytest.raises(InputError, match="cosine"):
        forecasts_of(rows, "cosin", rng=NOBODY)


def test_what_the_page_says_of_the_cnn_is_in_its_table():
    """The family of the sweep `schedules` whose forecasts are best: alpha, and the mean errors."""
    columns = [*COLUMNS, "family"]
    rows, _ = read_tables([ROOT / "results/reference/schedules.parquet"], columns)
    cnn = [row for row in rows if row["family"] == "cnn"]
    (found,) = [one for one in forecasts_of(cnn, None, rng=np.random.default_rng(0)) if one.target == "cosine"]
    by_time, with_alpha = (
        100 * np.mean([getattr(curve, name).value for curve in found.curves]) for name in ("error_by_time", "error")
    )
    bounds = r"\([\d.]+ to [\d.]+\)"  # of a bootstrap, whose draws depend on what else is asked
    line = rf"\| cosine \| {found.alpha.value:.1f} {bounds} \| {by_time:.1f} % \| {with_alpha:.1f} % \|"
    assert re.search(line, (ROOT / "docs/method.md").read_text())
