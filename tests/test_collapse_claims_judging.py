"""Verdicts: in or out of the regime, within or beyond the margin, with the false discovery rate of all of them held."""

import dataclasses

import numpy as np
import pytest
from onecurve.collapse.claims.claim import load_claim
from onecurve.collapse.claims.constants import page, rows
from onecurve.collapse.claims.estimators.estimator import judged
from onecurve.collapse.claims.judging import Finding, found, found_of, tried_on_truth, verdicts
from onecurve.collapse.claims.record import Record, record_from, said_of
from onecurve.collapse.claims.truths.laws import PowerOfTime

ABOUT = {"claim": "c", "family": "f", "dataset": "d", "predicted": 1.0, "margin": 0.1}


def finding(value, se, **changes):
    return Finding(**{**ABOUT, **changes}, estimate=judged(value, se, 7, 1.0, 0.1, {}))


def test_the_three_verdicts():
    told = verdicts([finding(1.02, 0.01), finding(1.5, 0.01), finding(1.1, 0.01), Finding(**ABOUT, reason="too few")])
    assert [one.verdict for one in told] == ["holds", "fails", "cannot tell", "cannot tell"]
    assert told[0].q is not None and told[0].q < 0.05 and told[3].q is None


def test_a_number_outside_of_the_regime_is_no_failure():
    claim = load_claim("one-third-law")
    curved = PowerOfTime(exponent=0.9).runs("loss", np.random.default_rng(0))
    bent = [dataclasses.replace(run, observed={"test_loss": np.exp(-run.steps / 300)}) for run in curved]
    (told,) = verdicts([found(claim, bent, "f", "d")])
    assert told.verdict == "out of regime" and told.q is None
    assert told.finding.reason.startswith(f"{claim.estimator.facts['curvature']} is ")  # in words, not by its key
    (told,) = verdicts([found(claim, curved, "f", "d")])
    assert told.verdict == "fails"


@pytest.mark.parametrize(("ends", "said"), [("ok", ""), ("diverged", "; 3 of 6 runs did not end well (diverged)")])
def test_what_cannot_be_told_says_which_runs_are_lost(ends, said):
    claim = load_claim("linear-batch-scaling")
    runs = [run for run in PowerOfTime(exponent=1 / 3).runs("loss", np.random.default_rng(0)) if run.seed < 3]
    runs = [dataclasses.replace(run, settings={"batch_size": 16.0}) for run in runs]
    other = [dataclasses.replace(run, settings={"batch_size": 32.0}, status=ends) for run in runs]
    judged = found(claim, runs + (other if ends != "ok" else []), "f", "d")
    assert judged.estimate is None and judged.reason == f"batch_size has one value only{said}"
    if ends != "ok":
        assert found(claim, other, "f", "d").reason == "none of 3 runs ended well (diverged)"


def test_a_regime_that_is_not_met_says_which_runs_are_lost():
    claim = load_claim("linear-batch-scaling")
    runs = claim.true_system.runs("loss", np.random.default_rng(0))
    largest = max(run.settings["batch_size"] for run in runs)
    ends = {True: "diverged", False: "ok"}
    lost = [dataclasses.replace(run, status=ends[run.settings["batch_size"] == largest]) for run in runs]
    for given, said in ((runs, ""), (lost, "the regime asks for at least 3; 5 of 15 runs did not end well (diverged)")):
        judged = found(claim, given, "f", "d")
        assert judged.estimate is not None and judged.reason.endswith(said) and bool(judged.reason) == bool(said)


def test_q_values_are_those_of_all_findings():
    weak = finding(1.02, 0.03)
    assert verdicts([weak])[0].verdict == "holds"
    crowd = [finding(1.1, 0.05, family=str(i)) for i in range(30)]
    assert verdicts([weak, *crowd])[0].verdict == "cannot tell"


def test_among_claims_at_their_margin_few_are_told():
    rng = np.random.default_rng(0)
    told = []
    for _ in range(200):
        values = 1.1 + 0.03 * rng.standard_t(7, size=20)
        told.append(any(one.verdict != "cannot tell" for one in verdicts([finding(v, 0.03) for v in values])))
    assert np.mean(told) <= 0.08


def test_families_are_judged_apart():
    claim = load_claim("one-third-law")
    runs = [
        dataclasses.replace(run, family=family)
        for family, exponent in (("slow", 1 / 3), ("fast", 0.6))
        for run in PowerOfTime(exponent=exponent).runs("loss", np.random.default_rng(0))
    ]
    told = {one.finding.family: one.verdict for one in verdicts(found_of(claim, runs))}
    assert told == {"slow": "holds", "fast": "fails"}


def test_a_record_is_read_back_and_says_that_its_file_was_changed():
    claim = load_claim("one-third-law")
    runs = PowerOfTime(exponent=1 / 3).runs("loss", np.random.default_rng(0))
    record = Record(
        claim=said_of(claim),
        stated_digest="0" * 64,
        stated_on="2026-01-01T00:00:00+00:00",
        judged_on="2026-01-02T00:00:00+00:00",
        trusted=tried_on_truth(claim),
        findings=found_of(claim, runs),
    )
    again = record_from(record.to_dict())
    assert again == record and again.changed
    (row,) = rows([again])
    assert row["verdict"] == "holds" and row["deviation"] == row["value"] - row["predicted"]
    text = page([again])
    assert "| one-third-law | truth | truth | 0.3333 ± 0.05 |" in text
    assert "| one-third-law | aligned-softmax | 0.3333 | 0.35 |" in text
    assert "File 000000000000, stated on 2026-01-01" in text and "was changed after its data" in text
