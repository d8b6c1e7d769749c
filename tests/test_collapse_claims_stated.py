"""The claims that come with Onecurve: each holds where it is true, fails where it is false, and can be trained."""

import pytest
from onecurve.collapse.claims.claim import claim_names, load_claim
from onecurve.collapse.claims.judging import tried_on_truth
from onecurve.scripts.claiming import sweep_of_claim


@pytest.mark.parametrize("name", claim_names())
def test_a_claim_holds_where_it_is_true_and_fails_where_it_is_false(name):
    trusted = tried_on_truth(load_claim(name))
    assert trusted.truth.verdict == "holds", trusted.truth.finding
    assert trusted.counter.verdict == "fails", trusted.counter.finding


@pytest.mark.parametrize("name", claim_names())
def test_a_setting_is_a_sweep_that_records_what_the_claim_is_about(name):
    claim = load_claim(name)
    assert claim.name == name
    assert sweep_of_claim(claim).groups


def test_all_five_kinds_of_evidence_are_there():
    kinds = {load_claim(name).evidence for name in claim_names()}
    assert kinds <= {"solvable setting", "limit", "empirical law", "hyperparameter theory", "universal phenomenon"}
